"""Readout: whether groups can be read off the picture in other people.

Groups of noise move when pictures are shuffled, and a classifier learns any partition of the
points it was cut from. So the people are halved, groups are looked for in each half anew, and
what one half learns to read off its pictures is held against the groups of the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline

from kneephen_utils.phenotype import hdbscan_tree, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

HALVINGS = 5
AXES = 10  # principal components of the picture that the classifier sees


def agreement(cell: Stratum, found: Candidate, *, settings: Settings) -> float:
    """Return how well groups are read off the picture in people who did not make them.

    Parameters
    ----------
    cell
        Knees of a grade in an arm; its discover people are halved.
    found
        The setting that was taken; its least size is halved too.
    settings
        How groups are looked for.

    Returns
    -------
    The adjusted Rand index between the groups of one half and those that a linear discriminant
    analysis of the picture, learnt in the other half, gives to the same knees; the mean of both
    ways over five halvings. A half without two groups counts 0. Missing without a picture.

    References
    ----------
    Tibshirani & Walther (2005), prediction strength, doi:10.1198/106186005X59243.
    """
    if not cell.picture.any():
        return float("nan")
    scores = []
    for rows in _halvings(cell, settings):
        groups = [_groups(cell, own, found, settings) for own in rows]
        for one, other in ((0, 1), (1, 0)):
            seen = [cell.points[own][:, cell.picture] for own in rows]
            scores.append(_read(seen[one], groups[one], seen[other], groups[other]))
    return float(np.mean(scores))


def _halvings(cell: Stratum, settings: Settings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the row positions of two halves of the people."""
    names = np.unique(cell.people.to_numpy())
    for number in range(HALVINGS):
        rng = np.random.default_rng([settings.seed, *cell.sequence(5, number)])
        half = rng.permutation(names)[: len(names) // 2]
        own = cell.people.isin(half).to_numpy()
        yield np.flatnonzero(own), np.flatnonzero(~own)


def _groups(cell: Stratum, rows: np.ndarray, found: Candidate, settings: Settings) -> np.ndarray:
    """Return the groups that the setting finds among some knees alone."""
    part = cell.of(rows)
    size = max(2, round(found.min_cluster_size * len(rows) / len(cell.points)))
    low = sweep.reduced(part, settings).points
    tree = hdbscan_tree.grow(low, min_samples=min(found.min_samples, len(rows) - 1))
    return hdbscan_tree.cut(tree, min_cluster_size=size)[0]


def _read(learnt: np.ndarray, labels: np.ndarray, others: np.ndarray, own: np.ndarray) -> float:
    """Return how well `own` groups agree with those read off the pictures of `others`."""
    grouped, asked = labels != hdbscan_tree.UNASSIGNED, own != hdbscan_tree.UNASSIGNED
    if min(hdbscan_tree.groups(labels), hdbscan_tree.groups(own)) < 2:
        return 0.0
    axes = min(AXES, int(grouped.sum()) - 1, learnt.shape[1])
    model = make_pipeline(
        PCA(axes, svd_solver="full"), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    )
    model.fit(learnt[grouped], labels[grouped])
    return float(adjusted_rand_score(own[asked], model.predict(others[asked])))
