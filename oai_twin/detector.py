"""Detector: optical thickness becomes the stored numbers of one machine.

Beer-Lambert, scatter as a broad blur of what comes through, quantum noise, the logarithm,
and the grey-scale processing of the site: sharpening, range and gamma.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage

DOSE = 1_500.0  # quanta per pixel behind the joint, kept by the automatic exposure control
SCATTER_REACH = 16.0  # mm
SHARP_REACH = 2.5  # mm
OVEREXPOSED = 0.86  # share of the scale by which a burned-out film is too dark
UNEXPOSED = 0.01  # what comes through the collimator


class Look(NamedTuple):
    """What the machine of one site makes of a film.

    Attributes
    ----------
    manufacturer
        As in the file.
    gamma
        Above 1, soft tissue is darker.
    sharpness
        Weight of unsharp masking.
    scatter
        Scatter relative to primary radiation.
    blur
        Weight of each neighbouring pixel in the blur of the detector.
    grid
        Contrast of the lines of the anti-scatter grid.
    bits
        Bits stored.
    tags
        Tags that hold the pixel spacing.
    shutter
        Whether what lies outside the collimation is blacked out.
    window
        Whether the file names a display window.
    """

    manufacturer: str
    gamma: float
    sharpness: float
    scatter: float
    blur: float
    grid: float
    bits: int
    tags: tuple[str, ...]
    shutter: bool = False
    window: bool = False


IMAGER, PIXEL = "ImagerPixelSpacing", "PixelSpacing"
LOOKS = {
    "A": Look("GE MEDICAL SYSTEMS", 1.35, 0.35, 0.25, 0.06, 0.0, 14, (IMAGER,), shutter=True),
    "B": Look("FUJI PHOTO FILM", 1.15, 0.60, 0.30, 0.10, 0.006, 12, (PIXEL,), window=True),
    "C": Look("AGFA", 1.55, 0.25, 0.40, 0.12, 0.010, 12, (IMAGER, PIXEL)),
    "D": Look("KODAK", 1.25, 0.45, 0.30, 0.08, 0.0, 12, (IMAGER,), shutter=True, window=True),
    "E": Look("PHILIPS", 1.45, 0.15, 0.45, 0.14, 0.008, 13, (PIXEL,)),
}


def expose(
    tau: np.ndarray,
    film: pd.Series,
    *,
    aperture: np.ndarray,
    noisy: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return stored values with bone bright, uint16.

    Parameters
    ----------
    tau
        Optical thickness (rows, columns), float32.
    film
        Row of the planted `films` table: site, spacing (mm), exposure, noise, defect.
    aperture
        Share of the beam that passes the collimator (rows, columns).
    noisy
        Whether quanta are counted; if not, the film is free of noise.
    rng
        Source of the noise.
    """
    look = LOOKS[film["site"]]
    primary = aperture * np.exp(-soften(tau, look.blur))
    seen = primary + look.scatter * blur(primary, SCATTER_REACH / film["spacing"])
    seen *= 1 / (1 + look.scatter)
    if look.grid:
        lines = np.sin(np.arange(tau.shape[1], dtype=np.float32) * np.float32(2.61))
        seen *= 1 + np.float32(look.grid) * lines
    if noisy:
        behind = float(np.percentile(seen[::9, ::9], 20))
        quanta = DOSE / behind * film["exposure"] / film["noise"] ** 2
        counted = rng.standard_normal(tau.shape, dtype=np.float32)
        seen += counted * np.sqrt(seen * np.float32(1 / quanta))
    signal = -np.log(np.maximum(seen, np.float32(1e-4)))
    shares = _process(signal, film, look)
    if look.shutter:
        shares[aperture < 0.5] = 0
    top = 2**look.bits - 1
    return np.round(top * shares).astype(np.uint16)


def _process(signal: np.ndarray, film: pd.Series, look: Look) -> np.ndarray:
    """Sharpen, bring to the range 0 to 1 and bend by gamma."""
    signal += np.float32(look.sharpness) * (signal - blur(signal, SHARP_REACH / film["spacing"]))
    rows, columns = (length // 8 for length in signal.shape)
    low, high = np.percentile(signal[rows:-rows:7, columns:-columns:7], [2, 98.5])
    span = 1.25 * max(float(high - low), 0.5)
    shift = 0.12 * np.log(film["exposure"]) + (
        OVEREXPOSED if film["defect"] == "burned_out" else 0.0
    )
    shares = (signal - np.float32(low - 0.06 * span + shift * span)) * np.float32(1 / span)
    return np.clip(shares, 0, 1) ** np.float32(look.gamma)


def soften(picture: np.ndarray, weight: float) -> np.ndarray:
    """Mix each pixel with its four neighbours, each with this weight."""
    padded = np.pad(picture, 1, mode="edge")
    level = padded[1:-1, :-2] + padded[1:-1, 2:]
    upright = padded[:-2, 1:-1] + padded[2:, 1:-1]
    return np.float32(1 - 4 * weight) * picture + np.float32(weight) * (level + upright)


def blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Blur broadly (Gaussian, SD in pixels) by way of a smaller picture."""
    factor = max(int(sigma / 2), 1)
    whole = Image.fromarray(picture)
    small = np.asarray(whole.reduce(factor))
    soft = ndimage.gaussian_filter(small, sigma / factor, mode="nearest", truncate=2.5)
    return np.asarray(Image.fromarray(soft).resize(whole.size, Image.Resampling.BILINEAR))
