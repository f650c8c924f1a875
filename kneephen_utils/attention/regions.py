"""Regions: named parts of a crop and a blob in its centre, for any grid of patches.

A crop is centred on the joint, midway between the surfaces, and has the same size in mm for
every knee, so that fixed boxes find the same anatomy. They are drawn wide enough for large
knees and for a joint found a few mm off; they are no segmentation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats


class Box(NamedTuple):
    """Edges in mm from the joint centre; right is medial, down is towards the foot."""

    left: float
    right: float
    top: float
    bottom: float


BOXES = {
    "joint_space": Box(-40.0, 40.0, -10.0, 7.0),
    "femoral_condyles": Box(-42.0, 42.0, -38.0, -10.0),
    "tibial_plateau": Box(-42.0, 42.0, 7.0, 21.0),
}
BORDER = "border"
BORDER_WIDTH = 10.0  # mm along each edge of the crop
REGIONS = [*BOXES, BORDER]


def cover(grid: int, *, region: float) -> pd.DataFrame:
    """Return how much of each patch each region covers.

    Parameters
    ----------
    grid
        Patches along a side.
    region
        Side of the crop, mm.

    Returns
    -------
    One row per patch, row by row from the top left; one column per region, 0 to 1. The mean of
    a column is the share of the picture the region covers.
    """
    half = region / 2 - BORDER_WIDTH
    inner = Box(-half, half, -half, half)
    shares = {name: _covered(box, grid, region) for name, box in BOXES.items()}
    return pd.DataFrame({**shares, BORDER: 1 - _covered(inner, grid, region)})


def centre_prior(grid: int, *, region: float, width: float) -> np.ndarray:
    """Return a map (grid * grid,) that looks at no picture: a round blob on the joint centre.

    Parameters
    ----------
    grid
        Patches along a side.
    region
        Side of the crop, mm.
    width
        Standard deviation of the blob, mm.
    """
    along = np.diff(stats.norm.cdf(_edges(grid, region) / width))
    blob = np.outer(along, along).ravel()
    return blob / blob.sum()


def _edges(grid: int, region: float) -> np.ndarray:
    """Return the edges of the patches along a side, mm from the centre."""
    return np.linspace(-region / 2, region / 2, grid + 1)


def _covered(box: Box, grid: int, region: float) -> np.ndarray:
    edges = _edges(grid, region)
    size = region / grid
    across, down = (
        np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) / size
        for low, high in ((box.left, box.right), (box.top, box.bottom))
    )
    return np.outer(down, across).ravel()
