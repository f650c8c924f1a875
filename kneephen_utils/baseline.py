"""Baseline: simple predictors of the grade, which any encoder has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import sobel
from sklearn.linear_model import RidgeCV

WORDS = {
    "finetuned": "fine-tuned",
    "zeroshot": "zero-shot",
    "pixel ridge": "ridge on pixels",
    "gradient ridge": "ridge on gradient histograms",
    "joint-space width": "ridge on joint-space width",
}
CONSTANTS_NOTE = "Of the constants: the one nearest on average and the one most often right."
RIDGES = {"pixel ridge": "pixels", "gradient ridge": "gradients", "joint-space width": "widths"}


def predictors(
    grades: pd.DataFrame, zeroshot: pd.DataFrame, images: Any, known: pd.DataFrame
) -> pd.DataFrame:
    """Return the grade every predictor gives every pictured knee, one column a predictor.

    Constants, ridges on pixels, on gradient histograms and on joint-space width, the
    zero-shot grade and the fine-tuned one. Ridges are fitted on the `train` people.
    """
    table = known[["knee_id"]].merge(
        zeroshot[["knee_id", "kl_predicted"]], on="knee_id", how="left", validate="one_to_one"
    )
    table = table.rename(columns={"kl_predicted": "zeroshot"})
    table = table.merge(
        grades[["knee_id", "kl_predicted"]], on="knee_id", how="left", validate="one_to_one"
    ).rename(columns={"kl_predicted": "finetuned"})
    table = table[["knee_id", "finetuned", "zeroshot"]]
    table = table.assign(**{f"always KL{grade}": float(grade) for grade in range(5)})
    pixels = np.asarray(images.oindex[known["image"].to_numpy()])
    widths = known[["jsw_medial", "jsw_lateral"]].astype(float).to_numpy()
    features = {"pixels": coarse(pixels), "gradients": gradients(pixels), "widths": widths}
    train = ((known["split"] == "train") & known["kl_grade"].notna()).to_numpy()
    read = known["kl_grade"].astype(float).to_numpy()
    for name, kind in RIDGES.items():
        table[name] = ridge(features[kind], read, train)
    return table


def worth(compared: pd.DataFrame) -> pd.DataFrame:
    """Return predictors without the constants that are best at nothing.

    Parameters
    ----------
    compared
        One row per predictor with `predictor`, `mae` and `exact`; a constant is an `always ...`.

    Returns
    -------
    The rows that stay: the constant of least error and the one most often right, and all others.
    """
    constant = compared["predictor"].str.startswith("always")
    if not constant.any():
        return compared
    best = {compared.loc[constant, "mae"].idxmin(), compared.loc[constant, "exact"].idxmax()}
    return compared[~constant | compared.index.isin(best)].reset_index(drop=True)


def coarse(pixels: np.ndarray, side: int = 32) -> np.ndarray:
    """Return pictures (n, pixels, pixels) as grey values (n, side * side), 0 to 1."""
    n, size, _ = pixels.shape
    block = size // side
    cut = pixels[:, : block * side, : block * side].reshape(n, side, block, side, block)
    return cut.mean(axis=(2, 4), dtype=np.float32).reshape(n, -1) / 255


def gradients(pixels: np.ndarray, cells: int = 14, directions: int = 8) -> np.ndarray:
    """Return histograms of gradient directions, one per cell, each of unit length.

    References
    ----------
    Dalal & Triggs (2005), doi:10.1109/CVPR.2005.177.
    """
    block = pixels.shape[1] // cells
    size = block * cells
    features = []
    for picture in pixels[:, :size, :size].astype(np.float32):
        down, across = sobel(picture, axis=0), sobel(picture, axis=1)
        angle = np.mod(np.arctan2(down, across), np.pi)
        bins = np.minimum((angle / np.pi * directions).astype(int), directions - 1)
        row, column = np.indices(picture.shape) // block
        place = (row * cells + column) * directions + bins
        flat = np.bincount(place.ravel(), np.hypot(down, across).ravel(), cells**2 * directions)
        cellwise = flat.reshape(-1, directions)
        features.append(
            (cellwise / (np.linalg.norm(cellwise, axis=1, keepdims=True) + 1e-3)).ravel()
        )
    return np.asarray(features, dtype=np.float32)


def ridge(features: np.ndarray, read: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the grades a ridge fitted on the train rows gives; missing features, missing grade."""
    there = np.isfinite(features).all(axis=1)
    predicted = np.full(len(features), np.nan)
    fit_on = train & there
    if fit_on.sum() < 10:
        return predicted
    centre, spread = features[fit_on].mean(0), features[fit_on].std(0) + 1e-6
    model = RidgeCV(np.logspace(-1, 5, 13))
    model.fit((features[fit_on] - centre) / spread, read[fit_on])
    predicted[there] = np.clip(model.predict((features[there] - centre) / spread), 0, 4)
    return predicted
