"""Progression: planted ratios are found, the reading design is known, forbidden tests not run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated

from kneephen_report.progression import alluvial_plot
from kneephen_utils import progression, tables
from kneephen_utils.progression import compartment_transitions
from kneephen_utils.progression import medial_vs_lateral as published
from kneephen_utils.stats import effects, hazard_ratios

FAMILIES = {
    "progression": [
        "kl_rise_1: hazard ratio",
        "kl_rise_1: hazard ratio given baseline narrowing",
        "rise_or_replacement: hazard ratio",
        "rise_or_replacement: hazard ratio given baseline narrowing and pain",
    ],
    "secondary": ["jsw_change: slope"],
}
LEAST = progression.Least(knees=8, events=5)
SETTINGS = {"horizon": 48.0, "least": LEAST, "draws": 99, "seed": 0}


def compare(grouped: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    rows = progression.compare(grouped, found, **SETTINGS)
    made = effects.table(rows, "progression_effects", families=FAMILIES)
    return tables.check(made, "progression_effects")


def one(made: pd.DataFrame, model: str, contrast: str = hazard_ratios.RATIO) -> pd.Series:
    some = made[(made["contrast"] == contrast) & (made["model"] == model)]
    return some[(some["sample"] == "both") & (some["outcome"] == "kl_rise_1")].iloc[0]


@pytest.fixture(scope="module")
def grouped() -> pd.DataFrame:
    return simulated.knees(400, seed=1).assign(baseline=3.0)


@pytest.fixture(scope="module")
def made(grouped: pd.DataFrame) -> pd.DataFrame:
    return compare(grouped, simulated.events(grouped, seed=1, log_ratio=0.8))


def test_the_planted_ratio_lies_within_its_interval(made: pd.DataFrame) -> None:
    row = one(made, hazard_ratios.GROUPED)
    assert row["role"] == "primary"
    assert row["low"] < np.exp(0.8) < row["high"]
    assert row["p"] < 0.01


def test_every_model_tells_the_same_story(made: pd.DataFrame) -> None:
    main = np.log(one(made, hazard_ratios.GROUPED)["estimate"])
    for model in ("Cox model", "Weibull model of intervals", "knees as if independent"):
        assert np.log(one(made, model)["estimate"]) == pytest.approx(main, abs=0.1)


def test_risk_and_mean_time_go_with_the_ratio(made: pd.DataFrame) -> None:
    risk = one(made, "Kaplan-Meier", f"{hazard_ratios.RISK} at 48 months")
    mean = one(made, "Kaplan-Meier", f"{hazard_ratios.MEAN} within 48 months")
    assert 0 < risk["low"] < risk["estimate"] < risk["high"] < 0.5
    assert mean["low"] < mean["estimate"] < mean["high"] < 0


def test_the_ratio_that_was_planted_constant_is_not_seen_to_change(made: pd.DataFrame) -> None:
    change = one(made, hazard_ratios.GROUPED, hazard_ratios.CHANGE)
    assert change["low"] < 1 < change["high"]


def test_a_grade_four_knee_cannot_rise(grouped: pd.DataFrame) -> None:
    four = grouped.assign(kl_grade=4)
    made = compare(four, simulated.events(four, seed=1))
    rise = made[made["outcome"] == "kl_rise_1"]
    assert rise["estimate"].isna().all()
    assert rise["sentence"].str.contains("a knee of grade KL4 cannot have kl_rise_1").all()


def test_few_events_are_not_estimated(grouped: pd.DataFrame) -> None:
    found = simulated.events(grouped, seed=1)
    late = found.assign(right_months=np.nan, observed=False, left_months=48.0)
    made = compare(grouped, late)
    assert made["estimate"].isna().all()
    assert made["sentence"].str.contains("fewer than 5 events").any()


def test_outcomes_without_rows_have_a_row_that_says_so(made: pd.DataFrame) -> None:
    other = made[made["outcome"] == "replacement"]
    assert other["estimate"].isna().all()
    assert other["sentence"].str.contains("fewer than 8 knees").all()


def test_the_loss_of_width_that_was_planted_is_found(grouped: pd.DataFrame) -> None:
    _, visits = simulated.pain(grouped, seed=1)
    rows = progression.narrow(grouped, visits, **SETTINGS)
    made = effects.table(rows, "progression_effects", families=FAMILIES)
    row = tables.check(made, "progression_effects").iloc[0]
    assert row["low"] < -0.1 < row["high"] < 0


def test_curves_start_at_one_and_never_rise(grouped: pd.DataFrame) -> None:
    found = simulated.events(grouped, seed=1, log_ratio=0.8)
    ended = pd.concat(
        [
            simulated.events(grouped, seed=4, outcome="replacement"),
            simulated.events(grouped, seed=5, outcome="death"),
        ]
    )
    visits = read(grouped)
    drawn = progression.curves(
        grouped, pd.concat([found, ended]), visits, horizon=48.0, draws=19, seed=0
    )
    tables.check(drawn, "progression_curves")
    meier = drawn[drawn["curve"] == "kaplan_meier"].sort_values("months")
    steps = meier.groupby("phenotype")["estimate"]
    assert (steps.first() == 1).all()
    assert (steps.diff().dropna() <= 0).all()
    assert (drawn["low"].dropna() <= drawn.loc[drawn["low"].notna(), "estimate"] + 1e-9).all()
    incidence = drawn[drawn["curve"] == "cumulative_incidence"]
    assert incidence["estimate"].between(0, 1).all()


def test_the_change_of_grade_is_drawn_on_the_same_knees_only_where_it_says_so(
    grouped: pd.DataFrame,
) -> None:
    drawn = progression.curves(
        grouped, simulated.events(grouped, seed=1), read(grouped), horizon=48.0, draws=9, seed=0
    )
    change = drawn[(drawn["outcome"] == "kl_change") & (drawn["phenotype"] == effects.EVERYONE)]
    size = change.groupby("curve")["knees"].nunique()
    assert size["read_throughout"] == 1
    assert change.loc[change["curve"] == "read_throughout", "months"].max() == 48.0
    assert change.loc[change["curve"] == "naive", "months"].max() == 96.0


def test_the_reading_design_counts_who_was_read(grouped: pd.DataFrame) -> None:
    visits = read(grouped)
    table = progression.design(grouped.assign(kl_grade=pd.array([2] * len(grouped))), visits)
    tables.check(table, "reading_design")
    shares = table.set_index("months")["share"]
    assert shares[0.0] == 1.0
    assert shares[96.0] == pytest.approx(visits["months"].eq(96.0).sum() / len(grouped))


def test_an_arm_that_knew_a_stand_in_is_compared_given_it_or_not_at_all(
    grouped: pd.DataFrame,
) -> None:
    fused = grouped.assign(arm="fused")
    made = compare(fused, simulated.events(fused, seed=1, log_ratio=0.8))
    ran = made[(made["outcome"] == "kl_rise_1") & made["estimate"].notna()]
    assert ran["firewall"].ne("refused").all()
    conditional = ran[ran["firewall"] == "conditional"]
    assert conditional["contrast"].str.contains("given baseline").all()


def test_weights_for_attrition_leave_a_ratio_alone_where_nobody_differs(
    made: pd.DataFrame,
) -> None:
    main, weighted = (one(made, model) for model in (hazard_ratios.GROUPED, hazard_ratios.WEIGHTED))
    assert weighted["role"] == "sensitivity"
    assert np.log(weighted["estimate"]) == pytest.approx(np.log(main["estimate"]), abs=0.1)


def test_an_outcome_that_nobody_had_has_a_flat_curve(grouped: pd.DataFrame) -> None:
    found = simulated.events(grouped, seed=1)
    found = found.assign(right_months=np.nan, observed=False, left_months=48.0)
    none = found.assign(outcome="replacement"), found.assign(outcome="death")
    drawn = progression.curves(
        grouped, pd.concat([found, *none]), read(grouped), horizon=48.0, draws=9, seed=0
    )
    flat = drawn.groupby("curve")["estimate"].agg(["min", "max"])
    assert flat.loc["kaplan_meier"].tolist() == [1.0, 1.0]
    assert flat.loc["cumulative_incidence"].tolist() == [0.0, 0.0]


def sides(start: list[float], later: list[float]) -> pd.DataFrame:
    """Visits at 0 and 48 months of knees narrowed medially as given, never laterally."""
    parts = [
        pd.DataFrame({"jsn_medial": scores, "jsn_lateral": 0.0, "months": months})
        for months, scores in ((0.0, start), (48.0, later))
    ]
    return pd.concat([part.assign(knee_id=part.index.astype(str)) for part in parts])


def test_the_compartment_of_narrowing_is_followed_from_visit_to_visit() -> None:
    table = compartment_transitions.compartments(sides([0, 0, 1, 2], [0, 1.2, 1, 0]), months=48.0)
    own = table.set_index("start")
    assert own.loc["none", ["knees", "none", "medial"]].tolist() == [2, 50.0, 50.0]
    assert own.loc["medial", ["knees", "none", "medial"]].tolist() == [2, 50.0, 50.0]
    assert "50 % of the knees narrowed in the medial" in compartment_transitions.text_transitions(
        table
    )


def test_few_knees_of_a_transition_are_not_shown_where_single_knees_may_not() -> None:
    table = compartment_transitions.compartments(
        sides([0] * 20 + [1] * 5, [0] * 17 + [1] * 8), months=48.0
    )
    hidden = compartment_transitions.table_transitions(table, disclose=False, fewest=10)
    assert hidden["start"].tolist() == ["none"]
    assert hidden["medial"].isna().all()


@pytest.mark.slow
def test_fifty_cohorts_show_little_bias_and_fair_intervals() -> None:
    """Planted ratio 2; coverage of 50 intervals and rejections without a difference."""
    found, null = [], []
    for seed in range(50):
        labels = simulated.knees(300, seed=seed)
        found.append(ratio(labels, seed=seed, log_ratio=np.log(2)))
        null.append(ratio(labels, seed=seed + 1000, log_ratio=0.0)["p"])
    logs = [np.log(each["estimate"]) for each in found]
    covered = [each["low"] < 2 < each["high"] for each in found]
    assert np.mean(logs) == pytest.approx(np.log(2), abs=3 * np.std(logs) / np.sqrt(50))
    assert np.mean(covered) >= 0.86
    assert np.mean(np.array(null) <= 0.05) <= 0.14


def ratio(labels: pd.DataFrame, *, seed: int, log_ratio: float) -> dict[str, float]:
    """Return the hazard ratio by the primary model."""
    found = simulated.events(labels, seed=seed, log_ratio=log_ratio)
    pair = progression.known_at(found, "kl_rise_1", horizon=48.0).merge(labels, on="knee_id")
    marked = pair.assign(mark=pair["phenotype"].astype(float))
    return hazard_ratios.main(marked, [])


def read(grouped: pd.DataFrame) -> pd.DataFrame:
    """Visits with readings: everyone to 48 months unless missed, a tenth of knees at 96."""
    rng = np.random.default_rng(0)
    parts = [
        grouped[["knee_id", "participant_id"]][rng.random(len(grouped)) < share].assign(
            months=months, kl_grade=rng.integers(2, 4, 1)[0], kl_grade_start=2
        )
        for months, share in ((0.0, 1.0), (24.0, 0.9), (48.0, 0.8), (96.0, 0.1))
    ]
    return pd.concat(parts, ignore_index=True)


def test_paths_through_compartments_are_counted_and_small_ones_stay_hidden() -> None:
    visits = sides([1] * 12 + [0] * 20 + [1], [1] * 12 + [0] * 19 + [1, 0])
    taken = alluvial_plot.paths(visits, months=[0.0, 48.0])
    counts = taken.set_index(["0", "48"])["knees"].to_dict()
    assert counts == {("medial", "medial"): 12, ("none", "medial"): 1, ("medial", "none"): 1}
    hidden = alluvial_plot.safe(taken, disclose=False, fewest=10)
    assert hidden["knees"].tolist() == [10], "rounded"
    said = alluvial_plot.text_alluvial(hidden, disclose=False, fewest=10)
    assert "10 knees" in said
    assert "%" not in said, "a share of all paths would tell what was left out"
    assert "92 % of those narrowed at baseline" in alluvial_plot.text_alluvial(
        taken, disclose=True, fewest=10
    )


def test_the_bands_of_a_flow_are_as_high_as_their_knees() -> None:
    taken = alluvial_plot.paths(sides([1] * 12 + [0] * 3, [1] * 15), months=[0.0, 48.0])
    axes = alluvial_plot.plot_alluvial(taken).axes[0]
    heights = sorted(bar.get_height() for bar in axes.patches)
    assert heights == [3, 12, 15]


def people(knees: pd.DataFrame) -> pd.DataFrame:
    """Return the table of the people of simulated knees."""
    own = knees.drop_duplicates("participant_id")[["participant_id", "age", "bmi", "female"]]
    return own.assign(sex=own["female"].map({1.0: "female", 0.0: "male"})).drop(columns="female")


def test_the_published_sides_are_compared_within_and_across_grades() -> None:
    knees = simulated.knees(1500, seed=3)
    grade = np.random.default_rng(0).integers(1, 4, len(knees))
    lateral = knees["phenotype"] == 1
    knees = knees.assign(kl_grade=grade, jsn_medial=1.0 - lateral, jsn_lateral=1.0 * lateral)
    events = simulated.events(knees, seed=3, log_ratio=0.8)
    made = published.compare(knees, people(knees), events, horizon=48.0, least=LEAST)
    assert made["what"].tolist()[:3] == ["KL1", "KL2", "KL3"]
    whole, trend = made.iloc[3], made.iloc[4]
    assert whole["low"] < np.exp(0.8) < whole["high"]
    assert whole["p"] < 0.01
    assert trend["low"] < 1.0 < trend["high"]
    assert trend["p"] > 0.05
    assert f"{whole['estimate']:.2f}" in published.text_ratios(made, horizon=48.0)
    given = made[made["what"].str.contains("given age, BMI and sex")].iloc[0]
    assert given["low"] < np.exp(0.8) < given["high"]
    assert made[made["what"].str.contains("replacement")]["estimate"].isna().all()  # none is told
    few = published.table_ratios(made.assign(events=9), disclose=False)
    assert few["events"].isna().all()
    assert few["knees"].head(5).notna().all()


def test_sides_without_knees_are_not_compared() -> None:
    knees = simulated.knees(60, seed=3).assign(jsn_medial=0.0)
    made = published.compare(
        knees, people(knees), simulated.events(knees, seed=3), horizon=48.0, least=LEAST
    )
    assert made.empty
    assert "Too few knees" in published.text_ratios(made, horizon=48.0)
