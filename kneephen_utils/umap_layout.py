"""UMAP layout: points of many dimensions laid out in two, as published, from exact neighbours."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.neighbors import NearestNeighbors

NEIGHBORS, MIN_DIST = 15, 0.1  # of the published recipe; a point counts among its neighbours
MEMORY = 64  # MB of distances held at once: memory must not grow as the square of the points


def lay_out(points: np.ndarray, *, seed: int) -> np.ndarray:
    """Return points (n, dimensions) as places in a plane (n, 2).

    The graph of neighbours is found exactly, by cosine distance, which is several times
    faster than the approximate search UMAP would make. New points cannot be placed on it.

    Parameters
    ----------
    points
        Array (n, dimensions), n at least 3.
    seed
        Of the layout, which is the same for the same seed on one kind of machine.

    References
    ----------
    McInnes, Healy & Melville (2018), UMAP, doi:10.48550/arXiv.1802.03426.
    """
    near = min(NEIGHBORS, len(points) - 1)
    distances, indices = nearest(points, near)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that new points cannot be laid out
        layout = _umap()(
            n_neighbors=near,
            min_dist=MIN_DIST,
            metric="cosine",
            precomputed_knn=(indices, distances.astype(np.float32), None),
            random_state=seed,
            n_jobs=1,
        ).fit_transform(points)
    return np.asarray(layout, dtype=float)


@cache
def _umap() -> Any:
    """Return UMAP with its slowest steps compiled once and kept, not anew in every process."""
    from umap import UMAP, umap_  # seconds to import

    for step in (umap_.smooth_knn_dist, umap_.compute_membership_strengths):
        step.enable_caching()
    return UMAP


def nearest(
    points: np.ndarray, near: int, *, metric: str = "cosine"
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and rows of the `near` nearest of each point, itself among them."""
    graph = NearestNeighbors(n_neighbors=near, metric=metric, algorithm="brute").fit(points)
    with config_context(working_memory=MEMORY):
        distances, indices = graph.kneighbors(points)
    return distances, indices
