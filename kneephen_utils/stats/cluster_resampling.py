"""Cluster resampling: people, never knees, are drawn or left out.

Two knees share a person, so an interval or a p value that treats knees as independent
is too narrow. Every function works on row positions and keeps a person's rows together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd


def bootstrap_people(participants: pd.Series, *, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yield row positions of `draws` resamples of whole people, with replacement.

    Draw number i depends on `seed` and i alone, so workers may share the draws.

    References
    ----------
    Field & Welsh (2007), cluster bootstrap, doi:10.1111/j.1467-9868.2007.00593.x.
    """
    rows = rows_of_people(participants)
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        chosen = rng.integers(len(rows), size=len(rows))
        yield np.concatenate([rows[person] for person in chosen])


def subsample_people(
    participants: pd.Series, *, draws: int, share: float, seed: int
) -> Iterator[np.ndarray]:
    """Yield row positions of `draws` subsamples of a `share` (0-1) of the people, sorted."""
    rows = rows_of_people(participants)
    size = max(1, round(share * len(rows)))
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        chosen = rng.choice(len(rows), size=size, replace=False)
        yield np.sort(np.concatenate([rows[person] for person in chosen]))


def interval(
    statistic: Callable[[np.ndarray], float],
    participants: pd.Series,
    *,
    draws: int,
    seed: int,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Return `statistic` of all rows with its percentile interval over a bootstrap of people.

    Resamples in which the statistic is not a number are left out; the interval is missing
    if fewer than half of them are numbers.
    """
    estimate = float(statistic(np.arange(len(participants))))
    values = np.array(
        [statistic(rows) for rows in bootstrap_people(participants, draws=draws, seed=seed)]
    )
    values = values[np.isfinite(values)]
    if len(values) < draws / 2 or not len(values):
        return estimate, float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return estimate, float(low), float(high)


def permutation_p(observed: float, permuted: np.ndarray) -> float:
    """Return the two-sided p value of `observed` among statistics of permuted labels.

    References
    ----------
    Phipson & Smyth (2010), p values are never zero, doi:10.2202/1544-6115.1585.
    """
    return float((1 + np.sum(np.abs(permuted) >= abs(observed))) / (1 + len(permuted)))


def rows_of_people(participants: pd.Series) -> list[np.ndarray]:
    """Return the row positions of each person, people in the order of their identifiers."""
    positions = pd.Series(np.arange(len(participants)), index=participants.to_numpy())
    return [group.to_numpy() for _, group in positions.groupby(level=0, sort=True)]
