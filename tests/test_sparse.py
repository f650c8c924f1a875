"""Sparse releases: one visit, a column missing for all, a score that never varies.

What cannot be estimated has a row that says why; nothing ends in an error of a library.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import simulated

from kneephen_report.progression import alluvial_plot
from kneephen_utils import pain, progression
from kneephen_utils.stats import effects, lmm_contrasts, survival

ASKED = {"horizon": 96.0, "min_knees": 8, "draws": 9, "seed": 0}
LEAST = progression.Least(knees=8, events=5)
compare_pain = partial(pain.compare, **ASKED)
compare = partial(progression.compare, horizon=48.0, least=LEAST, draws=9, seed=0)


@pytest.fixture(scope="module")
def painful() -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulated.pain(simulated.knees(60, seed=3), seed=3)


@pytest.fixture(scope="module")
def rising() -> tuple[pd.DataFrame, pd.DataFrame]:
    knees = simulated.knees(120, seed=1).assign(baseline=3.0)
    return knees, simulated.events(knees, seed=1, log_ratio=0.5)


def reasons(rows: list[effects.Row]) -> set[str]:
    """Return why rows have no number; every row has one or the other."""
    blank = [row for row in rows if np.isnan(row["estimate"]) and np.isnan(row["p"])]
    return {row["sentence"] for row in blank}


def test_pain_at_one_visit_is_compared_there_and_its_course_is_not(
    painful: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    grouped, visits = painful
    first = visits[visits["months"] == 0]
    rows = compare_pain(grouped, first)
    assert "Not estimated: it was measured at one visit alone." in reasons(rows)
    naive = [row for row in rows if row["role"] == "naive"]
    assert naive
    assert all(np.isfinite(row["estimate"]) for row in naive)
    unassigned = grouped.assign(phenotype=effects.UNASSIGNED)
    seen = lmm_contrasts.at_visits(unassigned, first, "womac_pain", horizon=96.0)
    compared = lmm_contrasts.agreement(seen, people=120, seed=0)
    assert compared.empty
    assert np.isnan(lmm_contrasts.apart(compared))
    assert lmm_contrasts.agreement(seen.iloc[:0], people=9, seed=0).empty


@pytest.mark.parametrize("score", [0.0, 20.0])
def test_a_score_that_never_varies_is_told(
    painful: tuple[pd.DataFrame, pd.DataFrame], score: float
) -> None:
    grouped, visits = painful
    rows = compare_pain(grouped.assign(baseline=score), visits.assign(womac_pain=score))
    said = "Not estimated: the measure is the same for every knee at every visit."
    assert said in reasons(rows)


def test_a_column_that_nobody_has_leaves_the_other_models_alone(
    painful: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    grouped, visits = painful
    whole, without = (compare_pain(each, visits) for each in (grouped, grouped.assign(bmi=np.nan)))
    said = "Not estimated: fewer than two people have what the model asks for."
    assert said in reasons(without) - reasons(whole)
    primary = [
        [row["estimate"] for row in rows if row["role"] == "primary"] for rows in (whole, without)
    ]
    np.testing.assert_array_equal(*primary)


@pytest.mark.parametrize("column", ["bmi", "age", "baseline"])
def test_progression_without_a_column_says_what_hung_on_it(
    rising: tuple[pd.DataFrame, pd.DataFrame], column: str
) -> None:
    knees, events = rising
    rows = compare(knees.assign(**{column: np.nan}), events)
    assert f"Not estimated: no knee has a known {column}." in reasons(rows)
    main = [r for r in rows if r["role"] == "primary" and r["outcome"] == progression.PRIMARY]
    assert main
    assert np.isfinite(main[0]["estimate"])


def test_readings_at_two_visits_give_a_ratio_and_no_change_of_it(
    rising: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    knees, events = rising
    risen = events["observed"]
    left = np.where(risen, 0.0, np.where(events["left_months"] > 0, 48.0, 0.0))
    late = events.assign(left_months=left, right_months=np.where(risen, 48.0, np.nan))
    rows = compare(knees, late)
    main = [r for r in rows if r["role"] == "primary" and r["outcome"] == progression.PRIMARY]
    assert np.isfinite(main[0]["estimate"])
    constant = [row for row in rows if row["contrast"] == "proportional hazards"]
    assert constant
    assert all(np.isnan(row["p"]) for row in constant)


def test_events_at_one_visit_say_nothing_of_proportional_hazards(
    rising: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    knees, events = rising
    once = events.assign(observed=True, left_months=0.0, right_months=12.0)
    assert compare(knees, once)
    told = once.assign(months=12.0, mark=(np.arange(len(once)) % 2).astype(float))
    assert np.isnan(survival.proportional(told, "mark"))


def test_paths_that_nobody_took_are_drawn_empty() -> None:
    taken = pd.DataFrame({"0": [], "48": [], "knees": []}).astype({"knees": int})
    drawn = alluvial_plot.plot_alluvial(taken)
    assert not drawn.axes[0].patches
    assert "No path" in alluvial_plot.text_alluvial(taken, disclose=True, fewest=10)


def test_a_width_that_never_varies_is_told(rising: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    knees, _ = rising
    _, width = simulated.pain(knees, seed=1)
    rows = progression.narrow(
        knees, width.assign(jsw_medial=4.0), horizon=48.0, least=LEAST, draws=9, seed=0
    )
    assert "Not estimated: the measure is the same for every knee at every visit." in reasons(rows)
