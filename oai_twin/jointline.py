"""Jointline: condyles and plateau placed so that the joint space is as wide as planted."""

from __future__ import annotations

import numpy as np

from oai_twin import bones
from oai_twin.anatomical_variation import Habit
from oai_twin.bones import Condyle, U

COMPARTMENT = (10.0, 36.0)  # mm from the middle: where joint-space width is taken


def joint_space(contour: np.ndarray, plateau: np.ndarray) -> dict[str, float]:
    """Measure the smallest distance between condyle and plateau in each compartment."""
    inside = (np.abs(U) > COMPARTMENT[0]) & (np.abs(U) < COMPARTMENT[1])
    return {
        "medial": _distance(contour, plateau, inside & (U > 0)),
        "lateral": _distance(contour, plateau, inside & (U < 0)),
    }


def _distance(contour: np.ndarray, plateau: np.ndarray, chosen: np.ndarray) -> float:
    """Return the smallest distance of two curves, both from v over the same places."""
    u, above, below = U[chosen][::3], contour[chosen][::3], plateau[chosen][::3]
    gap = np.hypot(u[:, None] - u[None, :], above[:, None] - below[None, :])
    return float(gap.min()) if (below > above).all() else float(min((below - above).min(), 0))


def shape(
    widths: dict[str, float], habit: Habit
) -> tuple[dict[str, Condyle], np.ndarray, np.ndarray]:
    """Place condyles and plateau so that the smallest distances are the widths wanted.

    Returns
    -------
    Condyles by side, and v of condyles and plateau at each place across.
    """
    half = {side: width / 2 for side, width in widths.items()}
    for _ in range(4):
        condyles = {
            side: Condyle(
                centre=sign * (22.0 + 0.5 * habit.notch),
                outer=17.6 - 0.5 * habit.notch,
                inner=13.5 - 0.5 * habit.notch,
                bottom=-half[side],
                roundness=habit.roundness,
            )
            for side, sign in (("medial", 1), ("lateral", -1))
        }
        contour = np.maximum(*(bones.condyle_contour(one) for one in condyles.values()))
        plateau = _plateau(half, habit)
        found = joint_space(contour, plateau)
        half = {side: half[side] + (widths[side] - found[side]) / 2 for side in half}
    return condyles, contour, plateau


def _plateau(half: dict[str, float], habit: Habit) -> np.ndarray:
    """Return v of the plateau at each place: a dish on each side, higher between, round ends."""
    floor = np.interp(U, [-14, 14], [half["lateral"], half["medial"]])
    away = np.abs(U)
    dish = np.where(U > 0, 0.9, 0.3) * np.clip((away - 23) / 13, -1, 1) ** 2
    eminence = 2.6 * np.clip((13.5 - away) / 6, 0, 1) ** 1.5
    rounded = 3.0 * np.clip((away - 34.5) / 4.5, 0, 2) ** 2
    phases = np.array(habit.waves)[:, None]
    waves = np.sin(np.array([[0.14], [0.23], [0.37], [0.61]]) * U + phases).mean(axis=0)
    return floor - dish - eminence + rounded + 0.25 * waves
