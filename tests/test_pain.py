"""Pain: planted differences are found, invented ones are not, forbidden ones are not run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated
from pandas.testing import assert_frame_equal

from kneephen_report.stats import curve_plots
from kneephen_utils import pain, tables
from kneephen_utils.pain import discordance, trajectories
from kneephen_utils.stats import effects, lmm_contrasts

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
        assert row["p"] < 0.01


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
    drawn = trajectories.curves(grouped, visits, scored(grouped), horizon=96.0, min_knees=8)
    tables.check(drawn, "pain_curves")
    assert set(drawn["phenotype"]) == {effects.EVERYONE}
    assert set(drawn.loc[drawn["outcome"] == "womac_pain", "curve"]) == {"raw", "model"}


def test_fitted_means_follow_the_raw_ones(planted: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    drawn = tables.check(
        trajectories.curves(*planted, scored(planted[0]), horizon=96.0, min_knees=8), "pain_curves"
    )
    drawn = drawn[drawn["outcome"] == "womac_pain"]
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
    drawn = trajectories.curves(few, visits, scored(few), horizon=96.0, min_knees=8)
    hidden = curve_plots.visible(drawn, arm="image", outcome="womac_pain", disclose=False)
    assert hidden["knees"].min() >= 10
    assert 1 not in set(hidden["phenotype"])


def films(people: int, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return knees and participants in which pain is one point per grade, plus noise."""
    rng = np.random.default_rng(seed)
    person = np.repeat([f"{i}" for i in range(people)], 2)
    knees = pd.DataFrame({"knee_id": person + np.tile(["-R", "-L"], people)})
    knees["participant_id"], knees["replaced_at_baseline"] = person, False
    knees["kl_grade"] = pd.array(rng.integers(0, 5, len(knees)), dtype="Int64")
    for name in [*discordance.NARROWING, *discordance.OSTEOPHYTES]:
        knees[name] = rng.integers(0, 4, len(knees)).astype(float)
    early = knees["kl_grade"].to_numpy(dtype=float) < 2
    knees.loc[early, discordance.OSTEOPHYTES] = np.nan
    noise = rng.normal(0, 0.5, len(knees))
    knees["womac_pain"] = (4 + knees["kl_grade"].to_numpy(dtype=float) + noise).clip(0, 20)
    people_table = pd.DataFrame({"participant_id": np.unique(person)})
    split = rng.choice(["train", "discover", "confirm"], people)
    return knees, people_table.assign(
        age=rng.uniform(45, 79, people), bmi=28.0, sex="female"
    ).assign(split=split)


def test_discordance_is_pain_that_structure_does_not_announce() -> None:
    knees, people = films(300, seed=1)
    made = tables.check(discordance.score(knees, people), "discordance")
    other = made[made["split"] != "discover"]
    assert other["residual"].mean() == pytest.approx(0, abs=0.15)
    assert other["residual"].std() == pytest.approx(0.5, abs=0.1)
    assert np.corrcoef(other["residual"], other["kl_grade"])[0, 1] == pytest.approx(0, abs=0.15)
    assert "explain" in discordance.text_discordance(made, knees)
    assert "Left out" not in discordance.text_discordance(made, knees)


def test_a_person_whose_sex_is_not_known_is_not_taken_for_a_man() -> None:
    knees, people = films(300, seed=1)
    men = people.index % 2 == 0
    people.loc[men, "sex"] = "male"
    lower = knees["participant_id"].isin(people.loc[men, "participant_id"])
    knees["womac_pain"] = (knees["womac_pain"] - 2.0 * lower).clip(0, 20)
    whole = discordance.score(knees, people)
    unknown = people["participant_id"].iloc[1:40:2]  # women
    blank = people.assign(sex=people["sex"].mask(people["participant_id"].isin(unknown)))
    some = discordance.score(knees, blank)
    left = set(whole["knee_id"]) - set(some["knee_id"])
    assert left == set(knees.loc[knees["participant_id"].isin(unknown), "knee_id"])
    as_men = discordance.score(knees, blank.fillna({"sex": "male"}))
    own = [each.set_index("knee_id")["expected"] for each in (whole, some, as_men)]
    off = [(each - own[0]).abs().mean() for each in own[1:]]
    assert off[0] < 0.1 < off[1]
    told = discordance.text_discordance(some, knees)
    assert "age, body mass index or sex is not known: 40 knees" in told


def test_discordance_is_fitted_on_discover_people_alone() -> None:
    knees, people = films(200, seed=2)
    confirm = people.loc[people["split"] == "confirm", "participant_id"]
    wild = knees["participant_id"].isin(confirm)
    other = knees.assign(womac_pain=knees["womac_pain"].mask(wild, 20.0))
    first, second = (discordance.score(each, people) for each in (knees, other))
    np.testing.assert_allclose(first["expected"], second["expected"])


def test_a_knee_with_a_prosthesis_or_without_a_grade_has_no_discordance() -> None:
    knees, people = films(50, seed=3)
    knees.loc[0, "replaced_at_baseline"] = True
    knees.loc[1, "kl_grade"] = pd.NA
    found = discordance.score(knees, people)
    assert set(knees["knee_id"]) - set(found["knee_id"]) == set(knees["knee_id"].iloc[:2])


def test_discordance_over_the_visits_is_the_pain_curve_moved_by_what_was_expected(
    planted: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    drawn = trajectories.curves(*planted, scored(planted[0]), horizon=96.0, min_knees=8)
    raw = drawn[drawn["curve"] == "raw"].set_index(["outcome", "phenotype", "months"])["estimate"]
    np.testing.assert_allclose(raw["womac_pain"] - raw["discordance"], 3.0)


def scored(grouped: pd.DataFrame) -> pd.DataFrame:
    """Return an expectation of three points for every knee."""
    return grouped[["knee_id"]].drop_duplicates().assign(expected=3.0)


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
    seen = lmm_contrasts.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    planned = lmm_contrasts.contrasts([0.0])
    found = lmm_contrasts.compare(seen, ["years"], [1], planned, robust=False, draws=draws, seed=0)
    return found[1, lmm_contrasts.SLOPE]


def test_a_phenotype_of_few_people_has_an_interval_from_a_bootstrap_of_people() -> None:
    made = compare(*simulated.pain(simulated.knees(70, seed=3, share=0.15), seed=3, level=1.0))
    few = made[(made["model"] == pain.BOOTSTRAP) & (made["sample"] == "confirm")]
    assert set(few["contrast"]) == {pain.LEVEL, pain.SLOPE}
    assert few["role"].eq("sensitivity").all()
    main, other = one(made, pain.LEVEL), few[few["contrast"] == pain.LEVEL].iloc[0]
    assert other["estimate"] == pytest.approx(main["estimate"], abs=1e-6)
    wide = (other["high"] - other["low"]) / (main["high"] - main["low"])
    assert 0.4 < wide < 2.5


def test_a_phenotype_of_many_people_needs_no_bootstrap(made: pd.DataFrame) -> None:
    assert pain.BOOTSTRAP not in set(made["model"])


def test_given_baseline_the_errors_are_those_of_people(
    planted: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """Where one phenotype scatters more than the other, the model's errors are too small."""
    grouped, visits = planted
    seen = lmm_contrasts.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    wild = np.random.default_rng(0).normal(0, 6, len(seen)) * (seen["phenotype"] == 1)
    person = seen["participant_id"].map(dict(zip(seen["participant_id"], wild, strict=True)))
    seen = seen.assign(measure=seen["measure"] + person * (seen["phenotype"] == 1))
    planned = {"level": np.array([1.0, 0.0])}
    wide = {}
    for robust in (False, True):
        found = lmm_contrasts.compare(seen, ["years"], [1], planned, robust=robust, draws=0, seed=0)
        wide[robust] = found[1, "level"]["high"] - found[1, "level"]["low"]
    assert wide[True] > 1.05 * wide[False]
