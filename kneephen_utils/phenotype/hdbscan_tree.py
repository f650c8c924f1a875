"""HDBSCAN tree: HDBSCAN in two steps, so that one tree serves every size of group.

The tree depends on `min_samples` alone; cutting it for another `min_cluster_size` costs a
thousandth of growing it. Trees and cuts are those of `fast_hdbscan`, one implementation for
everything; its version is bounded because these functions are not in its manual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from fast_hdbscan import hdbscan as trees

UNASSIGNED = -1


@dataclass(frozen=True)
class Tree:
    """The linkage of mutual-reachability distances of some points."""

    linkage: np.ndarray  # (points - 1, 4): two nodes, distance, size
    points: int


def grow(points: np.ndarray, *, min_samples: int) -> Tree:
    """Return the tree of points (n, dimensions), exact however many dimensions they have.

    Above 30 dimensions `fast_hdbscan` by itself turns to approximate neighbours, which join
    some points wrongly and are compiled anew in every process; the exact search costs the
    square of the points there.

    Parameters
    ----------
    points
        Array (n, dimensions), n at least 3.
    min_samples
        Points around a point to call it dense.

    References
    ----------
    Campello, Moulavi & Sander (2013), doi:10.1007/978-3-642-37456-2_14.
    """
    samples = max(1, min(min_samples, len(points) - 1))
    points = np.ascontiguousarray(points, dtype=np.float64)
    edges, *_ = trees.parallel_boruvka(
        trees.build_kdtree(points),
        numba.get_num_threads(),
        min_samples=samples,
        sample_weights=np.empty(1, dtype=np.float32),  # one: points weigh the same
        reproducible=True,
    )
    order = np.lexsort((edges.T[1], edges.T[0], edges.T[2]))
    return Tree(trees.mst_to_linkage_tree(edges[order]), len(points))


def cut(tree: Tree, *, min_cluster_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each point, 0 the largest and -1 none, and its membership, 0 to 1."""
    condensed, chosen, labels = _split(tree.linkage, min_cluster_size)
    if not len(chosen):
        return labels, np.zeros(tree.points)
    strength = trees.get_point_membership_strength_vector(condensed, chosen, labels)
    return by_size(labels), np.where(labels == UNASSIGNED, 0.0, np.clip(strength, 0, 1))


def cuts(tree: Tree, *, sizes: Sequence[int]) -> np.ndarray:
    """Return the groups that `cut` gives for each size, (sizes, points), compiled as a whole."""
    return _cuts(tree.linkage, np.asarray(sizes, dtype=np.int64))


@numba.njit(cache=True)
def by_size(labels: np.ndarray) -> np.ndarray:
    """Return labels renumbered so that 0 is the largest group; -1 stays."""
    sizes = np.bincount(labels[labels != UNASSIGNED])
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="mergesort")] = np.arange(len(sizes))  # that of numpy is stable
    return np.array([rank[each] if each != UNASSIGNED else UNASSIGNED for each in labels])


@numba.njit(cache=True)
def _split(linkage: np.ndarray, size: int) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    condensed = trees.condense_tree(linkage, size)
    branches = trees.cluster_tree_from_condensed_tree(condensed)
    chosen = trees.extract_eom_clusters(condensed, branches)
    labels = trees.get_cluster_label_vector(condensed, chosen, 0.0, len(linkage) + 1)
    return condensed, chosen, labels


@numba.njit(cache=True)
def _cuts(linkage: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    found = np.empty((len(sizes), len(linkage) + 1), dtype=np.int64)
    for place, size in enumerate(sizes):
        found[place] = by_size(_split(linkage, size)[2])
    return found


def groups(labels: np.ndarray) -> int:
    """Return the number of groups, noise not counted."""
    return int(labels.max(initial=UNASSIGNED)) + 1


def dbcv(points: np.ndarray, labels: np.ndarray) -> float:
    """Return density-based validity, -1 to 1; missing with fewer than two groups.

    It describes how much denser groups are than the space between them. It is no test: data
    without groups can reach high values.

    References
    ----------
    Moulavi et al. (2014), doi:10.1137/1.9781611973440.96.
    """
    from hdbscan.validity import validity_index  # a second to import

    sizes = np.bincount(labels[labels != UNASSIGNED]) if groups(labels) else np.zeros(0)
    if len(sizes) < 2 or sizes.min() < 3:
        return float("nan")
    value = validity_index(np.ascontiguousarray(points, dtype=np.float64), labels)
    return float(np.clip(value, -1, 1)) if np.isfinite(value) else float("nan")
