"""Data checks: questions put to every release before anything is made of it.

Each check asks something a clinician knows the answer to, so that swapped sides, a wrong
clock or shuffled grades show themselves. A failed check stops the run unless it is accepted
by name; where too few knees are left to ask, it is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import pandas as pd

from kneephen_utils.cohort.data_checks import clinical_checks, record_checks, schedule, sides
from kneephen_utils.cohort.data_checks.check_result import Evidence, Finding

__all__ = ["CHECKS", "Evidence", "Finding", "LedgerError", "check", "enforce", "text_checks"]

VERDICTS = ("passed", "failed", "accepted", "not run")


class LedgerError(ValueError):
    """A sanity check failed and was not accepted."""


class Check(NamedTuple):
    """One question, what would be right, and the function that asks it."""

    name: str
    question: str
    expected: str
    ask: Callable[[Evidence], Finding]


def check(evidence: Evidence, *, accept: Collection[str]) -> pd.DataFrame:
    """Put every question to the release and return the `ledger_cohort` table.

    Raises
    ------
    LedgerError
        If `accept` names a check that does not exist.
    """
    known = [each.name for each in CHECKS]
    if strange := sorted(set(accept) - set(known)):
        raise LedgerError(
            f"accept names {strange[0]!r}, which is no check; known checks: {', '.join(known)}"
        )
    rows = []
    for each in CHECKS:
        found = each.ask(evidence)
        verdict = _verdict(found, accepted=each.name in accept)
        rows.append((each.name, each.question, found.value, each.expected, verdict, found.sentence))
    names = ["check", "question", "value", "expected", "verdict", "sentence"]
    return pd.DataFrame(rows, columns=names).astype({"value": "float64"})


def enforce(checks: pd.DataFrame) -> None:
    """Stop the run if a check failed.

    Raises
    ------
    LedgerError
        With the sentence of every failed check and how to go on in spite of it.
    """
    failed = checks[checks["verdict"].eq("failed")]
    if len(failed):
        findings = " ".join(
            f"[{row.check}] {row.sentence} Expected: {row.expected}." for row in failed.itertuples()
        )
        names = ",".join(failed["check"])
        raise LedgerError(
            f"{len(failed)} sanity check(s) of the release failed. {findings} "
            f'To go on all the same: make all SET="cohort.accept=[{names}]"'
        )


def text_checks(checks: pd.DataFrame) -> str:
    """Say in one sentence how the checks ended."""
    ended = checks["verdict"].value_counts()
    counts = ", ".join(f"{ended[verdict]} {verdict}" for verdict in VERDICTS if verdict in ended)
    return f"Of {len(checks)} checks: {counts}."


def _verdict(found: Finding, *, accepted: bool) -> str:
    if found.passed is None:
        return "not run"
    if found.passed:
        return "passed"
    return "accepted" if accepted else "failed"


CHECKS = (
    Check(
        "sides",
        "Does the more damaged knee of a person hurt more, at every visit and site?",
        f"about {sides.PAIN_AND_GRADE.baseline} at baseline, {sides.PAIN_AND_GRADE.later} or more "
        "later, less what chance takes",
        sides.pain_and_grade,
    ),
    Check(
        "width_sides",
        "Is the narrowed knee of a person the narrower one, at every visit and site?",
        f"about {sides.WIDTH_AND_NARROWING.baseline} at baseline, "
        f"{sides.WIDTH_AND_NARROWING.later} or less later, but for chance",
        sides.width_and_narrowing,
    ),
    Check(
        "lateral_width_sides",
        "Is the laterally narrowed knee the laterally narrower one, at every visit and site?",
        f"{sides.LATERAL_WIDTH_AND_NARROWING.later} or less, but for chance",
        sides.lateral_width_and_narrowing,
    ),
    Check(
        "pain_scales",
        "Do both scales of pain name the same knee, at every visit and site?",
        f"{sides.PAIN_SCALES.later} or less, but for chance",
        sides.pain_scales,
    ),
    Check(
        "replaced_side",
        "Was the knee that got replaced the more damaged one?",
        "above 0",
        clinical_checks.replaced_side,
    ),
    Check(
        "injured_side",
        "Is an injured knee not the healthier one?",
        "0 or more, but for chance",
        clinical_checks.injured_side,
    ),
    Check(
        "pain_by_grade",
        "Does pain rise with the grade at every visit?",
        f"{clinical_checks.OF_PAIN.least} or more to 48 months, "
        f"{clinical_checks.OF_PAIN.least_later} after, but "
        "for chance",
        clinical_checks.pain,
    ),
    Check(
        "narrowing_by_grade",
        "Does narrowing rise with the grade at every visit?",
        f"{clinical_checks.OF_NARROWING.least} or more to 48 months, "
        f"{clinical_checks.OF_NARROWING.least_later} "
        "after, but for chance",
        clinical_checks.narrowing,
    ),
    Check(
        "osteophytes_by_grade",
        "Do osteophytes grow with the grade at every visit, where they were read?",
        f"{clinical_checks.OF_OSTEOPHYTES.least} or more to 48 months, "
        f"{clinical_checks.OF_OSTEOPHYTES.least_later} after, but for chance",
        clinical_checks.osteophytes,
    ),
    Check(
        "width_by_grade",
        "Is the medial joint space narrower in higher grades at every visit?",
        f"{clinical_checks.OF_WIDTH.least} or more to 48 months, "
        f"{clinical_checks.OF_WIDTH.least_later} after, "
        "but for chance",
        clinical_checks.width,
    ),
    Check(
        "grade_falls",
        "Does a grade fall from one reading to the next?",
        f"{clinical_checks.FALLS} of {clinical_checks.PAIRS_READ:,} pairs, but for chance",
        clinical_checks.falls,
    ),
    Check(
        "clock",
        "Do the visits lie where their codes say?",
        f"within {schedule.SLACK:g} months by date; by counts where there is none",
        schedule.visit_clock,
    ),
    Check(
        "visit_windows",
        "Does a person come when the others come to the same visit?",
        f"at most {schedule.MOST_OUTSIDE:.0%} outside the window, but for chance",
        schedule.windows,
    ),
    Check(
        "grade_mix",
        "Are the grades as common as published?",
        "at most 15 % apart, but for chance",
        clinical_checks.mix,
    ),
    Check(
        "project_design",
        "Did each reading project read what it was to read, once?",
        "below 1 %",
        record_checks.design,
    ),
    Check(
        "projects_agree",
        "Do the two reading projects agree, at every visit?",
        "at least 90 %",
        record_checks.agreement,
    ),
    Check(
        "prostheses", "Are replaced knees left ungraded?", "below 10 %", record_checks.prostheses
    ),
    Check("people_enrolled", "Is everybody who was seen enrolled?", "0", record_checks.people),
    Check("values_understood", "Was every cell understood?", "0", record_checks.cells),
    Check(
        "films_linked", "Is the film of a graded knee there?", "at least 90 %", record_checks.linked
    ),
    Check(
        "film_side", "Is the fibula on the outer side of each knee?", "yes", record_checks.fibula
    ),
)
