"""Ratios: whether the interval and the p value of a hazard ratio hold what they promise.

    python studies/benchmarks/ratios.py --cohorts 200 --out ratios.csv

Cohorts of people with two knees, read at visits, some of them missed; the knees of a person are
alike in label and in outcome, and the label may go together with a covariate that also acts on
the hazard. For each size of the group compared, the table tells how often the true ratio lies
outside the interval, and how often no difference is rejected, beside Wald's test with errors
clustered by person and a test that turns the signs of people's scores. Cohorts from number 10,000
on were never looked at when the procedure was chosen.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from kneephen_utils import parallel
from kneephen_utils.stats import discrete_time_hazard, interaction, profile

FIRST = 10_000  # number of the first cohort
SIZES = {20: 100, 40: 100, 60: 100, 320: 400}  # knees of the group: people of the cohort
RATIOS = (1.0, 2.0, 0.5)
TIED = {"no covariate": 0.0, "label follows the covariate": 0.8}
ALIKE = 0.4  # of the latent times of two knees of a person


def cohort(knees: int, people: int, *, ratio: float, tied: float, seed: int) -> pd.DataFrame:
    """Return one row per knee as `discrete_time_hazard.censor` does, with `mark` and `jsn`."""
    rng = np.random.default_rng([seed, knees])
    person = np.repeat(np.arange(people), 2)

    def latent(share: float) -> np.ndarray:
        both, own = rng.normal(size=people)[person], rng.normal(size=2 * people)
        return np.sqrt(share) * both + np.sqrt(1 - share) * own

    narrowing, label, fate = latent(0.5), latent(0.5), latent(ALIKE)
    jsn = np.digitize(narrowing, [-0.4, 0.8]).astype(float)
    rank = np.argsort(-(tied * narrowing + np.sqrt(1 - tied**2) * label))
    mark = np.isin(np.arange(2 * people), rank[:knees]).astype(float)
    time = -np.log(norm.cdf(fate)) * 250 / np.exp(np.log(ratio) * mark)
    time = time / np.exp(0.4 * (1 - jsn)) if tied else time
    leaves = rng.choice([12, 24, 36, 999], people, p=[0.05, 0.05, 0.05, 0.85])[person]
    left, right = np.zeros(2 * people), np.full(2 * people, np.nan)
    for months in (12.0, 24.0, 36.0, 48.0):
        here = (months <= leaves) & (rng.random(people) > 0.06)[person]
        right = np.where(here & np.isnan(right) & (time <= months), months, right)
        left = np.where(here & (time > months), months, left)
    rows = pd.DataFrame({"knee_id": np.arange(2 * people).astype(str), "mark": mark, "jsn": jsn})
    rows = rows.assign(participant_id=person.astype(str), left_months=left, right_months=right)
    rows = rows.assign(observed=~np.isnan(right), months=np.where(np.isnan(right), left, right))
    return rows[rows["months"] > 0].reset_index(drop=True)


def one(knees: int, how: str, ratio: float, number: int) -> dict:
    """Return what each procedure says of one cohort: rejection of one, and of the true ratio."""
    rows = cohort(knees, SIZES[knees], ratio=ratio, tied=TIED[how], seed=FIRST + number)
    spells = discrete_time_hazard.periods(rows).assign(kl_grade=0)
    beside = ["jsn"] if TIED[how] else []
    found = profile.ratio(spells, "mark", beside)
    cell = {"knees": knees, "covariate": how, "ratio": ratio, "cohort": number}
    if not np.isfinite(found["estimate"]):
        return {**cell, "told": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, low, high, wald = discrete_time_hazard.fit(spells, ["mark", *beside]).contrast(
            {"mark": 1.0}
        )
    turned = interaction._turned(spells, beside, "mark", draws=399, seed=number)
    return {
        **cell,
        "told": True,
        "missed": not found["low"] <= ratio <= found["high"],
        "rejected": found["p"] < 0.05,
        "Wald missed": not np.exp(low) <= ratio <= np.exp(high),
        "Wald rejected": wald < 0.05,
        "signs turned rejected": turned < 0.05,
    }


def table(made: pd.DataFrame) -> pd.DataFrame:
    """Return shares per size, covariate and ratio; of cohorts in which a ratio could be told."""
    told = made[made["told"]].drop(columns=["told", "cohort"])
    key = ["knees", "covariate", "ratio"]
    whole = told.astype(dict.fromkeys(told.columns.drop(key), "float64")).groupby(key)
    shares = whole.mean().round(3).assign(told=whole.size(), cohorts=made.groupby(key).size())
    return shares.assign(coverage=1 - shares["missed"]).reset_index()


def main() -> None:
    """Simulate, count and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=200, help="cohorts of each kind")
    parser.add_argument("--out", type=Path, required=True, help="file for the table, .csv")
    parser.add_argument("--workers", type=int, default=1, help="processes; same table for any")
    given = parser.parse_args()
    jobs = [
        (knees, how, ratio, number)
        for number in range(given.cohorts)
        for knees in SIZES
        for how in TIED
        for ratio in RATIOS
    ]
    rows = list(parallel.each(one, jobs, workers=given.workers))
    made = table(pd.DataFrame(rows))
    made.to_csv(given.out, index=False)
    print(made.to_string(index=False))


if __name__ == "__main__":
    main()
