"""Sides: right minus left of everything that has a side, at every visit and every site.

The two knees of one person give a swap away that no table shows by itself. The bound of each
question is the published correlation less what chance may take from a release of this size,
so that a swap in a part of a large release fails and a small release does not fail by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from kneephen_utils.cohort.data_checks.check_result import (
    FEWEST_PAIRS,
    Evidence,
    Finding,
    correlation,
    not_estimable,
    spread,
)
from kneephen_utils.oai import visit_schedule

ALPHA = 0.005  # chance that a sound release fails by a question put to the whole of it
ALPHA_OF_PARTS = 0.005  # and by any of the later visits, and by any of the sites
POWER = 0.95  # chance that swapping everybody fails, below which a question is not put
ALL = 0.9  # share of swapped people that is told as all of them
WHOLE = "V00"


class Pair(NamedTuple):
    """Two measures of one knee whose right-minus-left differences go together.

    Attributes
    ----------
    first, second
        Columns of `visits`.
    baseline, later
        Published correlation at baseline, and the weakest one published for a later visit.
    people
        People the published number rests on.
    words
        What is compared, in words.
    sources
        Stems of the tables that the two come from.
    """

    first: str
    second: str
    baseline: float
    later: float
    people: int
    words: str
    sources: tuple[str, str]


PAIN_AND_GRADE = Pair(
    "womac_pain",
    "kl_grade",
    0.28,
    0.16,
    4442,
    "pain and right-minus-left grade",
    ("AllClinical", "kxr_sq_bu"),
)
WIDTH_AND_NARROWING = Pair(
    "jsw_medial",
    "jsn_medial",
    -0.81,
    -0.49,
    3000,
    "medial width and right-minus-left medial narrowing",
    ("kxr_qjsw_duryea", "kxr_sq_bu"),
)
LATERAL_WIDTH_AND_NARROWING = Pair(
    "jsw_lateral",
    "jsn_lateral",
    -0.20,  # no number at hand; few knees are narrowed on this side
    -0.20,
    3000,
    "lateral width and right-minus-left lateral narrowing",
    ("kxr_qjsw_duryea", "kxr_sq_bu"),
)
PAIN_SCALES = Pair(
    "womac_pain",
    "koos_pain",
    -0.50,  # no number at hand; the scales share their questions
    -0.50,
    4442,
    "WOMAC pain and right-minus-left KOOS pain",
    ("WOMAC pain of AllClinical", "KOOS pain of AllClinical"),
)


@lru_cache(maxsize=1)
def gaps(evidence: Evidence) -> pd.DataFrame:
    """Return right minus left of every measure: one row per person and visit, with the site.

    Replaced knees are left out. At contacts by telephone no film is taken; the last grade known
    stands for the grade there.
    """
    measures = sorted({name for pair in PAIRS for name in (pair.first, pair.second)})
    rows = evidence.visits.sort_values("months")
    known = rows.groupby("knee_id")["kl_grade"].ffill()
    rows = rows.assign(
        kl_grade=rows["kl_grade"].where(rows["visit"].isin(visit_schedule.CLINIC), known),
        side=rows["knee_id"].str[-1],
    )
    rows = rows[~rows["replaced"].astype(bool)].astype(dict.fromkeys(measures, "float64"))
    right, left = (
        rows[rows["side"].eq(side)].set_index(["participant_id", "visit"])[measures]
        for side in ("R", "L")
    )
    found = right.sub(left).reset_index()
    site = evidence.source.people.drop_duplicates("participant_id").set_index("participant_id")
    return found.assign(site=found["participant_id"].map(site["site"]))


@lru_cache(maxsize=8)
def ask(evidence: Evidence, pair: Pair) -> pd.DataFrame:
    """Put one question to the baseline, to every later visit and to every site.

    Returns
    -------
    One row per part of the release: `part` in words, `visit`, `people`, `value` (correlation),
    `bound` (the weakest correlation that chance explains), `passed` and `noticed`, the least
    share of swapped people whose expected correlation lies beyond the bound. Parts too small
    to tell a swap of everybody from chance are left out.
    """
    table = gaps(evidence).dropna(subset=[pair.first, pair.second])
    rows = [
        row
        for part, visit, people, alpha in _parts(table)
        if (row := _judge(pair, part, visit, people, alpha)) is not None
    ]
    names = ["part", "visit", "people", "value", "bound", "passed", "noticed"]
    return pd.DataFrame(rows, columns=names)


def _parts(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame, float]]:
    """Yield the baseline, each later visit, and all visits of each site, with their alpha."""
    first = table[table["visit"].eq(WHOLE)]
    yield "at baseline", WHOLE, first, ALPHA
    later = sorted(set(table["visit"]) - {WHOLE})
    for visit in later:
        yield f"at {visit}", visit, table[table["visit"].eq(visit)], ALPHA_OF_PARTS / len(later)
    sites = sorted(first["site"].dropna().unique())
    for site in sites if len(sites) > 1 else []:
        of_site = first[first["site"].eq(site)]
        yield f"at baseline, site {site}", WHOLE, of_site, ALPHA_OF_PARTS / len(sites)


def _judge(
    pair: Pair, part: str, visit: str, people: pd.DataFrame, alpha: float
) -> tuple[str, str, int, float, float, bool, float] | None:
    value = correlation(people[pair.first], people[pair.second])
    if len(people) < FEWEST_PAIRS or np.isnan(value):
        return None
    expected = pair.baseline if visit == WHOLE else pair.later
    sign, strength = np.sign(expected), np.arctanh(abs(expected))
    own = spread(people[pair.first], people[pair.second])
    both = float(np.hypot(own, 1 / np.sqrt(pair.people - 3)))
    bound = strength - norm.isf(alpha) * both
    if -strength + norm.isf(1 - POWER) * own > bound:
        return None  # swapping everybody would pass as chance
    passed = bool(np.arctanh(np.clip(sign * value, -0.9999, 0.9999)) >= bound)
    noticed = (1 - np.tanh(bound) / abs(expected)) / 2
    return part, visit, len(people), value, float(sign * np.tanh(bound)), passed, noticed


def pain_and_grade(evidence: Evidence) -> Finding:
    """Ask whether the more damaged knee of a person hurts more."""
    return _told(evidence, PAIN_AND_GRADE, ": the worse knee hurts less")


def width_and_narrowing(evidence: Evidence) -> Finding:
    """Ask whether the narrower knee of a person has the narrower joint."""
    return _told(evidence, WIDTH_AND_NARROWING, ": the narrowed knee is the wider one")


def lateral_width_and_narrowing(evidence: Evidence) -> Finding:
    """Ask whether the laterally narrower knee of a person has the narrower lateral joint."""
    return _told(evidence, LATERAL_WIDTH_AND_NARROWING, ": the narrowed knee is the wider one")


def pain_scales(evidence: Evidence) -> Finding:
    """Ask whether both scales of pain name the same knee."""
    return _told(evidence, PAIN_SCALES, ": the two scales name opposite knees")


def _told(evidence: Evidence, pair: Pair, wrong: str) -> Finding:
    asked = ask(evidence, pair)
    if asked.empty:
        return not_estimable(_why_not(evidence, pair))
    failed = asked[~asked["passed"].astype(bool)]
    said = f"right-minus-left {pair.words} correlate at"
    if failed.empty:
        first, later = asked.iloc[0], asked["value"]
        return Finding(
            float(first["value"]),
            passed=True,
            sentence=f"In {first['people']:,} people, {said} {first['value']:.2f} "
            f"{first['part']}, and at {later.min():.2f} to {later.max():.2f} over "
            f"{len(asked)} visits and sites; a swap in {min(first['noticed'], 1):.0%} of the "
            "people would have shown.",
        )
    worst = failed.iloc[0]
    reverse = worst["value"] * pair.baseline < 0
    share = float(np.clip((1 - worst["value"] / pair.baseline) / 2, 0, 1))
    some = f" in {share:.0%} of the people" if worst["visit"] == WHOLE else " in some people"
    swapped = "" if share > ALL or (reverse and worst["visit"] != WHOLE) else some
    others = "; ".join(f"{row.value:.2f} {row.part}" for row in failed.iloc[1:].itertuples())
    return Finding(
        float(worst["value"]),
        passed=False,
        sentence=f"In {worst['people']:,} people, {said} {worst['value']:.2f} {worst['part']}, "
        f"where chance explains {worst['bound']:.2f}{wrong if reverse else ''}, as if right "
        f"and left were swapped{swapped}{f' (also {others})' if others else ''}. "
        f"{suspect(evidence)}",
    )


def _why_not(evidence: Evidence, pair: Pair) -> str:
    table = gaps(evidence)[[pair.first, pair.second]].dropna()
    if len(table) and table.nunique().min() < 2:
        constant = table.nunique().idxmin()
        return f"right and left do not differ, or differ by the same, in {constant}"
    return (
        f"{len(table):,} people and visits with {pair.first} and {pair.second} of both knees are "
        "too few to tell swapped sides from chance"
    )


def suspect(evidence: Evidence) -> str:
    """Name the table and the visits that do not fit the other tables."""
    answers = {pair: ask(evidence, pair).set_index("part")["passed"] for pair in PAIRS}
    parts = dict.fromkeys(part for each in answers.values() for part in each.index)
    blamed: dict[str, list[str]] = {}
    for part in parts:
        if source := _blamed({pair: each.get(part) for pair, each in answers.items()}):
            blamed.setdefault(source, []).append(part)
    return " ".join(
        f"What does not fit the rest is {source}, {', '.join(where)}."
        for source, where in blamed.items()
    )


def _blamed(passed: dict[Pair, bool | None]) -> str:
    """Return the table that all failed questions share and no passed one needs."""
    failed = [set(pair.sources) for pair, each in passed.items() if each is not None and not each]
    if not failed:
        return ""
    cleared = {"AllClinical": False, "kxr_sq_bu": False, "kxr_qjsw_duryea": False}
    for pair, each in passed.items():
        if each is not None and each:
            cleared |= dict.fromkeys(pair.sources, True)
    shared = set.intersection(*failed) or set.union(*failed)
    left = sorted(source for source in shared if not cleared.get(source, False))
    return " or ".join(left or sorted(shared))


PAIRS = (PAIN_AND_GRADE, WIDTH_AND_NARROWING, LATERAL_WIDTH_AND_NARROWING, PAIN_SCALES)
