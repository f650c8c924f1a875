"""Rule: what the columns of one row of an artefact must be to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from kneephen_utils.oai import visit_schedule
from kneephen_utils.oai.catalog import SIDE_LETTERS


class Rule(NamedTuple):
    """One rule across columns; it is asked only of a table that has all of them.

    Attributes
    ----------
    columns
        Columns the rule reads.
    broken
        Says of every row whether it breaks the rule; missing values break none by themselves.
    says
        The fault and what was expected, in words that name no person.
    """

    columns: tuple[str, ...]
    broken: Callable[[pd.DataFrame], pd.Series]
    says: str


def faults(table: pd.DataFrame, rules: tuple[Rule, ...]) -> list[str]:
    """Say how many rows break each rule, in the order of the rules."""
    said = []
    for rule in rules:
        if set(rule.columns) <= set(table.columns):
            count = int(rule.broken(table).fillna(value=False).sum())
            said += [f"{count:,} row(s): {rule.says}"] if count else []
    return said


def _other_person(table: pd.DataFrame) -> pd.Series:
    whose = table["knee_id"].astype("string").str.replace(r"-[RL]$", "", regex=True)
    return whose.ne(table["participant_id"].astype("string"))


def _other_side(table: pd.DataFrame) -> pd.Series:
    letter = table["knee_id"].astype("string").str.rsplit("-", n=1).str[-1]
    return letter.ne(table["side"].map(SIDE_LETTERS))


def _outside_window(table: pd.DataFrame) -> pd.Series:
    known = table["visit"].isin(visit_schedule.CONTACTS) & table["months"].notna()
    return known & ~visit_schedule.within(table["visit"], table["months"])


def _observed_without_end(table: pd.DataFrame) -> pd.Series:
    return table["observed"].astype("boolean") & table["right_months"].isna()


def _end_without_observed(table: pd.DataFrame) -> pd.Series:
    return ~table["observed"].astype("boolean") & table["right_months"].notna()


KNEE_RULES = (
    Rule(
        ("knee_id", "participant_id"),
        _other_person,
        "knee_id is not that of its participant_id; expected the participant, a dash, and R or L",
    ),
    Rule(
        ("knee_id", "side"),
        _other_side,
        "the letter of knee_id is not its side; expected R for right and L for left",
    ),
)

VISIT_RULES = (
    Rule(
        ("visit", "months"),
        _outside_window,
        "months are not those of the visit; expected at most "
        f"{visit_schedule.WINDOW:g} from the months its code stands for, {visit_schedule.WINDOW_OF_INTERIM:g} at an "
        f"interim visit ({', '.join(f'{code} {month}' for code, month in visit_schedule.CONTACTS.items())})",
    ),
    Rule(
        ("kl_grade", "reading_project"),
        lambda table: table["kl_grade"].notna() & table["reading_project"].isna(),
        "a grade without the project that read it; expected reading_project 15 or 37",
    ),
    Rule(
        ("kl_grade", "jsw_medial", "replaced"),
        lambda table: (
            table["replaced"] & table[["kl_grade", "jsw_medial", "jsw_lateral"]].notna().any(axis=1)
        ),
        "a grade or width of a replaced knee; expected none",
    ),
)

BASELINE_RULES = (
    Rule(
        ("kl_grade", "replaced_at_baseline"),
        lambda table: table["kl_grade"].notna() & table["replaced_at_baseline"],
        "a grade of a knee replaced before baseline; expected none",
    ),
)

EVENT_RULES = (
    Rule(
        ("left_months", "right_months"),
        lambda table: table["left_months"].gt(table["right_months"]),
        "left_months lie after right_months; expected the last time without the event to be no "
        "later than the first time with it",
    ),
    Rule(
        ("observed", "right_months"),
        _observed_without_end,
        "the event was observed but right_months are missing; expected the first time it was known",
    ),
    Rule(
        ("observed", "right_months"),
        _end_without_observed,
        "right_months are given but the event was not observed; expected them missing",
    ),
)

INTERVAL_RULES = (
    Rule(
        ("low", "high"),
        lambda table: table["low"].gt(table["high"]),
        "low is above high; expected the lower end of the interval first",
    ),
)
