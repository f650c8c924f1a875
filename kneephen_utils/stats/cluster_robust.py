"""Cluster robust: what each person adds to a mixed model, and errors that trust people alone.

With the variances held at their fitted values a mixed model is generalised least squares, and
its sums can be kept per person. Errors that do not rest on the variances being right, intervals
from a bootstrap of people, and a test that turns the signs of people then cost matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kneephen_utils.stats import cluster_resampling
from kneephen_utils.stats.lmm import INTERCEPT, Fit


@dataclass(frozen=True)
class Sums:
    """Sums of n people over q fixed effects.

    `squares` (n, q, q) and `products` (n, q), weighted by the inverse covariance of the person's
    visits; `people` their identifiers, and `names` the fixed effects, in that order.
    """

    people: np.ndarray
    names: list[str]
    squares: np.ndarray
    products: np.ndarray


def sums(rows: pd.DataFrame, columns: Sequence[str], fitted: Fit) -> Sums:
    """Keep what each person adds to the model of `columns`.

    Parameters
    ----------
    rows
        One row per knee and visit, as for `lmm.fit`.
    columns
        Fixed effects beside the intercept.
    fitted
        The model whose variances weigh the visits.
    """
    rows = rows.sort_values("participant_id", kind="stable")
    design = np.column_stack([np.ones(len(rows)), rows[list(columns)].to_numpy(float)])
    outcome, years = rows["measure"].to_numpy(float), rows["years"].to_numpy(float)
    knee = pd.factorize(rows["knee_id"])[0]
    person, people = pd.factorize(rows["participant_id"])
    starts = np.flatnonzero(np.r_[True, np.diff(person) != 0])
    squares = np.empty((len(people), design.shape[1], design.shape[1]))
    products = np.empty((len(people), design.shape[1]))
    for place, (start, stop) in enumerate(zip(starts, np.r_[starts[1:], len(rows)], strict=True)):
        one = slice(start, stop)
        line = np.column_stack([np.ones(stop - start), years[one]])
        weighted = np.linalg.solve(covariance(line, knee[one], fitted), design[one]).T
        squares[place], products[place] = weighted @ design[one], weighted @ outcome[one]
    return Sums(np.asarray(people), [INTERCEPT, *columns], squares, products)


def covariance(line: np.ndarray, of_knee: np.ndarray, fitted: Fit) -> np.ndarray:
    """Return the covariance of a person's visits: `line` (visits, 2) level and years, and knees."""
    shared = line @ fitted.person @ line.T
    same = of_knee[:, None] == of_knee[None, :]
    return shared + fitted.knee * same + fitted.residual * np.eye(len(line))


def robust(kept: Sums, fitted: Fit) -> Fit:
    """Return `fitted` with errors clustered by person, which do not rest on its variances.

    The covariance is corrected for the number of people and of effects.

    References
    ----------
    Liang & Zeger (1986), doi:10.1093/biomet/73.1.13.
    """
    order = [kept.names.index(name) for name in fitted.names]
    counts = np.ones((1, len(kept.people)))
    estimate, covariance = _weighted(kept, counts)
    return replace(
        fitted, estimate=estimate[0, order], covariance=covariance[0][np.ix_(order, order)]
    )


def intervals(
    kept: Sums,
    planned: Sequence[Mapping[str, float]],
    *,
    strata: np.ndarray,
    draws: int,
    seed: int,
) -> list[tuple[float, float, float]]:
    """Return weighted sums of effects with their 95 % intervals from a bootstrap of people.

    The bootstrap is of the contrast divided by its clustered error, and symmetric, which
    serves groups of few people better than percentiles do.

    Parameters
    ----------
    kept
        From `sums`.
    planned
        For each sum the weights of fixed effects; those that are not named have none.
    strata
        (people,) people are drawn within these, so that every draw holds every group.
    draws, seed
        Of the bootstrap.

    References
    ----------
    Cameron, Gelbach & Miller (2008), doi:10.1162/rest.90.3.414.
    """
    counts = np.zeros((draws + 1, len(kept.people)))
    counts[0] = 1.0
    groups = [np.flatnonzero(strata == each) for each in np.unique(strata)]
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        chosen = np.concatenate([rng.choice(group, size=len(group)) for group in groups])
        counts[draw + 1] = np.bincount(chosen, minlength=len(kept.people))
    estimates, covariances = _weighted(kept, counts)
    found = []
    for weights in planned:
        vector = np.array([weights.get(name, 0.0) for name in kept.names])
        values = estimates @ vector
        errors = np.sqrt(np.einsum("i,dij,j->d", vector, covariances, vector))
        steps = np.abs(values[1:] - values[0]) / errors[1:]
        reach = float(np.quantile(steps[np.isfinite(steps)], 0.95)) * float(errors[0])
        found.append((float(values[0]), float(values[0]) - reach, float(values[0]) + reach))
    return found


def inverted(
    kept: Sums, weights: Mapping[str, float], *, draws: int, seed: int
) -> tuple[float, float, float, float]:
    """Return a weighted sum of effects, its 95 % interval and its p value, by turning signs.

    Each person's part of the effective score is kept or turned. Everything else stays as it is
    estimated, so this also serves an interaction, where labels cannot be permuted because the
    effect of the label itself must remain, and people who do not scatter alike. The interval
    holds every value that this does not reject, so interval and p value cannot contradict each
    other. An end is missing where no value is rejected, as in very few people.

    Parameters
    ----------
    kept
        From `sums`.
    weights
        As one of `planned` of `intervals`.
    draws, seed
        Of the signs.

    References
    ----------
    Hemerik, Goeman & Finos (2020), doi:10.1111/rssb.12369; Panarotto, De Santis & Finos (2026),
    intervals by inversion, https://arxiv.org/abs/2605.03060.
    """
    vector = np.array([weights.get(name, 0.0) for name in kept.names])
    bread = np.linalg.pinv(kept.squares.sum(axis=0), hermitian=True)
    free, direction = bread @ kept.products.sum(axis=0), bread @ vector
    estimate, size = float(vector @ free), float(vector @ direction)
    at = _scores(kept, free) @ direction  # (people,), and how it changes per unit of the sum
    slope = kept.squares @ direction @ direction / size
    rng = np.random.default_rng([seed, len(at)])
    signs = rng.choice([-1.0, 1.0], size=(draws, len(at)))
    turned_at, turned_slope = signs @ at, signs @ slope

    def chance(value: float) -> float:
        step = estimate - value
        values = turned_at + step * turned_slope
        return cluster_resampling.permutation_p(float(at.sum() + step * slope.sum()), values)

    error = float(np.sqrt(at @ at))
    low, high = (_end(chance, estimate, sign * error) for sign in (-1, 1))
    return estimate, low, high, chance(0.0)


def _end(chance: Callable[[float], float], estimate: float, step: float) -> float:
    """Return the value on the side of `step` from which on less than 5 % is left."""
    near, far = estimate, estimate + 2 * step
    for _ in range(8):
        if chance(far) < 0.05:
            break
        near, far = far, far + 2 * (far - estimate)
    else:
        return float("nan")
    for _ in range(40):
        middle = (near + far) / 2
        near, far = (near, middle) if chance(middle) < 0.05 else (middle, far)
    return far


def flipped(parts: np.ndarray, *, draws: int, seed: int) -> float:
    """Return the two-sided p value of the sum of people's `parts` (people,) with signs turned."""
    rng = np.random.default_rng([seed, len(parts)])
    sums = [parts @ rng.choice([-1.0, 1.0], size=len(parts)) for _ in range(draws)]
    return cluster_resampling.permutation_p(float(parts.sum()), np.array(sums))


def _scores(kept: Sums, estimate: np.ndarray) -> np.ndarray:
    """Return what each person adds to the score at `estimate`, (people, effects)."""
    return kept.products - kept.squares @ estimate


def _weighted(kept: Sums, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates (draws, q) and clustered covariances (draws, q, q) for counted people."""
    wide = len(kept.names)
    bread = np.linalg.pinv(np.tensordot(counts, kept.squares, axes=1), hermitian=True)
    estimates = np.einsum("dij,dj->di", bread, counts @ kept.products)
    covariances = np.empty((len(counts), wide, wide))
    people = len(kept.people)
    scale = people / max(people - wide, 1)
    for draw, estimate in enumerate(estimates):
        parts = _scores(kept, estimate)
        meat = (parts * counts[draw][:, None]).T @ parts
        covariances[draw] = scale * bread[draw] @ meat @ bread[draw]
    return estimates, covariances
