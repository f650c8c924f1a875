"""Schedule: checks of the clock, from dates and, where these are blank, from counts.

Without dates, who was read when gives a visit away: everybody's films were graded to 48 months,
those of a mostly healthy sub-study after, and none at contacts by telephone. To 48 months the
share of grades that have risen is a clock of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from kneephen_utils.cohort.data_checks.check_result import (
    FEWEST,
    FEWEST_PAIRS,
    FEWEST_PER_VISIT,
    Evidence,
    Finding,
    too_few,
)
from kneephen_utils.cohort.reading_selection import LAST_MONTH_OF_15, knee_ids
from kneephen_utils.oai import visit_schedule

RISEN = {24: 8.4, 36: 11.2, 48: 14.2}  # per cent of knees at risk a grade up, published
AT_RISK = 7_500  # knees the published shares rest on, about
SLACK = 3.0  # months by which the middle of a visit may lie off its code
MOST_OUTSIDE = 0.10  # share of dated visits that may lie outside their window
ALPHA = 0.001
ALPHA_BY_RISES = 0.01  # of a visit that lies off by all of SLACK; a punctual one: some 1 in 3,000
WORST_GRADE = 4
DEFINITE = 2  # grade from which the sub-study is closed
ALL_READ, SUBSTUDY = 0.50, 0.25  # share of definite knees read: above, everybody; below, few
EVERYBODY, FEW, NOBODY = "everybody's films", "films of mostly healthy knees", "no films"


class Off(NamedTuple):
    """A visit that does not lie where its code says."""

    visit: str
    months: float
    why: str


def visit_clock(evidence: Evidence) -> Finding:
    """Ask whether visits lie where their codes say: by date, and by counts where none is known."""
    dated = _dated(evidence)
    undated = [visit for visit in _held(evidence) if visit not in dated.index]
    found = list(_by_counts(evidence, undated))
    off = [each for each in found if each.why]
    if dated.empty and not found:
        return too_few(0, "dated follow-up visits at one contact", FEWEST_PER_VISIT)
    gap = dated["gap"].abs().max() if len(dated) else 0.0
    value = float(dated["gap"][dated["gap"].abs().idxmax()]) if len(dated) else 0.0
    if off:
        value = max((each.months for each in off), key=abs)
    return Finding(
        value,
        bool(gap <= SLACK and not off),
        " ".join([*_tell_dated(dated), *_tell_counted(found, off)]),
    )


def windows(evidence: Evidence) -> Finding:
    """Ask whether single people come in the window of the visit, around the middle of the others.

    That the middle itself lies where the code says is the question of `visit_clock`.
    """
    later = _later(evidence)
    if len(later) < FEWEST:
        return too_few(len(later), "dated follow-up visits", FEWEST)
    middle = later.groupby("visit")["days"].transform("median")
    from_code = later["months"] + visit_schedule.months_of_days(later["days"] - middle)
    outside = ~visit_schedule.within(later["visit"], from_code)
    shares = outside.groupby(later["visit"]).agg(["mean", "size"])
    error = np.sqrt(MOST_OUTSIDE * (1 - MOST_OUTSIDE) / shares["size"])
    limit = MOST_OUTSIDE + norm.isf(ALPHA / len(shares)) * error
    failed = [
        f"{row.mean:.0%} at {row.Index}" for row in shares[shares["mean"] > limit].itertuples()
    ]
    tail = f" It is too many: {', '.join(failed)}." if failed else ""
    return Finding(
        float(shares["mean"].max()),
        not failed,
        f"Of {len(later):,} dated visits {outside.mean():.1%} lie outside the window around the "
        f"middle of their visit, at most {shares['mean'].max():.1%} of one visit.{tail}",
    )


def _later(evidence: Evidence) -> pd.DataFrame:
    later = evidence.source.contacts.dropna(subset=["days"])
    return later[later["months"].gt(0)]


def _dated(evidence: Evidence) -> pd.DataFrame:
    """Return the visits that enough people have a date of: `gap` in months from their code."""
    by_visit = (
        _later(evidence)
        .groupby("visit")
        .agg(people=("days", "size"), days=("days", "median"), months=("months", "first"))
    )
    by_visit = by_visit[by_visit["people"].ge(FEWEST_PER_VISIT)]
    return by_visit.assign(gap=visit_schedule.months_of_days(by_visit["days"]) - by_visit["months"])


def _tell_dated(dated: pd.DataFrame) -> Iterator[str]:
    if len(dated):
        worst = dated["gap"].abs().idxmax()
        yield (
            f"Visit {worst} lies {dated['gap'][worst]:+.1f} months from the "
            f"{dated['months'][worst]:.0f} months its code stands for, the most of {len(dated)} "
            "dated visits."
        )


def _tell_counted(found: list[Off], off: list[Off]) -> Iterator[str]:
    if found:
        names = ", ".join(each.visit for each in found)
        yield f"No dates at {names}; they are judged by who was read and by how many grades rose."
    yield from (each.why for each in off)


def _held(evidence: Evidence) -> list[str]:
    """Return the follow-up visits of which the release holds readings or answers."""
    held = evidence.visits.loc[evidence.visits["months"].gt(0), "visit"].unique()
    return sorted(held)


def _by_counts(evidence: Evidence, visits: list[str]) -> Iterator[Off]:
    """Judge each visit that can be; `why` is empty where nothing speaks against its code."""
    for visit in visits:
        month = visit_schedule.CONTACTS[visit]
        seen = _who_was_read(evidence, visit)
        right = _to_be_read(visit)
        if seen and seen != right:
            why = (
                f"At {visit}, which stands for {month} months, {seen} were graded, as at "
                f"{_months_of(seen)} months, where {right} are expected."
            )
            yield Off(visit, float(_nearest(seen, month) - month), why)
            continue
        risen = _months_by_rises(evidence, visit)
        if (
            risen is not None
            and abs(risen[0] - month) > SLACK + norm.isf(ALPHA_BY_RISES) * risen[1]
        ):
            why = (
                f"At {visit}, which stands for {month} months, as many grades have risen as at "
                f"{risen[0]:.0f}."
            )
            yield Off(visit, risen[0] - month, why)
        elif seen or risen is not None:
            yield Off(visit, 0.0, "")


def _to_be_read(visit: str) -> str:
    if visit not in visit_schedule.CLINIC:
        return NOBODY
    return EVERYBODY if visit_schedule.CONTACTS[visit] <= LAST_MONTH_OF_15 else FEW


def _months_of(kind: str) -> str:
    return ", ".join(
        str(month)
        for visit, month in visit_schedule.CONTACTS.items()
        if visit not in {"V00", *visit_schedule.INTERIM} and _to_be_read(visit) == kind
    )


def _nearest(kind: str, month: float) -> float:
    months = [float(each) for each in _months_of(kind).split(", ")]
    return min(months, key=lambda each: abs(each - month))


def _who_was_read(evidence: Evidence, visit: str) -> str:
    """Say whose films were graded at a visit, or nothing where the counts do not tell."""
    if visit in visit_schedule.INTERIM:
        return ""
    start = evidence.knees.set_index("knee_id")["kl_grade"].dropna()
    readings = evidence.source.readings
    own = readings[readings["visit"].eq(visit) & readings["kl_grade"].notna()]
    rows = knee_ids(own)
    definite, healthy = start[start.ge(DEFINITE)], start[start.lt(DEFINITE)]
    if min(len(definite), len(healthy)) < FEWEST_PAIRS:
        return ""
    if rows.empty:
        return NOBODY if visit not in visit_schedule.CLINIC else ""
    share, other = (float(each.index.isin(rows).mean()) for each in (definite, healthy))
    error = norm.isf(ALPHA) * 0.5 / np.sqrt(len(definite) / 2)
    if share - error > SUBSTUDY and share > ALL_READ:
        return EVERYBODY
    if share + error < ALL_READ and share < SUBSTUDY and other > 2 * share:
        return FEW
    return ""


def _months_by_rises(evidence: Evidence, visit: str) -> tuple[float, float] | None:
    """Return when as many grades have risen as at this visit, and its standard error, in months."""
    month = visit_schedule.CONTACTS[visit]
    rows = evidence.visits
    rows = rows[rows["visit"].eq(visit) & rows["reading_project"].eq(15).fillna(value=False)]
    rows = rows.dropna(subset=["kl_grade", "kl_grade_start"])
    at_risk = rows[rows["kl_grade_start"].lt(WORST_GRADE)]
    if month not in RISEN or len(at_risk) < FEWEST:
        return None
    share = float(at_risk["kl_grade"].gt(at_risk["kl_grade_start"]).mean())
    months, shares = [0, *RISEN], [0.0, *(each / 100 for each in RISEN.values())]
    pace = (shares[-1] - shares[1]) / (months[-1] - months[1])  # a month
    beyond = max(share - shares[-1], 0.0) / pace
    spread = np.sqrt(share * (1 - share) * (1.3 / len(at_risk) + 1.3 / AT_RISK))
    return float(np.interp(share, shares, months)) + beyond, float(spread / pace)
