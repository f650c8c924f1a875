"""Grading: the upper half of the encoder learns the Kellgren-Lawrence grade.

Only people of the `train` split are learned from; a part of them, kept apart by person,
chooses the epoch. Everything is scored on people who were never trained on, beside simple
predictors that any encoder has to beat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import baseline, formatting, grading_metrics
from kneephen_utils.encoder import (
    Encoder,
    activation_cache,
    augmentation,
    by_knee,
    distributed,
    finetune,
    quantization,
    trainer,
)

INNER_SHARE = 0.2  # of the train people, who choose the epoch
METRIC = "quadratic_weighted_kappa"
FIRST = {"mae": "mean error", "exact": "exactly right", METRIC: "weighted kappa"}
SECOND = {"rmse": "root mean square error", "within_1": "within one grade"}
SECOND |= {"balanced_accuracy": "balanced accuracy", "spearman": "rank correlation"}
GROUP_WORDS = {"all": "all knees", "right": "right knees", "left": "left knees"}
GROUP_DRAWS = 50  # resamples at most within a grade, side or site
SHOWN_NOTE = (
    "People never trained on; 95 % intervals by person. Errors in grades. "
    f"{baseline.CONSTANTS_NOTE}"
)
GROUPS_NOTE = (
    "People never trained on. Errors in grades, 95 % intervals from few resamples of people "
    f"({GROUP_DRAWS} at most, but for all), so their ends are rough."
)


def pictured(crops: pd.DataFrame, knees: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    """Return every knee with a picture, in the order of the pictures, with grade and split."""
    ok = crops.loc[crops["status"] == "ok", ["knee_id", "image", "exposure"]].sort_values("image")
    known = ok.merge(knees, on="knee_id", how="left", validate="one_to_one")
    people = participants[["participant_id", "split", "site"]]
    return known.merge(people, on="participant_id", how="left", validate="many_to_one")


def inner_split(known: pd.DataFrame, *, seed: int) -> np.ndarray:
    """Return which rows choose the epoch: whole people, a share of the `train` split."""
    people = np.sort(known.loc[known["split"] == "train", "participant_id"].unique())
    rng = np.random.default_rng([seed, 3])
    chosen = rng.permutation(people)[: max(1, round(INNER_SHARE * len(people)))]
    return known["participant_id"].isin(chosen).to_numpy()


def fit(
    encoder: Encoder,
    images: Any,
    known: pd.DataFrame,
    *,
    settings: trainer.Settings,
    artefacts: str | Path | None = None,
    cache_gb: float = math.inf,
    fabric: Any = None,
) -> tuple[finetune.TrainableTail, pd.DataFrame]:
    """Fine-tune on the `train` people; the encoder is changed in place.

    Parameters
    ----------
    encoder
        Loaded encoder.
    images
        zarr array (n, pixels, pixels).
    known
        As `pictured` returns.
    settings
        How to train.
    artefacts
        Folder that keeps the state, so that a training that was stopped goes on, and the
        frozen activations, so that the next training need not compute them; None keeps none.
    cache_gb
        Most that the frozen activations may take on disk, 10^9 bytes.
    fabric
        Lightning Fabric, launched; None for one process.

    Returns
    -------
    The trained upper half, and the `history` table.

    Raises
    ------
    ValueError
        If fewer than 20 graded knees are in the `train` split, or the frozen activations take
        more than `cache_gb`.
    """
    graded = ((known["split"] == "train") & known["kl_grade"].notna()).to_numpy()
    inner = inner_split(known, seed=settings.seed)
    train, chooses = known[graded & ~inner], known[graded & inner]
    if len(train) < 20 or not len(chooses):
        raise ValueError(f"{len(train)} graded knees to train on; expected at least 20")
    grades = train["kl_grade"].to_numpy(float)
    upper = finetune.upper_half(
        encoder, grades=grades, frozen_blocks=settings.frozen_blocks, head=settings.head
    )
    place = Path(artefacts) if artefacts else None
    kept = activation_cache.ActivationCache(place / "cache", cache_gb, fabric) if place else None
    seen, plain = (
        augmentation.cache(
            encoder,
            images,
            rows["image"].to_numpy(),
            frozen_blocks=settings.frozen_blocks,
            views=copies,
            seed=settings.seed,
            shelf=kept,
        )
        for rows, copies in ((train, settings.views), (chooses, 0))
    )
    history = trainer.fit(
        upper,
        seen,
        grades,
        plain[0],
        chooses["kl_grade"].to_numpy(float),
        settings=settings,
        kept_in=place / "checkpoints" / "grading.safetensors" if place else None,
        fabric=fabric,
    )
    return upper, history


def apply(
    encoder: Encoder,
    upper: finetune.TrainableTail,
    images: Any,
    known: pd.DataFrame,
    *,
    settings: trainer.Settings,
    int8: bool = False,
    fabric: Any = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grade and embed every pictured knee with the chosen epoch.

    Parameters
    ----------
    encoder, upper
        As `fit` was given and returned.
    images, known, settings
        See `fit`.
    int8
        With weights rounded to eight bits, which is faster on a CPU and a little different.
    fabric
        As `fit` was given: the knees are shared out, and every process returns all of them.

    Returns
    -------
    `grades` and `embeddings` tables, in the order of `known`.

    Raises
    ------
    ValueError
        If 8 bits are asked for on a GPU.
    """
    if int8:
        encoder, upper = quantization.rounded(encoder), quantization.rounded_half(upper)
    rows = known["image"].to_numpy()
    own = rows[distributed.share(fabric, len(rows))]
    tokens = augmentation.stream(encoder, images, own, frozen_blocks=settings.frozen_blocks)
    predicted, features = (
        distributed.together(fabric, part, len(rows)) for part in trainer.apply(upper, tokens)
    )
    grades = known[["knee_id", "split", "kl_grade"]].assign(kl_predicted=predicted.astype(float))
    return grades, by_knee(features, known["knee_id"])


def score(predicted: pd.DataFrame, known: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Return the `grading_scores` table: people never trained on, whole and by group.

    Raises
    ------
    ValueError
        If fewer than two graded knees belong to people never trained on.
    """
    tested = known["split"].isin(["discover", "confirm"]) & known["kl_grade"].notna()
    if tested.sum() < 2:
        raise ValueError(f"{tested.sum()} graded knees of people never trained on; expected 2")
    groups = {"all": tested}
    groups |= {f"KL{k}": tested & (known["kl_grade"] == k).fillna(value=False) for k in range(5)}
    groups |= {
        f"site {s}": tested & (known["site"] == s) for s in sorted(known["site"].dropna().unique())
    }
    groups |= {side: tested & (known["side"] == side) for side in ("right", "left")}
    parts: list[pd.DataFrame] = []
    for name in predicted.columns.drop("knee_id"):
        wanted = groups if name in {"finetuned", "zeroshot"} else {"all": tested}
        for group, rows in wanted.items():
            both = (rows & predicted[name].notna()).to_numpy(bool)
            if both.sum() < 2:
                continue
            scored = grading_metrics.score(
                known.loc[both, "kl_grade"].to_numpy(int),
                predicted.loc[both, name].to_numpy(float),
                known.loc[both, "participant_id"],
                draws=draws if group == "all" else min(draws, GROUP_DRAWS),
                seed=seed,
            )
            parts.append(scored.assign(predictor=name, group=group))
    order = ["predictor", "group", "metric", "estimate", "low", "high", "knees", "participants"]
    return pd.concat(parts, ignore_index=True)[order]


def text_verdict(scores: pd.DataFrame) -> list[str]:
    """Say in sentences whether the trained grader earned its keep."""
    kappa = scores[(scores["group"] == "all") & (scores["metric"] == METRIC)].set_index("predictor")
    error = scores[(scores["group"] == "all") & (scores["metric"] == "mae")].set_index("predictor")
    constant = error.filter(like="always", axis=0)["estimate"].idxmin()
    tuned = kappa.loc["finetuned"]
    spread = formatting.spread(tuned["estimate"], tuned["low"], tuned["high"])
    own, best = error.loc["finetuned", "estimate"], error.loc[constant, "estimate"]
    return [
        f"On {int(tuned['knees'])} knees of {int(tuned['participants'])} people never trained on, "
        f"the fine-tuned grader agrees with the readers at a weighted kappa of {spread}.",
        f"Its mean error is {own:.2f} grades; the best constant, {constant}, errs by {best:.2f}.",
        _floor(kappa, error),
    ]


def _floor(kappa: pd.DataFrame, error: pd.DataFrame) -> str:
    """Say whether the trained grader clears what needs no encoder."""
    if "gradient ridge" not in kappa.index:
        return "There are too few graded knees to fit a ridge on gradient histograms."
    tuned, ridge = kappa.loc["finetuned"], kappa.loc["gradient ridge"]
    told = f"kappa {formatting.spread(ridge['estimate'], ridge['low'], ridge['high'])}, mean error "
    told += f"{error.loc['gradient ridge', 'estimate']:.2f} grades"
    does = (
        "clears"
        if tuned["low"] > ridge["estimate"]
        else "is not clearly better than"
        if tuned["estimate"] > ridge["estimate"]
        else "does no better than"
    )
    return f"It {does} a ridge on gradient histograms, which needs no encoder: {told}."


def table_scores(scores: pd.DataFrame, metrics: Mapping[str, str] = FIRST) -> pd.DataFrame:
    """Return error and agreement of the predictors worth showing as a table for reading.

    Parameters
    ----------
    scores
        `grading_scores` table.
    metrics
        Metrics to show, with their headings.
    """
    whole = scores[scores["group"] == "all"]
    own = whole[whole["metric"].isin(metrics)]
    plain = whole.pivot_table(
        index="predictor", columns="metric", values="estimate", sort=False
    ).reset_index()
    wide = {
        metric: {
            row.predictor: formatting.spread(row.estimate, row.low, row.high)
            for row in rows.itertuples()
        }
        for metric, rows in own.groupby("metric", sort=False)
    }
    table = pd.DataFrame(wide).reindex(baseline.worth(plain)["predictor"])
    table = table[list(metrics)].rename(index=baseline.WORDS, columns=metrics)
    return table.rename_axis("predictor").reset_index()


def by_group(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the fine-tuned grader's error in each grade, side and site as a table for reading."""
    own = scores[(scores["predictor"] == "finetuned") & (scores["metric"] == "mae")]
    return pd.DataFrame(
        {
            "group": own["group"].replace(GROUP_WORDS).to_numpy(),
            "mean error": [formatting.spread(r.estimate, r.low, r.high) for r in own.itertuples()],
            "knees": own["knees"].to_numpy(),
            "people": own["participants"].to_numpy(),
        }
    )
