"""Trabecula: the grain of spongy bone, a tile of texture that repeats without a seam."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

from oai_twin.projection import TEXTURE_SIZE, TEXTURE_STEP

FINE, COARSE = 1.5, 4.2  # mm between strands for texture 0 and 1
WEAK, STRONG = 0.10, 0.24  # contrast, SD relative to spongy bone
PATCHES = 14.0  # mm, size of the clouds of denser and looser bone


def grain(texture: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a tile of texture, float32, mean 0.

    Strands run mostly along the leg, some across. From fine to coarse they become wider,
    farther apart, fewer across, and of higher contrast.

    Parameters
    ----------
    texture
        0 fine to 1 coarse.
    rng
        Source of randomness.
    """
    wavelength = FINE * (COARSE / FINE) ** texture
    noise = rng.standard_normal((3, TEXTURE_SIZE, TEXTURE_SIZE), dtype=np.float32)
    spectrum = fft.rfft2(noise)
    along = _ridge(spectrum[0] * _band(wavelength, 0.25 + 0.1 * (1 - texture), upright=True))
    across = _ridge(spectrum[1] * _band(1.1 * wavelength, 0.4, upright=False))
    clouds = fft.irfft2(spectrum[2] * _clouds())
    mixed = along + (0.6 - 0.25 * texture) * across + 0.35 * clouds / clouds.std()
    contrast = WEAK * (STRONG / WEAK) ** texture
    return (contrast * (mixed - mixed.mean()) / mixed.std()).astype(np.float32)


def _ridge(spectrum: np.ndarray) -> np.ndarray:
    """Turn a field into thin bright strands where it crosses zero."""
    field = fft.irfft2(spectrum)
    strands = np.exp(-1.5 * np.abs(field) / field.std())
    return (strands - strands.mean()) / strands.std()


@lru_cache(maxsize=2)
def _plane() -> tuple[np.ndarray, np.ndarray]:
    """Return frequency (cycles per mm) and steepness of its strands (1 upright, 0 level)."""
    down = fft.fftfreq(TEXTURE_SIZE, TEXTURE_STEP)[:, None]
    across = fft.rfftfreq(TEXTURE_SIZE, TEXTURE_STEP)[None, :]
    radius = np.hypot(down, across)
    radius[0, 0] = 1e-6
    return radius, np.abs(across) / radius


def _band(wavelength: float, spread: float, *, upright: bool) -> np.ndarray:
    """Return a filter around half the frequency of strands, which lie at both zero crossings."""
    radius, steep = _plane()
    angle = np.arccos(np.clip(steep, 0, 1)) if upright else np.arcsin(np.clip(steep, 0, 1))
    middle = 0.5 / wavelength
    band = np.exp(-0.5 * (np.log(radius / middle) / 0.35) ** 2 - 0.5 * (angle / spread) ** 2)
    return band.astype(np.float32)


def _clouds() -> np.ndarray:
    radius, _ = _plane()
    return np.exp(-0.5 * (radius * PATCHES) ** 2).astype(np.float32)
