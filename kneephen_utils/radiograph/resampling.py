"""Resampling: softens a picture and reads it at other places, a row and a column at a time.

Softening and linear interpolation act on rows and columns alike and are linear. So each is
a thin matrix, and only the places that are asked for are computed.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse


def box(size: int) -> np.ndarray:
    """Return the weights of the mean over `size` pixels."""
    return np.full(size, 1 / size)


def bell(sigma: float, truncate: float) -> np.ndarray:
    """Return the weights of a Gaussian (`sigma` in pixels), cut at `truncate` sigma."""
    reach = int(truncate * sigma + 0.5)
    if reach == 0:
        return np.ones(1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()


def rows(length: int, places: np.ndarray, soft: np.ndarray) -> sparse.csr_array:
    """Return the matrix (places, length) that softens a line and reads it at these places.

    Parameters
    ----------
    length
        Pixels of the line.
    places
        Where to read, in pixels from the middle of the first; linear in between.
    soft
        Weights of the softening, from the pixel `len(soft) // 2` before. Beyond its ends the
        line is continued by its mirror image.
    """
    first = np.floor(places)
    share = (places - first)[:, None]
    tap = np.arange(len(soft) + 1) - len(soft) // 2
    weights = (1 - share) * np.append(soft, 0) + share * np.append(0, soft)
    columns = np.mod(first.astype(int)[:, None] + tap, 2 * length)
    columns = np.where(columns < length, columns, 2 * length - 1 - columns)
    ends = np.arange(len(places) + 1) * len(tap)
    shape = (len(places), length)
    return sparse.csr_array((weights.astype(np.float32).ravel(), columns.ravel(), ends), shape)


def apply(down: sparse.csr_array, picture: np.ndarray, across: sparse.csr_array) -> np.ndarray:
    """Return the picture softened and read by one matrix down and one across."""
    used = slice(int(across.indices.min()), int(across.indices.max()) + 1)
    lines = down @ np.ascontiguousarray(picture[:, used])
    return np.ascontiguousarray((across[:, used] @ np.ascontiguousarray(lines.T)).T)
