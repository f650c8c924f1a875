"""Knee renderer: one knee rendered alone and cropped as the reading of a film crops it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage

from oai_twin import anatomy, detector, projection

WINDOW = (5.0, 99.0)  # percentiles of a crop that become black and white
MARGIN = 15.0  # mm rendered around a crop


class Closeup(NamedTuple):
    """One knee, how it is taken, and the point (x, y in mm) its crop is centred on."""

    knee: anatomy.Knee
    film: pd.Series
    pose: projection.Pose
    seen: tuple[float, float]
    side: int


def arrange(knee: pd.Series, *, region: float, rng: np.random.Generator) -> Closeup:
    """Draw machine, exposure, leg and pose for one knee, and build it."""
    film = _any_film(rng)
    spacing = float(film["spacing"])
    side = round((region + 2 * MARGIN) / spacing)
    middle = side * spacing / 2
    x, y = (float(middle + shift) for shift in rng.normal(0, 1.0, 2))
    pose = projection.Pose(x, y, float(knee["tilt"]) + float(rng.normal(0, 1.5)), 1.0, spacing)
    off = np.clip(rng.normal(0, 2.0, 2), -5, 5)
    seen = float(middle + off[0]), float(middle + off[1])
    model = anatomy.build(knee, soft_tissue=float(film["soft_tissue"]), rng=rng)
    return Closeup(model, film, pose, seen, side)


def picture(
    closeup: Closeup, *, pixels: int, region: float, rng: np.random.Generator
) -> np.ndarray:
    """Render, expose and crop: array (pixels, pixels), uint8, medial on the right."""
    tau = np.zeros((closeup.side, closeup.side), dtype=np.float32)
    projection.integrate(closeup.knee.solid, closeup.pose, tau, columns=(0, closeup.side))
    stored = detector.expose(tau, closeup.film, aperture=np.ones_like(tau), noisy=True, rng=rng)
    ratio = region / pixels / float(closeup.film["spacing"])
    soft = ndimage.gaussian_filter(
        stored.astype(np.float32), 0.5 * np.sqrt(max(ratio**2 - 1, 0)), truncate=3
    )
    corner = np.array(closeup.seen[::-1]) / float(closeup.film["spacing"])
    crop = ndimage.affine_transform(
        soft,
        [ratio, ratio],
        offset=corner - 0.5 * pixels * ratio + 0.5 * ratio - 0.5,
        output_shape=(pixels, pixels),
        order=1,
        mode="nearest",
    )
    low, high = np.percentile(crop, WINDOW)
    return np.round(255 * np.clip((crop - low) / max(high - low, 1), 0, 1)).astype(np.uint8)


def regions(closeup: Closeup, *, pixels: int, region: float) -> dict[str, np.ndarray]:
    """Return masks (pixels, pixels) of the parts of the joint; see `anatomy.regions`."""
    pose, scale = closeup.pose, closeup.knee.solid.scale
    place = (np.arange(pixels) + 0.5) * region / pixels - region / 2
    across = (place[None, :] + closeup.seen[0] - pose.x) / scale
    down = (place[:, None] + closeup.seen[1] - pose.y) / scale
    cos, sin = np.cos(np.deg2rad(pose.tilt)), np.sin(np.deg2rad(pose.tilt))
    u = pose.mirror * (across * cos + down * sin)
    return anatomy.regions(closeup.knee, u, down * cos - across * sin)


def _any_film(rng: np.random.Generator) -> pd.Series:
    """Draw how some film is taken."""
    return pd.Series(
        {
            "site": str(rng.choice(list(detector.LOOKS))),
            "spacing": float(rng.uniform(0.36, 0.48)),
            "exposure": float(np.exp(rng.normal(0, 0.2))),
            "noise": float(rng.uniform(0.7, 1.7)),
            "soft_tissue": float(np.clip(rng.normal(55, 12), 25, 110)),
            "defect": "",
        }
    )
