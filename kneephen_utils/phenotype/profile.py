"""Profile: who the knees of a phenotype are, column by column, each with its role."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import closed, figure, firewall, report

PERSON = ("age", "bmi", "sex")
KNEE = (
    "womac_pain",
    "koos_pain",
    "jsn_medial",
    "jsn_lateral",
    "jsw_medial",
    "jsw_lateral",
    "osteophyte_femur_medial",
    "osteophyte_femur_lateral",
    "osteophyte_tibia_medial",
    "osteophyte_tibia_lateral",
    "sclerosis_medial",
    "sclerosis_lateral",
)
SHARES = ("sex",)  # shown as a share of the knees, not as a median
NOTE = (
    "Median and quartiles over discover and confirm knees. Inputs made the groups, so a difference "
    "in them is no finding; outcomes are tested later, in other people."
)
COLUMNS = ["kl_grade", "arm", "phenotype", "variable", "role", "estimate", "low", "high", "knees"]


def describe(
    phenotypes: pd.DataFrame, knees: pd.DataFrame, participants: pd.DataFrame
) -> pd.DataFrame:
    """Return the `profiles` table: median and quartiles of each clinical column.

    Discover and confirm knees together. For `sex` the estimate is the share of women and
    there are no quartiles. Scores that were not read are left out, never taken as zero.

    Parameters
    ----------
    phenotypes, knees, participants
        The tables of these names.
    """
    people = participants[["participant_id", *PERSON]]
    known = knees[["knee_id", "participant_id", *KNEE]].merge(people, on="participant_id")
    known["sex"] = known["sex"].map({"female": 1.0, "male": 0.0})
    joined = phenotypes.merge(known, on="knee_id", how="left", validate="many_to_one")
    rows = [
        (*place, variable, firewall.role(str(place[1]), variable), *_spread(own[variable]))
        for place, own in joined.groupby(["kl_grade", "arm", "phenotype"], sort=True)
        for variable in (*PERSON, *KNEE)
    ]
    kinds = {"kl_grade": "int64", "phenotype": "int64", "knees": "int64"}
    kinds |= dict.fromkeys(["estimate", "low", "high"], "float64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def shown(profiles: pd.DataFrame, *, arm: str, disclose: bool) -> pd.DataFrame:
    """Return the profiles of one arm as a table for reading, a column per phenotype.

    Where single knees may not be shown, neither are values that rest on fewer than ten.
    """
    fewest = 1 if disclose else closed.FEW
    own = profiles[profiles["arm"] == arm].copy()
    own["phenotype"] = own["phenotype"].map(figure.phenotype_label)
    own["text"] = [
        report.MISSING if row.knees < fewest else _written(row) for row in own.itertuples()
    ]
    wide = own.pivot_table(
        index=["variable", "role"], columns="phenotype", values="text", aggfunc="first", sort=False
    )
    order = sorted(wide.columns, key=lambda name: (name == "unassigned", name))
    table = wide[order].reset_index().rename_axis(columns=None)
    table["variable"] = table["variable"].replace({"sex": "share of women"}).str.replace("_", " ")
    return table


def _spread(values: pd.Series) -> tuple[float, float, float, int]:
    numbers = values.astype(float).dropna().to_numpy()
    if not len(numbers):
        return (float("nan"),) * 3 + (0,)
    if values.name in SHARES:
        return float(numbers.mean()), float("nan"), float("nan"), len(numbers)
    low, middle, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    return float(middle), float(low), float(high), len(numbers)


def _written(row) -> str:  # type: ignore[no-untyped-def]
    if np.isnan(row.low):
        return report.number(row.estimate)
    return f"{row.estimate:.1f} ({row.low:.1f} to {row.high:.1f})"
