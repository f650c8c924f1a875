"""Published: what is known of the cohort of the Osteoarthritis Initiative, in numbers.

Shares are per cent. A tolerance is how far a release may lie from the number before sampling
error; it covers differences of definition and rounding. Where no number was at hand, only a
direction or a plausible range is asked, and the source says so.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from kneephen_utils.cohort.data_checks.clinical_checks import FALLS, MOST_FALLS, PAIRS_READ
from kneephen_utils.cohort.data_checks.schedule import RISEN
from kneephen_utils.cohort.data_checks.sides import PAIN_AND_GRADE

ENROLLED = "OAI Enrollees, release 25, 4,796 people"
READ = "OAI kxr_sq_bu, baseline to 96 months, project 15 unless said otherwise"
PAIN = "OAI AllClinical, baseline to 96 months"
OUTCOMES = "OAI Outcomes99"
DIRECTION = "direction only: Kellgren & Lawrence (1957), Altman & Gold (2007)"
DEFINED = "by definition of the grade: Kellgren & Lawrence (1957), doi:10.1136/ard.16.4.494"
HEALTHY = "119 healthy volunteers, not OAI: Beattie et al. (2008), doi:10.1186/1471-2474-9-119"
WIDTHS = "OAI kxr_qjsw_duryea: lateral at 0.725 of the joint's width, medial at its minimum"
RANGE = "a plausible range; no published number at hand"


class Fact(NamedTuple):
    """One published fact: what it is about, its value, and the range a release may lie in."""

    topic: str
    fact: str
    unit: str
    published: float
    low: float
    high: float
    source: str


def _about(topic: str, fact: str, unit: str, value: float, tolerance: float, source: str) -> Fact:
    return Fact(topic, fact, unit, value, value - tolerance, value + tolerance, source)


def _within(topic: str, fact: str, unit: str, low: float, high: float, source: str) -> Fact:
    return Fact(topic, fact, unit, math.nan, low, high, source)


MIX = (38, 18, 27, 14, 3)
MEAN_PAIN = (1.6, 1.9, 2.8, 3.5, 5.5)
RISEN_BY_GRADE = (8.7, 19.8, 14.8, 21.4)
SEEN = {0: (88, 84, 81, 65, 68), 2: (87, 83, 79, 8, 8), 3: (86, 81, 71, 5, 5)}
SEEN_AT = (24, 36, 48, 72, 96)
REPLACED = {24: 68, 48: 171}  # people of 4,796, any knee, confirmed
PEOPLE = 4796
HEALTHY_WIDTH = {"female": (4.8, 0.7), "male": (5.7, 0.8)}  # mm, mean and standard deviation
LATERAL_BEYOND_MEDIAL = 3.2  # mm, of a fixed place against a minimum, so not one quantity
PER_10_000 = 10_000
NEVER, ALWAYS = (0, 5), (90, 100)  # per cent: what a definition asks, and readers' disagreement
FEATURES = {  # share of knees with the feature, where it was read, by grade
    "osteophytes": {0: NEVER, 2: ALWAYS, 3: ALWAYS, 4: ALWAYS},
    "narrowing": {0: NEVER, 3: ALWAYS, 4: ALWAYS},
    "sclerosis": {0: NEVER, 3: (50, 100), 4: ALWAYS},
}

FACTS = (
    _about("people", "women", "%", 58, 3, ENROLLED),
    _within("people", "aged 45 to 79", "%", 99.5, 100, ENROLLED),
    *(
        _about("grades", f"grade {grade}", "%", each, 1 if grade == 4 else 3, READ)
        for grade, each in enumerate(MIX)
    ),
    _about("sides", "right-left correlation of grade", "", 0.52, 0.06, READ),
    _about("sides", "right-left correlation of pain", "", 0.47, 0.05, PAIN),
    _about("sides", "right-left correlation of grade change to 48 months", "", 0.22, 0.07, READ),
    _about(
        "sides",
        "right-left pain against right-left grade",
        "",
        PAIN_AND_GRADE.baseline,
        0.03,
        PAIN,
    ),
    *(
        _about("pain", f"mean pain in grade {grade}", "points", each, 0.1 * each + 0.1, PAIN)
        for grade, each in enumerate(MEAN_PAIN)
    ),
    _about("pain", "knees without pain", "%", 44.3, 3, PAIN),
    _within("pain", "change to 24 months from 5 points or more", "points", -math.inf, -0.5, PAIN),
    _about("pain model", "person, standard deviation", "points", 2.0, 0.2, PAIN),
    _about("pain model", "knee within person, standard deviation", "points", 1.1, 0.15, PAIN),
    _about("pain model", "residual, standard deviation", "points", 1.85, 0.15, PAIN),
    _about("pain model", "yearly slope, standard deviation", "points", 0.23, 0.05, PAIN),
    _about("pain model", "correlation of level and slope", "", -0.2, 0.15, PAIN),
    *(
        _about("progression", f"risen by a grade at {months} months", "%", each, 1.5, READ)
        for months, each in RISEN.items()
    ),
    *(
        _about("progression", f"grade {grade} risen at 48 months", "%", each, 3, READ)
        for grade, each in enumerate(RISEN_BY_GRADE)
    ),
    Fact(
        "progression",
        "grades that fell from one reading to the next",
        "per 10,000 pairs",
        round(PER_10_000 * FALLS / PAIRS_READ, 1),
        0,
        round(PER_10_000 * MOST_FALLS, 1),
        READ,
    ),
    *(
        _about(
            "reading",
            f"grade {grade} read at {months} months",
            "%",
            each,
            5 if each > 50 else 3,
            READ,
        )
        for grade, shares in SEEN.items()
        for months, each in zip(SEEN_AT, shares, strict=True)
    ),
    _about("reading", "projects agree at baseline", "%", 98.6, 0.8, READ),
    _about("reading", "projects agree at 48 months", "%", 97.2, 1.2, READ),
    *(
        _about(
            "ends",
            f"people with a knee replaced by {months} months",
            "%",
            round(100 * each / PEOPLE, 1),
            round(20 * each / PEOPLE, 1),
            OUTCOMES,
        )
        for months, each in REPLACED.items()
    ),
    _within("ends", "people who died by 96 months", "%", 2, 6, RANGE),
    *(
        _about("films", f"medial width in grades 0 and 1, {sex}", "mm", *width, HEALTHY)
        for sex, width in HEALTHY_WIDTH.items()
    ),
    _about(
        "films",
        "lateral beyond medial width in grade 0",
        "mm",
        LATERAL_BEYOND_MEDIAL,
        0.5,
        WIDTHS,
    ),
    *(
        _within("films", f"{feature} in grade {grade}", "%", *shares, DEFINED)
        for feature, by_grade in FEATURES.items()
        for grade, shares in by_grade.items()
    ),
    _within("films", "least fall of medial width to the next grade", "mm", 0, math.inf, DIRECTION),
    _within("films", "least rise of osteophytes to the next grade", "%", 0, math.inf, DIRECTION),
    _within("films", "least rise of sclerosis to the next grade", "%", 0, math.inf, DIRECTION),
)
