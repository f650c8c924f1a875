"""Example tables: tables in the published layout, made of nobody, with what is wrong built in.

Grades and narrowing are attached to the other knee, the visits carry dates, late grades exist for
knees without osteoarthritis alone, and a phenotype of grade 0 is a cut of pain.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils.oai import visit_schedule

HAZARD = {"Lateral JSN": 2.2, "Medial JSN": 1.0, "No JSN": 0.6}  # ratio to medial narrowing
RATE = {0: 0.02, 1: 0.05, 2: 0.04, 3: 0.06, 4: 0.0}  # rises a year of a knee like the medial
GRADES, MIX = np.arange(5), np.array([0.38, 0.18, 0.27, 0.14, 0.03])
SHARED = 0.55  # correlation of the severity of a person's two knees
FOLLOWED = ["V01", "V03", "V05", "V06", "V08", "V10"]
CUT = 2  # points of pain from which a knee of grade 0 is called pain-dominant
OTHER = {"RIGHT": "LEFT", "LEFT": "RIGHT"}


def draw(
    people: int, *, seed: int, swapped: bool = True
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the wide table and the tables of visits, by file name.

    Parameters
    ----------
    people
        People, two knees each.
    seed
        Same seed, same tables.
    swapped
        Whether grade and narrowing are attached to the other knee.
    """
    rng = np.random.default_rng([seed, 41])
    knees = _knees(people, rng)
    grades, pain = _courses(knees, rng)
    if swapped:
        other = np.arange(2 * people).reshape(-1, 2)[:, ::-1].ravel()
        for column in ("KL_GRADE", "JSN_LATERAL", "JSN_MEDIAL"):
            knees[column] = knees[column].to_numpy()[other]
        grades = {visit: values[other] for visit, values in grades.items()}
    knees["phenotype"] = _named(knees, pain["V00"])
    return _wide(knees, grades, pain), _masters(knees, grades, pain)


def _knees(people: int, rng: np.random.Generator) -> pd.DataFrame:
    shared = np.repeat(rng.standard_normal(people), 2)
    severity = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * rng.standard_normal(2 * people)
    ranked = severity.argsort().argsort() / (2 * people)
    grade = np.searchsorted(np.cumsum(MIX)[:-1], ranked, side="right")
    lateral = rng.random(2 * people) < 0.2
    narrow = (grade >= 3) | ((grade >= 1) & (rng.random(2 * people) < 0.6))
    amount = np.where(narrow, np.clip(grade - 1, 1, 3), 0)
    start = pd.Timestamp("2005-01-15") + pd.to_timedelta(rng.integers(0, 600, people), unit="D")
    return pd.DataFrame(
        {
            "SRC_SUBJECT_ID": np.repeat([f"INVENTED{one:05d}" for one in range(people)], 2),
            "KNEE_SIDE": np.tile(["RIGHT", "LEFT"], people),
            "KL_GRADE": grade,
            "JSN_LATERAL": np.where(lateral, amount, 0),
            "JSN_MEDIAL": np.where(lateral, 0, amount),
            "BMI": np.repeat(np.round(rng.normal(28.6, 4.8, people), 1), 2),
            "AGEYEARS": np.repeat(rng.integers(45, 80, people), 2),
            "start": np.repeat(start, 2),
        }
    )


def _courses(
    knees: pd.DataFrame, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return grade and pain of every knee at every visit, missing where it was not read."""
    grade, n = knees["KL_GRADE"].to_numpy(), len(knees)
    kind = np.select(
        [knees["JSN_LATERAL"] > 0, knees["JSN_MEDIAL"] > 0], ["Lateral JSN", "Medial JSN"], "No JSN"
    )
    rate = np.array([RATE[int(g)] * HAZARD[k] for g, k in zip(grade, kind, strict=True)])
    risen = 12 * rng.exponential(size=n) / np.maximum(rate, 1e-9)
    hurts = 0.9 * grade + np.repeat(rng.normal(0, 1.5, n // 2), 2) + rng.normal(0.5, 1.2, n)
    come = np.repeat(rng.random(n // 2) < 0.9, 2)
    pain = {"V00": np.clip(np.round(hurts + rng.normal(0, 1, n)), 0, 20)}
    grades = {"V00": grade.astype(float)}
    for visit in FOLLOWED:
        read = come & (
            (visit_schedule.CONTACTS[visit] <= 48) | (grade < 2) | (rng.random(n) < 0.08)
        )
        now = grade + (risen <= visit_schedule.CONTACTS[visit])
        grades[visit] = np.where(read, now, np.nan)
        today = np.clip(np.round(hurts + rng.normal(0, 1, n)), 0, 20)
        pain[visit] = np.where(come, today, np.nan)
    return grades, pain


def _named(knees: pd.DataFrame, pain: np.ndarray) -> np.ndarray:
    healthy = knees["KL_GRADE"] == 0
    return np.select(
        [healthy & (pain >= CUT), healthy, knees["JSN_LATERAL"] > 0, knees["JSN_MEDIAL"] > 0],
        ["Pain-Dominant", "Healthy", "Lateral JSN", "Medial JSN"],
        "No JSN",
    )


def _wide(
    knees: pd.DataFrame, grades: dict[str, np.ndarray], pain: dict[str, np.ndarray]
) -> pd.DataFrame:
    wide = pd.DataFrame(
        {
            "SRC_SUBJECT_ID": knees["SRC_SUBJECT_ID"],
            "knee_side": knees["KNEE_SIDE"],
            "phenotype": knees["phenotype"],
            "cluster": pd.factorize(knees["phenotype"])[0],
            "kl_grade": knees["KL_GRADE"],
        }
    )
    for visit, values in grades.items():
        wide[f"kl_grade_{visit}"], wide[f"pain_{visit}"] = values, pain[visit]
    return wide


def _masters(
    knees: pd.DataFrame, grades: dict[str, np.ndarray], pain: dict[str, np.ndarray]
) -> dict[str, pd.DataFrame]:
    tables = {}
    for visit, values in grades.items():
        date = knees["start"] + pd.to_timedelta(30.4375 * visit_schedule.CONTACTS[visit], unit="D")
        tables[f"master_final_{visit}.csv"] = pd.DataFrame(
            {
                "SRC_SUBJECT_ID": knees["SRC_SUBJECT_ID"],
                "INTERVIEW_DATE": date.dt.strftime("%d-%b-%y").str.upper(),
                "KNEE_SIDE": knees["KNEE_SIDE"],
                "KL_GRADE": values,
                "JSN_LATERAL": knees["JSN_LATERAL"],
                "JSN_MEDIAL": knees["JSN_MEDIAL"],
                "MATCHED_WOMAC_PAIN": pain[visit],
                "BMI": knees["BMI"],
                "AGEYEARS": knees["AGEYEARS"],
            }
        )
    return tables
