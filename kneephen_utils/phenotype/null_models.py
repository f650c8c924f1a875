"""Null models: whether data without groups, sent through the same pipeline, do as well.

Three references, because each exposes what the others miss: points of the same covariance from
one smooth cloud; points spread evenly along the same principal axes, the cloud without groups
that is most easily taken for several; and the same columns each shuffled by itself, which
keeps heaps of equal values. Each draw is reduced, swept and chosen from as the knees were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kneephen_utils import parallel
from kneephen_utils.phenotype import hdbscan_tree, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

REFERENCES = ("gaussian", "shuffled", "uniform")
COLUMNS = ["kl_grade", "arm", "reference", "draw", "phenotypes", "statistic"]


def draw(
    cells: Sequence[Stratum], chosen: Mapping[str, Candidate], *, settings: Settings
) -> pd.DataFrame:
    """Return the `null` table: what was observed, and what data without groups give.

    The statistic is that of the chosen setting, see `distinct`. Draw number i depends on the
    seed, the cell and i alone, so any number of workers gives the same table.

    Parameters
    ----------
    cells
        As `stratum.gather` returns.
    chosen
        As `sweep.run` returns; cells without a chosen setting are left out.
    settings
        How groups are looked for; `null_draws` of each reference.

    References
    ----------
    Tibshirani, Walther & Hastie (2001), reference distributions, doi:10.1111/1467-9868.00293.
    """
    rows = []
    for cell in (cell for cell in cells if cell.arm in chosen):
        own = chosen[cell.arm]
        points = sweep.reduced(cell, settings).points
        rows.append({**cell.key, "reference": "observed", "draw": 0} | _evidence(own, points))
        draws = range(1, settings.null_draws + 1)
        jobs = [(cell, name, number, settings) for name in REFERENCES for number in draws]
        found = parallel.each(_once, jobs, workers=settings.workers, dask=settings.dask)
        rows += [
            {**cell.key, "reference": name, "draw": number} | evidence
            for (_, name, number, _), evidence in zip(jobs, found, strict=True)
        ]
    kinds = {"kl_grade": "int64", "draw": "int64", "phenotypes": "int64", "statistic": "float64"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def distinct(again: float, dbcv: float) -> float:
    """Return how distinct groups are, 0 to 1: the share of knees found again times their validity.

    Neither would do alone. Halves of one even cloud are found again and again with no gap between
    them; two chance islands have a gap, and are lost when people are left out.

    Parameters
    ----------
    again
        Share of knees that lie in a group which comes back when people are left out.
    dbcv
        Density-based validity, -1 to 1; missing or below 0 counts as 0.
    """
    return float(again * max(np.nan_to_num(dbcv), 0.0))


def gaussian(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return normal points (knees, features) with the mean and covariance of `points`."""
    centre = points.mean(axis=0)
    weights = rng.standard_normal((len(points), len(points)))
    return centre + weights @ (points - centre) / np.sqrt(len(points) - 1)


def uniform(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return points (knees, features) even along the principal axes of `points`, as wide as they.

    Among clouds with one summit the even one is most easily split (Tibshirani, Walther & Hastie
    2001, doi:10.1111/1467-9868.00293, their reference by principal axes). Mean and covariance
    are those of `points`.
    """
    centre = points.mean(axis=0)
    _, widths, axes = np.linalg.svd(points - centre, full_matrices=False)
    even = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(len(points), len(widths)))
    return centre + even * (widths / np.sqrt(len(points) - 1)) @ axes


def shuffled(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `points` (knees, features) with each column shuffled by itself."""
    return rng.permuted(points, axis=0)


def p_value(null: pd.DataFrame, reference: str) -> float:
    """Return the share of draws of one cell that do at least as well as what was observed.

    References
    ----------
    Phipson & Smyth (2010), p values are never zero, doi:10.2202/1544-6115.1585.
    """
    observed = null.loc[null["reference"] == "observed", "statistic"].iloc[0]
    drawn = null.loc[null["reference"] == reference, "statistic"]
    return float((1 + (drawn >= observed).sum()) / (1 + len(drawn)))


def _once(cell: Stratum, reference: str, number: int, settings: Settings) -> dict[str, float]:
    place = REFERENCES.index(reference)
    rng = np.random.default_rng([settings.seed, *cell.sequence(place, number)])
    make = {"gaussian": gaussian, "shuffled": shuffled, "uniform": uniform}[reference]
    other = cell.with_points(make(cell.points, rng))
    points = sweep.reduced(other, settings).points
    return _evidence(sweep.taken(points, other.people, settings=settings), points)


def _evidence(tried: Candidate, points: np.ndarray) -> dict[str, float]:
    dbcv = hdbscan_tree.dbcv(points, tried.labels)
    return {"phenotypes": tried.phenotypes, "statistic": distinct(tried.score, dbcv)}
