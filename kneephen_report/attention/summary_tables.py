"""Summary tables: what maps of attention say, as tables for reading."""

from __future__ import annotations

import pandas as pd

from kneephen_report.attention.summary_text import NAMES, REAL, Map, passes, spread, whole
from kneephen_utils import display_names, formatting
from kneephen_utils.attention.aggregation import ALL_GRADES

PLACES = ["joint_space", "femoral_condyles", "tibial_plateau", "border"]
SCORES_NOTE = (
    "Per cent of the map on each place of the crop, 95 % intervals by person; the places do not "
    "cover the crop. Area and blob look at no picture. A map that failed stays the same when the "
    "trained weights are drawn anew."
)
CHANGES_NOTE = (
    "95 % intervals by person. Taken away: change of the answer when the patches are those of the "
    "mean knee. Shown alone: how much nearer than the mean knee's the answer comes to that of the "
    "whole picture. Beyond the centre: less the same for central patches."
)
LIKENESS_NOTE = (
    "95 % intervals by person. Likeness is a rank correlation: 1 is the same map; the last two are "
    "shares of a map, 0 to 1. Outlier tokens stand for no "
    "place and are left out of the maps."
)
CHANGES = {
    "deletion": "taken away",
    "deletion_over_centre": "taken away, beyond the centre",
    "insertion": "shown alone",
    "insertion_over_centre": "shown alone, beyond the centre",
}
LIKENESS = {
    "randomised": "likeness to redrawn weights",
    "other_knee": "likeness to another person",
    "largest_patch": "on the largest patch",
    "outliers": "on outlier tokens",
}


def by_map(scores: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    """Return the share of every map on every region, over all knees, as a table for reading."""
    own = whole(scores)
    first = own.drop_duplicates("region")
    lines = {
        "area of the picture": _even(first, "area"),
        "blob in the centre": _even(first, "centre_prior"),
    }
    for seen in NAMES:
        rows = own[(own["encoder"] == seen[0]) & (own["method"] == seen[1])]
        if len(rows):
            lines[named(checks, seen)] = {
                row["region"]: _percent(row) for _, row in rows.iterrows()
            }
    table = pd.DataFrame(lines).T[PLACES].rename(columns=lambda name: name.replace("_", " "))
    return table.rename_axis("map").reset_index()


def by_group(scores: pd.DataFrame, seen: Map) -> pd.DataFrame:
    """Return the share of one map on every region, by grade and phenotype, for reading."""
    own = scores[(scores["encoder"] == seen[0]) & (scores["method"] == seen[1])]
    rows = []
    for (grade, phenotype), group in own.groupby(["kl_grade", "phenotype"], sort=True):
        name = "all" if grade == ALL_GRADES else f"KL{grade}"
        told = {row["region"]: _percent(row) for _, row in group.iterrows()}
        places = {place.replace("_", " "): told[place] for place in PLACES}
        who = {"grade": name, "phenotype": display_names.phenotype_label(int(phenotype))}
        rows.append({**who, **places, "knees": group["knees"].iloc[0]})
    return pd.DataFrame(rows)


def by_change(checks: pd.DataFrame, *, unit: str) -> pd.DataFrame:
    """Return what taking patches away or showing them alone does, one row per map, for reading.

    Parameters
    ----------
    checks
        `attention_checks` table.
    unit
        `grades`, which only a trained reader gives, or `cosine distance` of embeddings.
    """
    own = whole(checks)
    own = own[(own["unit"] == unit) & own["check"].isin(CHANGES)]
    encoders = [name for name in ("zeroshot", "finetuned") if name in set(own["encoder"])]
    plain = [(encoder, method) for encoder in encoders for method in ("centre", "random")]
    when = {"zeroshot": "before training", "finetuned": "after training"}
    names = {seen: named(checks, seen) for seen in REAL if seen[0] in encoders}
    names |= {seen: f"{seen[1]} patches, {when[seen[0]]}" for seen in plain}
    return _wide(own, names, CHANGES)


def by_likeness(checks: pd.DataFrame) -> pd.DataFrame:
    """Return how alike maps are that should not be, and whether they pass, for reading."""
    own = whole(checks)
    table = _wide(own, {seen: NAMES[seen] for seen in REAL}, LIKENESS)
    return table.assign(check=["passed" if passes(checks, seen) else "failed" for seen in REAL])


def named(checks: pd.DataFrame, seen: Map) -> str:
    """Return the name of a map, marked where it failed."""
    failed = seen in REAL and not passes(checks, seen)
    return NAMES[seen] + (" (failed)" if failed else "")


def heading(checks: pd.DataFrame, seen: Map) -> str:
    """Return the title of the table `by_group` makes."""
    name = named(checks, seen)
    return f"{name[0].upper()}{name[1:]}, by grade and phenotype"


def _wide(rows: pd.DataFrame, names: dict[Map, str], columns: dict[str, str]) -> pd.DataFrame:
    told = rows.assign(
        map=[names.get(seen) for seen in zip(rows["encoder"], rows["method"], strict=True)],
        told=[spread(row) for _, row in rows.iterrows()],
    )
    told = told[told["map"].notna() & told["check"].isin(columns)]
    wide = told.pivot_table(index="map", columns="check", values="told", aggfunc="first")
    wide = wide.reindex(index=list(names.values()), columns=list(columns)).fillna(
        formatting.MISSING
    )
    return wide.rename(columns=columns).rename_axis(columns=None).reset_index()


def _percent(row: pd.Series) -> str:
    return spread(100 * row[["estimate", "low", "high"]].astype(float), 0)


def _even(first: pd.DataFrame, name: str) -> dict[str, str]:
    return {row["region"]: f"{100 * row[name]:.0f}" for _, row in first.iterrows()}
