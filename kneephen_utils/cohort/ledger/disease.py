"""Disease: checks that know what osteoarthritis does to a knee."""

from __future__ import annotations

import numpy as np

from kneephen_utils.cohort.ledger.finding import (
    CONFIRMED,
    FEWEST,
    FEWEST_PAIRS,
    Evidence,
    Finding,
    correlation,
    rank,
    too_few,
)
from kneephen_utils.cohort.reading import knee_ids

PUBLISHED_MIX = (0.38, 0.18, 0.27, 0.14, 0.03)  # baseline Kellgren-Lawrence 0-4 in the OAI


def sides(evidence: Evidence) -> Finding:
    """Ask whether the more damaged knee of a person hurts more."""
    wide = evidence.knees.pivot_table(
        index="participant_id", columns="side", values=["kl_grade", "womac_pain"]
    )
    if {("kl_grade", "left"), ("womac_pain", "right")} - set(wide.columns):
        return too_few(0, "people with both knees graded and asked for pain", FEWEST)
    wide = wide.astype("float64").dropna()
    if len(wide) < FEWEST:
        return too_few(len(wide), "people with both knees graded and asked for pain", FEWEST)
    pain = wide["womac_pain", "right"] - wide["womac_pain", "left"]
    grade = wide["kl_grade", "right"] - wide["kl_grade", "left"]
    value = correlation(pain, grade)
    tail = "." if value > 0 else ": the worse knee hurts less, as if right and left were swapped."
    return Finding(
        value,
        value > 0,
        f"In {len(wide):,} people, right-minus-left pain and right-minus-left grade correlate "
        f"at {value:.2f}{tail}",
    )


def replaced_side(evidence: Evidence) -> Finding:
    """Ask whether the knee that got replaced was the more damaged one."""
    known = evidence.source.replacements
    done = known[known["status"].eq(CONFIRMED) & known["months"].gt(0)]
    once = done[~done["participant_id"].duplicated(keep=False)]
    grade = evidence.knees.set_index("knee_id")["kl_grade"].astype("float64")
    other = once.assign(side=once["side"].map({"right": "left", "left": "right"}))
    gap = knee_ids(once).map(grade) - knee_ids(other).map(grade)
    gap = gap.dropna()
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


def pain(evidence: Evidence) -> Finding:
    """Ask whether pain rises with the grade."""
    return rank(evidence.knees, "kl_grade", "womac_pain", "pain", 0.10)


def narrowing(evidence: Evidence) -> Finding:
    """Ask whether narrowing rises with the grade."""
    worst = evidence.knees[["jsn_medial", "jsn_lateral"]].max(axis=1)
    return rank(evidence.knees.assign(worst=worst), "kl_grade", "worst", "the worse narrowing", 0.5)


def osteophytes(evidence: Evidence) -> Finding:
    """Ask whether osteophytes grow with the grade, where they were read."""
    names = [name for name in evidence.knees.columns if name.startswith("osteophyte_")]
    largest = evidence.knees[names].max(axis=1)
    return rank(
        evidence.knees.assign(largest=largest), "kl_grade", "largest", "the largest osteophyte", 0.3
    )


def falls(evidence: Evidence) -> Finding:
    """Ask how often a grade lies below the baseline of its project."""
    later = evidence.visits[evidence.visits["months"].gt(0)]
    later = later.dropna(subset=["kl_grade", "kl_grade_start"])
    if len(later) < FEWEST:
        return too_few(len(later), "graded follow-up films", FEWEST)
    value = float((later["kl_grade"] < later["kl_grade_start"]).mean())
    return Finding(
        value,
        value < 0.05,
        f"{value:.1%} of {len(later):,} graded follow-up films are below their baseline grade.",
    )


def mix(evidence: Evidence) -> Finding:
    """Ask whether the grades are as common as published."""
    grades = evidence.knees["kl_grade"].dropna().astype(int)
    if len(grades) < FEWEST:
        return too_few(len(grades), "graded knees", FEWEST)
    share = grades.value_counts(normalize=True).reindex(range(5), fill_value=0.0)
    value = float(np.abs(share.to_numpy() - np.array(PUBLISHED_MIX)).sum() / 2)
    mix = " / ".join(f"{each:.0%}" for each in share)
    return Finding(
        value,
        value <= 0.15,
        f"Grades 0 to 4 are {mix}; {value:.0%} of knees would have to move to match the "
        "published mix.",
    )
