"""Assignment: other people's knees receive the groups that were found, frozen, or abstain.

A knee takes the group of the discover knees around it, if most of them agree and it lies
no farther from them than they lie from each other. It never makes a new group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from kneephen_utils.phenotype import hdbscan_tree, sweep
from kneephen_utils.phenotype.reduction import Reduction
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

NEIGHBORS = 7  # discover knees a new knee is compared with
MAJORITY = 0.5  # of them, weighted by membership, must agree
SAME = 1e-5  # distance below which a knee is one of the discover knees
FARTHEST = 0.99  # quantile of the discover knees' own distances beyond which a knee drifts
COLUMNS = ["kl_grade", "arm", "knee_id", "split", "phenotype", "membership", "drift"]


def assign(
    cells: Sequence[Stratum], chosen: Mapping[str, Candidate], *, settings: Settings
) -> pd.DataFrame:
    """Return the `phenotypes` table: discover knees as found, confirm knees as assigned.

    Parameters
    ----------
    cells
        As `stratum.gather` returns.
    chosen
        As `sweep.run` returns; in a cell without a chosen setting no knee is in a group.
    settings
        How groups were looked for.
    """
    parts = []
    for cell in cells:
        phenotype = np.full(len(cell.knees), hdbscan_tree.UNASSIGNED)
        membership, drift = np.zeros(len(cell.knees)), np.zeros(len(cell.knees), dtype=bool)
        if cell.arm in chosen:
            own, low = chosen[cell.arm], sweep.reduced(cell, settings)
            phenotype[cell.discover], membership[cell.discover] = own.labels, own.membership
            others = low.place(cell.features.to_numpy()[~cell.discover])
            rest = np.flatnonzero(~cell.discover)
            phenotype[rest], membership[rest], drift[rest] = vote(
                low, own.labels, own.membership, others
            )
        known = cell.knees[["knee_id", "split"]].assign(**cell.key)
        parts.append(known.assign(phenotype=phenotype, membership=membership, drift=drift))
    table = pd.concat(parts, ignore_index=True)[COLUMNS]
    return table.astype({"kl_grade": "int64", "phenotype": "int64"})


def vote(
    low: Reduction, labels: np.ndarray, membership: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the group, its membership and the drift of other knees.

    Parameters
    ----------
    low
        The discover knees, reduced.
    labels, membership
        Their groups, -1 for none, and how much they belong, (discover knees,).
    others
        Other knees in the space where neighbours are looked for, (n, dimensions).

    Returns
    -------
    Arrays (n,): a group, or -1 where the knee abstains; the share of its neighbours, weighted
    by their membership, that are in that group; whether it lies too far away.
    """
    if not len(others):
        return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=bool)
    near = min(NEIGHBORS, len(low.near) - 1)
    index = NearestNeighbors(n_neighbors=near).fit(low.near)
    limit = np.quantile(index.kneighbors()[0].mean(axis=1), FARTHEST)
    distances, neighbors = index.kneighbors(others)
    drift = distances.mean(axis=1) > limit
    groups = max(hdbscan_tree.groups(labels), 1)
    votes = np.zeros((len(others), groups))
    for group in range(groups):
        weight = np.where(labels == group, membership, 0.0)
        votes[:, group] = weight[neighbors].sum(axis=1) / near
    best, share = votes.argmax(axis=1), votes.max(axis=1)
    held = (share >= MAJORITY) & ~drift
    given, sure = np.where(held, best, hdbscan_tree.UNASSIGNED), np.where(held, share, 0.0)
    same = distances[:, 0] < SAME  # a knee the groups were found in keeps what it was given
    first = neighbors[same, 0]
    given[same], sure[same], drift[same] = labels[first], membership[first], False
    return given, sure, drift
