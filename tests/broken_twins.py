"""Broken twins: a sound synthetic release, put together wrongly in just one way.

Each break takes the tables of a release and returns them with one thing wrong. `BREAKS` names,
for each, the checks of the ledger that must stop it and what their sentences must say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from kneephen_utils import cohort
from kneephen_utils.cohort import data_checks, reading_selection
from kneephen_utils.oai import Release
from oai_twin import observed, simulation

OAI_SIZE = 4796  # people
OTHER = {"right": "left", "left": "right"}
PUBLISHED_CLOCK = {"V03": "V05", "V05": "V07", "V06": "V08", "V08": "V10"}  # by label, wrongly
Change = Callable[[Release], Release]


def sound(people: int, seed: int) -> Release:
    """Return the tables of a sound synthetic release, without films."""
    drawn = simulation.simulate(
        participants=people,
        seed=seed,
        planted=True,
        defects=0.02,
        reader_noise=0.007,
        floor=True,
    )
    return observed.release(drawn)


@cache
def twin(people: int, seed: int) -> Release:
    """Return the tables of a sound synthetic release, with a film and an ingest line for each."""
    source = sound(people, seed)
    film = "F" + source.readings["participant_id"]
    films = pd.DataFrame({"participant_id": source.people["participant_id"], "visit": "V00"})
    return replace(
        source,
        readings=source.readings.assign(film_id=film),
        films=films.assign(
            film_id="F" + films["participant_id"],
            view="Bilateral PA Fixed Flexion Knee",
            path=films["participant_id"],
            on_disk=True,
        ),
        ingest=pd.DataFrame(
            {"table": ["kxr_sq_bu00"], "not_understood": [0], "sentence": ["all rows read."]}
        ),
    )


def evidence(source: Release) -> data_checks.Evidence:
    """Return what the checks may look at."""
    chosen = reading_selection.choose(source.readings, projects="by_design")
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    return data_checks.Evidence(source, chosen, knees, visits, cohort.films(source))


def judge(source: Release, accept: tuple[str, ...] = ()) -> pd.DataFrame:
    """Put the ledger to a release, as the stage does."""
    return data_checks.check(evidence(source), accept=accept)


def failed(checks: pd.DataFrame) -> set[str]:
    """Return the names of the checks that stop the run."""
    return set(checks.loc[checks["verdict"].eq("failed"), "check"])


def swap(
    source: Release, table: str, *, visits: tuple[str, ...] = (), share: float = 1.0, site: str = ""
) -> Release:
    """Give the rows of a table to the other knee: all, or of some visits, people, or one site."""
    rows = getattr(source, table)
    rng = np.random.default_rng(7)
    people = source.people["participant_id"].to_numpy()
    moved = set(people[rng.random(len(people)) < share])
    if site:
        moved &= set(source.people.loc[source.people["site"].eq(site), "participant_id"])
    hit = rows["participant_id"].isin(moved)
    if visits:
        hit &= rows["visit"].isin(visits)
    return replace(
        source, **{table: rows.assign(side=rows["side"].where(~hit, rows["side"].map(OTHER)))}
    )


def blank_dates(source: Release) -> Release:
    """Leave every date out."""
    return replace(source, contacts=source.contacts.assign(days=np.nan))


def shift_labels(source: Release) -> Release:
    """Label the visits by the published, wrong clock, with every date blank."""
    tables = {}
    for name in ("readings", "widths", "symptoms"):
        rows = getattr(source, name)
        rows = rows[rows["visit"].ne("V10")]
        tables[name] = rows.assign(visit=rows["visit"].replace(PUBLISHED_CLOCK))
    return blank_dates(replace(source, **tables))


def late_by_a_year(source: Release) -> Release:
    """Let the 24-month visit be that of 36 months and drop the true one, with dates blank."""
    tables = {}
    for name in ("readings", "widths", "symptoms"):
        rows = getattr(source, name)
        rows = rows[rows["visit"].ne("V03")]
        tables[name] = rows.assign(visit=rows["visit"].replace({"V05": "V03"}))
    return blank_dates(replace(source, **tables))


def shift_some(source: Release) -> Release:
    """Date the visits of a fifth of the people a year late."""
    rows = source.contacts
    moved = rows["participant_id"].isin(source.people["participant_id"].iloc[::5])
    days = rows["days"] + 365.0 * (moved & rows["visit"].ne("V00"))
    return replace(source, contacts=rows.assign(days=days))


def lower_some_grades(source: Release) -> Release:
    """Read half a per cent of the 36-month grades one lower."""
    rows = source.readings
    hit = rows["visit"].eq("V05") & rows["kl_grade"].ge(1)
    hit &= np.random.default_rng(8).random(len(rows)) < 0.005
    return replace(source, readings=rows.assign(kl_grade=rows["kl_grade"] - hit))


def shuffle(source: Release, table: str, column: str, visit: str) -> Release:
    """Deal the values of one column out anew at one visit."""
    rows = getattr(source, table).copy()
    own = rows["visit"].eq(visit)
    rows.loc[own, column] = np.random.default_rng(9).permutation(rows.loc[own, column])
    return replace(source, **{table: rows})


def turn_koos(source: Release) -> Release:
    """Let KOOS pain be worse upwards at one visit."""
    rows = source.symptoms
    own = rows["visit"].eq("V06")
    turned = rows["koos_pain"].where(~own, 100 - rows["koos_pain"])
    return replace(source, symptoms=rows.assign(koos_pain=turned))


def exchange_compartments(source: Release) -> Release:
    """Call the medial width lateral and the lateral one medial."""
    names = {"jsw_medial": "jsw_lateral", "jsw_lateral": "jsw_medial"}
    return replace(source, widths=source.widths.rename(columns=names))


class Broken(NamedTuple):
    """One way to be wrong, the checks that must stop it, and words that must be said."""

    name: str
    change: Change
    stopped_by: set[str]
    says: dict[str, tuple[str, ...]]


READINGS, WIDTHS, PAIN = "kxr_sq_bu", "kxr_qjsw_duryea", "AllClinical"
BREAKS = [
    Broken(
        "readings swapped",
        partial(swap, table="readings"),
        {"sides", "width_sides", "lateral_width_sides", "replaced_side"},
        {"sides": ("as if right and left were swapped", f"the rest is {READINGS}, at baseline")},
    ),
    Broken(
        "widths swapped",
        partial(swap, table="widths"),
        {"width_sides", "lateral_width_sides"},
        {
            "width_sides": (
                "the narrowed knee is the wider one",
                f"the rest is {WIDTHS}, at baseline",
            )
        },
    ),
    Broken(
        "pain swapped",
        partial(swap, table="symptoms"),
        {"sides"},
        {"sides": ("the worse knee hurts less", f"the rest is {PAIN}, at baseline")},
    ),
    Broken(
        "readings swapped at one visit",
        partial(swap, table="readings", visits=("V05",)),
        {"sides", "width_sides", "grade_falls"},
        {
            "sides": ("at V05", f"the rest is {READINGS}, at V05."),
            "grade_falls": ("right and left of kxr_sq_bu were swapped at V05",),
        },
    ),
    Broken(
        "widths swapped at one visit",
        partial(swap, table="widths", visits=("V06",)),
        {"width_sides"},
        {"width_sides": ("at V06", f"the rest is {WIDTHS}, at V06.")},
    ),
    Broken(
        "pain swapped at one visit",
        partial(swap, table="symptoms", visits=("V03",)),
        {"sides"},
        {"sides": ("at V03", f"the rest is {PAIN}, at V03.")},
    ),
    Broken(
        "readings of a fifth of the people swapped",
        partial(swap, table="readings", share=0.2),
        {"sides", "width_sides"},
        {"sides": ("of the people", f"the rest is {READINGS}, at baseline")},
    ),
    Broken(
        "pain of a fifth of the people swapped",
        partial(swap, table="symptoms", share=0.2),
        {"sides"},
        {"sides": ("of the people", f"the rest is {PAIN}, at baseline")},
    ),
    Broken(
        "widths of a fifth of the people swapped",
        partial(swap, table="widths", share=0.2),
        {"width_sides"},
        {"width_sides": ("of the people", f"the rest is {WIDTHS}, at baseline")},
    ),
    Broken(
        "readings of a fifth of the people swapped at one visit",
        partial(swap, table="readings", share=0.2, visits=("V06",)),
        {"grade_falls"},
        {"grade_falls": ("right and left of kxr_sq_bu were swapped at V06",)},
    ),
    Broken(
        "pain of one site swapped",
        partial(swap, table="symptoms", site="E"),
        {"sides"},
        {"sides": ("at baseline, site E",)},
    ),
    Broken(
        "replacements swapped",
        partial(swap, table="replacements"),
        {"replaced_side"},
        {"replaced_side": ("grades from the other",)},
    ),
    Broken(
        "a few grades lowered at one visit",
        lower_some_grades,
        {"grade_falls"},
        {"grade_falls": ("To V05 it falls in",)},
    ),
    Broken(
        "visits under the published clock, without dates",
        shift_labels,
        {"clock"},
        {
            "clock": (
                "No dates",
                "At V07, which stands for 60 months",
                "At V08, which stands for 72",
            )
        },
    ),
    Broken(
        "one visit a year late, without dates",
        late_by_a_year,
        {"clock"},
        {"clock": ("At V03, which stands for 24 months, as many grades have risen as at",)},
    ),
    Broken(
        "the visits of a fifth of the people a year late",
        shift_some,
        {"visit_windows"},
        {"visit_windows": ("It is too many: ",)},
    ),
    Broken(
        "pain shuffled at one visit",
        partial(shuffle, table="symptoms", column="womac_pain", visit="V06"),
        {"pain_by_grade", "sides"},
        {"pain_by_grade": ("too low at V06",)},
    ),
    Broken(
        "narrowing shuffled at one visit",
        partial(shuffle, table="readings", column="jsn_medial", visit="V03"),
        {"narrowing_by_grade", "width_sides"},
        {"narrowing_by_grade": ("too low at V03",)},
    ),
    Broken(
        "widths shuffled at one visit",
        partial(shuffle, table="widths", column="jsw_medial", visit="V05"),
        {"width_by_grade", "width_sides"},
        {"width_by_grade": ("too low at V05",)},
    ),
    Broken(
        "one scale of pain turned at one visit",
        turn_koos,
        {"pain_scales"},
        {"pain_scales": ("name opposite knees", "at V06")},
    ),
    Broken(
        "medial and lateral widths exchanged",
        exchange_compartments,
        {"width_sides"},
        {"width_sides": ("at baseline",)},
    ),
]
