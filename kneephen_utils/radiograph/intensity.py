"""Intensity: grey values of a crop become bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CLIP = 2.0  # times the mean count of a bin, above which a histogram is cut
TILES = 8  # tiles along each side of the picture
BINS = 256


def window(picture: np.ndarray, percentiles: Sequence[float]) -> np.ndarray:
    """Map the range between two percentiles to the bytes 0 to 255.

    Parameters
    ----------
    picture
        Array of grey values; missing values (outside the film) become black.
    percentiles
        What becomes black and what becomes white, 0 to 100.

    Raises
    ------
    ValueError
        If nothing lies between the two percentiles.
    """
    low, high = np.nanpercentile(picture, percentiles)
    if not high > low:
        raise ValueError("the picture has one grey value only")
    scaled = np.clip((picture - low) / (high - low), 0, 1)
    return np.round(255 * np.nan_to_num(scaled)).astype(np.uint8)


def equalise(picture: np.ndarray) -> np.ndarray:
    """Equalise contrast locally, limiting how much noise may be amplified (CLAHE).

    Parameters
    ----------
    picture
        Square array of bytes whose side is a multiple of `TILES`.

    References
    ----------
    Zuiderveld (1994), Graphics Gems IV, doi:10.1016/B978-0-12-336156-1.50061-6.
    """
    side = picture.shape[0] // TILES
    tiles = picture.reshape(TILES, side, TILES, side).swapaxes(1, 2).reshape(TILES, TILES, -1)
    curves = np.apply_along_axis(_curve, 2, tiles)  # (TILES, TILES, BINS)
    place = (np.arange(picture.shape[0]) + 0.5) / side - 0.5
    before = np.clip(np.floor(place).astype(int), 0, TILES - 2)
    share = np.clip(place - before, 0, 1)
    result = np.zeros(picture.shape)
    for down in (0, 1):
        for across in (0, 1):
            rows, columns = before + down, before + across
            weight_rows = share if down else 1 - share
            weight_columns = share if across else 1 - share
            values = curves[rows[:, None], columns[None, :], picture]
            result += weight_rows[:, None] * weight_columns[None, :] * values
    return np.round(result).astype(np.uint8)


def _curve(values: np.ndarray) -> np.ndarray:
    """Return the grey value each byte is mapped to in one tile."""
    counts = np.bincount(values, minlength=BINS).astype(float)
    limit = CLIP * values.size / BINS
    excess = np.clip(counts - limit, 0, None).sum()
    counts = np.minimum(counts, limit) + excess / BINS
    return (BINS - 1) * counts.cumsum() / values.size
