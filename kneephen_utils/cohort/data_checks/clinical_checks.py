"""Clinical checks: checks that know what osteoarthritis does to a knee."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm, poisson

from kneephen_utils.cohort.data_checks.check_result import (
    CONFIRMED,
    FEWEST,
    FEWEST_PAIRS,
    Evidence,
    Finding,
    correlation,
    not_estimable,
    spread,
    too_few,
)
from kneephen_utils.cohort.reading_selection import PROJECT_OF_CODE, knee_ids
from kneephen_utils.oai import visit_schedule

PUBLISHED_MIX = (0.38, 0.18, 0.27, 0.14, 0.03)  # baseline Kellgren-Lawrence 0-4 in the OAI
FALLS, PAIRS_READ = 3, 37_923  # grades that fell between two readings of one project in the OAI
MOST_FALLS = float(chi2.ppf(0.975, 2 * (FALLS + 1)) / 2 / PAIRS_READ)  # upper limit of their rate
MOST_APART = 0.15  # share of knees that would have to change grade to match the published mix
OTHER_ROSE = 1 / 3  # of people with a fall: share whose other knee rose, from which it is a swap
ALPHA = 0.001  # chance that a sound release fails one of the questions of this page
LAST_OF_ALL = 48  # months after which mostly healthy knees are graded


class Rise(NamedTuple):
    """How strongly a measure goes with the grade, by the correlation of ranks.

    Attributes
    ----------
    usual, least
        What is about to be expected, and what is asked of a release of any size.
    usual_later, least_later
        The same after 48 months, when mostly healthy knees are graded.
    """

    usual: float
    least: float
    usual_later: float
    least_later: float


OF_PAIN = Rise(0.25, 0.10, 0.20, 0.05)
OF_NARROWING = Rise(0.80, 0.50, 0.60, 0.10)
OF_OSTEOPHYTES = Rise(0.70, 0.30, 0.60, 0.10)
OF_WIDTH = Rise(0.55, 0.10, 0.35, 0.05)


def replaced_side(evidence: Evidence) -> Finding:
    """Ask whether the knee that got replaced was the more damaged one."""
    known = evidence.source.replacements
    done = known[known["status"].eq(CONFIRMED) & known["months"].gt(0)]
    once = done[~done["participant_id"].duplicated(keep=False)]
    gap = _beyond_the_other(evidence, once)
    if len(gap) < FEWEST_PAIRS:
        return too_few(
            len(gap), "people with one knee replaced and both graded before", FEWEST_PAIRS
        )
    value = float(gap.mean())
    return Finding(
        value,
        value > 0,
        f"In {len(gap):,} people with one knee replaced, that knee had been {value:+.2f} grades "
        "from the other at baseline.",
    )


def injured_side(evidence: Evidence) -> Finding:
    """Ask whether a knee that was injured or operated on is not the healthier one."""
    history = evidence.source.histories
    past = history[["injury", "surgery"]].fillna(value=False).any(axis=1).astype(bool)
    once = history[past & ~history["participant_id"].where(past).duplicated(keep=False)]
    gap = _beyond_the_other(evidence, once)
    if len(gap) < FEWEST_PAIRS:
        return too_few(len(gap), "people with one knee injured and both graded", FEWEST_PAIRS)
    value, error = float(gap.mean()), float(gap.std() / np.sqrt(len(gap)))
    return Finding(
        value,
        value + norm.isf(ALPHA) * error >= 0,
        f"In {len(gap):,} people with one knee injured or operated on before the study, that knee "
        f"is {value:+.2f} grades from the other.",
    )


def _beyond_the_other(evidence: Evidence, once: pd.DataFrame) -> pd.Series:
    """Return by how many baseline grades each of these knees exceeds the other of its person."""
    grade = evidence.knees.set_index("knee_id")["kl_grade"].astype("float64")
    other = once.assign(side=once["side"].map({"right": "left", "left": "right"}))
    return (knee_ids(once).map(grade) - knee_ids(other).map(grade)).dropna()


def pain(evidence: Evidence) -> Finding:
    """Ask whether pain rises with the baseline grade, at every visit that asks for it."""
    grade = evidence.knees.set_index("knee_id")["kl_grade"].astype("float64")
    rows = evidence.visits.assign(start=evidence.visits["knee_id"].map(grade))
    rows = rows[~rows["replaced"].astype(bool)]
    return _by_visit(rows, "start", "womac_pain", "pain", OF_PAIN)


def narrowing(evidence: Evidence) -> Finding:
    """Ask whether narrowing rises with the grade, at every visit."""
    rows = evidence.chosen
    rows = rows.assign(worst=rows[["jsn_medial", "jsn_lateral"]].max(axis=1))
    return _by_visit(rows, "kl_grade", "worst", "the worse narrowing", OF_NARROWING)


def osteophytes(evidence: Evidence) -> Finding:
    """Ask whether osteophytes grow with the grade, where they were read, at every visit."""
    rows = evidence.chosen
    names = [name for name in rows.columns if name.startswith("osteophyte_")]
    rows = rows.assign(largest=rows[names].max(axis=1))
    return _by_visit(rows, "kl_grade", "largest", "the largest osteophyte", OF_OSTEOPHYTES)


def width(evidence: Evidence) -> Finding:
    """Ask whether the medial joint space is narrower in higher grades, at every visit."""
    rows = evidence.visits.assign(less=-evidence.visits["jsw_medial"].astype("float64"))
    return _by_visit(rows, "kl_grade", "less", "the loss of medial width", OF_WIDTH)


def _by_visit(rows: pd.DataFrame, first: str, second: str, name: str, rise: Rise) -> Finding:
    """Ask at every visit whether `second` rises with `first`, by the correlation of ranks."""
    asked = []
    for visit, table in rows.groupby("visit"):
        known = table[[first, second]].dropna().astype("float64").rank()
        value = correlation(known[first], known[second])
        if len(known) >= FEWEST and not np.isnan(value):
            bound = _bound(str(visit), rise, spread(known[first], known[second]))
            asked.append((visit, len(known), value, value >= bound))
    if not asked:
        counts = rows[[first, second]].dropna().groupby(rows["visit"]).size()
        return _nothing(rows, first, second, name, int(counts.max()) if len(counts) else 0)
    failed = [each for each in asked if not each[-1]]
    visit, knees, value, _ = (failed or asked)[0]
    tail = f" It is too low at {', '.join(str(each[0]) for each in failed)}." if failed else ""
    return Finding(
        value,
        not failed,
        f"In {knees:,} knees the grade and {name} correlate at {value:.2f} by rank at {visit}; "
        f"over {len(asked)} visit(s) that is at least {min(each[2] for each in asked):.2f}.{tail}",
    )


def _bound(visit: str, rise: Rise, error: float) -> float:
    """Return what is asked at a visit, or less where chance may take more from the usual value."""
    late = visit_schedule.CONTACTS[visit] > LAST_OF_ALL
    usual, least = (rise.usual_later, rise.least_later) if late else (rise.usual, rise.least)
    paired = error * np.sqrt(2)  # both knees of a person count
    return min(least, float(np.tanh(np.arctanh(usual) - norm.isf(ALPHA) * paired)))


def _nothing(rows: pd.DataFrame, first: str, second: str, name: str, knees: int) -> Finding:
    known = rows[[first, second]].dropna()
    if knees >= FEWEST:
        constant = "the grade" if known[first].nunique() < 2 else name
        return not_estimable(f"{constant} is the same in all {knees:,} knees")
    return too_few(knees, f"knees with a grade and {name} at one visit", FEWEST)


def falls(evidence: Evidence) -> Finding:
    """Ask how often a grade falls from one reading of a project to the next, over all visits."""
    pairs = pairs_of_readings(evidence.source.readings)
    if len(pairs) < FEWEST:
        return too_few(len(pairs), "pairs of readings of one knee by one project", FEWEST)
    fell = pairs["change"].lt(0)
    allowed = poisson.isf(ALPHA, len(pairs) * MOST_FALLS)
    value = float(fell.mean())
    where = list(_visits_that_fall(pairs))
    passed = bool(fell.sum() <= allowed) and not where
    said = (
        f"The grade falls in {fell.sum():,} of {len(pairs):,} pairs of readings by one project; "
        f"up to {allowed:.0f} may be chance."
    )
    return Finding(value, passed, " ".join([said, *where]))


def pairs_of_readings(readings: pd.DataFrame) -> pd.DataFrame:
    """Return readings with `change`, the grade less that of the last reading by its project."""
    read = readings[readings["kl_grade"].notna()]
    read = read.assign(
        knee_id=knee_ids(read),
        project=read["reading_code"].map(PROJECT_OF_CODE),
        months=visit_schedule.months(read["visit"]),
    ).dropna(subset=["knee_id", "project"])
    read = read.sort_values(["knee_id", "project", "months", "reading_code"])
    read = read.drop_duplicates(["knee_id", "project", "visit"])
    change = read.groupby(["knee_id", "project"])["kl_grade"].diff()
    return read.assign(change=change)[change.notna()]


def _visits_that_fall(pairs: pd.DataFrame) -> Iterator[str]:
    """Say at which visits more grades fall than chance lets, and in whom the other knee rose."""
    visits = sorted(pairs["visit"].unique())
    for visit in visits:
        rows = pairs[pairs["visit"].eq(visit)]
        fell = rows[rows["change"].lt(0)]
        if len(fell) <= poisson.isf(ALPHA / len(visits), len(rows) * MOST_FALLS):
            continue
        rose = rows[rows["change"].gt(0)]
        both = fell["participant_id"].isin(rose["participant_id"]).mean()
        swapped = (
            f", and in {both:.0%} of these people the other knee rose, as if right and left of "
            f"kxr_sq_bu were swapped at {visit} or at the visit before"
        )
        tail = swapped if both > OTHER_ROSE else ""
        yield f"To {visit} it falls in {len(fell):,} of {len(rows):,}{tail}."


def mix(evidence: Evidence) -> Finding:
    """Ask whether the grades are as common as published."""
    grades = evidence.knees["kl_grade"].dropna().astype(int)
    if len(grades) < FEWEST:
        return too_few(len(grades), "graded knees", FEWEST)
    share = grades.value_counts(normalize=True).reindex(range(5), fill_value=0.0)
    value = float(np.abs(share.to_numpy() - np.array(PUBLISHED_MIX)).sum() / 2)
    mix = " / ".join(f"{each:.0%}" for each in share)
    common = np.array(PUBLISHED_MIX)
    chance = float(np.sqrt(common * (1 - common) / (np.pi * len(grades))).sum())  # knees in pairs
    return Finding(
        value,
        value <= MOST_APART + chance,
        f"Grades 0 to 4 are {mix}; {value:.0%} of knees would have to move to match the "
        "published mix.",
    )
