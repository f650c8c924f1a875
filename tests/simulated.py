"""Simulated cohorts with the facts of the OAI: two knees a person, visits, missed visits.

The effects of phenotype 1 on pain and on the hazard are planted, so estimates can be compared
with them. Everyone else is phenotype 0, and labels of two knees of a person resemble each other.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

VISITS = {"V00": 0, "V01": 12, "V03": 24, "V05": 36, "V06": 48, "V08": 72, "V10": 96}
PERSON = np.array([[4.0, -0.092], [-0.092, 0.053]])  # level and yearly slope of a person
KNEE, RESIDUAL = 1.21, 3.42


def knees(people: int, *, seed: int, share: float = 0.4, arm: str = "image") -> pd.DataFrame:
    """Return knees as `effects.group` does, all of grade 2, in confirm people."""
    rng = np.random.default_rng([seed, 1])
    person = np.repeat(np.arange(people), 2)
    latent = np.sqrt(0.5) * rng.normal(size=people)[person] + np.sqrt(0.5) * rng.normal(
        size=2 * people
    )
    side = np.tile(["R", "L"], people)
    return pd.DataFrame(
        {
            "arm": arm,
            "kl_grade": 2,
            "participant_id": [f"{9000000 + i}" for i in person],
            "knee_id": [f"{9000000 + i}-{s}" for i, s in zip(person, side, strict=True)],
            "split": "confirm",
            "phenotype": (latent < norm.ppf(share)).astype(int),
            "jsn_medial": rng.integers(0, 3, 2 * people).astype(float),
            "jsn_lateral": 0.0,
            "age": rng.uniform(45, 79, people)[person],
            "bmi": rng.normal(28, 4, people)[person],
            "female": rng.integers(0, 2, people)[person].astype(float),
            "gated": False,
        }
    )


def pain(
    grouped: pd.DataFrame, *, seed: int, level: float = 0.0, slope: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `grouped` with its baseline pain, and visits with pain and joint-space width."""
    rng = np.random.default_rng([seed, 2])
    person = pd.factorize(grouped["participant_id"])[0]
    people = person.max() + 1
    own = rng.multivariate_normal([0, 0], PERSON, people)[person]
    knee = rng.normal(0, np.sqrt(KNEE), len(grouped))
    width = 4.5 + rng.normal(0, 0.7, len(grouped))
    leaves = rng.choice([24, 48, 72, 999], people, p=[0.08, 0.08, 0.09, 0.75])[person]
    mark = (grouped["phenotype"] == 1).to_numpy()
    parts = []
    for visit, months in VISITS.items():
        here = (months <= leaves) & ((months == 0) | (rng.random(people) > 0.06)[person])
        years = months / 12
        mean = 4 + level * mark + slope * mark * years + own @ [1, years] + knee
        score = mean + rng.normal(0, np.sqrt(RESIDUAL), len(grouped))
        loss = (0.1 + 0.1 * mark) * years + rng.normal(0, 0.2, len(grouped))
        rows = (
            grouped[["knee_id", "participant_id"]]
            .assign(visit=visit, months=float(months), womac_pain=score, jsw_medial=width - loss)
            .assign(jsw_lateral=6.5)
        )
        parts.append(rows[here])
    visits = pd.concat(parts, ignore_index=True).assign(replaced=False)
    start = visits[visits["months"] == 0].set_index("knee_id")["womac_pain"]
    return grouped.assign(baseline=grouped["knee_id"].map(start)), visits


def events(
    grouped: pd.DataFrame, *, seed: int, log_ratio: float = 0.0, outcome: str = "kl_rise_1"
) -> pd.DataFrame:
    """Return events seen at visits, with the planted ratio and knees of a person that are alike."""
    rng = np.random.default_rng([seed, 3])
    person = pd.factorize(grouped["participant_id"])[0]
    people = person.max() + 1
    latent = np.sqrt(0.4) * rng.normal(size=people)[person]
    latent = latent + np.sqrt(0.6) * rng.normal(size=len(grouped))
    mark = (grouped["phenotype"] == 1).to_numpy()
    time = -np.log(norm.cdf(latent)) * 250 * np.exp(-log_ratio * mark)
    leaves = rng.choice([12, 24, 36, 999], people, p=[0.05, 0.05, 0.05, 0.85])[person]
    left, right = np.zeros(len(grouped)), np.full(len(grouped), np.nan)
    for months in (12, 24, 36, 48):
        here = (months <= leaves) & (rng.random(people) > 0.06)[person]
        right = np.where(here & np.isnan(right) & (time <= months), months, right)
        left = np.where(here & (time > months), months, left)
    return pd.DataFrame(
        {
            "knee_id": grouped["knee_id"],
            "participant_id": grouped["participant_id"],
            "outcome": outcome,
            "left_months": left,
            "right_months": right,
            "observed": ~np.isnan(right),
        }
    )
