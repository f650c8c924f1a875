"""Broken twins: each is stopped by its own check with its own sentence, sound ones by none."""

from __future__ import annotations

from dataclasses import replace

import broken_twins
import numpy as np
import pandas as pd
import pytest
from broken_twins import BREAKS, OAI_SIZE, Broken, blank_dates, failed, judge, swap, twin

from kneephen_utils.cohort import data_checks
from kneephen_utils.oai import Release

SEED = 71  # never used to choose a bound
SMALL_SEEDS = range(300, 306)
SOUND_SEEDS = range(400, 420)
TESTED_OFTEN = {
    "readings swapped at one visit",
    "widths swapped at one visit",
    "pain of a fifth of the people swapped",
    "visits under the published clock, without dates",
}


def stopped(source: Release, broken: Broken) -> None:
    checks = judge(broken.change(source))
    assert broken.stopped_by <= failed(checks)
    told = checks.set_index("check")["sentence"]
    for check, words in broken.says.items():
        assert all(each in told[check] for each in words), told[check]
    with pytest.raises(data_checks.LedgerError, match=r"cohort\.accept="):
        data_checks.enforce(checks)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            each, id=each.name, marks=[] if each.name in TESTED_OFTEN else pytest.mark.slow
        )
        for each in BREAKS
    ],
)
def test_a_broken_twin_of_the_size_of_the_oai_is_stopped_and_what_is_wrong_is_named(
    broken: Broken,
) -> None:
    stopped(twin(OAI_SIZE, SEED), broken)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SOUND_SEEDS)
def test_a_sound_twin_of_the_size_of_the_oai_is_not_stopped_with_dates_or_without(
    seed: int,
) -> None:
    broken_twins.twin.cache_clear()
    source = twin(OAI_SIZE, seed)
    assert not failed(judge(source))
    assert not failed(judge(blank_dates(source)))


@pytest.mark.parametrize("people", [30, 150])
def test_small_sound_twins_are_not_stopped_by_chance(people: int) -> None:
    for seed in SMALL_SEEDS:
        assert not failed(judge(twin(people, seed)))


def test_a_small_release_is_not_asked_what_it_cannot_answer() -> None:
    checks = judge(swap(twin(30, 300), "readings")).set_index("check")
    assert checks.loc["sides", "verdict"] == "not run"
    assert checks.loc["sides", "sentence"].startswith("Not estimable: ")


def baseline_only(source: Release) -> Release:
    tables = {
        name: getattr(source, name)[getattr(source, name)["visit"].eq("V00")]
        for name in ("readings", "symptoms", "widths", "contacts")
    }
    return replace(source, **tables)


def all_equal(source: Release) -> Release:
    return replace(
        source,
        symptoms=source.symptoms.assign(womac_pain=0.0, koos_pain=100.0),
        widths=source.widths.assign(jsw_medial=4.0, jsw_lateral=6.0),
    )


def all_missing(source: Release) -> Release:
    return replace(
        source,
        symptoms=source.symptoms.assign(womac_pain=np.nan, koos_pain=np.nan),
        widths=source.widths.assign(jsw_medial=np.nan, jsw_lateral=np.nan),
        people=source.people.assign(bmi=np.nan, age=np.nan, site=None),
    )


@pytest.mark.parametrize("change", [baseline_only, all_equal, all_missing])
def test_what_a_release_lacks_is_not_estimable_and_stops_nothing(
    change: broken_twins.Change,
) -> None:
    checks = judge(change(twin(150, 300)))
    assert not failed(checks)
    unasked = checks[checks["verdict"].eq("not run") & checks["check"].ne("film_side")]
    assert len(unasked) > 1
    assert unasked["sentence"].str.startswith("Not estimable: ").all()


def test_the_bound_of_a_question_widens_as_people_become_fewer() -> None:
    """Property: the published correlation passes at any size, its reverse fails where asked."""
    whole = twin(OAI_SIZE, SEED)
    bounds = []
    for people in (OAI_SIZE, 1500, 500):
        few = set(whole.people["participant_id"].iloc[:people])
        part = {
            name: table[table["participant_id"].isin(few)]
            for name, table in vars(whole).items()
            if isinstance(table, pd.DataFrame) and "participant_id" in table
        }
        bounds.append(at_baseline(replace(whole, **part)))
    assert bounds == sorted(bounds, reverse=True)
    assert 0.22 < bounds[0] < 0.24  # 0.28 less what chance takes from 4,442 people, twice


def at_baseline(source: Release) -> float:
    evidence = broken_twins.evidence(source)
    return float(data_checks.sides.ask(evidence, data_checks.sides.PAIN_AND_GRADE)["bound"].iloc[0])
