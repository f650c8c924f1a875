"""Check result: what a check may look at, and what it comes back with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from kneephen_utils.oai import Release

FEWEST = 100  # knees or people below which a share or an association is not asked for
FEWEST_PAIRS = 30
FEWEST_PER_VISIT = 10
CONFIRMED = 3.0


@dataclass(frozen=True, eq=False)  # told apart by identity, so answers can be kept
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
    return not_estimable(f"there are {count:,} {what}, and {fewest} are needed")


def not_estimable(why: str) -> Finding:
    """Return that a question cannot be answered by this release, and why."""
    return Finding(float("nan"), None, f"Not estimable: {why}.")


def correlation(first: pd.Series, second: pd.Series) -> float:
    """Return Pearson's correlation, missing where one of the two does not vary."""
    if len(first) < 2 or first.nunique() < 2 or second.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def spread(first: pd.Series, second: pd.Series) -> float:
    """Return the standard error of the inverse hyperbolic tangent of a correlation.

    The larger of Fisher's, which supposes normal values, and the one of the influence of each
    pair on the correlation, which supposes nothing but needs many pairs.

    References
    ----------
    Fisher (1921), Metron 1:3. Devlin, Gnanadesikan & Kettenring (1975), Biometrika 62:531.
    """
    one, two = ((each - each.mean()) / each.std(ddof=0) for each in (first, second))
    value = float((one * two).mean())
    influence = one * two - value * (one**2 + two**2) / 2
    own = float(np.sqrt((influence**2).mean() / len(one))) / max(1 - value**2, 1e-3)
    return max(own, 1 / np.sqrt(max(len(one) - 3, 1)))
