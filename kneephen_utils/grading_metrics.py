"""Grading metrics: how close predicted grades come to the grades as read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from kneephen_utils.stats import cluster_resampling

Metric = Callable[[np.ndarray, np.ndarray], float]


def whole(predicted: np.ndarray) -> np.ndarray:
    """Return continuous grades rounded to the nearest of 0 to 4."""
    return np.clip(np.rint(predicted), 0, 4).astype(int)


def _kappa(read: np.ndarray, predicted: np.ndarray) -> float:
    if len(set(read)) < 2 and len(set(whole(predicted))) < 2:
        return float("nan")
    return float(cohen_kappa_score(read, whole(predicted), labels=range(5), weights="quadratic"))


def _spearman(read: np.ndarray, predicted: np.ndarray) -> float:
    if np.ptp(read) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(spearmanr(read, predicted).statistic)


def _balanced(read: np.ndarray, predicted: np.ndarray) -> float:
    grades = np.unique(read)
    return float(np.mean([np.mean(whole(predicted)[read == grade] == grade) for grade in grades]))


METRICS: dict[str, Metric] = {
    "mae": lambda read, predicted: float(np.mean(np.abs(read - predicted))),
    "rmse": lambda read, predicted: float(np.sqrt(np.mean((read - predicted) ** 2))),
    "exact": lambda read, predicted: float(np.mean(read == whole(predicted))),
    "within_1": lambda read, predicted: float(np.mean(np.abs(read - whole(predicted)) <= 1)),
    "balanced_accuracy": _balanced,
    "quadratic_weighted_kappa": _kappa,
    "spearman": _spearman,
}


def score(
    read: np.ndarray,
    predicted: np.ndarray,
    participants: pd.Series,
    *,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Score predicted grades with every metric.

    Parameters
    ----------
    read
        Grades as read, whole numbers 0-4.
    predicted
        Predicted grades, 0 to 4, rounded where a metric needs whole grades.
    participants
        Person of each knee; intervals come from resampling people.
    draws, seed
        Bootstrap.

    Returns
    -------
    Columns `metric`, `estimate`, `low`, `high`, `knees`, `participants`.

    References
    ----------
    Cohen (1968), weighted kappa, doi:10.1037/h0026256.
    """
    people = participants.reset_index(drop=True)
    rows = []
    for name, metric in METRICS.items():

        def on(rows: np.ndarray, metric: Metric = metric) -> float:
            return metric(read[rows], predicted[rows])

        estimate, low, high = cluster_resampling.interval(on, people, draws=draws, seed=seed)
        rows.append({"metric": name, "estimate": estimate, "low": low, "high": high})
    return pd.DataFrame(rows).assign(knees=len(read), participants=people.nunique())


def confusion(read: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return counts (5, 5): grade as read down, predicted grade across."""
    table = np.zeros((5, 5), dtype=int)
    np.add.at(table, (read, whole(predicted)), 1)
    return table
