"""Symptoms: WOMAC and KOOS scores of each knee at each clinic visit, and WOMAC by telephone.

Latent pain is a linear mixed model: grade, person and knee, a slope for each person and
each phenotype, and noise of the day. The score a person gives is its floored, rounded
image, so more than two fifths of the knees score 0 and the rest are skewed. A knee whose grade
has risen hurts more than it would have, which ties pain to the grade of every visit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oai_twin import progression_model
from oai_twin.progression_model import DAYS_PER_MONTH, PHONE, attended

GRADE_PAIN = np.array([0.96, 1.95, 3.13, 3.74, 5.82])  # latent points by baseline grade
PERSON_SD, KNEE_SD, DAY_SD, SLOPE_SD = 2.75, 1.045, 2.15, 0.29
LEVEL_SLOPE_CORRELATION = -0.16
COMMON_SLOPE = -0.10  # points a year, all knees
PAIN_EFFECTS = {"age": -0.10, "bmi": 0.45, "female": 0.15, "site": 0.15}  # points per SD
SITE_PAIN = {"A": 1.0, "B": -0.5, "C": 0.4, "D": -1.0, "E": 0.8}
PAIN_AT_RISE = 1.85  # points by which a rise of grade is felt, beyond what was to be expected
CURVE, GAIN = 1.575, 0.292  # the score is GAIN * latent ** CURVE above the floor
ROUNDED_UP = 0.40  # what is added before a score is rounded down
BY_PHONE = -0.2  # latent points that are told less to a voice than on a form; an invented number
UNANSWERED, PRORATED = 0.004, 0.003


def draw(
    cohort: dict[str, pd.DataFrame],
    course: dict[str, pd.DataFrame],
    *,
    seed: int,
    floor: bool,
) -> pd.DataFrame:
    """Draw the scores of every knee at every clinic visit.

    Parameters
    ----------
    cohort, course
        From `participant_model.draw` and `progression_model.follow`.
    seed
        Same seed, same scores.
    floor
        Whether scores are floored at 0 and rounded like a questionnaire. If not, the latent
        pain itself is returned, in which a linear mixed model is exactly right.

    Returns
    -------
    Rows in the order of `states`: `pain_true` (latent points without the noise of the day),
    `womac_pain` (0-20), `womac_stiffness` (0-8), `womac_function` (0-68), `koos_pain` and
    `koos_symptoms` (0-100, better up); missing if the person did not come or answer.
    """
    rng = np.random.default_rng([seed, 21])
    states, n = course["states"], len(cohort["knees"])
    months = states["months"].to_numpy().reshape(n, -1)
    truth = _latent(cohort, months / 12, rng)
    truth = truth + _felt(cohort, course["fates"], months) if floor else truth
    today = truth + DAY_SD * rng.standard_normal(truth.shape)
    pain = scores(today, rng) if floor else today
    come = np.repeat(attended(course["contacts"]), 2, axis=0)
    answered = come & (rng.random(truth.shape) >= UNANSWERED)
    table = states[["participant_id", "knee_id", "side", "visit"]].copy()
    table["pain_true"] = truth.ravel()
    table["womac_pain"] = np.where(answered, pain, np.nan).ravel()
    for name, values in _companions(np.clip(pain, 0, 20), rng).items():
        table[name] = np.where(answered, values, np.nan).ravel()
    return table


def by_phone(
    cohort: dict[str, pd.DataFrame],
    course: dict[str, pd.DataFrame],
    *,
    seed: int,
    floor: bool,
) -> pd.DataFrame:
    """Draw the WOMAC scores of every knee at every telephone visit.

    The latent pain is that of `draw`, at the day of the call, and `BY_PHONE` is added to what
    is told. Arguments are those of `draw`.

    Returns
    -------
    One row per knee and telephone visit: `womac_pain`, `womac_stiffness`, `womac_function`;
    missing if the person was not reached or did not answer.
    """
    calls = course["contacts"][~course["contacts"]["clinic"]]
    shape = (len(PHONE), -1)
    days = np.repeat(calls["days"].to_numpy().reshape(shape).T, 2, axis=0)
    reached = np.repeat(calls["attended"].to_numpy().reshape(shape).T, 2, axis=0)
    months = days / DAYS_PER_MONTH
    truth = _latent(cohort, months / 12, np.random.default_rng([seed, 21]))
    truth = truth + _felt(cohort, course["fates"], months) if floor else truth
    rng = np.random.default_rng([seed, 22])
    today = truth + BY_PHONE + DAY_SD * rng.standard_normal(truth.shape)
    pain = scores(today, rng) if floor else today
    answered = reached & (rng.random(truth.shape) >= UNANSWERED)
    knees = cohort["knees"][["participant_id", "knee_id", "side"]]
    table = knees.loc[knees.index.repeat(len(PHONE))].reset_index(drop=True)
    told = {"womac_pain": pain, **_companions(np.clip(pain, 0, 20), rng)}
    return table.assign(
        visit=np.tile(list(PHONE), len(knees)),
        **{
            name: np.where(answered, told[name], np.nan).ravel()
            for name in ("womac_pain", "womac_stiffness", "womac_function")
        },
    )


def scores(latent: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return WOMAC pain 0-20 for latent pain: floored, convex, rounded, a few pro-rated."""
    raw = np.clip(GAIN * np.clip(latent, 0, None) ** CURVE, 0, 20)
    odd = rng.random(raw.shape) < PRORATED
    return np.where(odd, np.floor(raw * 10 + 0.5) / 10, np.floor(raw + ROUNDED_UP))


def _latent(
    cohort: dict[str, pd.DataFrame], years: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return latent pain (knees, visits) without the noise of the day."""
    knees, persons = cohort["knees"], cohort["people"]
    known = (
        PAIN_EFFECTS["age"] * (persons["age"] - 61.1) / 8.8
        + PAIN_EFFECTS["bmi"] * (persons["bmi"] - 28.6) / 4.8
        + PAIN_EFFECTS["female"] * np.where(persons["sex"].eq("female"), 0.7, -1.0)
        + PAIN_EFFECTS["site"] * persons["site"].map(SITE_PAIN)
    ).to_numpy()
    level, slope = rng.standard_normal((2, len(persons)))
    slope = LEVEL_SLOPE_CORRELATION * level + np.sqrt(1 - LEVEL_SLOPE_CORRELATION**2) * slope
    person = np.repeat(known + PERSON_SD * level, 2)
    knee = KNEE_SD * rng.standard_normal(len(knees))
    start = GRADE_PAIN[knees["kl_true"]] + knees["pain_level"].to_numpy() + person + knee
    pace = COMMON_SLOPE + knees["pain_slope"].to_numpy() + np.repeat(SLOPE_SD * slope, 2)
    return start[:, None] + pace[:, None] * years


def _felt(cohort: dict[str, pd.DataFrame], fates: pd.DataFrame, months: np.ndarray) -> np.ndarray:
    """Return by how much a knee hurts more because its grade has risen (knees, visits).

    What the hazard of the knee let expect by then is taken off, so the mean course of every
    grade and phenotype is the one planted, whatever its hazard.
    """
    has_risen = fates["rise_1"].to_numpy()[:, None] <= months
    return PAIN_AT_RISE * (has_risen - progression_model.chance_of_rise(cohort, months))


def _companions(pain: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the scores that go with pain: stiffness, function and the KOOS scales."""
    shape = pain.shape
    stiffness = np.clip(np.round(0.35 * pain + rng.normal(0.8, 1.0, shape)), 0, 8)
    function = np.clip(np.round(3.2 * pain + rng.normal(1.0, 3.5, shape)), 0, 68)
    worse = np.clip(4.4 * pain + rng.normal(2.0, 5.0, shape), 0, 100)
    koos_pain = np.round(100 - np.floor(worse / 2.7778 + 0.5) * 2.7778, 1)
    worse = np.clip(3.0 * pain + rng.normal(6.0, 7.0, shape), 0, 100)
    return {
        "womac_stiffness": stiffness,
        "womac_function": function,
        "koos_pain": np.clip(koos_pain, 0, 100),
        "koos_symptoms": np.clip(np.round(100 - np.floor(worse / 3.5714) * 3.5714, 1), 0, 100),
    }
