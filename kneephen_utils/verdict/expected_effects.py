"""Expected effects: the difference each tested contrast should have shown, from what was planted.

Found groups are mixtures of planted ones, so a contrast is not expected to show a planted
hazard ratio but the ratio of the two mixtures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def expected(planted: pd.DataFrame, phenotypes: pd.DataFrame, effects: pd.DataFrame) -> pd.Series:
    """Return what each effect should have been, missing where that is not known.

    Parameters
    ----------
    planted
        One row per knee with `hazard` (log, relative to a medial or typical knee), `pain_level`
        (latent points) and `pain_slope` (latent points a year).
    phenotypes
        `phenotypes` table: which knees were compared.
    effects
        Effect tables, one row per contrast of `phenotype` with `reference` in `sample`.

    Returns
    -------
    Series in the order of `effects`: for the hazard ratio of a rise the ratio of the mean
    planted hazards of the two groups as they set out; for pain the difference of the mean
    planted levels or slopes, on the latent scale, without the floor of the questionnaire.
    """
    columns = ["knee_id", "hazard", "pain_level", "pain_slope"]
    known = phenotypes.merge(planted[columns], on="knee_id", validate="many_to_one")
    known["hazard"] = np.exp(known["hazard"])
    key = ["arm", "kl_grade", "phenotype"]
    names = ["hazard", "pain_level", "pain_slope"]
    confirm = known[known["split"] == "confirm"]
    means = {
        "confirm": confirm.groupby(key)[names].mean(),
        "both": known.groupby(key)[names].mean(),
    }
    right = [_right(row, means) for row in effects.to_dict("records")]
    return pd.Series(right, index=effects.index, dtype="float64")


def _right(row: dict[Any, Any], means: dict[str, pd.DataFrame]) -> float:
    own = means.get(row["sample"])
    pair = [(row["arm"], row["kl_grade"], row[each]) for each in ("phenotype", "reference")]
    if own is None or not all(each in own.index for each in pair):
        return float("nan")
    one, other = (own.loc[each] for each in pair)
    match (row["outcome"], row["contrast"]):
        case ("kl_rise_1", "hazard ratio"):
            return float(one["hazard"] / other["hazard"])
        case ("womac_pain", "slope"):
            return float(one["pain_slope"] - other["pain_slope"])
        case ("womac_pain", "level at 0 months"):
            return float(one["pain_level"] - other["pain_level"])
        case _:
            return float("nan")
