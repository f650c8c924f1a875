"""Progression model: what happens to the knees and to the people over 108 months, seen or not.

Grades rise at continuous times whose hazards are proportional between phenotypes; the two
knees of a person are tied by a Gaussian copula, so the planted hazard ratios hold for the
population and not only for a given frailty. Joint space is lost steadily, and faster
around a rise. Knees are replaced, people die, stay away once, or drop out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from oai_twin import features, participant_model

CLINIC = {"V00": 0, "V01": 12, "V03": 24, "V05": 36, "V06": 48, "V08": 72, "V10": 96}
PHONE = {"V07": 60, "V09": 84, "V11": 108}
DAYS_PER_MONTH = 365.25 / 12
NEVER = np.inf

# Cumulative hazard of a rise by baseline grade at 48 months, and its course in time.
RISE_BY_48 = np.array([0.0915, 0.222, 0.154, 0.230])
CLOCK_MONTHS = np.array([0.0, 24.0, 36.0, 48.0, 1200.0])
CLOCK_SHARE = np.array([0.0, 0.575, 0.78, 1.0, 1.0 + 0.19 * 96])
RISE_COPULA = 0.50  # correlation of the latent times of a person's two knees
RISE_EFFECTS = {"age": 0.08, "bmi": 0.12, "female": 0.03}  # log hazard per SD

REPLACED_BY_48 = np.array([0.0004, 0.002, 0.006, 0.060, 0.24])
REPLACEMENT_SHAPE, REPLACEMENT_PER_POINT = 1.35, 0.12
DEATHS_A_YEAR, DEATH_PER_YEAR_OF_AGE = 0.0036, 0.09

DROPOUT_A_YEAR = np.array([0.036, 0.036, 0.036, 0.037, 0.045])  # by worst baseline grade
LATE_DROPOUT_A_YEAR = np.array([0.005, 0.005, 0.02, 0.02, 0.02])  # after 48 months
AWAY = {"V00": 0.0, "V01": 0.03, "V03": 0.04, "V05": 0.04, "V06": 0.03, "V08": 0.06, "V10": 0.02}
PHONE_AFTER_DROPOUT = 0.5  # share of people who still answer the phone

LOSS_A_YEAR = np.array([0.03, 0.05, 0.08, 0.13, 0.08])  # mm in the narrower compartment
LOSS_AT_RISE = np.array([0.0, 0.15, 0.30, 0.90, 1.20])  # mm, by the grade reached


def follow(cohort: dict[str, pd.DataFrame], *, seed: int) -> dict[str, pd.DataFrame]:
    """Let time pass for a cohort drawn by `participant_model.draw`.

    Returns
    -------
    `fates`
        One row per knee: `rise_1` to `rise_4` (true months of each rise in grade),
        `replacement_months`, `death_months`; infinite if it does not happen by itself.
    `contacts`
        One row per person and contact (clinic and phone): `attended`, `days` since enrolment.
    `states`
        One row per knee and clinic visit, seen or not: `months` of the visit, `kl_true`,
        `jsw_medial`, `jsw_lateral` (mm), `replaced`.
    """
    fates = _fates(cohort, np.random.default_rng([seed, 11]))
    contacts = _contacts(cohort, fates, np.random.default_rng([seed, 12]))
    states = _states(cohort, fates, contacts, np.random.default_rng([seed, 13]))
    return {"fates": fates, "contacts": contacts, "states": states}


def _fates(cohort: dict[str, pd.DataFrame], rng: np.random.Generator) -> pd.DataFrame:
    knees = cohort["knees"]
    fates = knees[["participant_id", "knee_id"]].copy()
    rises = _rises(cohort, rng)
    for number in range(4):
        fates[f"rise_{number + 1}"] = rises[:, number]
    fates["replacement_months"] = _replacements(knees, rng)
    fates["death_months"] = np.repeat(_deaths(cohort["people"], rng), 2)
    fates.loc[fates["replacement_months"] > fates["death_months"], "replacement_months"] = NEVER
    return fates


def _rises(cohort: dict[str, pd.DataFrame], rng: np.random.Generator) -> np.ndarray:
    """Return true months of the first to fourth rise of each knee (knees, 4)."""
    knees, n = cohort["knees"], len(cohort["knees"])
    shared = np.repeat(rng.standard_normal(n // 2), 2)
    latent = np.sqrt(RISE_COPULA) * shared + np.sqrt(1 - RISE_COPULA) * rng.standard_normal(n)
    waited = -norm.logsf(latent)
    grade, own = knees["kl_true"].to_numpy(), _log_hazard(cohort)
    times, passed = np.full((n, 4), NEVER), np.zeros(n)
    for number in range(4):
        open_to = grade + number < 4
        rate = RISE_BY_48[np.minimum(grade + number, 3)] * np.exp(own)
        passed = passed + waited / rate
        times[open_to, number] = np.interp(passed, CLOCK_SHARE, CLOCK_MONTHS)[open_to]
        waited = rng.exponential(size=n)
    times[knees["prosthesis"].to_numpy()] = NEVER
    return times


def chance_of_rise(cohort: dict[str, pd.DataFrame], months: np.ndarray) -> np.ndarray:
    """Return the chance that the grade of each knee has risen by `months` (knees, visits)."""
    knees = cohort["knees"]
    grade = knees["kl_true"].to_numpy()
    rate = RISE_BY_48[np.minimum(grade, 3)] * np.exp(_log_hazard(cohort))
    rate = np.where((grade == 4) | knees["prosthesis"].to_numpy(), 0.0, rate)
    return -np.expm1(-rate[:, None] * np.interp(months, CLOCK_MONTHS, CLOCK_SHARE))


def _log_hazard(cohort: dict[str, pd.DataFrame]) -> np.ndarray:
    """Log hazard relative to the mean of the grade: phenotype, age, body mass index, sex."""
    knees, persons = cohort["knees"], cohort["people"]
    mean = {
        grade: np.log(
            sum(share * np.exp(participant_model.HAZARDS[kind]) for kind, share in mix.items())
        )
        for grade, mix in features.PLANTED_MIX.items()
    }
    planted = knees["phenotype"].ne("typical").to_numpy()
    phenotype = knees["hazard"] - np.where(planted, knees["kl_true"].map(mean), 0.0)
    person = (
        RISE_EFFECTS["age"] * (persons["age"] - 61.1) / 8.8
        + RISE_EFFECTS["bmi"] * (persons["bmi"] - 28.6) / 4.8
        + RISE_EFFECTS["female"] * np.where(persons["sex"].eq("female"), 0.7, -1.0)
    )
    return phenotype.to_numpy() + np.repeat(person.to_numpy(), 2)


def _replacements(knees: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    by_48 = -np.log1p(-REPLACED_BY_48[knees["kl_true"]])
    rate = by_48 * np.exp(REPLACEMENT_PER_POINT * knees["pain_level"] + 0.5 * knees["hazard"])
    waited = rng.exponential(size=len(knees)) / rate.to_numpy()
    months = 48 * waited ** (1 / REPLACEMENT_SHAPE)
    return np.where(knees["prosthesis"], NEVER, np.maximum(months, 1.0))


def _deaths(persons: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    rate = DEATHS_A_YEAR * np.exp(DEATH_PER_YEAR_OF_AGE * (persons["age"].to_numpy() - 61))
    return np.maximum(12 * rng.exponential(size=len(persons)) / rate, 1.0)


def _contacts(
    cohort: dict[str, pd.DataFrame], fates: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Say who came, or answered the phone, at each contact, and on which day."""
    persons, n = cohort["people"], len(cohort["people"])
    worst = cohort["knees"]["kl_true"].to_numpy().reshape(-1, 2).max(axis=1)
    gone = _dropout(worst, rng)
    answers = rng.random(n) < PHONE_AFTER_DROPOUT
    lost = np.where(answers, gone + rng.exponential(36.0, n), gone)
    death = fates["death_months"].to_numpy()[::2]
    rows = []
    for visit, month in sorted((CLINIC | PHONE).items(), key=lambda item: item[1]):
        days = np.round(month * DAYS_PER_MONTH + rng.gamma(4.0, 6.0, n) - 10).astype(int)
        days = np.zeros(n, dtype=int) if month == 0 else days
        present = rng.random(n) >= AWAY.get(visit, 0.04)
        last = np.minimum(gone if visit in CLINIC else lost, death)
        attended = (present & (days / DAYS_PER_MONTH < last)) | (month == 0)
        rows.append(
            pd.DataFrame(
                {
                    "participant_id": persons["participant_id"],
                    "visit": visit,
                    "nominal_months": float(month),
                    "clinic": visit in CLINIC,
                    "attended": attended,
                    "days": days,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def _dropout(worst: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    early = 12 * rng.exponential(size=len(worst)) / DROPOUT_A_YEAR[worst]
    late = 48 + 12 * rng.exponential(size=len(worst)) / LATE_DROPOUT_A_YEAR[worst]
    return np.where(early < 48, early, late)


def visit_months(contacts: pd.DataFrame) -> np.ndarray:
    """Return the months of each person's clinic visits (people, visits), come or not."""
    clinic = contacts[contacts["clinic"]]
    return clinic["days"].to_numpy().reshape(len(CLINIC), -1).T / DAYS_PER_MONTH


def attended(contacts: pd.DataFrame) -> np.ndarray:
    """Return who came to the clinic visits (people, visits)."""
    clinic = contacts[contacts["clinic"]]
    return clinic["attended"].to_numpy().reshape(len(CLINIC), -1).T


def _states(
    cohort: dict[str, pd.DataFrame],
    fates: pd.DataFrame,
    contacts: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    knees = cohort["knees"]
    months = np.repeat(visit_months(contacts), 2, axis=0)
    rises = fates[["rise_1", "rise_2", "rise_3", "rise_4"]].to_numpy()
    grade = knees["kl_true"].to_numpy()[:, None]
    reached = grade + (rises[:, None, :] <= months[:, :, None]).sum(axis=2)
    jsw = _joint_space(knees, rises, months, rng)
    flat = knees[["participant_id", "knee_id", "side"]]
    states = flat.loc[flat.index.repeat(len(CLINIC))].reset_index(drop=True)
    return states.assign(
        visit=np.tile(list(CLINIC), len(knees)),
        months=months.ravel(),
        kl_true=reached.ravel(),
        jsw_medial=jsw[:, :, 0].ravel(),
        jsw_lateral=jsw[:, :, 1].ravel(),
        replaced=(fates["replacement_months"].to_numpy()[:, None] <= months).ravel(),
    )


def _joint_space(
    knees: pd.DataFrame, rises: np.ndarray, months: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return true medial and lateral joint-space width in mm (knees, visits, 2)."""
    start = np.clip(participant_model.narrowing(knees), 0, None)
    share = (0.25 + start) / (0.25 + start.max(axis=1, keepdims=True))
    pace = np.exp(rng.normal(-0.18, 0.6, len(knees)))
    grade = knees["kl_true"].to_numpy()
    steady = (LOSS_A_YEAR[grade] * pace)[:, None] * months / 12
    around = np.clip((months[:, :, None] - rises[:, None, :] + 6) / 12, 0, 1)
    around = np.nan_to_num(around)
    step = LOSS_AT_RISE[np.minimum(grade[:, None] + np.arange(1, 5), 4)]
    lost = steady + (around * step[:, None, :]).sum(axis=2)
    widths = knees[["jsw_medial", "jsw_lateral"]].to_numpy()
    lateral = start[:, 1] > start[:, 0]
    weight = np.column_stack([np.where(lateral, share[:, 0], 1), np.where(lateral, 1, share[:, 1])])
    return np.clip(widths[:, None, :] - lost[:, :, None] * weight[:, None, :], 0, None)
