"""Embedding: what the encoder sees in a knee before any training.

Every pictured knee becomes a vector; sentences about the grades become vectors in the same
space; the nearest sentences give a grade that nobody trained. Beside it stand predictors
that know nothing, or only pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from torch.nn import functional

from kneephen_utils import baseline, grading_metrics, linear_probe
from kneephen_utils.encoder import Encoder, by_knee, embed_images, embed_texts, prompts

GRADES = range(5)
BATCH = 64  # pictures read at a time
SIDE = 32  # side of the picture a pixel probe sees
PIXELS = "ridge on pixels"
COMPARE_NOTE = f"People never trained on; the mean error is in grades. {baseline.CONSTANTS_NOTE}"


def embed(encoder: Encoder, images: Any, crops: pd.DataFrame, *, batch_size: int) -> pd.DataFrame:
    """Return the `embeddings` table of all pictured knees, in the order of their pictures.

    Parameters
    ----------
    encoder
        Loaded encoder.
    images
        Array (n, pixels, pixels) of unsigned bytes.
    crops
        `crops` table; rows that are not `ok` have no picture and no embedding.
    batch_size
        Pictures at a time.
    """
    pictured = crops[crops["status"] == "ok"].sort_values("image")
    features = embed_images(encoder, images, batch_size=batch_size)[pictured["image"].to_numpy()]
    return by_knee(features, pictured["knee_id"])


def embed_layers(
    encoder: Encoder, images: Any, crops: pd.DataFrame, *, block: int, batch_size: int
) -> dict[str, pd.DataFrame]:
    """Return `embeddings` tables `zeroshot`, as `embed` does, and `block`, in one pass.

    Parameters
    ----------
    encoder, images, crops, batch_size
        See `embed`.
    block
        Transformer block, 1 to the last, whose CLS token is the vector of part `block`. Lower
        blocks know less of what the encoder was trained for, and more of the rest.

    Raises
    ------
    ValueError
        If the encoder has no such block.
    """
    blocks = encoder.trunk.blocks
    if not 1 <= block <= len(blocks):
        raise ValueError(f"block is {block}; expected 1 to {len(blocks)}")
    kept: list[np.ndarray] = []

    def keep(_module: object, _given: object, tokens: torch.Tensor) -> None:
        kept.append(functional.normalize(tokens[:, 0], dim=-1).float().cpu().numpy())

    hook = blocks[block - 1].register_forward_hook(keep)
    try:
        top = embed(encoder, images, crops, batch_size=batch_size)
    finally:
        hook.remove()
    rows = crops.set_index("knee_id").loc[top["knee_id"], "image"].to_numpy()
    lower = np.concatenate(kept)[-images.shape[0] :]  # a probe for the pace has come first
    return {"zeroshot": top, "block": by_knee(lower[rows], top["knee_id"])}


def prompt_embeddings(
    encoder: Encoder, sentences: Mapping[int, Sequence[str]] = prompts.GRADES
) -> np.ndarray:
    """Return one unit vector per grade (5, dimensions): the mean of its sentences.

    References
    ----------
    Radford et al. (2021), prompt ensembles, doi:10.48550/arXiv.2103.00020.
    """
    means = np.stack([embed_texts(encoder, sentences[grade]).mean(axis=0) for grade in GRADES])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def zeroshot_grades(
    embeddings: pd.DataFrame,
    by_grade: np.ndarray,
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    logit_scale: float,
    calibrated: bool = True,
) -> pd.DataFrame:
    """Grade every pictured knee by the sentences nearest to it.

    The sharpness of the probabilities and the share of each grade are calibrated on the
    `train` people; which sentence is nearer is left to the encoder.

    Parameters
    ----------
    embeddings
        `embeddings` table.
    by_grade
        As `prompt_embeddings` returns.
    knees, participants
        Grades as read, and the split.
    logit_scale
        Factor on the cosine the encoder was trained with.
    calibrated
        If false, the probabilities are as the encoder gives them.

    Returns
    -------
    `zeroshot_grades` table.

    References
    ----------
    Guo et al. (2017), temperature scaling, doi:10.48550/arXiv.1706.04599.
    """
    known = with_split(embeddings[["knee_id"]], knees, participants)
    logits = logit_scale * embeddings.filter(like="feature_").to_numpy(float) @ by_grade.T
    train = ((known["split"] == "train") & known["kl_grade"].notna()).to_numpy()
    read = known.loc[train, "kl_grade"].to_numpy(int)
    fitted = calibrate(logits[train], read) if calibrated else (1.0, np.full(5, 0.2))
    chances = probabilities(logits, *fitted)
    table = known[["knee_id", "split", "kl_grade"]].copy()
    table["kl_predicted"] = chances @ np.arange(5)
    return table.assign(**{f"p_{grade}": chances[:, grade] for grade in GRADES})


def calibrate(logits: np.ndarray, grades: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the temperature and the prior (5,) under which `grades` are least surprising."""
    if not len(grades):
        return 1.0, np.full(5, 0.2)
    shares = (np.bincount(grades, minlength=5) + 1) / (len(grades) + 5)

    def surprise(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature) + np.log(shares), axis=1)
        return -float(scaled[np.arange(len(grades)), grades].mean())

    best = minimize_scalar(surprise, bounds=(-3, 5), method="bounded")
    return float(np.exp(best.x)), shares


def probabilities(logits: np.ndarray, temperature: float, shares: np.ndarray) -> np.ndarray:
    """Return probabilities (n, 5) of the grades."""
    return softmax(logits / temperature + np.log(shares), axis=1)


def probes(
    embeddings: pd.DataFrame,
    images: Any,
    crops: pd.DataFrame,
    knees: pd.DataFrame,
    participants: pd.DataFrame,
) -> pd.DataFrame:
    """Say how well a ridge reads joint-space width and grade off embeddings, and off pixels.

    Fitted on `train` people, measured on all others.

    Returns
    -------
    Columns `target`, `features`, `r2`, `knees`; a constant predictor has an R2 of 0 or less.
    """
    known = with_split(embeddings[["knee_id"]], knees, participants)
    pictured = crops.set_index("knee_id").loc[embeddings["knee_id"]]
    kinds = {
        "embedding": embeddings.filter(like="feature_").to_numpy(float),
        f"pixels {SIDE} x {SIDE}": pixel_features(images)[pictured["image"].to_numpy()],
    }
    asked = known[["jsw_medial", "jsw_lateral", "kl_grade"]]
    return linear_probe.read(
        kinds, linear_probe.targets(asked), (known["split"] == "train").to_numpy()
    )


def text_probes(found: pd.DataFrame) -> str:
    """Say how much more of each target the embedding tells than coarse pixels do."""
    wide = linear_probe.wide(found).set_index("target")
    gained = (wide["embedding"] - wide.drop(columns="embedding").iloc[:, 0]).dropna()
    if gained.empty:
        return "There are too few knees to measure a probe."
    parts = [f"{gain:+.2f} for the {linear_probe.WORDS[name]}" for name, gain in gained.items()]
    return f"R² of the embedding less that of coarse pixels: {', '.join(parts)}."


def pixel_features(images: Any) -> np.ndarray:
    """Return pictures (n, pixels, pixels) as coarse grey values (n, SIDE * SIDE), 0 to 1."""
    n = images.shape[0]
    starts = range(0, n, BATCH)
    return np.concatenate(
        [baseline.coarse(np.asarray(images[start : start + BATCH]), SIDE) for start in starts]
    )


def with_split(
    table: pd.DataFrame, knees: pd.DataFrame, participants: pd.DataFrame
) -> pd.DataFrame:
    """Add to a table of knees what is known of them, and the split and site of their person."""
    known = table.merge(knees, on="knee_id", how="left", validate="one_to_one")
    split = participants[["participant_id", "split", "site"]]
    return known.merge(split, on="participant_id", how="left", validate="many_to_one")


def text_encoder(encoder: Encoder, embeddings: pd.DataFrame) -> str:
    """Say which encoder made how many vectors, and on what."""
    where = "the CPU" if encoder.device.type == "cpu" else f"a GPU ({encoder.device})"
    return (
        f"The encoder `{encoder.name}` looks at {encoder.image_size} x {encoder.image_size} pixels "
        f"in {encoder.grid} x {encoder.grid} patches; {len(embeddings):,} knees became vectors of "
        f"{encoder.dimensions} numbers on {where}."
    )


def table_prompts(sentences: Mapping[int, Sequence[str]]) -> pd.DataFrame:
    """Return the sentences of each grade as a table for reading."""
    rows = [(f"KL{grade}", " · ".join(some)) for grade, some in sentences.items()]
    return pd.DataFrame(rows, columns=["grade", "sentences"])


def pixel_grades(images: Any, crops: pd.DataFrame, graded: pd.DataFrame) -> np.ndarray:
    """Return the grade (n,) a ridge on coarse pixels, fitted on `train` people, gives each knee."""
    rows = crops.set_index("knee_id").loc[graded["knee_id"], "image"].to_numpy()
    train = ((graded["split"] == "train") & graded["kl_grade"].notna()).to_numpy()
    read = graded["kl_grade"].astype(float).to_numpy()
    return baseline.ridge(pixel_features(images)[rows], read, train)


def compare(graded: pd.DataFrame, others: Mapping[str, np.ndarray] | None = None) -> pd.DataFrame:
    """Return error and agreement of the zero-shot grades and of constants, untrained people.

    Parameters
    ----------
    graded
        `zeroshot_grades` table.
    others
        Grades (n,) of other predictors by name, in the order of `graded`.
    """
    tested = (graded["split"].isin(["discover", "confirm"]) & graded["kl_grade"].notna()).to_numpy()
    read = graded.loc[tested, "kl_grade"].to_numpy(int)
    wanted = ("mae", "exact", "within_1", "quadratic_weighted_kappa")
    if not len(read):
        return pd.DataFrame(columns=["predictor", *wanted])
    predicted = {"zero-shot": graded.loc[tested, "kl_predicted"].to_numpy(float)}
    predicted |= {name: np.asarray(grades)[tested] for name, grades in (others or {}).items()}
    predicted |= {f"always KL{grade}": np.full(len(read), float(grade)) for grade in GRADES}
    rows = [
        {
            "predictor": name,
            **{metric: grading_metrics.METRICS[metric](read, grades) for metric in wanted},
        }
        for name, grades in predicted.items()
        if np.isfinite(grades).all()
    ]
    return pd.DataFrame(rows)


def text_verdict(graded: pd.DataFrame, others: Mapping[str, np.ndarray] | None = None) -> str:
    """Say whether zero-shot grading beats the best constant, and what a ridge on pixels does."""
    table = compare(graded, others).set_index("predictor")["mae"]
    if table.empty:
        return "No graded knee of a person never trained on: zero-shot grading is not judged."
    constants = table.filter(like="always")
    best, zero = constants.idxmin(), table["zero-shot"]
    word = "beats" if zero < constants.min() else "does not beat"
    pixels = (
        f"; a ridge on coarse pixels, which was shown grades, errs by {table[PIXELS]:.2f}"
        if PIXELS in table
        else ""
    )
    tested = graded["split"].isin(["discover", "confirm"]) & graded["kl_grade"].notna()
    given = set(grading_metrics.whole(graded.loc[tested, "kl_predicted"].to_numpy(float)))
    never = [f"KL{grade}" for grade in GRADES if grade not in given]
    unseen = f" It never gives {' or '.join(never)}." if never else ""
    return (
        f"Zero-shot grading {word} the best constant: its mean error is {zero:.2f} grades, that of "
        f"{best} {constants.min():.2f}{pixels}.{unseen}"
    )
