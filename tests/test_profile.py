"""Profile: interval and p value are one procedure, and thin data are named, never told tightly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated
import statsmodels.api as sm
from scipy import stats

from kneephen_utils.stats import discrete_time_hazard, hazard_ratios, profile, separation


def spells(people: int, *, seed: int, log_ratio: float = 0.0, share: float = 0.4) -> pd.DataFrame:
    grouped = simulated.knees(people, seed=seed, share=share)
    found = simulated.events(grouped, seed=seed, log_ratio=log_ratio)
    columns = grouped[["jsn_medial", "age"]].assign(mark=grouped["phenotype"].astype(float))
    cut = discrete_time_hazard.censor(found.join(columns), horizon=48.0)
    return discrete_time_hazard.periods(cut[cut["months"] > 0])


def cells(counts: dict[tuple[float, float], tuple[int, int]]) -> pd.DataFrame:
    """One knee a person, seen once: (mark, jsn_medial) -> (knees, events)."""
    rows = [
        (mark, jsn, float(number < events))
        for (mark, jsn), (knees, events) in counts.items()
        for number in range(knees)
    ]
    made = pd.DataFrame(rows, columns=["mark", "jsn_medial", "progressed"])
    names = made.index.astype(str)
    return made.assign(participant_id=names, knee_id=names, period=12.0, width=12.0)


def likelihood(rows: pd.DataFrame, columns: list[str], log: float = 0.0) -> float:
    """Return what statsmodels finds, slowly; the mark is held at `log` if it is no column."""
    design = discrete_time_hazard.baseline(rows).join(rows[columns])
    offset = np.log(rows["width"]) + (0.0 if "mark" in columns else log * rows["mark"])
    family = sm.families.Binomial(link=sm.families.links.CLogLog())
    return float(sm.GLM(rows["progressed"], design, family=family, offset=offset).fit().llf)


@pytest.mark.parametrize("beside", [[], ["jsn_medial", "age"]])
def test_estimate_and_likelihood_are_those_of_statsmodels(beside: list[str]) -> None:
    rows = spells(300, seed=3, log_ratio=0.6)
    found = profile.ratio(rows, "mark", beside)
    slow = discrete_time_hazard.fit(rows, ["mark", *beside])
    assert np.log(found["estimate"]) == pytest.approx(slow.estimate[0], abs=1e-5)
    whole = likelihood(rows, ["mark", *beside])
    drops = [whole - likelihood(rows, beside, np.log(found[each])) for each in ("low", "high")]
    assert drops[0] == pytest.approx(drops[1], rel=1e-4), "both ends lie equally deep"
    wald = slow.estimate[0] / np.sqrt(slow.covariance[0, 0])
    people = rows["participant_id"].nunique()
    strength = stats.f.isf(found["p"], 1, people - 6 - len(beside))
    assert np.sqrt(strength) == pytest.approx(wald, rel=0.06)


def test_one_is_outside_the_interval_exactly_where_it_is_rejected() -> None:
    rejected = []
    for seed in range(40):
        rows = spells(60, seed=seed, log_ratio=0.8 * (seed % 3 - 1), share=0.2)
        found = profile.ratio(rows, "mark", ["jsn_medial"] if seed % 2 else [])
        if np.isfinite(found["p"]):
            assert (found["p"] < 0.05) == (not found["low"] <= 1 <= found["high"])
            rejected.append(found["p"] < 0.05)
    assert 0 < sum(rejected) < len(rejected)


def test_the_other_group_as_reference_gives_the_inverse() -> None:
    rows = spells(120, seed=8, log_ratio=0.5)
    one = profile.ratio(rows, "mark", ["age"])
    other = profile.ratio(rows.assign(mark=1 - rows["mark"]), "mark", ["age"])
    np.testing.assert_allclose(
        [other[each] for each in ("estimate", "low", "high", "p")],
        [1 / one["estimate"], 1 / one["high"], 1 / one["low"], one["p"]],
        rtol=1e-4,
    )


def test_every_knee_twice_in_its_person_tells_nothing_new() -> None:
    rows = spells(150, seed=5, log_ratio=0.5)
    twice = pd.concat([rows, rows.assign(knee_id=rows["knee_id"] + "x")], ignore_index=True)
    once, doubled = (profile.ratio(each) for each in (rows, twice))
    for name in ("estimate", "low", "high", "p"):
        assert doubled[name] == pytest.approx(once[name], rel=1e-4)


def test_a_weight_of_two_is_a_person_whose_knee_is_there_twice() -> None:
    rows = spells(150, seed=6, log_ratio=0.5)
    often = np.where(np.arange(len(rows)) % 3 == 0, 2.0, 1.0)
    twice = rows.loc[rows.index.repeat(often.astype(int))].reset_index(drop=True)
    weighted, repeated = profile.ratio(rows, weights=often), profile.ratio(twice)
    for name in ("estimate", "low", "high", "p"):
        assert weighted[name] == pytest.approx(repeated[name], rel=1e-4)


def test_a_covariate_that_repeats_another_changes_nothing() -> None:
    rows = spells(120, seed=9)
    rows["again"] = 3 - 2 * rows["jsn_medial"]
    one = profile.ratio(rows, "mark", ["jsn_medial"])
    both = profile.ratio(rows, "mark", ["jsn_medial", "again"])
    assert both["p"] == pytest.approx(one["p"], rel=1e-4)


def test_a_group_told_by_the_covariates_is_not_estimated() -> None:
    rows = spells(80, seed=2).assign(twin=lambda d: 1 - d["mark"])
    found = profile.ratio(rows, "mark", ["twin"])
    assert found["sentence"] == "Not estimable: given twin nothing is left to compare."
    assert np.isnan([found[each] for each in ("estimate", "low", "high", "p")]).all()


def test_a_group_without_events_is_named() -> None:
    found = profile.ratio(cells({(0, 0): (60, 12), (1, 0): (40, 0)}))
    assert found["sentence"].startswith("Not estimable: separation")
    assert np.isnan(found["low"])


def test_a_covariate_that_tells_the_outcome_is_set_aside_with_its_knees() -> None:
    """Knees of the highest score had no event: they say nothing about the groups."""
    rows = cells({(0, 0): (80, 12), (1, 0): (60, 18), (0, 1): (9, 0), (1, 1): (12, 0)})
    found = profile.ratio(rows, "mark", ["jsn_medial"])
    alone = profile.ratio(rows[rows["jsn_medial"] == 0])
    assert found["estimate"] == pytest.approx(alone["estimate"], rel=1e-5)
    assert found["low"] == pytest.approx(alone["low"], rel=1e-3)


def test_groups_that_overlap_only_where_the_outcome_is_certain_are_not_compared() -> None:
    counts = {(0, 0): (10, 0), (0, 1): (600, 40), (1, 0): (800, 30), (1, 1): (1, 1)}
    found = profile.ratio(cells(counts), "mark", ["jsn_medial"])
    assert found["sentence"] == (
        "Not estimable: separation: the groups with jsn_medial tell for certain which of the "
        "knees that could be compared had the event."
    )


def thin(seed: int) -> pd.DataFrame:
    """Return groups that overlap in one knee with an event, at any visit, and ten without."""
    rng = np.random.default_rng(seed)

    def block(mark: float, medial: float, knees: int, events: int) -> pd.DataFrame:
        seen = np.arange(knees) < events
        right = np.where(seen, rng.choice([12.0, 24, 36, 48], knees), np.nan)
        left = np.where(seen, right - 12, rng.choice([12.0, 24, 36, 48], knees))
        known = {"mark": mark, "jsn_medial": medial, "observed": seen}
        return pd.DataFrame({**known, "left_months": left, "right_months": right})

    sizes = [(0.0, 0.0, 10, 0), (0.0, 1.0, 600, 40), (1.0, 0.0, 800, 30), (1.0, 1.0, 1, 1)]
    rows = pd.concat([block(*size) for size in sizes]).sample(frac=1, random_state=seed)
    rows = rows.reset_index(drop=True)
    number = pd.Series(rows.index)
    return rows.assign(knee_id=number.astype(str), participant_id=(number // 2).astype(str))


def test_a_cell_of_one_person_never_gives_an_interval() -> None:
    said = [hazard_ratios.main(thin(seed), ["jsn_medial"])["sentence"] for seed in range(12)]
    assert all(sentence.startswith("Not estimable: ") for sentence in said)
    assert {"separation" in sentence for sentence in said} == {True, False}


def test_few_events_give_a_wide_interval() -> None:
    """Two events among 30 knees against 20 among 200: no normal error describes that."""
    found = profile.ratio(cells({(0, 0): (200, 20), (1, 0): (30, 2)}))
    exact = 2 / 30 / 0.1
    assert found["estimate"] == pytest.approx(exact, rel=0.05)
    assert found["high"] / found["low"] > 9
    assert found["low"] < 0.2


def test_a_direction_is_found_exactly_where_the_outcome_is_told() -> None:
    rng = np.random.default_rng(0)
    told = []
    for _ in range(60):
        design = np.column_stack([np.ones(9), rng.integers(0, 3, (9, 2))]).astype(float)
        outcome = (rng.random(9) < 0.5).astype(float)
        along = separation.direction(design, outcome)
        signed = np.where(outcome > 0, 1, -1) * (design @ along)
        assert signed.min() > -1e-7
        grid = np.stack(np.meshgrid(*[np.linspace(-4, 4, 17)] * 3), -1).reshape(-1, 3)
        slow = np.where(outcome > 0, 1, -1)[:, None] * (design @ grid.T)
        exists = ((slow >= 0).all(axis=0) & (slow > 0).any(axis=0)).any()
        assert bool(np.any(along)) == exists
        told.append(exists)
    assert 5 < sum(told) < 55
    left = separation.undecided(np.ones((5, 1)), np.array([0.0, 1, 0, 0, 1]))
    assert left.all()
