"""Facts: a twin shows what was published, and a cohort that is not it is said to differ."""

from __future__ import annotations

from dataclasses import replace

import broken_twins
import numpy as np
import pandas as pd
import pytest

from kneephen_utils import cohort
from kneephen_utils.cohort import event, published_benchmarks, reading_selection
from kneephen_utils.cohort.published_benchmarks import measure
from kneephen_utils.cohort.published_benchmarks.published import FACTS


def tables_of(participants: int, seed: int) -> published_benchmarks.Tables:
    source = broken_twins.sound(participants, seed)
    chosen = reading_selection.choose(source.readings, projects="by_design")
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    people = cohort.participants(source, visits)
    events = event.find(knees, visits, chosen, cohort.replacements(source), people)
    return published_benchmarks.Tables(people, knees, visits, events, source.readings)


@pytest.fixture(scope="module")
def twin() -> published_benchmarks.Tables:
    return tables_of(600, 20)


@pytest.fixture(scope="module")
def facts(twin: published_benchmarks.Tables) -> pd.DataFrame:
    return published_benchmarks.compare(twin)


def verdicts(facts: pd.DataFrame) -> dict[str, str]:
    return facts.set_index("fact")["verdict"].to_dict()


def test_the_twin_shows_every_published_fact(facts: pd.DataFrame) -> None:
    assert not set(facts["verdict"]) & {"differs", "too few"}
    assert facts["verdict"].eq("as published").mean() > 0.85
    assert f"Of {len(FACTS)} facts" in published_benchmarks.text_facts(facts)


def test_every_fact_is_named_once_and_measured(twin: published_benchmarks.Tables) -> None:
    names = [each.fact for each in FACTS]
    assert len(set(names)) == len(names)
    assert set(names) == set(measure.every(twin).index)
    assert all(each.low <= each.high for each in FACTS)


def test_a_cohort_with_shuffled_grades_is_said_to_differ(twin: published_benchmarks.Tables) -> None:
    rng = np.random.default_rng(1)
    knees = twin.knees.assign(kl_grade=rng.permutation(twin.knees["kl_grade"]))
    found = published_benchmarks.compare(replace(twin, knees=knees))
    off = found[found["verdict"].eq("differs")]
    assert {"right-left correlation of grade", "mean pain in grade 0"} <= set(off["fact"])
    sentence = published_benchmarks.text_facts(found)
    assert "What differs: " in sentence
    assert all(name in sentence for name in off["fact"])


def test_a_handful_of_people_is_not_judged(twin: published_benchmarks.Tables) -> None:
    few = set(twin.participants["participant_id"].iloc[8:])
    assert set(published_benchmarks.compare(twin.without(few))["verdict"]) == {"too few"}


def test_shares_and_means_are_those_of_the_tables(
    twin: published_benchmarks.Tables, facts: pd.DataFrame
) -> None:
    value = facts.set_index("fact")["value"]
    knees = twin.knees.dropna(subset=["kl_grade"])
    assert value["grade 2"] == pytest.approx(100 * knees["kl_grade"].eq(2).mean())
    pain = knees.loc[knees["kl_grade"].eq(3), "womac_pain"]
    assert value["mean pain in grade 3"] == pytest.approx(pain.mean())
    start = knees[knees["kl_grade"].eq(0)]
    seen = twin.visits.query("months == 48").dropna(subset=["kl_grade"])["knee_id"]
    share = 100 * start["knee_id"].isin(seen).mean()
    assert value["grade 0 read at 48 months"] == pytest.approx(share)
    second = knees[knees["kl_grade"].eq(2)]
    spurs = second[[name for name in knees if name.startswith("osteophyte_")]].dropna(how="all")
    assert value["osteophytes in grade 2"] == pytest.approx(100 * spurs.ge(1).any(axis=1).mean())
    women = set(twin.participants.query("sex == 'female'")["participant_id"])
    theirs = knees[knees["participant_id"].isin(women) & knees["kl_grade"].le(1)]
    width = theirs["jsw_medial"].mean()
    assert value["medial width in grades 0 and 1, female"] == pytest.approx(width)


def test_films_by_grade_are_the_means_of_their_knees(twin: published_benchmarks.Tables) -> None:
    shown = published_benchmarks.films_by_grade(twin.knees, disclose=True).set_index("kl_grade")
    third = twin.knees[twin.knees["kl_grade"].eq(3)]
    assert shown.loc[3, "knees"] == len(third)
    assert shown.loc[3, "jsw_medial"] == pytest.approx(third["jsw_medial"].mean())
    hard = third[["sclerosis_medial", "sclerosis_lateral"]].ge(1).any(axis=1)
    assert shown.loc[3, "sclerosis"] == pytest.approx(100 * hard.mean())
    few = published_benchmarks.films_by_grade(third.head(5), disclose=True)
    assert few["jsw_medial"].isna().all()
    rare = third.assign(sclerosis_medial=0, sclerosis_lateral=0)
    rare.iloc[:3, rare.columns.get_loc("sclerosis_medial")] = 1
    assert published_benchmarks.films_by_grade(rare, disclose=True)["sclerosis"].item() > 0
    assert np.isnan(published_benchmarks.films_by_grade(rare, disclose=False)["sclerosis"].item())


def test_wide_joints_and_missing_osteophytes_are_said_to_differ(
    twin: published_benchmarks.Tables,
) -> None:
    spurs = {name: 0.0 for name in twin.knees if name.startswith("osteophyte_")}
    knees = twin.knees.assign(jsw_medial=twin.knees["jsw_medial"] + 2, **spurs)
    found = published_benchmarks.compare(replace(twin, knees=knees)).set_index("fact")["verdict"]
    wrong = ["medial width in grades 0 and 1, female", "osteophytes in grade 2"]
    assert found[wrong].eq("differs").all()
    assert found["narrowing in grade 3"] == "as published"


def test_the_error_keeps_both_knees_of_a_person_together(
    twin: published_benchmarks.Tables, facts: pd.DataFrame
) -> None:
    """The jackknife agrees with the cluster-robust error of a mean."""
    pain = twin.knees.dropna(subset=["kl_grade", "womac_pain"])
    gap = pain["womac_pain"].eq(0) - pain["womac_pain"].eq(0).mean()
    robust = 100 * np.sqrt((gap.groupby(pain["participant_id"]).sum() ** 2).sum()) / len(pain)
    error = facts.set_index("fact").loc["knees without pain", "error"]
    assert error == pytest.approx(robust, rel=0.6)


def test_shares_of_few_knees_are_hidden_where_single_knees_may_not_be_shown(
    facts: pd.DataFrame,
) -> None:
    assert published_benchmarks.hidden(facts, disclose=True) is facts
    hidden = published_benchmarks.hidden(facts, disclose=False).set_index("fact")
    rare = "people with a knee replaced by 24 months"
    assert 0 < facts.set_index("fact").loc[rare, "value"] * 600 / 100 < 10
    assert np.isnan(hidden.loc[rare, "value"])
    assert hidden.loc[rare, "verdict"] == "too few"
    assert hidden.loc["grade 2", "value"] > 0
