"""Joint: finds the knees on a film, tells how sure it is, and which side each one is.

A knee is where the outline of femur and tibia (module outline) meets the edges of the
film. The fit is an absolute number between -1 and 1, so a film without a knee has no good
place and the locator can abstain. The same fit, with its sign turned, tells a film whose
bones are dark; fitted to the turned film, it tells a film that lies on its side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from kneephen_utils.radiograph import outline

NO_FIT, FULL_FIT = 0.28, 0.48  # evidence at which the confidence is 0 and 1
WEAKEST = 0.25  # weight of the quarter that fits worst in the evidence
APART = 90.0  # mm, two knees are never closer
LEVEL = 70.0  # mm, two knees of one film are never further apart in height
CLEARLY = 0.06  # a fit must be this much better to say that the film is turned or inverted


class Joint(NamedTuple):
    """One knee on a film.

    Attributes
    ----------
    x, y
        Midpoint between the joint surfaces, mm from the left and top edge of the film.
    confidence
        0 (nothing like a knee) to 1.
    size
        Size relative to a femur 80 mm wide.
    turn
        Degrees by which the knee is turned in the plane of the film.
    fibula
        Evidence for the fibula on the left (positive) or right (negative) of the knee, about 0
        where it is hidden.
    """

    x: float
    y: float
    confidence: float
    size: float
    turn: float
    fibula: float


class Survey(NamedTuple):
    """What a film shows: its knees from left to right, and how it lies.

    `inverted` is true if bones are dark; `turned` is 0, 90, 180 or 270 degrees.
    """

    joints: list[Joint]
    inverted: bool
    turned: int


def survey(pixels: np.ndarray, spacing: float, *, count: int) -> Survey:
    """Look for up to `count` knees on a film.

    Parameters
    ----------
    pixels
        Array (rows, columns), bone bright.
    spacing
        mm per pixel.
    count
        2 for a film of both knees, 1 for a film of one.
    """
    field = outline.edges(_shrink(pixels, spacing))
    fits = outline.correlate(field)
    found = _peaks(fits, count)
    upright = _quality(fits, found)
    rivals = {(0, True): -fits}
    rivals |= {(90 * k, False): outline.correlate(outline.turn(field, k)) for k in (1, 2, 3)}
    scores = {lie: _quality(rival, _peaks(rival, count)) for lie, rival in rivals.items()}
    best = max(scores, key=scores.__getitem__)
    clear = scores[best] > max(upright + CLEARLY, (NO_FIT + FULL_FIT) / 2)
    turned, inverted = best if clear else (0, False)
    joints = [_joint(fits, field, place) for place in found]
    return Survey(sorted(joints), inverted, turned)


def _shrink(pixels: np.ndarray, spacing: float) -> np.ndarray:
    """Average the film down to cells of `outline.GRID` mm."""
    ratio = outline.GRID / spacing
    soft = ndimage.uniform_filter(pixels, max(round(ratio), 1), mode="nearest")
    shape = tuple(max(int(length / ratio), 1) for length in pixels.shape)
    return ndimage.affine_transform(
        soft, [ratio, ratio], offset=(ratio - 1) / 2, output_shape=shape, order=1, mode="nearest"
    )


def _peaks(fits: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """Return (pose, row, column) of the best fits, one per knee, best first."""
    best = fits.max(axis=0)
    apart, level = round(APART / outline.GRID), round(LEVEL / outline.GRID)
    places: list[tuple[int, int, int]] = []
    for _ in range(count):
        row, column = (int(at) for at in np.unravel_index(best.argmax(), best.shape))
        if best[row, column] == -np.inf:
            break
        places.append((int(fits[:, row, column].argmax()), row, column))
        best[:, max(column - apart, 0) : column + apart + 1] = -np.inf
        best[: max(row - level, 0)] = -np.inf
        best[row + level + 1 :] = -np.inf
    return places


def _quality(fits: np.ndarray, places: list[tuple[int, int, int]]) -> float:
    """Return the fit of the best knee."""
    return float(max(fits[place] for place in places))


def _joint(fits: np.ndarray, field: np.ndarray, place: tuple[int, int, int]) -> Joint:
    pose, row, column = place
    weakest = outline.quarters(field, row, column, outline.POSES[pose]).min()
    evidence = (1 - WEAKEST) * fits[place] + WEAKEST * weakest
    y = row + 0.5 + _vertex(fits[pose, :, column], row)
    x = column + 0.5 + _vertex(fits[pose, row, :], column)
    return Joint(
        x=x * outline.GRID,
        y=y * outline.GRID,
        confidence=float(np.clip((evidence - NO_FIT) / (FULL_FIT - NO_FIT), 0, 1)),
        size=outline.POSES[pose].size,
        turn=outline.POSES[pose].turn,
        fibula=outline.fibula(field, row, column, outline.POSES[pose]),
    )


def _vertex(values: np.ndarray, at: int) -> float:
    """Return where between cells the parabola through three values peaks, -0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
