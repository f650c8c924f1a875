"""Calibration: whether knees given a grade were, on average, read with that grade."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils.stats import cluster_resampling

GROUPS = 10
FEWEST = 20  # knees of a group
COLUMNS = ["place", "predicted", "estimate", "low", "high", "knees", "participants"]


def curve(grades: pd.DataFrame, known: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Compare predicted grades with grades as read, in groups of knees of like prediction.

    Groups are of equal size, so that none rests on a handful of knees.

    Parameters
    ----------
    grades
        `grades` table; people of the `discover` and `confirm` splits are compared.
    known
        As `grading.pictured` returns: whose knee each is.
    draws, seed
        Bootstrap of people.

    Returns
    -------
    `grading_calibration` table.

    References
    ----------
    Van Calster et al. (2019), calibration curves, doi:10.1186/s12916-019-1466-7.
    """
    own = grades[grades["split"].isin(["discover", "confirm"]) & grades["kl_grade"].notna()]
    own = own.merge(known[["knee_id", "participant_id"]], on="knee_id", validate="one_to_one")
    own = own.sort_values(["kl_predicted", "knee_id"], ignore_index=True)
    parts = np.array_split(np.arange(len(own)), max(1, min(GROUPS, len(own) // FEWEST)))
    rows = [
        {"place": place, **_group(own.iloc[part].reset_index(drop=True), draws, seed)}
        for place, part in enumerate(parts, start=1)
        if len(part)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _group(own: pd.DataFrame, draws: int, seed: int) -> dict[str, float]:
    """Return the mean grade given and the mean grade as read, with its interval by person."""
    read = own["kl_grade"].to_numpy(float)
    people = own["participant_id"]
    mean, low, high = cluster_resampling.interval(
        lambda rows: float(read[rows].mean()), people, draws=draws, seed=seed
    )
    found = {"predicted": float(own["kl_predicted"].mean()), "estimate": mean}
    return found | {"low": low, "high": high, "knees": len(own), "participants": people.nunique()}
