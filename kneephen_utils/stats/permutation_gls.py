"""Permutation GLS: the contrast of a mixed model under labels permuted between people.

With the variances held at their fitted values a mixed model is generalised least squares,
and its sums can be kept per knee. A permutation of labels then costs a matrix product
instead of another fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from kneephen_utils.stats.lmm import Fit

BATCH = 100  # labellings held in memory at once


@dataclass(frozen=True)
class Sums:
    """Sums over the visits of each knee, weighted by the inverse covariance of its person.

    q fixed columns and n knees. `fixed` (q, q), `fixed_outcome` (q,), `cross` (n, q, 2) between
    the fixed columns and level and slope of a knee, `outcome` (n, 2), and for every pair of
    knees of one person `first`, `second` (pairs,) and `pairs` (pairs, 2, 2).
    """

    knees: pd.DataFrame
    fixed: np.ndarray
    fixed_outcome: np.ndarray
    cross: np.ndarray
    outcome: np.ndarray
    first: np.ndarray
    second: np.ndarray
    pairs: np.ndarray


def sums(rows: pd.DataFrame, columns: Sequence[str], fitted: Fit) -> Sums:
    """Keep what a permutation needs of `rows`.

    Parameters
    ----------
    rows
        One row per knee and visit, as for `mixed.fit`.
    columns
        Fixed effects that are not the label; the intercept is added.
    fitted
        The model whose variances weigh the visits.

    Returns
    -------
    The sums; `knees` gives `participant_id` and `knee_id` in the order of the labels.
    """
    rows = rows.sort_values(["participant_id", "knee_id", "years"], kind="stable")
    knees = rows[["participant_id", "knee_id"]].drop_duplicates().reset_index(drop=True)
    number = pd.Series(np.arange(len(knees)), index=knees["knee_id"])
    design = np.column_stack([np.ones(len(rows)), rows[list(columns)].to_numpy(float)])
    outcome, years = rows["measure"].to_numpy(float), rows["years"].to_numpy(float)
    of_knee = number[rows["knee_id"]].to_numpy()
    fixed = np.zeros((design.shape[1],) * 2)
    fixed_outcome = np.zeros(design.shape[1])
    cross = np.zeros((len(knees), design.shape[1], 2))
    knee_outcome = np.zeros((len(knees), 2))
    pairs: list[tuple[int, int, np.ndarray]] = []
    starts = np.flatnonzero(np.r_[True, np.diff(pd.factorize(rows["participant_id"])[0]) != 0])
    for start, stop in zip(starts, np.r_[starts[1:], len(rows)], strict=True):
        one = slice(start, stop)
        line = np.column_stack([np.ones(stop - start), years[one]])  # (visits, 2)
        inverse = np.linalg.inv(covariance(line, of_knee[one], fitted))
        fixed += design[one].T @ inverse @ design[one]
        fixed_outcome += design[one].T @ inverse @ outcome[one]
        own = {knee: line * (of_knee[one] == knee)[:, None] for knee in np.unique(of_knee[one])}
        for knee, part in own.items():
            cross[knee] = design[one].T @ inverse @ part
            knee_outcome[knee] = part.T @ inverse @ outcome[one]
            pairs += [(knee, other, part.T @ inverse @ own[other]) for other in own]
    first, second, blocks = (np.array(list(each)) for each in zip(*pairs, strict=True))
    return Sums(knees, fixed, fixed_outcome, cross, knee_outcome, first, second, blocks)


def effects(kept: Sums, labels: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return level and slope of the labelled knees beyond the others, for each labelling.

    Parameters
    ----------
    kept
        From `sums`; its fixed columns hold the intercept and the years.
    labels
        Each an array of zeros and ones, one per knee of `kept`.

    Returns
    -------
    Estimates (labellings, 2) and their covariances (labellings, 2, 2).
    """
    marks = np.array([np.asarray(each, dtype=float) for each in labels])  # (labellings, knees)
    size, wide = len(kept.fixed), len(kept.fixed) + 2
    system = np.empty((len(marks), wide, wide))
    system[:, :size, :size] = kept.fixed
    between = np.tensordot(marks, kept.cross, axes=1)  # (labellings, q, 2)
    system[:, :size, size:] = between
    system[:, size:, :size] = between.transpose(0, 2, 1)
    both = marks[:, kept.first] * marks[:, kept.second]
    system[:, size:, size:] = np.tensordot(both, kept.pairs, axes=1)
    right = np.empty((len(marks), wide, 1))
    right[:, :size, 0] = kept.fixed_outcome
    right[:, size:, 0] = marks @ kept.outcome
    inverse = np.linalg.pinv(system, hermitian=True)
    return (inverse @ right)[:, size:, 0], inverse[:, size:, size:]


def scores(kept: Sums, labels: Iterable[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return studentised contrasts.

    Parameters
    ----------
    kept, labels
        As for `effects`.
    weights
        (contrasts, 2) weights of level and slope, such as (1, 4) for the level after 4 years.

    Returns
    -------
    (labellings, contrasts) estimates divided by their standard errors.
    """
    parts = []
    for some in batches(labels):
        estimate, covariance = effects(kept, some)
        error = np.sqrt(np.einsum("ci,lij,cj->lc", weights, covariance, weights))
        parts.append((estimate @ weights.T) / error)
    return np.concatenate(parts)


def batches(labels: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Yield the labellings a few at a time, so memory follows the batch and not the draws."""
    remaining = iter(labels)
    while some := list(islice(remaining, BATCH)):
        yield some


def covariance(line: np.ndarray, of_knee: np.ndarray, fitted: Fit) -> np.ndarray:
    """Return the covariance of a person's visits: `line` (visits, 2) level and years, and knees."""
    shared = line @ fitted.person @ line.T
    same = of_knee[:, None] == of_knee[None, :]
    return shared + fitted.knee * same + fitted.residual * np.eye(len(line))
