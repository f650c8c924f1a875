"""Across: like phenotypes of two grades are found, and a difference between grades only if real."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated

from kneephen_utils import pain, progression, tables
from kneephen_utils.pain import grade_interaction as pain_grades
from kneephen_utils.progression import grade_interaction
from kneephen_utils.stats import discrete_time_hazard, effects, interaction, lmm_contrasts

ROOM = {"horizon": 48.0, "draws": 99, "seed": 0}


def grouped(people: int, *, seed: int, arm: str = "image") -> pd.DataFrame:
    """Knees of two grades; two knees of a person may have different ones."""
    knees = simulated.knees(people, seed=seed, arm=arm)
    upper = np.random.default_rng([seed, 9]).random(len(knees)) < 0.5
    return knees.assign(kl_grade=np.where(upper, 3, 2), baseline=3.0)


def joined(people: int, *, seed: int, lower: float, upper: float) -> pd.DataFrame:
    """Events of both grades with planted log ratios, as `interaction.ratio` takes them."""
    knees = grouped(people, seed=seed)
    above = (knees["kl_grade"] == 3).astype(float)
    planted = np.where(above == 1, upper, lower)
    found = simulated.events(knees, seed=seed, log_ratio=planted)
    cut = discrete_time_hazard.censor(found.drop(columns="participant_id"), horizon=48.0)
    seen = knees.assign(mark=knees["phenotype"].astype(float), upper=above).merge(cut, on="knee_id")
    return seen[seen["months"] > 0]


def alike(below: int = 1, arm: str = "image") -> pd.DataFrame:
    return pd.DataFrame(
        {"arm": arm, "kl_grade": 3, "phenotype": 1, "below": below, "likeness": 0.99}, index=[0]
    )


def features(turn: float) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Two phenotypes in each of two grades; the direction of the second is turned by `turn`."""
    rng = np.random.default_rng(4)
    grade, phenotype = np.repeat([1, 2], 60), np.tile(np.repeat([0, 1], 30), 2)
    angle = np.where(grade == 2, turn, 0.0)
    apart = np.column_stack([np.cos(angle), np.sin(angle)]) * phenotype[:, None]
    points = apart + grade[:, None] * np.array([0.0, 3.0]) + rng.normal(0, 0.02, (120, 2))
    knee = [f"k{i}" for i in range(120)]
    fused = pd.DataFrame({"knee_id": knee, "image_0": points[:, 0], "image_1": points[:, 1]})
    found = pd.DataFrame({"knee_id": knee, "arm": "image", "kl_grade": grade, "split": "discover"})
    return {"image": fused}, found.assign(phenotype=phenotype)


def test_phenotypes_that_differ_alike_are_paired_wherever_their_grades_lie() -> None:
    found = interaction.directions(*features(turn=0.1)).set_index("kl_grade")
    assert found.loc[2, "below"] == 1
    assert found.loc[2, "likeness"] == pytest.approx(np.cos(0.1), abs=0.01)
    assert np.isnan(found.loc[1, "likeness"]), "there is no grade below the lowest"


def test_phenotypes_that_differ_otherwise_are_not_paired() -> None:
    found = interaction.directions(*features(turn=0.5)).set_index("kl_grade")
    assert found.loc[2, "below"] == -1
    assert found.loc[2, "likeness"] == pytest.approx(np.cos(0.5), abs=0.02)


def test_confirm_knees_do_not_move_a_direction() -> None:
    fused, found = features(turn=0.1)
    stray = found.tail(1).assign(knee_id="k999", split="confirm")
    far = fused["image"].tail(1).assign(knee_id="k999", image_0=-50.0)
    more = {"image": pd.concat([fused["image"], far])}
    pd.testing.assert_frame_equal(
        interaction.directions(fused, found),
        interaction.directions(more, pd.concat([found, stray])),
    )


def test_a_ratio_that_grows_with_the_grade_is_found() -> None:
    found = interaction.ratio(joined(1500, seed=1, lower=0.0, upper=1.0), [])
    assert found["low"] < np.exp(1.0) < found["high"]
    assert found["p"] < 0.005


def test_the_ratio_of_ratios_is_that_of_two_models() -> None:
    seen = joined(600, seed=2, lower=0.4, upper=0.9)
    each = [
        discrete_time_hazard.fit(discrete_time_hazard.periods(own), ["mark"]).estimate[0]
        for _, own in seen.groupby("upper")
    ]
    found = interaction.ratio(seen, [])
    assert np.log(found["estimate"]) == pytest.approx(each[1] - each[0], abs=1e-6)


@pytest.mark.slow
def test_a_ratio_both_grades_share_is_seldom_called_different() -> None:
    """The effect of the label itself, and the likeness of two knees, must not raise alarms."""
    p = [interaction.ratio(joined(150, seed=i, lower=0.9, upper=0.9), [])["p"] for i in range(400)]
    assert 0.025 < np.mean(np.array(p) <= 0.05) < 0.08


def test_courses_that_part_in_one_grade_only_are_found() -> None:
    knees = grouped(500, seed=3)
    mark, upper = ((knees[n] == v).astype(float) for n, v in (("phenotype", 1), ("kl_grade", 3)))
    _, visits = simulated.pain(knees, seed=3, level=1.0, slope=0.1)
    more = knees.set_index("knee_id").assign(more=(mark * upper).to_numpy())["more"]
    visits["womac_pain"] += visits["knee_id"].map(more) * visits["months"] / 12 * 0.3
    seen = lmm_contrasts.at_visits(
        knees.assign(mark=mark, upper=upper), visits, "womac_pain", horizon=96.0
    )
    found = interaction.courses(seen, lmm_contrasts.contrasts([0.0]), draws=199, seed=0)
    assert found["slope"]["low"] < 0.3 < found["slope"]["high"]
    assert found["slope"]["p"] == pytest.approx(1 / 200)
    assert found["level at 0 months"]["low"] < 0.0 < found["level at 0 months"]["high"]
    assert found["level at 0 months"]["p"] > 0.01


def test_rows_say_what_was_compared_or_why_not() -> None:
    knees = grouped(500, seed=5)
    events = simulated.events(knees, seed=5, log_ratio=0.5)
    least = progression.Least(knees=8, events=5)
    told = {}
    for below in (1, -1):
        rows = grade_interaction.compare(knees, alike(below), events, horizon=48.0, least=least)
        made = effects.table(rows, "progression_effects", families={})
        told[below] = tables.check(made, "progression_effects").iloc[0]
    assert told[1]["sentence"].endswith("Taken for the same as B of KL2.")
    assert told[1]["low"] < 1.0 < told[1]["high"]
    assert np.isnan(told[-1]["estimate"])
    assert told[-1]["sentence"].startswith("Not formed")


def test_the_firewall_bars_a_comparison_of_grades_too() -> None:
    knees = grouped(120, seed=6, arm="fused")
    _, visits = simulated.pain(knees, seed=6)
    rows = pain_grades.compare(knees, alike(arm="fused"), visits, min_knees=8, **ROOM)
    made = tables.check(effects.table(rows, "pain_effects", families={}), "pain_effects")
    assert made["estimate"].isna().all()
    assert made["sentence"].str.startswith("Not run").all()
    assert set(made["contrast"]) == {f"{n}{interaction.BELOW}" for n in (pain.LEVEL, pain.SLOPE)}
