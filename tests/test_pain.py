"""Pain: planted differences are found, invented ones are not, forbidden ones are not run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated
from pandas.testing import assert_frame_equal

from kneephen_utils import pain, tables
from kneephen_utils.inference import curve, effects, slopes

FAMILIES = {"level": ["womac_pain: level at 0 months"]}
FAMILIES["course"] = ["womac_pain: slope", f"womac_pain: {pain.LATER}"]
SETTINGS = {"horizon": 96.0, "min_knees": 8, "seed": 0}


def compare(grouped: pd.DataFrame, visits: pd.DataFrame, draws: int = 99) -> pd.DataFrame:
    rows = pain.compare(grouped, visits, draws=draws, **SETTINGS)
    return tables.check(effects.table(rows, "pain_effects", families=FAMILIES), "pain_effects")


def one(made: pd.DataFrame, contrast: str, model: str = pain.MODEL) -> pd.Series:
    some = made[(made["contrast"] == contrast) & (made["model"] == model)]
    return some[some["sample"] == "confirm"].iloc[0]


@pytest.fixture(scope="module")
def planted() -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulated.pain(simulated.knees(250, seed=1), seed=1, level=1.0, slope=0.2)


@pytest.fixture(scope="module")
def made(planted: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    return compare(*planted)


def test_planted_level_and_slope_lie_within_their_intervals(made: pd.DataFrame) -> None:
    for contrast, truth in ((pain.LEVEL, 1.0), (pain.SLOPE, 0.2), ("level at 48 months", 1.8)):
        row = one(made, contrast)
        assert row["low"] < truth < row["high"]
        assert row["p"] == pytest.approx(0.01)  # the least that 99 draws allow


def test_the_level_at_a_visit_is_level_and_slope_together(made: pd.DataFrame) -> None:
    expected = one(made, pain.LEVEL)["estimate"] + 4 * one(made, pain.SLOPE)["estimate"]
    assert one(made, "level at 48 months")["estimate"] == pytest.approx(expected)


def test_other_models_stand_beside_the_primary_one(made: pd.DataFrame) -> None:
    main, equations = one(made, pain.SLOPE), one(made, pain.SLOPE, "estimating equations")
    assert abs(main["estimate"] - equations["estimate"]) < 0.1
    assert {"primary", "cross-check", "sensitivity", "naive"} <= set(made["role"])
    assert made.loc[made["role"] == "naive", "p_adjusted"].isna().all()


def test_the_same_seed_gives_the_same_table(
    planted: tuple[pd.DataFrame, pd.DataFrame], made: pd.DataFrame
) -> None:
    assert_frame_equal(compare(*planted), made)


def test_a_group_chosen_for_its_pain_gets_better_by_itself() -> None:
    """Regression to the mean: the slope falls, and given baseline pain nothing is left of it."""
    grouped, visits = simulated.pain(simulated.knees(300, seed=2), seed=2)
    chosen = grouped.assign(phenotype=(grouped["baseline"] >= 6).astype(int))
    made = compare(chosen, visits)
    assert one(made, pain.SLOPE)["high"] < 0
    given = one(made, pain.LATER, f"{pain.MODEL}{pain.GIVEN}")
    assert given["low"] < 0 < given["high"]


def test_a_refused_arm_has_rows_without_numbers() -> None:
    grouped, visits = simulated.pain(simulated.knees(60, seed=3, arm="fused"), seed=3)
    made = compare(grouped, visits)
    level = made[made["contrast"] == pain.LEVEL]
    assert set(level["firewall"]) == {"refused"}
    assert level["estimate"].isna().all()
    assert level["p"].isna().all()
    assert level["sentence"].str.startswith("Not run").all()


def test_a_tiny_phenotype_has_a_row_that_says_so() -> None:
    grouped, visits = simulated.pain(simulated.knees(60, seed=3), seed=3)
    few = grouped.assign(phenotype=(np.arange(len(grouped)) < 4).astype(int))
    made = compare(few, visits)
    assert made["estimate"].isna().all()
    assert made["sentence"].str.contains("fewer than 8 knees of B").all()


def test_a_grade_without_phenotypes_has_a_curve_and_no_contrast() -> None:
    grouped, visits = simulated.pain(simulated.knees(40, seed=3), seed=3)
    grouped = grouped.assign(phenotype=effects.UNASSIGNED)
    assert pain.compare(grouped, visits, draws=9, **SETTINGS) == []
    drawn = pain.curves(grouped, visits, horizon=96.0, min_knees=8)
    tables.check(drawn, "pain_curves")
    assert set(drawn["phenotype"]) == {effects.EVERYONE}
    assert set(drawn["curve"]) == {"raw", "model"}


def test_fitted_means_follow_the_raw_ones(planted: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    drawn = tables.check(pain.curves(*planted, horizon=96.0, min_knees=8), "pain_curves")
    wide = drawn.pivot_table(index=["phenotype", "months"], columns="curve", values="estimate")
    wide = wide.drop(index=effects.EVERYONE)
    np.testing.assert_allclose(wide["raw"], wide["model"], atol=0.6)


def test_visits_after_a_replacement_are_left_out(
    planted: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    grouped, visits = planted
    late = visits["months"] > 48
    wild = visits.assign(replaced=late, womac_pain=visits["womac_pain"].mask(late, 20.0))
    cut = visits[~late]
    assert_frame_equal(compare(grouped, wild, draws=9), compare(grouped, cut, draws=9))
    said = pain.left_out(grouped, wild, horizon=96.0, disclose=True)
    assert f"{late.sum():,} after a knee replacement" in said


def test_small_groups_are_not_drawn_where_single_knees_may_not_be_shown() -> None:
    grouped, visits = simulated.pain(simulated.knees(40, seed=3), seed=3)
    few = grouped.assign(phenotype=(np.arange(len(grouped)) < 9).astype(int))
    drawn = pain.curves(few, visits, horizon=96.0, min_knees=8)
    hidden = curve.visible(drawn, arm="image", outcome="womac_pain", disclose=False)
    assert hidden["knees"].min() >= 10
    assert 1 not in set(hidden["phenotype"])


@pytest.mark.slow
def test_fifty_cohorts_show_little_bias_and_fair_intervals() -> None:
    """Planted slope 0.1; coverage of 50 intervals and rejections without a difference."""
    found, null = [], []
    for seed in range(50):
        labels = simulated.knees(120, seed=seed)
        found.append(slope(*simulated.pain(labels, seed=seed, slope=0.1), draws=0))
        null.append(slope(*simulated.pain(labels, seed=seed + 1000), draws=99)["p"])
    estimates = [each["estimate"] for each in found]
    covered = [each["low"] < 0.1 < each["high"] for each in found]
    assert np.mean(estimates) == pytest.approx(0.1, abs=3 * np.std(estimates) / np.sqrt(50))
    assert np.mean(covered) >= 0.86
    assert np.mean(np.array(null) <= 0.05) <= 0.14


def slope(grouped: pd.DataFrame, visits: pd.DataFrame, *, draws: int) -> dict[str, float]:
    """Return the contrast of slopes by the primary model."""
    seen = slopes.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    planned = slopes.contrasts([0.0])
    found = slopes.compare(seen, ["years"], [1], planned, draws=draws, seed=0)
    return found[1, slopes.SLOPE]
