"""Knee template: what the edges of a knee look like from behind or in front, as a matched filter.

The outline of distal femur and proximal tibia is drawn once from anatomy, in millimetres,
for a femur 80 mm wide. Only the direction of its edges is used, not its grey values, so it
carries over between films of different exposure, and between rendered and real ones.

The outline is first swept over the whole film in cells twice as wide, then laid cell by cell
around the places where it fitted best.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image, ImageDraw
from scipy import fft, ndimage

Contour = tuple[tuple[float, float], ...]

GRID = 2.0  # mm per cell, at which knees are searched
HALF_WIDTH, HALF_HEIGHT = 54.0, 66.0  # mm, extent of the filter about the joint centre
SIZES = (0.80, 0.88, 0.96, 1.05, 1.15, 1.25)  # of a femur 80 mm wide
TURNS = (-7.0, 0.0, 7.0)  # degrees in the plane of the film
FEMUR: Contour = (
    *((-16, -90), (-17, -66), (-24, -48), (-36, -36), (-40, -26), (-38, -13), (-32, -5)),
    *((-22, -2.5), (-12, -5), (-6, -12), (0, -16), (6, -12), (12, -5), (22, -2.5)),
    *((32, -5), (39, -13), (41, -26), (37, -37), (25, -50), (17, -66), (16, -90)),
)
TIBIA: Contour = (
    *((-39, 7), (-36, 3), (-22, 3.5), (-10, 2.5), (-5, -4), (0, 0), (5, -4), (10, 2.5)),
    *((22, 3.5), (36, 3), (39, 7), (36, 16), (28, 28), (20, 42), (15, 62), (14, 90)),
    *((-14, 90), (-15, 62), (-20, 42), (-28, 28), (-36, 16)),
)
FIBULA_OUT, FIBULA_DOWN = (20.0, 50.0, 1.0), (22.0, 62.0, 2.0)  # mm from the joint, and steps
SOFTNESS = 2.0  # mm, blur of the drawn edges
AROUND = 31  # cells over which the usual strength of edges is taken, an odd number
FINE = 4  # the outline is drawn this much finer than the grid


class Pose(NamedTuple):
    """Size relative to a femur 80 mm wide, and turn in degrees, of one filter."""

    size: float
    turn: float


POSES = [Pose(size, turn) for size in SIZES for turn in TURNS]
SWEPT = [Pose(size, turn) for size in (0.84, 1.0, 1.2) for turn in TURNS]  # coarser, so fewer


def edges(picture: np.ndarray) -> np.ndarray:
    """Return the edge field (2, rows, columns) of a picture on the grid, strength evened out.

    Each vector is divided by the usual strength around it, so that faint and strong
    contours count alike; its length stays below 1.
    """
    field = np.stack([ndimage.sobel(picture, axis=axis) for axis in (0, 1)])
    power = (field**2).sum(axis=0)
    around = ndimage.uniform_filter(power, AROUND, mode="nearest")
    floor = max(float(power.mean()) * 1e-2, 1e-12)
    return field / np.sqrt(power + around + floor)


def turn(field: np.ndarray, quarters: int) -> np.ndarray:
    """Turn an edge field by quarters anticlockwise: places and directions both."""
    for _ in range(quarters):
        down, across = (np.rot90(part) for part in field)
        field = np.stack([-across, down])
    return field


def halve(field: np.ndarray) -> np.ndarray:
    """Average an edge field, or sum of one, over cells twice as wide; an odd edge is dropped."""
    rows, columns = (length // 2 * 2 for length in field.shape[1:])
    parts = [field[:, y:rows:2, x:columns:2] for y in (0, 1) for x in (0, 1)]
    return np.add(parts[0] + parts[1], parts[2] + parts[3]) / 4


def sweep(coarse: np.ndarray) -> np.ndarray:
    """Return how well each of `SWEPT` fits at each cell of a halved field, -1 to 1.

    Array (poses, rows, columns); 1 means that every piece of the outline meets a
    strong edge of the right direction. Cell (row, column) is cell (2 row + 1, 2 column + 1)
    of the field that was halved.
    """
    rows, columns = coarse.shape[1:]
    tall, wide = _coarse(SWEPT[0]).shape[1:]
    padded = _padded(rows + tall - 1), _padded(columns + wide - 1)
    spectrum = fft.rfft2(coarse.astype(np.float32), padded)
    fit = fft.irfft2((_bank(padded) * spectrum).sum(axis=1), padded)
    return fit[:, tall // 2 : tall // 2 + rows, wide // 2 : wide // 2 + columns]


def fit(field: np.ndarray, row: int, column: int, reach: int) -> np.ndarray:
    """Return how well every pose fits around one place, -1 to 1.

    Array (poses, 2 reach + 1, 2 reach + 1) whose middle is the cell asked for.
    """
    tall, wide = (length // 2 for length in draw(POSES[0]).shape[1:])
    around = patch(field, row, column, tall + reach, wide + reach)
    views = sliding_window_view(around, (2 * tall + 1, 2 * wide + 1), axis=(1, 2))
    side = 2 * reach + 1
    flat = views.transpose(1, 2, 0, 3, 4).reshape(side**2, -1)
    return (_shapes() @ flat.T).reshape(-1, side, side)


def patch(field: np.ndarray, row: int, column: int, tall: int, wide: int) -> np.ndarray:
    """Return the cells up to `tall` and `wide` away from a place; there are no edges outside."""
    rows, columns = field.shape[1:]
    around = np.zeros((2, 2 * tall + 1, 2 * wide + 1), dtype=np.float32)
    top, left = max(row - tall, 0), max(column - wide, 0)
    inside = field[:, top : min(row + tall + 1, rows), left : min(column + wide + 1, columns)]
    down, across = top - (row - tall), left - (column - wide)
    around[:, down : down + inside.shape[1], across : across + inside.shape[2]] = inside
    return around


def quarters(field: np.ndarray, row: int, column: int, pose: Pose) -> np.ndarray:
    """Return how well each quarter of the outline fits at one place: four numbers, -1 to 1.

    What is not a knee may fit in parts; a knee fits all round.
    """
    shape = draw(pose)
    tall, wide = (length // 2 for length in shape.shape[1:])
    around = patch(field, row, column, tall, wide)
    match, strength = (around * shape).sum(axis=0), np.hypot(*shape)
    upper, lower = slice(0, tall), slice(tall, None)
    left, right = slice(0, wide), slice(wide, None)
    parts = [(y, x) for y in (upper, lower) for x in (left, right)]
    return np.array([match[part].sum() / strength[part].sum() for part in parts])


def fibula(field: np.ndarray, row: int, column: int, pose: Pose) -> float:
    """Return how much more there is of a fibula left than right of a knee, in edge strength.

    Outward from the tibia a leg gets darker, except at the inner edge of the fibula: this is
    the only place below the joint where bone begins again. Where the fibula hides behind the
    tibia neither side shows it, and the answer is near 0.

    Parameters
    ----------
    field
        Edge field (2, rows, columns).
    row, column, pose
        Where and how the knee was found.
    """
    turn = np.deg2rad(pose.turn)
    out, down = np.meshgrid(*(np.arange(*reach) for reach in (FIBULA_OUT, FIBULA_DOWN)))
    brightening = []
    for outward in (-1, 1):
        x, y = outward * out * pose.size / GRID, down * pose.size / GRID
        rows, columns = row + x * np.sin(turn) + y * np.cos(turn), column + x * np.cos(turn)
        places = [rows, columns - y * np.sin(turn)]
        edge = outward * ndimage.map_coordinates(field[1], places, order=1)
        heights = np.stack([part.mean(axis=0) for part in np.array_split(edge, 2)])
        brightening.append(float(np.clip(heights, 0, None).max(axis=1).mean()))
    return brightening[0] - brightening[1]


@lru_cache(maxsize=4)
def _bank(padded: tuple[int, int]) -> np.ndarray:
    """Return the spectra of the swept filters, turned round so that they correlate."""
    filters = np.stack([_coarse(pose)[:, ::-1, ::-1] for pose in SWEPT])
    return fft.rfft2(filters.astype(np.float32), padded)


def _coarse(pose: Pose) -> np.ndarray:
    """Return the filter of one pose summed over cells twice as wide."""
    return 4 * halve(np.pad(draw(pose), ((0, 0), (0, 1), (0, 1))))


@lru_cache(maxsize=1)
def _shapes() -> np.ndarray:
    """Return all filters as rows of one matrix."""
    return np.stack([draw(pose).ravel() for pose in POSES]).astype(np.float32)


@lru_cache(maxsize=len(POSES + SWEPT))
def draw(pose: Pose) -> np.ndarray:
    """Return the filter (2, tall, wide) of one pose; the lengths of its vectors sum to 1."""
    tall, wide = (2 * round(half / GRID) + 1 for half in (HALF_HEIGHT, HALF_WIDTH))
    canvas = Image.new("L", (wide * FINE, tall * FINE))
    turn = np.deg2rad(pose.turn)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    for bone in (FEMUR, TIBIA):
        corners = np.array(bone) * pose.size @ rotation * FINE / GRID
        corners += np.array([wide, tall]) * FINE / 2
        ImageDraw.Draw(canvas).polygon([tuple(corner) for corner in corners], fill=255)
    soft = ndimage.gaussian_filter(np.asarray(canvas, dtype=float), SOFTNESS * FINE / GRID)
    coarse = soft.reshape(tall, FINE, wide, FINE).mean(axis=(1, 3))
    field = np.stack([ndimage.sobel(coarse, axis=axis) for axis in (0, 1)])
    field[:, [0, -1], :] = 0  # the shafts are cut here, which is no edge
    field[:, :, [0, -1]] = 0
    return field / np.hypot(*field).sum()


def _padded(length: int) -> int:
    """Round up to a length the transform likes, so that few sizes of filter are kept."""
    return int(fft.next_fast_len(-(-length // 32) * 32, real=True))
