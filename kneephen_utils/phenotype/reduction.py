"""Reduction: from fused features to the few dimensions in which density is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from kneephen_utils import umap_layout

REDUCERS = ("none", "pca", "umap")
PUBLISHED_ARM = "fused"  # reduced as published whatever the reducer of the other arms


@dataclass(frozen=True)
class Reduction:
    """Reduced discover points, and how other points come into a space where they are near."""

    points: np.ndarray  # (discover knees, dimensions): where groups are looked for
    near: np.ndarray  # (discover knees, dimensions): where neighbours are looked for
    model: Any  # maps other points into the space of `near`; None if it is the fused space

    def place(self, features: np.ndarray) -> np.ndarray:
        """Return other knees (n, features) in the space of `near`."""
        return features if self.model is None else self.model.transform(features)


def reducer_of(arm: str, reducer: str) -> str:
    """Return the reducer of an arm: the published arm is always reduced as published."""
    if reducer not in REDUCERS:
        raise ValueError(f"reducer {reducer!r} is unknown; expected {', '.join(REDUCERS)}")
    return "umap" if arm == PUBLISHED_ARM else reducer


def reduce(points: np.ndarray, *, reducer: str, components: int, seed: int) -> Reduction:
    """Reduce points (knees, features).

    `pca` keeps the leading components, and other knees are projected on them; `umap` lays the
    points out in a plane as published, where nothing new can be placed exactly, so neighbours
    are looked for among the unreduced features; `none` leaves the points as they are.

    References
    ----------
    McInnes, Healy & Melville (2018), UMAP, doi:10.48550/arXiv.1802.03426.
    """
    if reducer == "pca":
        kept = max(1, min(components, len(points) - 1, points.shape[1]))
        model = PCA(kept, svd_solver="full").fit(points)
        low = model.transform(points)
        return Reduction(low, low, model)
    if reducer == "umap":
        return Reduction(umap_layout.lay_out(points, seed=seed), points, None)
    return Reduction(points, points, None)
