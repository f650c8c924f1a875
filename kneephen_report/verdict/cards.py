"""Cards: one short page for every phenotype that earned a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kneephen_report.verdict import exemplars
from kneephen_utils import display_names, formatting

VARIABLES = ["age", "bmi", "womac_pain", "jsw_medial", "jsw_lateral"]
COLUMNS = ["kl_grade", "arm", "phenotype", "position", "heading", "text"]

CONSIDER = (
    "Nothing that changes care. A group found in one release is a hypothesis (van Spil et al. "
    "2020, doi:10.1186/s13075-020-2143-0); treatment follows the guidelines for osteoarthritis "
    "of the knee, whatever the group (Bannuru et al. 2019, doi:10.1016/j.joca.2019.06.011)."
)
REFUTE = (
    "Another release in which the frozen assignment (`make assign`) finds no such group, or in "
    "which the group does not come back when people are left out."
)


def write(
    claims: pd.DataFrame,
    stability: pd.DataFrame,
    profiles: pd.DataFrame,
    scores: pd.DataFrame,
    checks: pd.DataFrame,
    *,
    arm: str,
) -> pd.DataFrame:
    """Write a card for every stable phenotype of the grades that passed all gates.

    Parameters
    ----------
    claims
        As `verdict.judge` returns.
    stability, profiles
        What stage phenotype found.
    scores, checks
        The tables attention_scores and attention_checks.
    arm
        The arm claims are made from.

    Returns
    -------
    `cards` table, one row per line of a card; empty if no phenotype earned a name.
    """
    whole = claims[(claims["question"] == "phenotypes") & (claims["arm"] == arm)]
    grades = whole.loc[whole["verdict"].isin(["supported", "exploratory"]), "kl_grade"]
    named = stability[
        stability["named"] & (stability["arm"] == arm) & stability["kl_grade"].isin(grades)
    ]
    rows = [
        (one["kl_grade"], arm, one["phenotype"], position, heading, text)
        for one in named.to_dict("records")
        for position, (heading, text) in enumerate(
            _lines(one, profiles, claims, exemplars.looks(scores, checks, one))
        )
    ]
    kinds = {"kl_grade": "int64", "phenotype": "int64", "position": "int64"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def show(written: pd.DataFrame, pictures: Mapping[tuple[int, int], str]) -> str:
    """Return the cards as Markdown, one heading per phenotype, or say that none was earned.

    `pictures` holds a figure as HTML by grade and phenotype, as `exemplars.pictures` returns; a
    card without one says that single knees are not shown.
    """
    if written.empty:
        return "No phenotype of this run earned a card."
    parts = []
    for (grade, phenotype), card in written.groupby(["kl_grade", "phenotype"]):
        key = int(grade), int(phenotype)
        parts.append(f"#### KL{grade}, phenotype {display_names.phenotype_label(key[1])}\n")
        parts.append(pictures.get(key, "No picture is shown, since single knees are closed."))
        parts.append("")
        parts += [f"- **{row.heading}.** {row.text}" for row in card.itertuples()]
        parts.append("")
    return "\n".join(parts)


def _lines(
    one: dict[Any, Any], profiles: pd.DataFrame, claims: pd.DataFrame, looks: str
) -> list[tuple[str, str]]:
    """Return the lines of one card as pairs of heading and text."""
    own = _of(profiles, one).set_index("variable")
    who = [
        f"{display_names.CLINICAL[variable]}: {_spread(own.loc[variable], 1)}"
        for variable in VARIABLES
        if variable in own.index
    ]
    tests = _of(claims[claims["question"] != "phenotypes"], one)
    shown = tests[tests["verdict"].isin(["supported", "exploratory"])]
    outcomes = [
        f"{row['contrast']}: {_spread(row)} {row['unit']} ({row['verdict']})"
        for _, row in shown.iterrows()
    ]
    found = f"{one['knees']} knees of {one['participants']} people in whom groups were looked for"
    again = formatting.spread(one["jaccard"], one["low"], one["high"])
    return [
        ("How many", found),
        ("Who", "; ".join(who) + " (median, quartiles)" if who else "no clinical column is known"),
        ("Where the encoder looks", looks),
        ("How sure", f"Jaccard {again} when people are resampled"),
        ("Pain and progression", "; ".join(outcomes) or _unsupported(tests)),
        ("What a clinician might consider", CONSIDER),
        ("What would refute it", REFUTE),
    ]


def _unsupported(tests: pd.DataFrame) -> str:
    """Say that no test is supported, and how many had too few knees to say anything."""
    if tests.empty:
        return "this is the group that the others are compared with"
    empty = int(tests["estimate"].isna().sum())
    said = f"of {formatting.counted(len(tests), 'tested difference')} none is supported"
    return f"{said}; {empty} could not be estimated" if empty else said


def _of(table: pd.DataFrame, one: dict[Any, Any]) -> pd.DataFrame:
    same = (table["kl_grade"] == one["kl_grade"]) & (table["arm"] == one["arm"])
    return table[same & (table["phenotype"] == one["phenotype"])]


def _spread(row: pd.Series, decimals: int = 2) -> str:
    return formatting.spread(row["estimate"], row["low"], row["high"], decimals)
