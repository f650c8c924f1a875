"""Film markers: what is on a film beside the patient."""

from __future__ import annotations

import numpy as np

from oai_twin.detector import UNEXPOSED

BEAD, BEAD_STEP = 1.7, 22.0  # mm: radius and distance of the beads of the positioning frame
FRAME_HALF = 5.0  # mm, half width of the plastic bar that holds them
STEEL, PLASTIC, LEAD = 0.35, 0.07, 2.6  # per mm; then optical thickness
LETTER = 13.0  # mm, height of the side marker
STROKES = (
    ((0.0, 0.0), (0.0, 1.0)),
    ((0.0, 0.0), (0.42, 0.02)),
    ((0.42, 0.02), (0.6, 0.25)),
    ((0.6, 0.25), (0.42, 0.5)),
    ((0.42, 0.5), (0.0, 0.52)),
    ((0.28, 0.52), (0.64, 1.0)),
)  # of the letter R, from the top left, relative to its height


def add_frame(tau: np.ndarray, *, spacing: float, x: float, y: float) -> None:
    """Add the beaded bar of the positioning frame upright at `x` mm, one bead at `y` mm."""
    rows, columns = tau.shape
    across = (np.arange(columns, dtype=np.float32) + 0.5) * spacing - x
    down = (np.arange(rows, dtype=np.float32) + 0.5) * spacing - y
    bar = np.flatnonzero(np.abs(across) < FRAME_HALF + 0.5)
    if not bar.size:
        return
    near = across[bar]
    walls = PLASTIC * (1 + 1.2 * (np.abs(np.abs(near) - FRAME_HALF + 0.5) < 0.5))
    beside = (down + BEAD_STEP / 2) % BEAD_STEP - BEAD_STEP / 2
    chord = np.clip(BEAD**2 - beside[:, None] ** 2 - near[None, :] ** 2, 0, None)
    tau[:, bar[0] : bar[-1] + 1] += walls + 2 * STEEL * np.sqrt(chord)


def add_marker(
    tau: np.ndarray, *, spacing: float, place: tuple[float, float], mirrored: bool
) -> None:
    """Add the lead letter R with its upper left corner at (x, y) mm."""
    size = int(np.ceil(LETTER * 1.15 / spacing))
    column, row = (int(at / spacing) for at in place)
    patch = tau[row : row + size, column : column + size]
    down, across = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]] * spacing / LETTER - 0.07
    across = 0.78 - across if mirrored else across
    distance = np.full(patch.shape, np.inf)
    for (ax, ay), (bx, by) in STROKES:
        along = ((across - ax) * (bx - ax) + (down - ay) * (by - ay)) / (
            (bx - ax) ** 2 + (by - ay) ** 2
        )
        along = np.clip(along, 0, 1)
        stroke = np.hypot(across - ax - along * (bx - ax), down - ay - along * (by - ay))
        distance = np.minimum(distance, stroke)
    patch += (LEAD * np.clip((0.085 - distance) * LETTER / spacing, 0, 1)).astype(np.float32)


def collimate(
    shape: tuple[int, int], *, spacing: float, margin: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the share of the beam at each pixel: little within about `margin` mm of the edge."""
    lengths = [np.arange(count, dtype=np.float32) + 0.5 for count in shape]
    open_shares = []
    for place in lengths:
        first, last = np.clip(margin + rng.normal(0, 1.5, 2), 0.5, None)
        inside = np.minimum(place * spacing - first, (len(place) - place) * spacing - last)
        open_shares.append(np.clip(inside + 0.5, UNEXPOSED, 1))
    down, across = open_shares
    return np.maximum(np.outer(down, across), np.float32(UNEXPOSED)).astype(np.float32)
