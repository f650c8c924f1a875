"""Bones: the shapes of a right knee seen from behind, in mm for a femur 80 mm wide.

`u` runs from lateral to medial, `v` from proximal to distal, `z` along the beam from front
to back; the origin lies in the middle of the joint space. Each function returns slices of
one body in the layout of `beam.Solid.parts`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from oai_twin.projection import COLUMNS as PLACES
from oai_twin.projection import DU, DV, ROWS, U0, V0

Points = tuple[tuple[float, float], ...]

V = V0 + DV * np.arange(ROWS)
U = U0 + DU * np.arange(PLACES)
EQUATOR, ROOF = -18.0, -29.0  # v below which a condyle narrows; v of the roof of the notch
ANATOMIC_AXIS = 5.5  # degrees by which the femoral shaft leans outwards
FEMUR_LATERAL: Points = (
    *((-180, 17), (-120, 15.5), (-90, 16), (-75, 17.5), (-62, 21), (-52, 26), (-44, 31)),
    *((-36, 36), (-29, 39.3), (-24, 40), (-18, 39.6)),
)
FEMUR_MEDIAL: Points = (
    *((-180, 17), (-120, 15.5), (-90, 16), (-75, 18), (-62, 22), (-52, 28), (-46, 33.5)),
    *((-41, 37), (-36, 37.2), (-29, 39.4), (-24, 40), (-18, 39.6)),
)
FEMUR_DEPTH: Points = ((-180, 15), (-90, 15.5), (-62, 19), (-45, 24), (-30, 27), (-18, 27))
NOTCH_WALL: Points = (
    *((-46, 10), (-33, 24), (-28.6, 22.3), (-28, 20.5), (-27, 18.2), (-25.5, 16.4)),
    *((-23.5, 15), (-21, 14), (-18, 13.5)),
)  # reach of a condyle from its middle towards the other
FEMUR_CORTEX: Points = ((-180, 5), (-120, 4.2), (-80, 2.6), (-60, 1.3), (-45, 0.7), (-30, 0.5))
TIBIA_LATERAL: Points = (
    *((-20, 38.8), (0, 38.8), (3, 39.4), (8, 38.9), (13, 36.6), (19, 33), (27, 28.8)),
    *((38, 24.4), (52, 20), (70, 16.5), (95, 14.3), (180, 13)),
)
TIBIA_MEDIAL: Points = (
    *((-20, 39), (0, 39), (3, 39.6), (9, 39), (15, 36.6), (22, 32), (31, 26.8)),
    *((43, 21.8), (57, 17.8), (75, 15), (95, 14), (180, 13)),
)
TIBIA_DEPTH: Points = ((0, 23), (10, 24), (25, 21), (45, 18.5), (70, 16), (180, 14))
TIBIA_CORTEX: Points = ((0, 0.5), (20, 0.6), (40, 1.3), (65, 2.6), (100, 4), (180, 4.5))
FIBULA_WIDTH: Points = (
    *((11, 0), (12.5, 3.4), (15, 5.8), (19, 8.2), (24, 9.4), (30, 8.2), (38, 6.2)),
    *((50, 5.6), (180, 6.6)),
)
FIBULA_CENTRE: Points = ((11, -39), (20, -38.6), (30, -38), (50, -37), (180, -35))
FIBULA_CORTEX: Points = ((11, 0.6), (30, 0.7), (45, 1.6), (65, 2.4), (180, 2.8))


class Condyle(NamedTuple):
    """One femoral condyle: its middle, reach outwards and inwards, lowest v, roundness."""

    centre: float
    outer: float
    inner: float
    bottom: float
    roundness: float


def curve(points: Points) -> np.ndarray:
    """Return a smooth monotone curve through (v, value) at every slice, flat beyond the ends."""
    place, value = np.array(points, dtype=float).T
    return np.asarray(PchipInterpolator(place, value)(np.clip(V, place[0], place[-1])))


def slices(
    low: np.ndarray,
    high: np.ndarray,
    centre: float,
    depth: np.ndarray,
    *,
    cortex: np.ndarray | float,
    square: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Stack slices (ROWS, 8) of a body with a cortex of this thickness (mm) around marrow."""
    thick = np.broadcast_to(np.asarray(cortex, dtype=float), V.shape)
    absent = high <= low
    inside_low = _erode(np.where(absent, np.inf, low), thick)
    inside_high = -_erode(np.where(absent, np.inf, -high), thick)
    gone = ~(inside_low < inside_high)
    middle = np.where(absent, 0.0, (low + high) / 2)
    inside_depth = np.where(gone, 0.0, np.clip(depth - thick, 0, None))
    columns = [
        *(np.where(absent, middle, low), np.where(absent, middle, high)),
        *(np.where(absent, 0.0, depth), np.full_like(V, centre)),
        *(np.where(gone, middle, inside_low), np.where(gone, middle, inside_high)),
        *(inside_depth, square + np.zeros_like(V)),
    ]
    return np.column_stack(columns).astype(np.float32)


def _erode(low: np.ndarray, thick: np.ndarray) -> np.ndarray:
    """Move an edge inwards so that it stays `thick` away from every point of itself."""
    reach = int(np.ceil(thick.max() / DV))
    padded = np.pad(low, reach, mode="edge")
    inside = low.copy()
    for step in range(-reach, reach + 1):
        rest = thick**2 - (step * DV) ** 2
        moved = padded[reach + step : reach + step + len(low)] + np.sqrt(np.clip(rest, 0, None))
        inside = np.where(rest >= 0, np.maximum(inside, moved), inside)
    return inside


def femur_axis(alignment: float) -> np.ndarray:
    """Return where the middle of the femoral shaft lies across; varus (deg) is positive."""
    return -np.tan(np.deg2rad(ANATOMIC_AXIS - alignment / 2)) * np.clip(-22 - V, 0, None)


def tibia_axis(alignment: float) -> np.ndarray:
    """Return where the middle of the tibial shaft lies across; varus (deg) is positive."""
    return np.tan(np.deg2rad(alignment / 2)) * np.clip(V - 10, 0, None)


def femur(alignment: float) -> np.ndarray:
    """Return femoral shaft and metaphysis, down to the roof of the notch."""
    axis, closing = femur_axis(alignment), _bulge(np.clip((V - ROOF + 12) / 12, 0, 1), 2.5)
    low, high = axis - closing * curve(FEMUR_LATERAL), axis + closing * curve(FEMUR_MEDIAL)
    depth = closing * curve(FEMUR_DEPTH)
    return slices(low, high, 0.0, depth, cortex=curve(FEMUR_CORTEX), square=0.15)


def condyle_edges(condyle: Condyle, alignment: float) -> tuple[np.ndarray, np.ndarray]:
    """Return reach of a condyle outwards and inwards from its middle at each slice."""
    sign = np.sign(condyle.centre)
    contour = curve(FEMUR_MEDIAL if sign > 0 else FEMUR_LATERAL) + sign * femur_axis(alignment)
    outer = contour - curve(((-46, 9), (-38, 0.6), (-30, 0.0))) - abs(condyle.centre)
    outer = np.where(V > EQUATOR, condyle.outer, outer)
    wall = condyle.inner - 13.5 + abs(condyle.centre) - 22
    inner = curve(NOTCH_WALL)
    below = np.clip((V - EQUATOR) / (condyle.bottom - EQUATOR), 0, 1)
    bulge = _bulge(below, condyle.roundness)
    return outer * bulge, (inner + wall * np.clip((V + 32) / 14, 0, 1)) * bulge


def condyle(condyle: Condyle, alignment: float) -> np.ndarray:
    """Return one femoral condyle: round below, its inner edge the wall of the notch."""
    outer, inner = condyle_edges(condyle, alignment)
    sign = np.sign(condyle.centre)
    edges = np.sort([condyle.centre - sign * inner, condyle.centre + sign * outer], axis=0)
    absent = (condyle.bottom <= V) | (V < -46)
    below = np.clip((V - EQUATOR) / (condyle.bottom - EQUATOR), 0, 1)
    depth = curve(((-46, 8), (-38, 20), (-26, 27.5), (EQUATOR, 29))) * _bulge(below, 2.2)
    low, high = (np.where(absent, condyle.centre, edge) for edge in edges)
    return slices(low, high, 4.0, depth, cortex=0.7, square=0.1)


def condyle_contour(condyle: Condyle) -> np.ndarray:
    """Return the lowest v of a condyle at each place across, `EQUATOR` beside it."""
    outwards = (U - condyle.centre) * np.sign(condyle.centre)
    reach = np.where(outwards > 0, condyle.outer, condyle.inner + abs(condyle.centre) - 22)
    beside = np.clip(np.abs(U - condyle.centre) / reach, 0, 1)
    return EQUATOR + (condyle.bottom - EQUATOR) * _bulge(beside, condyle.roundness)


def trochlea() -> np.ndarray:
    """Return the front of the femur, which closes the notch for the beam down to its groove."""
    bulge = _bulge(np.clip(np.abs(V + 32) / 21, 0, 1), 2.0)
    return slices(-22 * bulge, 22 * bulge, -21.0, 7 * bulge, cortex=0.5)


def tibia(alignment: float) -> np.ndarray:
    """Return tibia from the height of its spines down; the plateau is cut by the beam."""
    axis = tibia_axis(alignment)
    low, high = axis - curve(TIBIA_LATERAL), axis + curve(TIBIA_MEDIAL)
    absent = V < -20
    return slices(
        np.where(absent, 0.0, low),
        np.where(absent, 0.0, high),
        0.0,
        curve(TIBIA_DEPTH),
        cortex=curve(TIBIA_CORTEX),
        square=curve(((0, 0.4), (30, 0.2), (60, 0.0))),
    )


def fibula(alignment: float, outwards: float, upwards: float) -> np.ndarray:
    """Return the fibula, moved outwards and upwards by these mm."""
    shift = round(upwards / DV)
    half, cortex = np.roll(curve(FIBULA_WIDTH), -shift), np.roll(curve(FIBULA_CORTEX), -shift)
    half[ROWS - abs(shift) - 1 :] = half[ROWS - abs(shift) - 2]
    middle = curve(FIBULA_CENTRE) + tibia_axis(alignment) - outwards
    return slices(middle - half, middle + half, 20.0, half, cortex=cortex)


def patella(place: tuple[float, float, float]) -> np.ndarray:
    """Return the patella at (u, v) and of this size relative to a common one."""
    u, v, size = place
    sizes = 21.5 * size, 21.0 * size, 9.0
    return _lump((u, v, -44.0), sizes, cortex=1.1)


def fabella(size: float) -> np.ndarray:
    """Return the small bone behind the lateral condyle that some people have; half size mm."""
    return _lump((-25.0, -22.0, 44.0), (size, 0.9 * size, size), cortex=0.9)


def _lump(
    place: tuple[float, float, float], size: tuple[float, float, float], *, cortex: float
) -> np.ndarray:
    """Return a rounded bone at (u, v, z) with half sizes (u, v, z)."""
    bulge = _bulge(np.clip(np.abs(V - place[1]) / size[1], 0, 1), 2.3)
    half = size[0] * bulge
    return slices(place[0] - half, place[0] + half, place[2], size[2] * bulge, cortex=cortex)


def spur(
    edge: np.ndarray, tip: float, score: float, *, inwards: float, upwards: bool
) -> np.ndarray:
    """Return an osteophyte on the outer edge (positive u at each slice) of a bone.

    Parameters
    ----------
    edge
        Outer edge of the bone at each slice, measured outwards.
    tip
        v of the flat side of the spur, which faces the joint.
    score
        0 to 3; a spur of score 1, 2, 3 stands out by about 2.3, 5.1 and 8.4 mm.
    inwards
        How far the base reaches into the bone, mm.
    upwards
        Whether the base lies above the tip (femur) or below (tibia).
    """
    length, height = 2.0 * score + 0.27 * score**2, 4.0 + 2.6 * score
    away = tip - V if upwards else V - tip
    rise = np.clip(away / (1.2 + 0.2 * score), 0, 1)
    rise = np.sqrt(1 - (1 - rise) ** 2)
    fall = np.clip(1 - np.clip(away / height, 0, 1) ** 1.3, 0, None)
    present = (away > 0) & (away < height) & (score > 0.02)
    grown = min(score / 0.5, 1.0)
    high = edge - 2 * (1 - grown) + length * rise * fall
    low = edge - 1.5 - (inwards - 1.5) * np.clip(away / 4, 0, 1)
    low, high = np.where(present, low, edge), np.where(present, high, edge)
    return slices(low, high, 0.0, (6 + 2.5 * score) * np.sqrt(rise * fall), cortex=0.5)


def mirrored(body: np.ndarray) -> np.ndarray:
    """Return a body on the other side of the knee."""
    other = body.copy()
    other[:, [0, 1, 4, 5]] = -body[:, [1, 0, 5, 4]]
    return other


def _bulge(share: np.ndarray, power: float) -> np.ndarray:
    """Return the half width of a rounded end, from 1 at its base to 0 at its tip."""
    return np.clip(1 - share**power, 0, None) ** (1 / power)
