"""Power: the smallest difference a grade could have shown, against formulas and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from kneephen_utils.verdict import power

SETTINGS = {"alpha": 0.05, "power": 0.8, "horizon": 48.0}


def crowd(people: int = 200, *, shared: float = 0.0) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(4)
    person = np.repeat([f"p{number}" for number in range(people)], 2)
    own, both = rng.standard_normal(2 * people), np.repeat(rng.standard_normal(people), 2)
    knees = pd.DataFrame({"participant_id": person})
    knees["knee_id"] = [f"{one}-{side}" for one, side in zip(person, "RL" * people, strict=True)]
    knees["kl_grade"] = pd.array([2] * len(knees), dtype="Int64")
    knees["womac_pain"] = 10 + 2 * (np.sqrt(shared) * both + np.sqrt(1 - shared) * own)
    events = knees[["participant_id", "knee_id"]].assign(outcome="kl_rise_1", left_months=0.0)
    events["observed"] = np.arange(len(events)) % 4 == 0
    events["right_months"] = np.where(events["observed"], 24.0, np.nan)
    participants = pd.DataFrame({"participant_id": pd.unique(person), "split": "confirm"})
    return {"knees": knees, "participants": participants, "events": events}


def test_the_hazard_ratio_is_that_of_schoenfeld_with_the_events_seen() -> None:
    found = power.smallest(**crowd(), **SETTINGS).iloc[0]
    assert found["events"] == 100
    assert found["hazard_ratio"] == pytest.approx(np.exp(2.8016 * np.sqrt(4 / 100)), rel=1e-3)


def test_a_difference_of_that_size_is_found_in_four_of_five_studies() -> None:
    found = power.smallest(**crowd(), **SETTINGS).iloc[0]
    rng = np.random.default_rng(5)
    hits = [
        ttest_ind(rng.normal(0, 2, 200), rng.normal(found["pain_difference"], 2, 200)).pvalue < 0.05
        for _ in range(600)
    ]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.06)


def test_two_knees_that_say_the_same_count_as_one() -> None:
    alone = power.smallest(**crowd(), **SETTINGS)["pain_difference"].iloc[0]
    same = power.smallest(**crowd(shared=1.0), **SETTINGS)["pain_difference"].iloc[0]
    assert same / alone == pytest.approx(np.sqrt(2), rel=0.15)
    values, people = pd.Series([1.0, 1.0, 2.0, 2.0, 5.0, 5.0]), pd.Series(list("aabbcc"))
    assert power.design_effect(values, people) == pytest.approx(2.0)


def test_events_after_the_horizon_and_people_of_other_splits_do_not_count() -> None:
    made = crowd()
    made["events"].loc[made["events"]["observed"], "right_months"] = 96.0
    made["participants"].loc[:99, "split"] = "discover"
    found = power.smallest(**made, **SETTINGS).iloc[0]
    assert (found["events"], found["participants"]) == (0, 100)
    assert np.isnan(found["hazard_ratio"])
    assert "In no grade" in power.text_power(power.smallest(**made, **SETTINGS), power=0.8)


def test_small_counts_are_left_out_where_single_knees_are_closed() -> None:
    table = power.smallest(**crowd(4), **SETTINGS)
    assert power.table_power(table, disclose=True)["knees"].tolist() == [8]
    assert power.table_power(table, disclose=False)["knees"].isna().all()
