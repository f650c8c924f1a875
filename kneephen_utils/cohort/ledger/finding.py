"""Finding: what a check may look at, and what it comes back with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from kneephen_utils.oai import Release

FEWEST = 100  # knees or people below which an association is not asked for
FEWEST_PAIRS = 30
FEWEST_PER_VISIT = 10
CONFIRMED = 3.0


@dataclass(frozen=True)
class Evidence:
    """What the checks may look at."""

    source: Release
    chosen: pd.DataFrame
    knees: pd.DataFrame
    visits: pd.DataFrame
    films: pd.DataFrame


class Finding(NamedTuple):
    """What a check found; `passed` is missing where it could not be asked."""

    value: float
    passed: bool | None
    sentence: str


def too_few(count: int, what: str, fewest: int) -> Finding:
    """Return that a question is not asked, because too few could answer it."""
    return Finding(
        float("nan"), None, f"Not asked: there are {count:,} {what}, and {fewest} are needed."
    )


def rank(knees: pd.DataFrame, first: str, second: str, name: str, least: float) -> Finding:
    """Ask whether `second` rises with the grade, by the correlation of ranks."""
    known = knees[[first, second]].astype("float64").dropna()
    if len(known) < FEWEST:
        return too_few(len(known), f"knees with a grade and {name}", FEWEST)
    value = correlation(known[first].rank(), known[second].rank())
    means = " / ".join(f"{mean:.1f}" for mean in known.groupby(first)[second].mean())
    return Finding(
        value,
        value > least,
        f"In {len(known):,} knees the grade and {name} correlate at {value:.2f} by rank; the "
        f"means by grade are {means}.",
    )


def correlation(first: pd.Series, second: pd.Series) -> float:
    """Return Pearson's correlation, 0 where one of the two does not vary."""
    if first.nunique() < 2 or second.nunique() < 2:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
