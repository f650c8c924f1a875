"""Projection: how much a knee weakens the X-ray beam, integrated along each ray.

Rays run parallel, from the tube to the detector. A body is a stack of slices; each slice is
a superellipse across (u, from lateral to medial) and along the beam (z). The chord of a ray
through a body is therefore exact, and overlapping bodies of one bone are united, so that
nothing is counted twice. Lengths are in units of the reference knee; `Solid.scale` is the
size of the knee relative to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

V0, DV, ROWS = -180.0, 0.25, 1441  # slices from top to bottom: start, distance, number
U0, DU, COLUMNS = -60.0, 0.1, 1201  # places across the joint: start, distance, number
TEXTURE_STEP, TEXTURE_SIZE = 0.35, 256  # mm per cell of the texture tile, cells along a side
PLATE_DEPTH = 0.75  # mm, thickness of the subchondral plate
FEMUR, TIBIA = 0, 1  # bones whose joint surface is known
MOST_PARTS = 8  # parts one bone may have


class Solid(NamedTuple):
    """One knee as the beam sees it.

    Attributes
    ----------
    parts
        Array (parts, ROWS, 8): edges across, half depth and centre along the beam; edges and
        half depth of the marrow inside; squareness (0 ellipse, 1 squircle).
    owner
        First part of each bone, with the number of parts at the end: (bones + 1,).
    box
        Extent of each bone: (bones, 4) lowest and highest u, lowest and highest v.
    cut
        Whether each part ends at the tibial plateau: (parts,).
    cancellous
        Attenuation of spongy bone beyond that of muscle, per mm: (bones, ROWS).
    cortical
        The same for compact bone: (bones,).
    surface
        Array (COLUMNS, 8): plateau v, height and half depth of the spines, sclerosis of the
        tibia and its depth; condyle v, sclerosis of the femur and its depth.
    plate
        Extra attenuation of the subchondral plate relative to spongy bone.
    ramp
        mm over which the plateau comes into view, as it is not quite parallel to the beam.
    texture
        Tile of trabecular texture, mean 0, relative to spongy bone.
    flesh
        Array (ROWS, 6): edges and half depth of the leg, then of the muscle inside the fat.
    skin
        Attenuation of fat and of muscle per mm.
    scale
        Size relative to the reference knee.
    """

    parts: np.ndarray
    owner: np.ndarray
    box: np.ndarray
    cut: np.ndarray
    cancellous: np.ndarray
    cortical: np.ndarray
    surface: np.ndarray
    plate: float
    ramp: float
    texture: np.ndarray
    flesh: np.ndarray
    skin: np.ndarray
    scale: float


class Pose(NamedTuple):
    """Where a knee lies on a picture.

    Attributes
    ----------
    x, y
        Joint centre in mm from the left and top edge.
    tilt
        Turn in the plane of the picture, degrees.
    mirror
        1.0 if medial is to the right (a right knee), -1.0 if to the left.
    spacing
        mm per pixel.
    """

    x: float
    y: float
    tilt: float
    mirror: float
    spacing: float


def integrate(solid: Solid, pose: Pose, tau: np.ndarray, *, columns: tuple[int, int]) -> None:
    """Add the optical thickness of a knee to a picture.

    Parameters
    ----------
    solid, pose
        The knee and where it lies.
    tau
        Array (rows, columns), float32; changed in place.
    columns
        First and last-but-one column that this knee may cover.
    """
    turn = np.deg2rad(pose.tilt)
    place = np.array(
        [pose.x, pose.y, np.cos(turn), np.sin(turn), pose.mirror, pose.spacing], dtype=np.float64
    )
    _scan(solid, place, tau, columns[0], columns[1])


@njit(cache=True, error_model="numpy")
def _scan(solid: Solid, place: np.ndarray, tau: np.ndarray, first: int, last: int) -> None:
    """Send two rays through each pixel, on its diagonal; flesh is smooth enough for one."""
    x, y, cos, sin, mirror, spacing = place
    marks = np.empty((4, MOST_PARTS), dtype=np.float64)
    bones = solid.owner.shape[0] - 1
    for row in range(tau.shape[0]):
        for column in range(first, last):
            across = ((column + 0.5) * spacing - x) / solid.scale
            down = ((row + 0.5) * spacing - y) / solid.scale
            u = mirror * (across * cos + down * sin)
            v = down * cos - across * sin
            if not V0 < v < V0 + DV * (ROWS - 2):
                continue
            total = _flesh(solid.flesh, solid.skin, u, v)
            if total == 0.0:
                continue
            step = 0.25 * spacing / solid.scale
            du, dv = mirror * step * (cos + sin), step * (cos - sin)
            for bone in range(bones):
                low, high, top, bottom = solid.box[bone]
                if low < u < high and top < v < bottom:
                    total += 0.5 * _bone(solid, bone, u - du, v - dv, marks)
                    total += 0.5 * _bone(solid, bone, u + du, v + dv, marks)
            tau[row, column] += total * solid.scale


@njit(cache=True, error_model="numpy")
def _flesh(flesh: np.ndarray, skin: np.ndarray, u: float, v: float) -> float:
    """Return what leg and muscle take from the beam."""
    at = (v - V0) / DV
    row = int(at)
    share, total = at - row, 0.0
    for first in (0, 3):
        low = flesh[row, first] + share * (flesh[row + 1, first] - flesh[row, first])
        high = flesh[row, first + 1]
        high += share * (flesh[row + 1, first + 1] - high)
        if low < u < high:
            q = (2 * u - low - high) / (high - low)
            chord = 2 * flesh[row, first + 2] * np.sqrt(1 - q * q)
            total += chord * (skin[0] if first == 0 else skin[1] - skin[0])
    return total


@njit(cache=True, error_model="numpy")
def _bone(solid: Solid, bone: int, u: float, v: float, marks: np.ndarray) -> float:
    """Return what one bone adds to the muscle it replaces."""
    parts, surface = solid.parts, solid.surface
    at = (v - V0) / DV
    row = int(at)
    share = at - row
    place = min(max(int((u - U0) / DU + 0.5), 0), COLUMNS - 1)
    count, spaces = 0, 0
    for part in range(solid.owner[bone], solid.owner[bone + 1]):
        half = _half(parts, part, row, share, u, 0)
        if half > 0 and solid.cut[part]:
            half = _cut(half, v, surface, place, solid.ramp)
        if half <= 0:
            continue
        middle = parts[part, row, 3]
        marks[0, count], marks[1, count] = middle - half, middle + half
        count += 1
        inner = min(_half(parts, part, row, share, u, 4), half - 0.4)
        if inner > 0:
            marks[2, spaces], marks[3, spaces] = middle - inner, middle + inner
            spaces += 1
    if count == 0:
        return 0.0
    whole = _union(marks, 0, count)
    marrow = min(_union(marks, 2, spaces), whole)
    spongy = solid.cancellous[bone, row] * marrow
    spongy *= _density(surface, place, bone, v, solid.plate) * (1 + _grain(solid.texture, u, v))
    return solid.cortical[bone] * (whole - marrow) + spongy


@njit(cache=True, error_model="numpy")
def _half(parts: np.ndarray, part: int, row: int, share: float, u: float, at: int) -> float:
    """Return half the chord through one slice of a bone (`at` 0) or of its marrow (4)."""
    low = parts[part, row, at] + share * (parts[part, row + 1, at] - parts[part, row, at])
    high = parts[part, row, at + 1]
    high += share * (parts[part, row + 1, at + 1] - high)
    if not low < u < high:
        return 0.0
    q = (2 * u - low - high) / (high - low)
    square, q = parts[part, row, 7], q * q
    bulge = np.sqrt(1 - q) * (1 - square) + np.sqrt(np.sqrt(1 - q * q)) * square
    depth = parts[part, row, at + 2]
    return (depth + share * (parts[part, row + 1, at + 2] - depth)) * bulge


@njit(cache=True, error_model="numpy")
def _cut(half: float, v: float, surface: np.ndarray, place: int, ramp: float) -> float:
    """Shorten a chord through the tibia above its plateau, where only the spines are left."""
    depth = v - surface[place, 0]
    cover = min(max(depth / ramp + 0.5, 0.0), 1.0)
    if cover == 1.0:
        return half
    height, spine = surface[place, 1], 0.0
    if height > 0 and depth > -height:
        spine = min(half, surface[place, 2] * np.sqrt(1 + min(depth, 0.0) / height))
    return cover * half + (1 - cover) * spine


@njit(cache=True, error_model="numpy")
def _union(marks: np.ndarray, first: int, count: int) -> float:
    """Return the length of the union of intervals; sorts them in place."""
    for i in range(1, count):
        a, b, j = marks[first, i], marks[first + 1, i], i - 1
        while j >= 0 and marks[first, j] > a:
            marks[first, j + 1], marks[first + 1, j + 1] = marks[first, j], marks[first + 1, j]
            j -= 1
        marks[first, j + 1], marks[first + 1, j + 1] = a, b
    length, end = 0.0, -1e9
    for i in range(count):
        if marks[first + 1, i] > end:
            length += marks[first + 1, i] - max(marks[first, i], end)
            end = marks[first + 1, i]
    return length


@njit(cache=True, error_model="numpy")
def _density(surface: np.ndarray, place: int, bone: int, v: float, plate: float) -> float:
    """Return density near the joint surface relative to the bone's own: plate and sclerosis."""
    if bone > TIBIA:
        return 1.0
    depth, first = v - surface[place, 0], 3
    if bone == FEMUR:
        depth, first = surface[place, 5] - v, 6
    if not -3 < depth < 25:
        return 1.0
    depth = max(depth, 0.0)
    density = 1 + surface[place, first] * np.exp(-depth / surface[place, first + 1])
    return density + plate * np.exp(-depth / PLATE_DEPTH) if depth < 5 else density


@njit(cache=True, error_model="numpy")
def _grain(texture: np.ndarray, u: float, v: float) -> float:
    """Return the texture at a place, the tile repeated without end."""
    x, y = u / TEXTURE_STEP + 8192.0, v / TEXTURE_STEP + 8192.0
    column, row = int(x), int(y)
    a, b = x - column, y - row
    top, left = row % TEXTURE_SIZE, column % TEXTURE_SIZE
    low, right = (row + 1) % TEXTURE_SIZE, (column + 1) % TEXTURE_SIZE
    above = texture[top, left] * (1 - a) + texture[top, right] * a
    return (1 - b) * above + b * (texture[low, left] * (1 - a) + texture[low, right] * a)
