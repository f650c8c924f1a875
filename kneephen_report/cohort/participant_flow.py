"""Participant flow: how people become knees, readings and films, counted and drawn.

Every knee that does not reach the next step is in a row of its own, with the reason.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import small_cells
from kneephen_utils.cohort.data_checks.clinical_checks import PUBLISHED_MIX

GRADES = range(5)
REASONS = {
    "other project": "read by a project that does not count at this visit",
    "repeated within its project": "read again under code 42, which is project 37",
    "unknown project": "read by a project that is not known",
    "used": "used",
}

COHORT = (
    "The release enrols {people} people with {knees} knees; {graded} knees were graded at "
    "baseline, {ungraded} were not, and {replaced} had been replaced.",
    "{free} knees could rise by a grade and {rose} were seen to; the {worst} knees of grade 4 "
    "cannot rise and have no row for it.",
)
ENDS = "{operated} knees were replaced during the study and {died} people died."
NO_ENDS = "The release does not say which knees were replaced or who died."
PICTURED = "{films} baseline films of both knees are listed, of {pictured} people."


def count(knees: pd.DataFrame, visits: pd.DataFrame, films: pd.DataFrame) -> pd.DataFrame:
    """Return the flow: columns `step`, `people`, `knees`.

    Steps named `not ...` and `replaced ...` are what is left out of the step after them.
    """
    graded = knees["kl_grade"].notna()
    replaced = knees["replaced_at_baseline"]
    later = visits[visits["months"].gt(0) & visits["kl_grade"].notna()]
    pictured = knees["participant_id"].isin(films["participant_id"])
    steps = {
        "enrolled": pd.Series(data=True, index=knees.index),
        "replaced before baseline": replaced,
        "not graded at baseline": ~graded & ~replaced,
        "graded at baseline": graded,
        "graded, by project 37 alone": graded & knees["reading_project"].eq(37),
        "graded, osteophytes read too": graded & knees["osteophyte_tibia_medial"].notna(),
        "graded, pain known": graded & knees["womac_pain"].notna(),
        "graded, joint-space width measured": graded & knees["jsw_medial"].notna(),
        "graded, no film listed": graded & ~pictured,
        "graded, film listed": graded & pictured,
        "graded, never graded again": graded & ~knees["knee_id"].isin(later["knee_id"]),
        "graded, graded again later": graded & knees["knee_id"].isin(later["knee_id"]),
    }
    rows = [
        (step, knees.loc[chosen.fillna(value=False).astype(bool), "participant_id"])
        for step, chosen in steps.items()
    ]
    return pd.DataFrame(
        [(step, people.nunique(), len(people)) for step, people in rows],
        columns=["step", "people", "knees"],
    )


def explain(account: pd.DataFrame) -> pd.DataFrame:
    """Turn the account of readings into one row per visit and one column per reason."""
    wide = account.pivot_table(index="visit", columns="use", values="readings", fill_value=0)
    wide = wide.reindex(columns=[use for use in REASONS if use in wide]).astype(int)
    return wide.rename(columns=REASONS).rename_axis(columns=None).reset_index()


def uses(participants: pd.DataFrame, knees: pd.DataFrame) -> pd.DataFrame:
    """Count people by use and worst grade: one row per use, one column per grade."""
    worst = knees["kl_grade"].astype("float64").groupby(knees["participant_id"]).max()
    grade = participants["participant_id"].map(worst).astype("Int64").astype("string")
    table = pd.crosstab(participants["split"], grade.fillna("not graded"))
    table.insert(0, "people", table.sum(axis=1))
    order = ["train", "discover", "confirm"]
    return table.reindex(order, fill_value=0).rename_axis(columns=None).reset_index()


def hidden(table: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Round counts and leave small ones out of a table, unless single knees may be shown."""
    if disclose:
        return table
    names = list(table.select_dtypes("number").columns)
    whole = [name for name in names if name in {"people", "knees"}]
    rest = [name for name in names if name not in whole]
    told = small_cells.parts(table, rest, disclose=False) if rest else table
    return told.assign(**{name: small_cells.counts(table[name], disclose=False) for name in whole})


def plot_baseline(knees: pd.DataFrame, *, disclose: bool) -> Figure:
    """Draw how common each grade is, beside the published mix, and how pain goes with it."""
    known = knees.dropna(subset=["kl_grade"])
    sizes = known["kl_grade"].astype(int).value_counts().reindex(GRADES, fill_value=0)
    shown = sizes[sizes.ge(1 if disclose else small_cells.FEW)].index
    with figure.style():
        drawn, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.3))
        whole = pd.Series(max(sizes.sum(), 1), index=sizes.index)
        _draw_mix(left, small_cells.share(sizes, whole, disclose=disclose).reindex(shown))
        _draw_pain(right, known, list(shown))
    return drawn


def plot_seen(design: pd.DataFrame, *, disclose: bool) -> Figure:
    """Draw the share of knees graded at each visit, one line per baseline grade."""
    with figure.style():
        drawn, axis = plt.subplots(figsize=(7.6, 3.6))
        for grade, rows in design.groupby("kl_grade"):
            share = small_cells.share(rows["read"], rows["knees"], disclose=disclose)
            kept = rows.assign(share=share)
            kept = kept[share.notna() & (disclose | rows["read"].ge(small_cells.FEW))]
            color = figure.PALETTE[int(grade)]
            axis.plot(
                kept["months"],
                100 * kept["share"],
                marker=figure.MARKERS[int(grade)],
                drawstyle="steps-post",
                color=color,
                label=f"grade {grade}",
            )
        axis.axvspan(48, design["months"].max() + 2, color=figure.UNASSIGNED_COLOR, alpha=0.18)
        axis.set(xlabel="months since enrolment", ylabel="baseline knees graded, %", ylim=(0, 105))
        axis.set_xticks(sorted(design["months"].unique()))
        axis.set_title("Who could be seen")
        axis.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=9)
    return drawn


def _written(value: int, *, disclose: bool) -> str:
    return small_cells.written(value, disclose=disclose)


def _draw_mix(axis: Axes, share: pd.Series) -> None:
    axis.bar(share.index, 100 * share, color=figure.PALETTE[0], width=0.7, label="this release")
    published = 100 * np.array(PUBLISHED_MIX)
    axis.plot(GRADES, published, "D", color=figure.PALETTE[1], label="published")
    axis.set(xlabel="KL grade at baseline", ylabel="graded knees, %", xticks=list(GRADES))
    axis.set_title("How common each grade is")
    axis.legend(fontsize=9)


def _draw_pain(axis: Axes, known: pd.DataFrame, grades: list[int]) -> None:
    """Draw mean pain with 95 % intervals; the two knees of a person are not independent."""
    rows = known.dropna(subset=["womac_pain"])
    means, errors = [], []
    for grade in grades:
        part = rows[rows["kl_grade"].eq(grade)]
        gap = part["womac_pain"] - part["womac_pain"].mean()
        means.append(part["womac_pain"].mean())
        errors.append(1.96 * np.sqrt((gap.groupby(part["participant_id"]).sum() ** 2).sum()))
        errors[-1] /= max(len(part), 1)
    axis.errorbar(grades, means, yerr=errors, fmt="o", color=figure.PALETTE[0], capsize=3)
    axis.set(xlabel="KL grade at baseline", ylabel="WOMAC pain, points of 20", ylim=(0, None))
    axis.set_xticks(list(GRADES))
    axis.set_title("Pain by grade, mean and 95 % interval")


def text_flow(
    knees: pd.DataFrame, events: pd.DataFrame, films: pd.DataFrame, *, disclose: bool
) -> list[str]:
    """Say in sentences who the cohort is and what its knees can still do."""
    graded, replaced = knees["kl_grade"].notna(), knees["replaced_at_baseline"]
    rise = events[events["outcome"].eq("kl_rise_1")]
    done = events[events["observed"]]
    died = done.loc[done["outcome"].eq("death"), "participant_id"].nunique()
    counts = {
        "people": knees["participant_id"].nunique(),
        "knees": len(knees),
        "graded": graded.sum(),
        "ungraded": (~graded & ~replaced).sum(),
        "replaced": replaced.sum(),
        "free": len(rise),
        "rose": rise["observed"].sum(),
        "worst": knees["kl_grade"].eq(4).sum(),
        "operated": done["outcome"].eq("replacement").sum(),
        "died": died,
        "films": len(films),
        "pictured": films["participant_id"].nunique(),
    }
    number = {name: _written(value, disclose=disclose) for name, value in counts.items()}
    known = events["outcome"].eq("replacement").any()
    return [
        sentence.format(**number) for sentence in (*COHORT, ENDS if known else NO_ENDS, PICTURED)
    ]


def text_baseline(knees: pd.DataFrame, *, disclose: bool) -> str:
    """Say how pain goes with the grade: the caption of `plot_baseline`."""
    known = knees.dropna(subset=["kl_grade", "womac_pain"])
    groups = known.groupby("kl_grade")["womac_pain"]
    mean = groups.mean()[groups.size().ge(1 if disclose else small_cells.FEW)]
    number = small_cells.written(len(known), disclose=disclose)
    said = f"Grades and pain of {number} knees at baseline."
    if mean.empty:
        return said
    none = known["womac_pain"].eq(0).mean()
    return (
        f"{said} Mean pain is {mean.iloc[0]:.1f} "
        f"points in grade {mean.index[0]} and {mean.iloc[-1]:.1f} in grade {mean.index[-1]}; "
        f"{none:.0%} of the knees do not hurt at all."
    )


def text_seen(design: pd.DataFrame) -> str:
    """Say how readings end by design: the caption of `plot_seen`."""
    early = design[design["months"].gt(0) & design["months"].le(48)]
    late = design[design["months"].gt(48)]
    if early.empty or late.empty:
        return "Share of baseline knees graded at each visit, by baseline grade."
    fell = late.groupby("kl_grade")["share"].mean()
    stayed = early.groupby("kl_grade")["share"].mean()
    ranges = [f"{part.min():.0%} and {part.max():.0%}" for part in (stayed, fell)]
    return (
        "Share of baseline knees graded at each visit, by baseline grade. Over the visits to 48 "
        f"months it is on average between {ranges[0]}, depending on the grade; after that "
        f"(shaded) it is between {ranges[1]}, because only a sub-study is read."
    )
