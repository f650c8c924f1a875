"""Pairwise separation: how two phenotypes relate, and whether their knees stay apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from kneephen_utils.phenotype import hdbscan_tree, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate
from kneephen_utils.stats import cluster_resampling

COLUMNS = ["kl_grade", "arm", "phenotype", "other", "together", "distance"]
Again = Sequence[tuple[np.ndarray, np.ndarray]]  # rows and groups of each subsample


def measure(
    cells: Sequence[Stratum], chosen: Mapping[str, Candidate], *, settings: Settings
) -> pd.DataFrame:
    """Return the `pairs` table: one row per ordered pair of phenotypes of each cell.

    `together` sums up the co-assignment matrix of the knees: of two knees, one of each phenotype,
    the share that lands in one group when a fifth of the people is left out. `distance` lies
    between the means, in standard deviations within the phenotypes along the line that joins them.

    References
    ----------
    Monti et al. (2003), consensus clustering, doi:10.1023/A:1023949509487.
    """
    rows = []
    for cell in (cell for cell in cells if cell.arm in chosen):
        own, points = chosen[cell.arm], sweep.reduced(cell, settings).points
        found = recovery(points, cell.people, own, settings=settings)
        together = coassigned(own.labels, found)
        for one in range(own.phenotypes):
            for other in range(own.phenotypes):
                apart = separation(points[own.labels == one], points[own.labels == other])
                rows.append((*cell.key.values(), one, other, together[one, other], apart))
    kinds = dict.fromkeys(["kl_grade", "phenotype", "other"], "int64")
    kinds |= dict.fromkeys(["together", "distance"], "float64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def recovery(
    points: np.ndarray, people: pd.Series, one: Candidate, *, settings: Settings
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rows and groups of every subsample of the people, searched with one setting."""
    size, found = sweep.fitting(one.min_cluster_size), []
    for rows in cluster_resampling.subsample_people(
        people, draws=settings.draws, share=sweep.SUBSAMPLE_SHARE, seed=settings.seed
    ):
        tree = hdbscan_tree.grow(points[rows], min_samples=one.min_samples)
        found.append((rows, hdbscan_tree.cut(tree, min_cluster_size=size)[0]))
    return found


def coassigned(labels: np.ndarray, found: Again) -> np.ndarray:
    """Return the mean co-assignment of knees of each two phenotypes, (phenotypes, phenotypes).

    A knee is not paired with itself, and knees in no group are together with none.
    """
    size = hdbscan_tree.groups(labels)
    total, drawn = np.zeros((size, size)), np.zeros((size, size))
    for rows, groups in found:
        counts = crossed(labels[rows], groups, size)
        inside = np.bincount(labels[rows][labels[rows] >= 0], minlength=size)
        total += counts @ counts.T - np.diag(counts.sum(axis=1))
        drawn += np.outer(inside, inside) - np.diag(inside)
    return np.divide(total, drawn, out=np.full((size, size), np.nan), where=drawn > 0)


def switched(labels: np.ndarray, found: Again) -> np.ndarray:
    """Return the share of the knees of each phenotype that switch, (phenotypes,).

    In every subsample phenotypes and groups are matched one to one so that most knees stay;
    a knee that is then in another group, or in none, has switched.

    References
    ----------
    Kuhn (1955), doi:10.1002/nav.3800020109.
    """
    size = hdbscan_tree.groups(labels)
    stayed, drawn = np.zeros(size), np.zeros(size)
    for rows, groups in found:
        counts = crossed(labels[rows], groups, size)
        own, given = linear_sum_assignment(-counts)
        stayed[own] += counts[own, given]
        drawn += np.bincount(labels[rows][labels[rows] >= 0], minlength=size)
    return np.asarray(1 - np.divide(stayed, drawn, out=np.zeros(size), where=drawn > 0))


def crossed(labels: np.ndarray, groups: np.ndarray, size: int) -> np.ndarray:
    """Return how many knees of each of `size` phenotypes are in each group."""
    counts = np.zeros((size, hdbscan_tree.groups(groups)), dtype=int)
    held = (labels >= 0) & (groups >= 0)
    np.add.at(counts, (labels[held], groups[held]), 1)
    return counts


def separation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the distance of the means of two clouds (knees, dimensions), in their own spread."""
    line = one.mean(axis=0) - other.mean(axis=0)
    length = float(np.linalg.norm(line))
    if not length:
        return 0.0
    spread = [(cloud - cloud.mean(axis=0)) @ line / length for cloud in (one, other)]
    freedom = max(len(one) + len(other) - 2, 1)
    return length / float(np.sqrt(sum((each**2).sum() for each in spread) / freedom))
