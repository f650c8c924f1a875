"""Anatomy: the three-dimensional bones of one knee, made from its planted features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from oai_twin import anatomical_variation, bones, implant, jointline, trabecula
from oai_twin.anatomical_variation import Habit
from oai_twin.bones import EQUATOR, Condyle, U, V, curve
from oai_twin.projection import Solid

REFERENCE_WIDTH = 80.0  # mm, femur of scale 1
FAT, MUSCLE = 0.0180, 0.0225  # attenuation per mm
CORTICAL = 0.090  # per mm, beyond muscle
FEMUR_SPONGY: bones.Points = (
    *((-180, 0.0006), (-95, 0.0013), (-68, 0.005), (-48, 0.0105), (-28, 0.0155), (-4, 0.0185)),
)
TIBIA_SPONGY: bones.Points = (
    *((0, 0.0210), (8, 0.0188), (22, 0.0135), (42, 0.0068), (70, 0.0020), (180, 0.0010)),
)
FIBULA_SPONGY: bones.Points = ((11, 0.020), (28, 0.016), (45, 0.004), (180, 0.001))
PATELLA_SPONGY, FABELLA_SPONGY = ((0.0, 0.006),), ((0.0, 0.020),)
SPONGY = (FEMUR_SPONGY, TIBIA_SPONGY, FIBULA_SPONGY, PATELLA_SPONGY, FABELLA_SPONGY)
PLATE = 1.1  # subchondral plate relative to spongy bone
LEG: bones.Points = (
    *((-180, 1.24), (-90, 1.13), (-45, 1.04), (0, 1.0), (25, 0.96), (70, 1.02), (115, 1.05)),
    (180, 0.98),
)


class Knee(NamedTuple):
    """A knee ready for the beam, with the contours (COLUMNS,) of its joint, unscaled."""

    solid: Solid
    condyles: np.ndarray
    plateau: np.ndarray


def build(knee: pd.Series, *, soft_tissue: float, rng: np.random.Generator) -> Knee:
    """Build a knee from its planted features.

    Parameters
    ----------
    knee
        Row of the planted `knees` table: widths of the joint space in mm, osteophytes and
        sclerosis 0 to 3, alignment in degrees, texture 0 to 1, density, femoral width in mm.
    soft_tissue
        Half thickness of the leg along the beam at the joint, mm.
    rng
        Source of what differs between knees alike in every planted feature.
    """
    scale = float(knee["femoral_width"]) / REFERENCE_WIDTH
    own = anatomical_variation.draw(rng)
    grain = trabecula.grain(float(knee["texture"]), rng)
    replaced = bool(knee["prosthesis"])
    if replaced:
        knee, own = implant.prepare(knee), own._replace(spines=(0.0, 0.0))
    widths = {side: float(knee[f"jsw_{side}"]) / scale for side in ("medial", "lateral")}
    condyles, contour, plateau = jointline.shape(widths, own)
    groups = _bones(knee, condyles, plateau, own)
    density = float(knee["density"])
    cortical = [CORTICAL * density**0.5] * len(groups)
    spongy = [density**1.3 * _profile(points) for points in SPONGY[: len(groups)]]
    if replaced:
        groups.append(implant.parts(list(condyles.values()), float(knee["alignment"])))
        spongy.append(np.zeros_like(V))
        cortical.append(implant.METAL)
    owner = np.cumsum([0, *map(len, groups)])
    parts = [part for group in groups for part in group]
    solid = Solid(
        parts=np.stack(parts),
        owner=owner,
        box=_boxes(groups),
        cut=np.arange(len(parts)) == owner[1],
        cancellous=np.stack(spongy).astype(np.float32),
        cortical=np.array(cortical, dtype=np.float32),
        surface=_surface(knee, contour, plateau, own),
        plate=PLATE,
        ramp=own.ramp,
        texture=grain,
        flesh=_flesh(soft_tissue / scale),
        skin=np.array([FAT, MUSCLE]),
        scale=scale,
    )
    return Knee(solid, contour, plateau)


def _bones(
    knee: pd.Series, condyles: dict[str, Condyle], plateau: np.ndarray, own: Habit
) -> list[list[np.ndarray]]:
    """Return the bodies of each bone: femur, tibia, fibula, patella, and fabella if any."""
    alignment = float(knee["alignment"])
    femur = [bones.femur(alignment), bones.trochlea()]
    femur += [bones.condyle(one, alignment) for one in condyles.values()]
    tibia = [bones.tibia(alignment)]
    for side, sign in (("medial", 1), ("lateral", -1)):
        turn = bones.mirrored if sign < 0 else np.asarray
        outer, _ = bones.condyle_edges(condyles[side], alignment)
        edge = abs(condyles[side].centre) + outer
        score = float(knee[f"osteophyte_femur_{side}"])
        tip = condyles[side].bottom - 6.5 + 0.5 * score
        femur.append(turn(bones.spur(edge, tip, score, inwards=9.0, upwards=True)))
        points = bones.TIBIA_MEDIAL if sign > 0 else bones.TIBIA_LATERAL
        edge = curve(points) + sign * bones.tibia_axis(alignment)
        score = float(knee[f"osteophyte_tibia_{side}"])
        tip = float(np.interp(sign * 36.5, U, plateau)) + 0.6 - 0.5 * score
        tibia.append(turn(bones.spur(edge, tip, score, inwards=10.0, upwards=False)))
    groups = [femur, tibia, [bones.fibula(alignment, *own.fibula)], [bones.patella(own.patella)]]
    return groups + ([[bones.fabella(own.fabella)]] if own.fabella else [])


def _boxes(groups: list[list[np.ndarray]]) -> np.ndarray:
    """Return the extent of each bone."""
    boxes = []
    for group in groups:
        low = np.min([np.where(part[:, 1] > part[:, 0], part[:, 0], np.inf) for part in group], 0)
        high = np.max([np.where(part[:, 1] > part[:, 0], part[:, 1], -np.inf) for part in group], 0)
        rows = V[high > low]
        boxes.append([low.min(), high.max(), rows[0] - 0.3, rows[-1] + 0.3])
    return np.array(boxes)


def _profile(points: bones.Points) -> np.ndarray:
    return curve(points) if len(points) > 1 else np.full_like(V, points[0][1])


def _surface(knee: pd.Series, contour: np.ndarray, plateau: np.ndarray, own: Habit) -> np.ndarray:
    """Return what the beam needs along the joint, in the layout of `Solid.surface`."""
    spines = np.zeros_like(U)
    for middle, height in zip((5.6, -5.6), own.spines, strict=True):
        spines = np.maximum(spines, height * np.clip(1 - np.abs(U - middle) / 5.2, 0, 1) ** 1.1)
    tibia, depth, femur = (np.full_like(U, value) for value in (0.15, 2.5, 0.10))
    for side, sign in (("medial", 1), ("lateral", -1)):
        score = float(knee[f"sclerosis_{side}"])
        window = np.exp(-0.5 * (np.clip(np.abs(U - sign * 24) - 7, 0, None) / 4.5) ** 2)
        tibia += 0.60 * score * window
        femur += 0.42 * score * window
        depth += 1.0 * score * window
    columns = [plateau, spines, 8.0 + 0 * U, tibia, depth, contour, femur, depth]
    return np.column_stack(columns).astype(np.float32)


def _flesh(half: float) -> np.ndarray:
    """Return leg and muscle; the leg is at least a little wider and thicker than the bones."""
    shape = curve(LEG)
    depth = max(half, 36.0)
    wide = 44 + 0.30 * max(half - 25, 0)
    fat = np.clip(4 + 0.22 * (half - 45), 2.5, 22) * curve(((-90, 1.3), (0, 0.8), (80, 1.1)))
    leg = [-wide * shape * 1.03, wide * shape * 0.99, depth * shape]
    muscle = [leg[0] + fat, leg[1] - 1.15 * fat, leg[2] - fat]
    return np.column_stack([*leg, *muscle]).astype(np.float32)


def regions(knee: Knee, u: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
    """Return masks of joint space, femoral condyles and tibial plateau at places (u, v)."""
    at = np.clip(np.round((u - U[0]) / (U[1] - U[0])).astype(int), 0, len(U) - 1)
    above, below = knee.condyles[at], knee.plateau[at]
    beside = (np.abs(u) < 40) & (above > EQUATOR)
    spread = np.maximum(1.5 - (below - above) / 2, 0.5)
    return {
        "joint_space": beside & (np.abs(u) > 9) & (v > above - spread) & (v < below + spread),
        "femoral_condyles": beside & (v < above) & (v > above - 22),
        "tibial_plateau": (np.abs(u) < 40) & (v > below) & (v < below + 14),
    }
