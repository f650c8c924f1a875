"""Anatomical variation: how one person's knee differs from another's, whatever its disease."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Habit(NamedTuple):
    """How one person's knee differs from another's, whatever its disease."""

    spines: tuple[float, float]
    notch: float
    roundness: float
    waves: tuple[float, ...]
    patella: tuple[float, float, float]
    fibula: tuple[float, float]
    fabella: float
    ramp: float


def draw(rng: np.random.Generator) -> Habit:
    """Draw the shape of one knee."""
    high = rng.normal(1, 0.12, 2)
    return Habit(
        spines=(float(7.5 * high[0]), float(6.3 * high[1])),
        notch=float(rng.normal(0, 0.8)),
        roundness=float(np.clip(rng.normal(2.35, 0.10), 2.1, 2.6)),
        waves=tuple(rng.uniform(0, 2 * np.pi, 4)),
        patella=(float(rng.normal(-2, 1.5)), float(rng.normal(-35, 3)), float(rng.normal(1, 0.06))),
        fibula=(float(rng.normal(0, 1.5)), float(rng.normal(0, 1.5))),
        fabella=float(rng.uniform(3, 5.5)) if rng.random() < 0.25 else 0.0,
        ramp=float(rng.uniform(0.2, 0.7)),
    )
