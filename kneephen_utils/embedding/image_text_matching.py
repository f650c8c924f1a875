"""Image-text matching: a knee in words, from its structured findings, beside the knee itself.

The sentence of a knee is built from what readers scored. Whether it lies nearer to its own
picture than another knee's sentence does says whether words and pictures share a space; asked
among knees of one grade, it says whether more than severity is shared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import formatting
from kneephen_utils.encoder import Encoder, embed_texts, prompts
from kneephen_utils.stats import cluster_resampling

CHANCE = 0.5
FEWEST = 10  # knees with a sentence, in a comparison
NOTE = (
    "How often the sentence of a knee lies nearer to its picture than the sentence of another "
    "knee with other findings; 50 is chance. People never trained on, 95 % intervals by person."
)


def sentences(known: pd.DataFrame) -> pd.Series:
    """Return the sentence of each knee; empty where no finding was read."""
    told = [prompts.narrative(row) for row in known.to_dict("records")]
    return pd.Series(told, index=known.index).where(lambda text: text != prompts.narrative({}), "")


def embed(encoder: Encoder, told: pd.Series) -> np.ndarray:
    """Return the vectors (n, dimensions) of sentences; not a number where there is none."""
    each = sorted(set(told) - {""})
    vectors = np.full((len(told), encoder.dimensions), np.nan)
    if each:
        place = {sentence: at for at, sentence in enumerate(each)}
        there = (told != "").to_numpy()
        found = embed_texts(encoder, each)
        vectors[there] = found[[place[sentence] for sentence in told[there]]]
    return vectors


def by_grade(vectors: np.ndarray, known: pd.DataFrame, *, otherwise: np.ndarray) -> np.ndarray:
    """Return one unit vector per grade (5, dimensions): the mean sentence of its `train` knees.

    A grade without such a sentence keeps its vector in `otherwise`.
    """
    train = (known["split"] == "train").to_numpy() & np.isfinite(vectors).all(axis=1)
    grades = known["kl_grade"].astype(float).to_numpy()
    rows = [train & (grades == grade) for grade in range(5)]
    means = np.stack(
        [vectors[own].mean(axis=0) if own.any() else otherwise[k] for k, own in enumerate(rows)]
    )
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def matched(
    pictures: np.ndarray,
    vectors: np.ndarray,
    told: pd.Series,
    known: pd.DataFrame,
    *,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Say how often a knee's own sentence is the nearer one, among all knees and within a grade.

    Parameters
    ----------
    pictures, vectors
        Unit vectors (n, dimensions) of pictures and sentences, in the order of `known`.
    told
        As `sentences` returns; knees told alike are not compared.
    known
        With `participant_id`, `split`, `kl_grade`.
    draws, seed
        Bootstrap of people.

    Returns
    -------
    Columns `among` (all knees, KL0 to KL4), `estimate`, `low`, `high` (0 to 1), `knees`.
    """
    may = known["split"].isin(["discover", "confirm"]) & known["kl_grade"].notna() & (told != "")
    of, said = known[may].reset_index(drop=True), told[may].to_numpy()
    alike = pictures[may.to_numpy()] @ vectors[may.to_numpy()].T
    groups = {"all knees": np.arange(len(of))}
    groups |= {f"KL{int(grade)}": rows.index.to_numpy() for grade, rows in of.groupby("kl_grade")}
    made = []
    for among, at in groups.items():
        share = _nearer(alike[np.ix_(at, at)], said[at])
        there = np.isfinite(share)
        if there.sum() < FEWEST:
            continue
        value, people = share[there], of.loc[at[there], "participant_id"].reset_index(drop=True)

        def mean(rows: np.ndarray, value: np.ndarray = value) -> float:
            return float(value[rows].mean())

        estimate, low, high = cluster_resampling.interval(mean, people, draws=draws, seed=seed)
        numbers = {"estimate": estimate, "low": low, "high": high, "knees": len(value)}
        made.append({"among": among, **numbers})
    return pd.DataFrame(made, columns=["among", "estimate", "low", "high", "knees"])


def table_matching(found: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison as a table for reading, in per cent."""
    percent = 100 * found[["estimate", "low", "high"]]
    told = [formatting.spread(row.estimate, row.low, row.high, 0) for row in percent.itertuples()]
    return found[["among"]].assign(**{"own sentence nearer, %": told}, knees=found["knees"])


def text_matching(found: pd.DataFrame) -> str:
    """Say within which grades a sentence finds its knee, and where it leads away from it."""
    own = found[found["among"] != "all knees"]
    if own.empty:
        return "There are too few knees with a sentence within any grade."
    sides = {
        "nearer than chance within": own["low"] > CHANCE,
        "farther than chance within": own["high"] < CHANCE,
        "not told from chance within": (own["low"] <= CHANCE) & (own["high"] >= CHANCE),
    }
    parts = [
        f"{words} {', '.join(own.loc[rows, 'among'])}"
        for words, rows in sides.items()
        if rows.any()
    ]
    return f"A knee's own sentence lies {'; '.join(parts)}."


def _nearer(alike: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return for each knee the share of other sentences less like its picture than its own."""
    other = said[:, None] != said[None, :]
    own = np.diag(alike)[:, None]
    wins = np.where(other, (own > alike) + 0.5 * (own == alike), 0.0).sum(axis=1)
    count = other.sum(axis=1)
    return np.divide(wins, count, out=np.full(len(said), np.nan), where=count > 0)
