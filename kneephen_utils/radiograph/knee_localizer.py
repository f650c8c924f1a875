"""Knee localizer: finds the knees on a film, tells how sure it is, and which side each one is.

A knee is where the outline of femur and tibia (module outline) meets the edges of the
film. The fit is an absolute number between -1 and 1, so a film without a knee has no good
place and the locator can abstain. The same fit, with its sign turned, tells a film whose
bones are dark; fitted to the turned film, it tells a film that lies on its side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kneephen_utils.radiograph import knee_template, resampling

NO_FIT, FULL_FIT = 0.28, 0.48  # evidence at which the confidence is 0 and 1
WEAKEST = 0.25  # weight of the quarter that fits worst in the evidence
APART = 90.0  # mm, two knees are never closer
LEVEL = 70.0  # mm, two knees of one film are never further apart in height
REACH = 4  # cells around a swept place at which the outline is laid
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
    field = knee_template.edges(shrink(pixels, spacing))
    fits = knee_template.sweep(knee_template.halve(field))
    found = [_lay(field, place) for place in _peaks(fits, count)]
    turned, inverted = _lie(field, fits, max(fit for fit, _ in found), count)
    return Survey(sorted(joint for _, joint in found), inverted, turned)


def _lie(field: np.ndarray, fits: np.ndarray, upright: float, count: int) -> tuple[int, bool]:
    """Return by how much the film is turned, and whether its bones are dark.

    `upright` is how well the best knee fits if the film lies as it should. Another lie is laid
    cell by cell only if it is the better one already where it was swept.
    """
    rivals = {(0, True): (-field, -fits)}
    for quarters in (1, 2, 3):
        other = knee_template.turn(field, quarters)
        rivals[90 * quarters, False] = other, knee_template.sweep(knee_template.halve(other))
    lie, (other, swept) = max(rivals.items(), key=lambda rival: rival[1][1].max())
    if swept.max() < fits.max():
        return 0, False
    best = max(_lay(other, place)[0] for place in _peaks(swept, count))
    clear = best > max(upright + CLEARLY, (NO_FIT + FULL_FIT) / 2)
    return lie if clear else (0, False)


def shrink(pixels: np.ndarray, spacing: float) -> np.ndarray:
    """Average the film down to cells of `knee_template.GRID` mm."""
    ratio = knee_template.GRID / spacing
    soft = resampling.box(max(round(ratio), 1))
    matrices = []
    for length in pixels.shape:
        cells = np.arange(max(int(length / ratio), 1))
        places = np.clip((cells + 0.5) * ratio - 0.5, 0, length - 1)
        matrices.append(resampling.rows(length, places, soft))
    return resampling.apply(matrices[0], pixels, matrices[1])


def _peaks(fits: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Return (row, column) on the field of the best places of a sweep, one per knee."""
    best = fits.max(axis=0)
    apart, level = (round(length / knee_template.GRID / 2) for length in (APART, LEVEL))
    places: list[tuple[int, int]] = []
    for _ in range(count):
        row, column = (int(at) for at in np.unravel_index(best.argmax(), best.shape))
        if best[row, column] == -np.inf:
            break
        places.append((2 * row + 1, 2 * column + 1))
        best[:, max(column - apart, 0) : column + apart + 1] = -np.inf
        best[: max(row - level, 0)] = -np.inf
        best[row + level + 1 :] = -np.inf
    return places


def _lay(field: np.ndarray, place: tuple[int, int]) -> tuple[float, Joint]:
    """Lay the outline cell by cell around a place; return its best fit and the knee there."""
    fits = knee_template.fit(field, *place, REACH)
    best, down, across = (int(at) for at in np.unravel_index(fits.argmax(), fits.shape))
    row, column = place[0] + down - REACH, place[1] + across - REACH
    fit, pose = float(fits[best, down, across]), knee_template.POSES[best]
    weakest = knee_template.quarters(field, row, column, pose).min()
    evidence = (1 - WEAKEST) * fit + WEAKEST * weakest
    y = row + 0.5 + _vertex(fits[best, :, across], down)
    x = column + 0.5 + _vertex(fits[best, down, :], across)
    return fit, Joint(
        x=x * knee_template.GRID,
        y=y * knee_template.GRID,
        confidence=float(np.clip((evidence - NO_FIT) / (FULL_FIT - NO_FIT), 0, 1)),
        size=pose.size,
        turn=pose.turn,
        fibula=knee_template.fibula(field, row, column, pose),
    )


def _vertex(values: np.ndarray, at: int) -> float:
    """Return where between cells the parabola through three values peaks, -0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
