"""False claims report: how often the gates let a grade through in simulated cohorts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from kneephen_report import benchmark_results
from kneephen_utils import formatting
from kneephen_utils.verdict.ground_truth import BASELINE

NULL, PLANTED, TRUTH = "claims_null.csv", "claims_planted.csv", "truth.csv"
TARGET, ENOUGH = 0.8, 100  # agreement asked for where the smallest planted group has so many knees
LARGE = (
    "Here the whole chain is asked, films and encoder included, on releases far larger than "
    "that of this book. Each cell holds the adjusted Rand index with the planted groups in "
    "confirm people, unassigned knees being a group, with its interval by person; bold where "
    "every gate was passed. k-means, of the vectors before fine-tuning, is no arm, passed no "
    f"gate and claims nothing. {TARGET} was aimed at where the smallest planted group has "
    f"{ENOUGH} knees; the group planted in KL0 cannot be seen on a film, so 0 is right there."
)
NOT_RUN = "The simulation has not been run; "
NOT_RUN += "`python studies/benchmarks/false_claims.py` makes the numbers."


def markdown(folder: Path) -> str:
    """Return what was counted in `folder` as Markdown, each table with the command behind it."""
    parts = []
    if (folder / NULL).exists():
        table, command, code = benchmark_results.read(folder / NULL)
        parts += ["### Where nothing is planted", _null(table), _table(table, ["claimed"])]
        parts.append(benchmark_results.made(command, code))
    if (folder / PLANTED).exists():
        table, command, code = benchmark_results.read(folder / PLANTED)
        whole = "--without-references" not in command
        parts += ["### Where phenotypes are planted", _planted(table, whole=whole)]
        parts += [_table(table, ["claimed" if whole else "may claim", "agreement"])]
        parts.append(benchmark_results.made(command, code))
    if (folder / TRUTH).exists():
        table, command, _ = benchmark_results.read(folder / TRUTH)
        parts += ["### Large releases of films", LARGE]
        for people, own in table.groupby("people"):
            parts += [_reached(own, int(str(people))), _beside(own)]
            typed = f'{command} SET="twin.participants={people}"'
            parts.append(benchmark_results.made(typed, own["code"].iloc[0], name=TRUTH))
    return "\n\n".join(parts or [NOT_RUN]) + "\n"


def _null(table: pd.DataFrame) -> str:
    row = table[table["kl_grade"] == "all"].iloc[0]
    return (
        f"Of {row['cells']:,} grades and arms with enough knees, {row['claimed']:,} passed every "
        f"gate: {_percent(row)}. Each of them is a false claim."
    )


def _planted(table: pd.DataFrame, *, whole: bool) -> str:
    said = (
        "Agreement is the adjusted Rand index with the planted groups in confirm knees, "
        "unassigned knees being a group: the median of the cohorts, and the range of 95 % of them."
    )
    if not whole:
        said += (
            " The references without groups, which cost most, were left out: a grade *may claim* "
            "if it passed every other gate."
        )
    own = table[(table["arm"] == "image") & (table["kl_grade"] == "0")]
    if own.empty:
        return said
    row = own.iloc[0]
    passed = "claimed a phenotype" if whole else "might have claimed a phenotype"
    return (
        f"{said} The group planted in KL0 hurts more and looks like the others: the arm image "
        f"{passed} there in {row['claimed']} of {row['cells']} cohorts."
    )


def _table(table: pd.DataFrame, columns: list[str]) -> str:
    rows = []
    for _, row in table[table["kl_grade"] != "all"].iterrows():
        cells = {
            **dict.fromkeys(["claimed", "may claim"], f"{row['claimed']}: {_percent(row)}"),
            "agreement": formatting.spread(row["ari"], row["ari_low"], row["ari_high"]),
        }
        first = {"arm": row["arm"], "grade": f"KL{row['kl_grade']}", "cohorts": row["cells"]}
        rows.append(first | {name: cells[name] for name in columns})
    return benchmark_results.table_markdown(
        pd.DataFrame(rows, columns=["arm", "grade", "cohorts", *columns])
    )


def _reached(table: pd.DataFrame, people: int) -> str:
    image = table[table["arm"] == "image"].sort_values("kl_grade")
    told = ", ".join(
        f"KL{row.kl_grade} {row.estimate:.2f} ({row.smallest} knees)" for row in image.itertuples()
    )
    large = image[(image["smallest"] >= ENOUGH) & (image["kl_grade"] > 0)]
    reached = [f"KL{row.kl_grade}" for row in large.itertuples() if row.estimate >= TARGET]
    missed = [f"KL{row.kl_grade}" for row in large.itertuples() if row.estimate < TARGET]
    said = f"**{people:,} people.** Arm image, beside the knees of the smallest group: {told}."
    if not large.empty:
        said += f" Of the grades with {ENOUGH} knees in it, the aim of {TARGET} was "
        said += "; ".join(
            f"{word} in {', '.join(grades)}"
            for word, grades in (("reached", reached), ("missed", missed))
            if grades
        )
        said += "."
    return said


def _beside(table: pd.DataFrame) -> str:
    told = [formatting.spread(row.estimate, row.low, row.high) for row in table.itertuples()]
    bold = [
        f"**{text}**" if own else text for text, own in zip(told, table["claimed"], strict=True)
    ]
    shown = table.assign(told=bold, grade=[f"KL{grade}" for grade in table["kl_grade"]])
    shown = shown.rename(columns={"planted": "groups planted", "smallest": "knees of the smallest"})
    keys = ["grade", "groups planted", "knees of the smallest"]
    wide = shown.pivot_table(index=keys, columns="arm", values="told", aggfunc="first")
    wide = wide[sorted(wide, key=lambda arm: arm == BASELINE)].reset_index()
    return benchmark_results.table_markdown(wide.astype({"groups planted": int}))


def _percent(row: pd.Series) -> str:
    share, low, high = (100 * row[name] for name in ("share", "low", "high"))
    return f"{share:.1f} % (95 % interval {low:.1f} to {high:.1f})"
