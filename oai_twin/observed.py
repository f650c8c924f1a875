"""Observed: what a study knows of a simulated cohort beyond pain and grades.

Histories of the knees, measured joint-space widths, replacements and deaths as they were
reported. `release` hands all of it on as the tables a reader of the files would return, for
simulations that need thousands of cohorts and no files.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import oai
from kneephen_utils.oai import visit_schedule
from oai_twin import progression_model
from oai_twin.progression_model import CLINIC, DAYS_PER_MONTH
from oai_twin.simulation import Simulation

VISITS = list(CLINIC)
CONFIRMED_SHARE, MISTAKEN_SHARE, PARTIAL_SHARE = 0.96, 0.001, 0.1
FOLLOWED_MONTHS = 112.0
WIDTH_ERROR = 0.12  # SD of one measurement, mm
FIXED_PLACE = 1.8  # mm by which the lateral joint space at its fixed place exceeds its minimum
OPEN = 2.0  # mm of lateral minimum from which it does so in full
WIDTHS_WITHOUT_DISEASE = 0.33  # share of people without definite disease who are measured
NOT_MEASURABLE = 0.01
NO_INJURY_ANSWER = 0.01


def histories(simulation: Simulation) -> pd.DataFrame:
    """Return what each knee went through before the study: 1, 0 or missing.

    Columns `injury`, `surgery`, `arthroscopy`, `meniscectomy`, `ligament`, `replaced`.
    """
    rng = np.random.default_rng([simulation.seed, 51])
    knees, n = simulation.knees, len(simulation.knees)
    injured = likely(-1.4 + 0.28 * knees["kl_true"].to_numpy(), rng)
    operated = likely(-3.2 + 0.35 * knees["kl_true"].to_numpy() + 1.3 * injured, rng)
    return knees[["participant_id", "knee_id", "side"]].assign(
        injury=np.where(rng.random(n) < NO_INJURY_ANSWER, np.nan, injured),
        surgery=operated,
        arthroscopy=operated * (rng.random(n) < 0.7),
        meniscectomy=operated * (rng.random(n) < 0.6),
        ligament=operated * (rng.random(n) < 0.15),
        replaced=knees["prosthesis"].astype(float),
    )


def likely(logit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return 1 or 0 with the given log odds, missing where these are missing."""
    drawn = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return np.where(np.isnan(logit), np.nan, drawn)


def widths(simulation: Simulation) -> pd.DataFrame:
    """Return joint-space widths as measured, for the people the measurement project reads.

    The medial width is the minimum. The lateral one is measured at a fixed place of the joint,
    which is wider; a lateral joint space that is closed is closed there too.

    Columns `visit`, `jsw_medial`, `jsw_lateral` (mm), and `no_medial`, `no_lateral`, true
    where a width could not be measured.
    """
    rng = np.random.default_rng([simulation.seed, 61])
    states, knees = simulation.states, simulation.knees
    worst = knees["kl_true"].to_numpy().reshape(-1, 2).max(axis=1)
    chosen = (worst >= 2) | (rng.random(len(worst)) < WIDTHS_WITHOUT_DISEASE)
    come = np.repeat(progression_model.attended(simulation.contacts) & chosen[:, None], 2, axis=0)
    come &= ~knees["prosthesis"].to_numpy()[:, None]
    names = ["jsw_medial", "jsw_lateral"]
    beyond = FIXED_PLACE * (states["jsw_lateral"] / OPEN).clip(upper=1)
    there = states[names].assign(jsw_lateral=states["jsw_lateral"] + beyond)
    measured = there + rng.normal(0, WIDTH_ERROR, (len(states), 2))
    lost = rng.random((2, len(states))) < NOT_MEASURABLE
    table = states[["participant_id", "knee_id", "side", "visit"]].assign(
        femoral_width=np.repeat(knees["femoral_width"].to_numpy(), len(VISITS)),
        no_medial=lost[0],
        no_lateral=lost[1],
        **measured.clip(lower=0).round(3),
    )
    return table[come.ravel() & ~states["replaced"]].reset_index(drop=True)


def replacements(simulation: Simulation) -> pd.DataFrame:
    """Return replacements of each knee as the study came to know them.

    Columns `seen_at_baseline`; `status` 3 confirmed, 1 reported only, 0 not confirmed; `days`
    since enrolment; contact numbers `reported` and `before`; `partial`; `on_film` 0 not seen,
    1 seen, 2 no later film.
    """
    rng = np.random.default_rng([simulation.seed, 43])
    codes, days, attended = by_contact(simulation)
    days, attended = np.repeat(days, 2, axis=0), np.repeat(attended, 2, axis=0)
    months = simulation.fates["replacement_months"].to_numpy()
    day = np.where(months <= FOLLOWED_MONTHS, np.round(months * DAYS_PER_MONTH), np.inf)
    after = attended & (days >= day[:, None])
    known = after.any(axis=1)
    status = np.where(rng.random(len(day)) < CONFIRMED_SHARE, 3.0, 1.0)
    mistaken = rng.random(len(day)) < MISTAKEN_SHARE
    status = np.where(known, status, np.where(mistaken, 0.0, np.nan))
    before = np.where(attended & (days < day[:, None]), codes, -1).max(axis=1)
    clinic = np.isin(codes, [int(visit[1:]) for visit in VISITS[1:]])
    filmed = (attended & clinic).any(axis=1)
    seen = (after & clinic).any(axis=1)
    return simulation.knees[["participant_id", "knee_id", "side"]].assign(
        seen_at_baseline=simulation.knees["prosthesis"],
        status=status,
        days=np.where(known, day, np.nan),
        reported=np.where(known, codes[after.argmax(axis=1)], np.nan),
        before=np.where(known, before, np.nan),
        partial=np.where(known, rng.random(len(day)) < PARTIAL_SHARE, np.nan),
        on_film=np.where(filmed, seen.astype(int), 2),
    )


def ends(simulation: Simulation) -> pd.DataFrame:
    """Return the last contact of each person and the day of death, if it became known.

    Columns `last_contact` (contact number), `death_days`, `death_status` 2 if confirmed.
    """
    rng = np.random.default_rng([simulation.seed, 44])
    codes, _, attended = by_contact(simulation)
    death = simulation.fates["death_months"].to_numpy()[::2]
    known = death <= FOLLOWED_MONTHS
    status = np.where(rng.random(len(death)) < CONFIRMED_SHARE, 2.0, 1.0)
    return simulation.people[["participant_id"]].assign(
        last_contact=np.where(attended, codes, -1).max(axis=1),
        death_days=np.where(known, np.round(death * DAYS_PER_MONTH), np.nan),
        death_status=np.where(known, status, np.nan),
    )


def by_contact(simulation: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return contact numbers, and days and attendance of every contact (people, contacts)."""
    contacts = simulation.contacts
    codes = contacts["visit"].drop_duplicates().str[1:].astype(int).to_numpy()
    days = contacts["days"].to_numpy().reshape(len(codes), -1).T
    return codes, days, contacts["attended"].to_numpy().reshape(len(codes), -1).T


def release(simulation: Simulation) -> oai.Release:
    """Return the cohort as the tables that reading its files would give, films left out."""
    people, past = simulation.people, histories(simulation)
    measured, knees, last = widths(simulation), replacements(simulation), ends(simulation)
    key = ["participant_id", "side"]
    died = last["death_status"].eq(2)
    return oai.Release(
        people=people[["participant_id", "sex", "site", "subcohort", "age", "bmi"]],
        contacts=_contacts(simulation),
        symptoms=pd.concat([simulation.scores, simulation.calls], ignore_index=True)[
            [*key, "visit", "womac_pain", "koos_pain"]
        ],
        histories=past[key].assign(
            injury=past["injury"].astype("boolean"),
            surgery=past["surgery"].astype("boolean"),
            replaced_before=past["replaced"].astype("boolean"),
        ),
        readings=simulation.readings.drop(columns="knee_id").assign(film_id=None, prosthesis=False),
        widths=measured[[*key, "visit"]].assign(
            jsw_medial=measured["jsw_medial"].mask(measured["no_medial"]),
            jsw_lateral=measured["jsw_lateral"].mask(measured["no_lateral"]),
        ),
        replacements=knees[[*key, "status", "seen_at_baseline"]].assign(
            months=visit_schedule.months_of_days(knees["days"]),
            reported_months=visit_schedule.months_of_contact(knees["reported"]),
        ),
        ends=last[["participant_id"]].assign(
            last_contact_months=visit_schedule.months_of_contact(last["last_contact"]),
            death_months=visit_schedule.months_of_days(last["death_days"]).where(died),
        ),
        films=pd.DataFrame(),
        ingest=pd.DataFrame(),
    )


def _contacts(simulation: Simulation) -> pd.DataFrame:
    asked = simulation.contacts
    return asked[["participant_id", "visit"]].assign(
        months=asked["nominal_months"], days=asked["days"].astype(float).where(asked["attended"])
    )
