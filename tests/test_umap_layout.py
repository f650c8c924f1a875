"""Plane: neighbours are exact, and finding them takes memory for a part of the points at a time."""

from __future__ import annotations

import tracemalloc

import numpy as np

from kneephen_utils import umap_layout


def test_neighbours_are_those_of_the_whole_table_of_distances() -> None:
    points = np.random.default_rng(1).standard_normal((300, 12))
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    whole = 1 - unit @ unit.T
    distances, rows = umap_layout.nearest(points, 15)
    assert np.array_equal(rows[:, 1:], np.argsort(whole, axis=1, kind="stable")[:, 1:15])
    np.testing.assert_allclose(distances, np.sort(whole, axis=1)[:, :15], atol=1e-12)


def test_the_distances_of_all_points_are_never_held_at_once() -> None:
    points = np.random.default_rng(2).standard_normal((5000, 8))
    tracemalloc.start()
    try:
        umap_layout.nearest(points, 15)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 0.9 * 8 * len(points) ** 2, "as much as the square of the points"
