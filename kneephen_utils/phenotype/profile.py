"""Profile: who the knees of a phenotype are, column by column, each with its role."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import display_names, firewall, formatting, small_cells

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
    "Mean (standard deviation) or share, discover and confirm knees together; JSN is joint-space "
    "narrowing, JSW joint-space width. The last column is the largest standardised difference of a "
    "phenotype from all other knees of the grade, and whose it is. Inputs made the "
    "groups, so a difference in them is no finding; outcomes are not shown here: they are tested "
    "later, in other people."
)
COLUMNS = ["kl_grade", "arm", "phenotype", "variable", "role", "estimate", "low", "high"]
COLUMNS += ["mean", "sd", "smd", "knees"]
NUMBERS = ["estimate", "low", "high", "mean", "sd", "smd"]


def describe(
    phenotypes: pd.DataFrame, knees: pd.DataFrame, participants: pd.DataFrame
) -> pd.DataFrame:
    """Return the `profiles` table: how each clinical column is spread in each phenotype.

    Discover and confirm knees together. For `sex` the estimate is the share of women and
    there are no quartiles. Scores that were not read are left out, never taken as zero. The
    standardised difference is from all other knees of the grade, and is not taken of outcomes.

    Parameters
    ----------
    phenotypes, knees, participants
        The tables of these names.

    References
    ----------
    Austin (2009), standardised differences, doi:10.1002/sim.3697.
    """
    people = participants[["participant_id", *PERSON]]
    known = knees[["knee_id", "participant_id", *KNEE]].merge(people, on="participant_id")
    known["sex"] = known["sex"].map({"female": 1.0, "male": 0.0})
    joined = phenotypes.merge(known, on="knee_id", how="left", validate="many_to_one")
    rows = []
    for (grade, arm), cell in joined.groupby(["kl_grade", "arm"], sort=True):
        for phenotype in sorted(cell["phenotype"].unique()):
            inside = cell["phenotype"] == phenotype
            for variable in (*PERSON, *KNEE):
                role, values = firewall.role(str(arm), variable), cell[variable].astype(float)
                smd = standardised(values[inside], values[~inside])
                *told, count = _spread(values[inside])
                told += [smd if role != "outcome" else float("nan"), count]
                rows.append((grade, arm, phenotype, variable, role, *told))
    kinds = {"kl_grade": "int64", "phenotype": "int64", "knees": "int64"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds | dict.fromkeys(NUMBERS, "float64"))


def standardised(one: pd.Series, other: pd.Series) -> float:
    """Return the difference of two means in standard deviations, those of both averaged.

    For shares the variance is that of a share.
    """
    one, other = one.dropna(), other.dropna()
    if not len(one) or not len(other):
        return float("nan")
    if one.name in SHARES:
        variance = (one.mean() * (1 - one.mean()) + other.mean() * (1 - other.mean())) / 2
    else:
        variance = (one.var() + other.var()) / 2
    return float((one.mean() - other.mean()) / variance**0.5) if variance > 0 else float("nan")


def counted(phenotypes: pd.DataFrame, knees: pd.DataFrame) -> pd.DataFrame:
    """Return how many knees and people each phenotype has, one row per arm and phenotype."""
    who = phenotypes.merge(knees[["knee_id", "participant_id"]], on="knee_id")
    by = who.groupby(["arm", "phenotype"])["participant_id"]
    return by.agg(knees="size", people="nunique").reset_index()


def table_profile(
    profiles: pd.DataFrame, counts: pd.DataFrame, *, arm: str, disclose: bool
) -> pd.DataFrame:
    """Return the profiles of one arm as a table for reading, a column per phenotype.

    Outcomes are left out. Where single knees may not be shown, neither are values that rest on
    fewer than ten.

    Parameters
    ----------
    profiles
        `profiles` table.
    counts
        As `counted` returns.
    arm
        The arm shown.
    disclose
        Whether single knees may be shown.
    """
    fewest = 1 if disclose else small_cells.FEW
    own = profiles[(profiles["arm"] == arm) & (profiles["role"] != "outcome")].copy()
    own["group"] = own["phenotype"].map(display_names.phenotype_label)
    hidden = own["knees"] < fewest
    if not disclose:
        part = own["mean"] * own["knees"]
        rare = small_cells.is_small(part.round()) | small_cells.is_small(
            (own["knees"] - part).round()
        )
        hidden |= own["variable"].isin(SHARES) & rare
    own["text"] = [
        formatting.MISSING if few else _written(row)
        for few, row in zip(hidden, own.itertuples(), strict=True)
    ]
    wide = own.pivot_table(
        index=["variable", "role"], columns="group", values="text", aggfunc="first", sort=False
    )
    order = sorted(wide.columns, key=lambda name: (name == "unassigned", name))
    seen = own[~hidden & (own["phenotype"] >= 0)]
    farthest = {name: _farthest(rows) for name, rows in seen.groupby("variable", sort=False)}
    table = wide[order].reset_index().rename_axis(columns=None)
    table["farthest"] = [farthest.get(name, formatting.MISSING) for name in table["variable"]]
    table["variable"] = table["variable"].replace(display_names.CLINICAL)
    mine = counts[counts["arm"] == arm]
    names = mine["phenotype"].map(display_names.phenotype_label)
    heads = []
    for what in ("knees", "people"):
        told = [small_cells.written(n, disclose=disclose) for n in mine[what]]
        heads.append({"variable": what, "role": "", **dict(zip(names, told, strict=True))})
    return pd.concat([pd.DataFrame(heads), table], ignore_index=True).fillna("")[list(table)]


def _farthest(own: pd.DataFrame) -> str:
    """Return the largest standardised difference of a column, and whose it is."""
    size = own["smd"].abs()
    if size.isna().all():
        return formatting.MISSING
    row = own.loc[size.idxmax()]
    return f"{row['smd']:+.2f} ({row['group']})"


def _spread(values: pd.Series) -> tuple[float, float, float, float, float, int]:
    """Return median and quartiles, or a share without; mean, standard deviation, and knees."""
    numbers = values.dropna().to_numpy()
    if not len(numbers):
        return (*(float("nan"),) * 5, 0)
    mean = float(numbers.mean())
    if values.name in SHARES:
        return mean, float("nan"), float("nan"), mean, float("nan"), len(numbers)
    low, middle, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else float("nan")
    return float(middle), float(low), float(high), mean, spread, len(numbers)


def _written(row) -> str:  # type: ignore[no-untyped-def]
    if row.variable in SHARES:
        return formatting.number(100 * row.mean, 0)
    return f"{row.mean:.1f} ({formatting.number(row.sd, 1)})"
