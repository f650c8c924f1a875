"""Hand: a film that shows two hands, filed where a film of the knees should be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

BONE, FLESH = 0.055, 0.021  # attenuation per mm
# Per finger of a right hand, thumb on the right: joints from wrist to tip in mm, half width.
FINGERS = (
    (((24, 34), (42, 2), (54, -26), (62, -48)), 5.2),
    (((12, 24), (20, -38), (25, -80), (27, -105), (28, -124)), 4.8),
    (((2, 24), (2, -42), (2, -88), (2, -117), (2, -136)), 5.0),
    (((-9, 25), (-16, -36), (-22, -79), (-25, -106), (-27, -125)), 4.6),
    (((-18, 28), (-32, -26), (-42, -58), (-48, -77), (-52, -94)), 4.2),
)
CARPALS = ((-14, 34), (-3, 32), (8, 33), (18, 40), (-11, 46), (1, 46), (12, 50))
FOREARM = (((9, 60), (6, 150), 8.0), ((-16, 62), (-14, 150), 6.0))


def add_hands(tau: np.ndarray, *, spacing: float, rng: np.random.Generator) -> None:
    """Add two hands to a picture of optical thickness, the right one on the left."""
    rows, columns = tau.shape
    for side, share in ((1.0, 0.27), (-1.0, 0.73)):
        x = share * columns * spacing + rng.normal(0, 6)
        y = 0.66 * rows * spacing + rng.normal(0, 6)
        down, across = np.mgrid[0:rows, 0:columns].astype(np.float32) * np.float32(spacing)
        _add_hand(tau, side * (across - np.float32(x)), down - np.float32(y))


def _add_hand(tau: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    """Add one hand; u points to the thumb, v to the elbow, in mm."""
    flesh, bone = np.zeros_like(tau), np.zeros_like(tau)
    for joints, half in FINGERS:
        for grow, (near, far) in enumerate(pairwise(joints)):
            _rod(flesh, u, v, near, far, 10.0 - 0.6 * grow)
            _rod(bone, u, v, near, far, half * (1 - 0.12 * grow), gap=1.2)
    _rod(flesh, u, v, (0, 30), (0, 0), 34.0, depth=14.0)
    for carpal in CARPALS:
        _rod(bone, u, v, carpal, (carpal[0], carpal[1] + 2), 6.0)
    for near, far, half in FOREARM:
        _rod(bone, u, v, near, far, half)
        _rod(flesh, u, v, (0, 60), (0, 160), 28.0, depth=22.0)
    tau += FLESH * flesh + BONE * bone


def _rod(
    thickness: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    near: tuple[float, float],
    far: tuple[float, float],
    half: float,
    *,
    depth: float | None = None,
    gap: float = 0.0,
) -> None:
    """Raise a thickness (mm) to that of a rod with round ends, shortened by a gap at each end."""
    du, dv = far[0] - near[0], far[1] - near[1]
    length = np.hypot(du, dv)
    cut = min((gap + half) / length, 0.45) if gap else 0.0
    along = np.clip(((u - near[0]) * du + (v - near[1]) * dv) / length**2, cut, 1 - cut)
    away = (u - near[0] - along * du) ** 2 + (v - near[1] - along * dv) ** 2
    chord = 2 * np.sqrt(np.clip(1 - away / half**2, 0, None)) * (depth or half)
    np.maximum(thickness, chord, out=thickness)
