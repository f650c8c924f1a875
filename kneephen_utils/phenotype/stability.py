"""Stability: whether a phenotype is found again when people are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from kneephen_utils import parallel
from kneephen_utils.phenotype import pairwise_separation, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

NAMED = 0.75  # least mean Jaccard of a phenotype that carries a name
COLUMNS = ["kl_grade", "arm", "phenotype", "knees", "participants", "jaccard", "low", "high"]
COLUMNS += ["switched", "rechosen"]
CHOICES = 5  # times the setting is chosen anew
STEP = 1009  # between the seeds of two choices


def stability_table(
    cells: Sequence[Stratum], chosen: Mapping[str, Candidate], *, settings: Settings
) -> pd.DataFrame:
    """Return the `stability` table: one row per phenotype of each cell.

    A fifth of the people is left out, the rest is searched again, and the Jaccard index with
    the group that fits best is taken; its mean, and its 2.5 and 97.5 percentile, are over
    these subsamples. `switched` is the share of its knees that end in another group, or in
    none, when groups are matched one to one. `rechosen` is that of the cell, see there. Below a
    mean Jaccard of 0.75 a phenotype keeps its letter and earns no name.

    References
    ----------
    Hennig (2007), doi:10.1016/j.csda.2006.11.025.
    """
    rows = []
    for cell in (cell for cell in cells if cell.arm in chosen):
        own = chosen[cell.arm]
        if not own.phenotypes:
            continue
        points = sweep.reduced(cell, settings).points
        found = pairwise_separation.recovery(points, cell.people, own, settings=settings)
        switched = pairwise_separation.switched(own.labels, found)
        anew = rechosen(points, cell.people, own, settings=settings)
        for phenotype in range(own.phenotypes):
            again, inside = own.jaccard[:, phenotype], own.labels == phenotype
            low, high = np.quantile(again, [0.025, 0.975])
            counts = int(inside.sum()), int(cell.people[inside].nunique())
            shares = again.mean(), low, high, switched[phenotype], anew
            rows.append((*cell.key.values(), phenotype, *counts, *shares))
    kinds = {"kl_grade": "int64", "phenotype": "int64", "knees": "int64", "participants": "int64"}
    kinds |= dict.fromkeys(["jaccard", "low", "high", "switched", "rechosen"], "float64")
    table = pd.DataFrame(rows, columns=COLUMNS).astype(kinds)
    return table.assign(named=table["jaccard"] >= NAMED)


def rechosen(points: np.ndarray, people: pd.Series, own: Candidate, *, settings: Settings) -> float:
    """Return the least agreement with the groups of a setting chosen anew, by adjusted Rand index.

    Which setting wins depends on the subsamples that were drawn. Where other draws lead to other
    groups, the first were one of several answers that the knees allow.

    Parameters
    ----------
    points
        Reduced discover knees (knees, dimensions).
    people
        Participant of each row.
    own
        The setting that was chosen, with its groups.
    settings
        How groups are looked for; each choice anew has its own seed.
    """
    jobs = [
        (points, people, replace(settings, seed=settings.seed + STEP * number, workers=1))
        for number in range(1, CHOICES + 1)
    ]
    found = parallel.each(_choose, jobs, workers=settings.workers, dask=settings.dask)
    return min(float(adjusted_rand_score(own.labels, labels)) for labels in found)


def _choose(points: np.ndarray, people: pd.Series, settings: Settings) -> np.ndarray:
    return sweep.taken(points, people, settings=settings).labels
