"""Audit: the questions of the ledger, put to published tables, and the tables put right.

Each asks what a clinician knows the answer to: does the worse knee hurt more, are the visits when
they are said to be, who was read late, and did the outcome make the groups?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from kneephen_utils import formatting
from kneephen_utils.oai import visit_schedule
from studies.kneeoa_vlm_audit import Tables

TOLD = {"V03": 36, "V05": 60, "V06": 72, "V08": 96, "V10": 120}  # months, as published
FEWEST = 30  # people, or knees, below which a question is not asked
DAYS_APART = 4.0  # months by which the dates may miss a clock
LATE = ("V08", "V10")
OTHER = {"right": "left", "left": "right"}
COLUMNS = ["check", "value", "verdict", "sentence"]
UNKNOWN = "unknown"  # phenotype of a knee whose rule asks for pain that is not there
SAME = 0.99  # share of knees given right by one cut of pain, from which pain is the rule


def check(tables: Tables) -> pd.DataFrame:
    """Put every question to the tables: `check`, `value`, `verdict` and a `sentence` each.

    `verdict` is *passed*, *failed* or *not asked*.
    """
    rows = [_sides(tables), _clock(tables), _late(tables), _circular(tables)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"value": "float64"})


def sides(tables: Tables) -> tuple[float, int]:
    """Return how pain and grade go together within a person, and in how many people.

    The correlation of right-minus-left pain with right-minus-left grade at baseline; where sides
    are right it is above zero.
    """
    wide = (
        _with_pain(tables)
        .pivot_table(index="participant_id", columns="side", values=["kl_grade", "womac_pain"])
        .dropna()
    )
    if wide.shape[1] < 4 or len(wide) < FEWEST:
        return float("nan"), len(wide)
    gaps = [wide[name]["right"] - wide[name]["left"] for name in ("womac_pain", "kl_grade")]
    if min(gap.nunique() for gap in gaps) < 2:
        return float("nan"), len(wide)
    return float(np.corrcoef(*gaps)[0, 1]), len(wide)


def corrected(tables: Tables) -> Tables:
    """Return the tables with grade and narrowing moved to the other knee where sides are swapped.

    Pain stays: the right and left of a questionnaire are the person's own. A phenotype moves
    with the grade and the narrowing it was named by; where it was a cut of pain it is cut anew
    from the pain of the knee that the grade belongs to, and is *unknown* without that pain.
    """
    value, _ = sides(tables)
    if not value < 0:
        return tables
    rules = {grade: _rule(tables, grade) for grade in tables.knees["kl_grade"].dropna().unique()}
    knees = tables.knees.assign(side=tables.knees["side"].map(OTHER))
    key = ["participant_id", "side", "visit"]
    grades = tables.visits[[*key, "kl_grade"]]
    grades = grades.assign(side=grades["side"].map(OTHER))
    rest = tables.visits.drop(columns="kl_grade")
    moved = replace(tables, knees=knees, visits=rest.merge(grades, on=key, how="outer"))
    return replace(moved, knees=_cut_anew(moved, rules))


def _rule(tables: Tables, grade: float) -> DecisionTreeClassifier | None:
    """Return the cut of baseline pain that gives the phenotypes of a grade, if one does."""
    own = _with_pain(tables).dropna(subset=["womac_pain"])
    own = own[own["kl_grade"] == grade]
    if len(own) < FEWEST or own["phenotype"].nunique() < 2:
        return None
    cut = DecisionTreeClassifier(max_depth=1, random_state=0)
    cut.fit(own[["womac_pain"]], own["phenotype"])
    given = cut.predict(own[["womac_pain"]])
    one_name = own["phenotype"].value_counts(normalize=True).iloc[0]
    right = float((given == own["phenotype"]).mean())
    return cut if right >= SAME and right > one_name else None


def _cut_anew(moved: Tables, rules: Mapping[float, DecisionTreeClassifier | None]) -> pd.DataFrame:
    """Return the knees with every phenotype that was a cut of pain made from their own pain."""
    own = _with_pain(moved)
    for grade, rule in rules.items():
        if rule is None:
            continue
        of = own["kl_grade"] == grade
        known = of & own["womac_pain"].notna()
        own.loc[of, "phenotype"] = UNKNOWN
        if known.any():
            own.loc[known, "phenotype"] = rule.predict(own.loc[known, ["womac_pain"]])
    return own.drop(columns="womac_pain")


def _with_pain(tables: Tables) -> pd.DataFrame:
    """Return the knees with `womac_pain` at baseline, missing where it was not asked."""
    key = ["participant_id", "side"]
    base = tables.visits.loc[tables.visits["visit"] == "V00", [*key, "womac_pain"]]
    return tables.knees.merge(base, on=key, how="left", validate="one_to_one")


def _sides(tables: Tables) -> tuple[str, float, str, str]:
    value, people = sides(tables)
    if np.isnan(value):
        return "sides", value, "not asked", f"Only {people:,} people have both knees known."
    said = (
        f"In {people:,} people, right-minus-left pain and right-minus-left grade correlate at "
        f"{value:.2f}"
    )
    if value > 0:
        return "sides", value, "passed", f"{said}."
    after, _ = sides(corrected(tables))
    said += f": the worse knee hurts less. The sides are swapped; put right, it is {after:.2f}."
    return "sides", value, "failed", said


def _clock(tables: Tables) -> tuple[str, float, str, str]:
    """Ask whether the dates, or without them the codes of the release, are as was told."""
    codes = [visit for visit in TOLD if visit in set(tables.visits["visit"])]
    if not codes:
        return "clock", float("nan"), "not asked", "No visit is there whose months were told."
    own = ", ".join(
        f"{visit} was told as {TOLD[visit]} months and is {visit_schedule.CONTACTS[visit]}"
        for visit in codes
    )
    dated = tables.visits.dropna(subset=["date"])
    first = dated[dated["visit"] == "V00"].groupby("participant_id")["date"].min()
    gone = (
        dated["date"] - dated["participant_id"].map(first)
    ).dt.days / visit_schedule.DAYS_PER_MONTH
    seen = gone[dated["visit"].isin(codes)].groupby(dated["visit"]).median()
    if seen.empty:
        far = max(abs(TOLD[visit] - visit_schedule.CONTACTS[visit]) for visit in codes)
        said = f"No visit is dated; by the codes of the release {own}."
        return "clock", float(far), "failed" if far > DAYS_APART else "passed", said
    off = (seen - pd.Series(TOLD).reindex(seen.index)).abs()
    worst = off.idxmax()
    said = f"By its dates {worst} lies {seen[worst]:.0f} months after the first visit; {own}."
    passed = bool((off <= DAYS_APART).all())
    return "clock", float(off.max()), "passed" if passed else "failed", said


def _late(tables: Tables) -> tuple[str, float, str, str]:
    """Ask who was graded after 48 months."""
    read = tables.visits[tables.visits["visit"].isin(LATE) & tables.visits["kl_grade"].notna()]
    key = ["participant_id", "side"]
    late = tables.knees.merge(read[key].drop_duplicates().assign(read=True), on=key, how="left")
    late["read"] = late["read"].notna()
    share = late.groupby("kl_grade")["read"].mean()
    if late["kl_grade"].ge(2).sum() < FEWEST or not late["read"].any():
        return "late readings", float("nan"), "not asked", "No grade after 48 months is there."
    worst = late.loc[late["kl_grade"] >= 2, "read"]
    by_grade = ", ".join(f"KL{grade:.0f} {100 * one:.0f} %" for grade, one in share.items())
    said = (
        f"Graded after 48 months: {by_grade}. Only a sub-study of knees without osteoarthritis "
        "was read so late; a share among whoever was read is no share of the phenotype."
    )
    value = float(worst.mean())
    return "late readings", value, "passed" if value > 0.5 else "failed", said


def _circular(tables: Tables) -> tuple[str, float, str, str]:
    """Ask whether one cut of baseline pain gives the phenotypes of grade 0."""
    own = _with_pain(tables).dropna(subset=["womac_pain"])
    own = own[own["kl_grade"] == 0]
    if len(own) < FEWEST or own["phenotype"].nunique() < 2:
        return "circular", float("nan"), "not asked", "KL0 holds fewer than two phenotypes."
    stump = DecisionTreeClassifier(max_depth=1, random_state=0)
    right = stump.fit(own[["womac_pain"]], own["phenotype"]).score(
        own[["womac_pain"]], own["phenotype"]
    )
    cut = formatting.number(float(stump.tree_.threshold[0]), 1)
    said = f"In KL0 one cut of baseline pain, at {cut} points, gives {100 * right:.1f} % of "
    said += "the phenotypes"
    if right >= SAME:
        said += "; that they differ in pain is how they were made."
        return "circular", float(right), "failed", said
    return "circular", float(right), "passed", f"{said}."
