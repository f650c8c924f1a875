"""Linear probe: what a ridge regression can read off the vector of a knee.

What a probe reads is in the vector; what it does not read may still be there, bent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

NUMBERS = ("jsw_medial", "jsw_lateral", "kl_grade", "exposure")
NAMES = ("side", "site")
WORDS = {
    "jsw_medial": "medial joint-space width",
    "jsw_lateral": "lateral joint-space width",
    "kl_grade": "grade as read",
}
LABELS = {"r2": "R²", "features": "read from"}
NOTE = "R² in people the probe was not fitted on; 1 is perfect, a constant has 0 or less."
FEWEST = 10  # knees to fit on, and to measure on


def table_probes(probes: pd.DataFrame) -> pd.DataFrame:
    """Return a table of probes for reading, its targets in words."""
    return probes.assign(target=probes["target"].replace(WORDS))


def targets(known: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return what can be asked of a vector: measures (n,), and names as indicators (n, names).

    Only columns that `known` has; what is missing is not a number.
    """
    found = {name: known[name].astype(float).to_numpy() for name in NUMBERS if name in known}
    for name in NAMES:
        if name in known:
            each = np.sort(known[name].dropna().unique())
            equal = known[name].to_numpy()[:, None] == each[None]
            found[name] = np.where(known[name].isna().to_numpy()[:, None], np.nan, equal)
    return found


def read(
    features: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray], train: np.ndarray
) -> pd.DataFrame:
    """Fit a ridge of every target on every kind of features and measure it on other people.

    Parameters
    ----------
    features
        Arrays (n, width) by what they are.
    truth
        As `targets` returns.
    train
        Rows the ridges are fitted on, flags (n,); all others are measured on.

    Returns
    -------
    Columns `target`, `features`, `r2`, `knees`; a constant has an R2 of 0 or less. The R2
    is missing where there are too few knees.
    """
    rows = []
    for target, values in truth.items():
        there = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        fit, test = train & there, ~train & there
        for name, vectors in features.items():
            r2 = _measure(vectors, values, fit, test)
            rows.append({"target": target, "features": name, "r2": r2, "knees": int(test.sum())})
    return pd.DataFrame(rows)


def wide(found: pd.DataFrame) -> pd.DataFrame:
    """Return the R2 of `read` with one column for each kind of features."""
    names, asked = found["features"].drop_duplicates(), found["target"].drop_duplicates()
    table = found.pivot_table(index="target", columns="features", values="r2", dropna=False)
    return table.reindex(index=asked, columns=names).rename_axis(columns=None).reset_index()


def _measure(features: np.ndarray, truth: np.ndarray, fit: np.ndarray, test: np.ndarray) -> float:
    if fit.sum() < FEWEST or test.sum() < FEWEST:
        return float("nan")
    centre, spread = features[fit].mean(0), features[fit].std(0) + 1e-9
    model = RidgeCV(np.logspace(-1, 5, 13)).fit((features[fit] - centre) / spread, truth[fit])
    return float(model.score((features[test] - centre) / spread, truth[test]))
