"""A crowd: the tables of an invented release of any size, with known relations in them.

Pain rises with the grade of its own knee, grades never fall, visits keep the clock, project 37
agrees with project 15, and a replaced knee was the worse of the two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils.oai import Release, visit_schedule

SIDES = np.array(["right", "left"])
MIX = [0.38, 0.18, 0.27, 0.14, 0.03]
RISE = 0.05  # chance of a rise from one visit to the next
PARTS = ("medial", "lateral")


def draw(people: int, *, seed: int) -> Release:
    """Return the tables of a release of `people` persons."""
    rng = np.random.default_rng([seed, people])
    ids = (9_000_000 + np.arange(people)).astype(str)
    knees = pd.DataFrame({"participant_id": ids.repeat(2), "side": np.tile(SIDES, people)})
    common = rng.normal(size=people).repeat(2)
    severity = (0.7 * common + 0.7 * rng.normal(size=2 * people)) / np.sqrt(0.98)
    rank = severity.argsort().argsort() / len(severity)
    knees["grade"] = np.searchsorted(np.cumsum(MIX), rank, side="right").clip(0, 4)
    symptoms, readings = [], []
    for visit in visit_schedule.CLINIC:
        if visit != "V00":
            rises = (rng.random(len(knees)) < RISE) & (knees["grade"] < 4)
            knees["grade"] += rises
        symptoms.append(_symptoms(knees, visit, rng))
        readings.append(_readings(knees, visit))
    readings = pd.concat(readings, ignore_index=True)
    replacements = _replacements(readings)
    return Release(
        people=_people(ids, rng),
        contacts=_contacts(ids, rng),
        symptoms=pd.concat(symptoms, ignore_index=True),
        histories=knees[["participant_id", "side"]].assign(
            injury=pd.array([False] * len(knees), dtype="boolean"),
            surgery=pd.array([False] * len(knees), dtype="boolean"),
            replaced_before=pd.array([False] * len(knees), dtype="boolean"),
        ),
        readings=_without_prostheses(readings, replacements),
        widths=knees[["participant_id", "side"]].assign(
            visit="V00", jsw_medial=5.0 - knees["grade"], jsw_lateral=6.0
        ),
        replacements=replacements,
        ends=pd.DataFrame(
            {"participant_id": ids, "last_contact_months": 96.0, "death_months": np.nan}
        ),
        films=_films(readings),
        ingest=pd.DataFrame(
            {"table": ["kxr_sq_bu00"], "not_understood": [0], "sentence": ["all rows read."]}
        ),
    )


def _people(ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": ids,
            "sex": rng.choice(["female", "male"], len(ids)),
            "site": rng.choice(list("ABCDE"), len(ids)),
            "subcohort": "incidence",
            "age": 60.0,
            "bmi": 28.0,
        }
    )


def _contacts(ids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    contacts = pd.MultiIndex.from_product(
        [ids, visit_schedule.CLINIC], names=["participant_id", "visit"]
    ).to_frame(index=False)
    contacts["months"] = visit_schedule.months(contacts["visit"])
    days = contacts["months"] * visit_schedule.DAYS_PER_MONTH + rng.integers(0, 45, len(contacts))
    return contacts.assign(days=days.where(contacts["months"].gt(0), 0.0))


def _symptoms(knees: pd.DataFrame, visit: str, rng: np.random.Generator) -> pd.DataFrame:
    pain = rng.poisson(1 + 0.9 * knees["grade"]).clip(0, 20).astype(float)
    return knees[["participant_id", "side"]].assign(
        visit=visit, womac_pain=pain, koos_pain=100 - 5 * pain
    )


def _readings(knees: pd.DataFrame, visit: str) -> pd.DataFrame:
    """Grade everybody in project 15 to 48 months, and healthy knees in project 37 throughout."""
    grade = knees["grade"].astype(float)
    rows = knees[["participant_id", "side"]].assign(
        visit=visit,
        film_id="0166" + (knees.index // 2).astype(str).str.zfill(8),
        kl_grade=grade,
        prosthesis=False,
        jsn_medial=(grade - 1).clip(0, 3),
        jsn_lateral=0.0,
        **{f"sclerosis_{bone}_{part}": np.nan for bone in ("femur", "tibia") for part in PARTS},
        **{
            f"osteophyte_{bone}_{part}": (grade - 1).clip(0, 3).where(grade.ge(1))
            for bone in ("femur", "tibia")
            for part in PARTS
        },
    )
    healthy = (knees.index.to_numpy() // 2) % 3 == 0
    parts = [rows.assign(reading_code=15.0)] if visit_schedule.CONTACTS[visit] <= 48 else []
    return pd.concat([*parts, rows[healthy].assign(reading_code=37.0)], ignore_index=True)


def _replacements(readings: pd.DataFrame) -> pd.DataFrame:
    """Replace the worse knee of some people at 60 months, where one is worse."""
    first = readings[readings["visit"].eq("V00") & readings["reading_code"].eq(15)]
    wide = first.pivot_table(index="participant_id", columns="side", values="kl_grade")
    gap = (wide["right"] - wide["left"]).sort_values()
    worse = {**dict.fromkeys(gap.index[-40:], "right"), **dict.fromkeys(gap.index[:40], "left")}
    knees = first[["participant_id", "side"]].reset_index(drop=True)
    done = knees["participant_id"].map(worse).eq(knees["side"])
    return knees.assign(
        status=np.where(done, 3.0, np.nan),
        seen_at_baseline=False,
        months=np.where(done, 60.0, np.nan),
        reported_months=np.where(done, 72.0, np.nan),
    )


def _without_prostheses(readings: pd.DataFrame, replacements: pd.DataFrame) -> pd.DataFrame:
    months = replacements.set_index(["participant_id", "side"])["months"]
    knees = pd.MultiIndex.from_frame(readings[["participant_id", "side"]])
    gone = visit_schedule.months(readings["visit"]).ge(months.reindex(knees).to_numpy())
    return readings.assign(kl_grade=readings["kl_grade"].mask(gone))


def _films(readings: pd.DataFrame) -> pd.DataFrame:
    first = readings[readings["visit"].eq("V00")].drop_duplicates("film_id")
    return first[["film_id", "participant_id", "visit"]].assign(
        view="Bilateral PA Fixed Flexion Knee",
        date=pd.NaT,
        path="00m/" + first["film_id"],
        on_disk=True,
    )
