"""Calibration: counts are right, cohorts repeat, and what is known to fail fails here too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy import stats

from kneephen_report import benchmark_results, simulation_report
from kneephen_utils import tables
from studies import simulation_study
from studies.simulation_study import estimands, estimators, simulated_cohort

SMALL = {"people": 250, "draws": 39, "seed": 3}  # fewer than 20 turns reject nothing at 5 %


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibration")


@pytest.fixture(scope="module")
def runs(folder: Path) -> pd.DataFrame:
    return simulation_study.run(cohorts=1, workers=1, parts=folder, **SMALL)


def made_up(estimates: list[float], p: list[float], *, planted: bool) -> pd.DataFrame:
    """Answers with intervals of one point each way, to a question whose truth is 2 or 0."""
    estimate = np.array(estimates)
    named = {"question": "q", "approach": "this book", "planted": planted, "outcome": "womac_pain"}
    return pd.DataFrame({"cohort": range(len(p)), "estimate": estimate, "p": p}).assign(
        **named,
        contrast=estimands.SLOPE,
        kl_grade=2,
        truth=2.0 if planted else 0.0,
        low=estimate - 1,
        high=estimate + 1,
        knees=10,
    )


def test_bias_coverage_and_rejections_are_counted() -> None:
    answers = made_up([2.0, 2.4, 3.4, np.nan], [0.01, 0.05, 0.2, 0.04], planted=True)
    summary = tables.check(simulation_study.summarise(answers), simulation_study.SUMMARY).iloc[0]
    assert (summary["cohorts"], summary["estimated"]) == (4, 3)
    assert summary["bias"] == pytest.approx(0.6)
    assert summary["bias_share"] == pytest.approx(0.3)
    assert summary["coverage"] == pytest.approx(2 / 3)
    assert summary["rejected"] == pytest.approx(3 / 4)
    assert summary["rejected_error"] == pytest.approx(np.sqrt(3 / 64))


def test_ratios_are_averaged_as_logarithms() -> None:
    answers = made_up([1.0, 4.0], [0.5, 0.5], planted=True)
    answers = answers.assign(contrast=estimands.RATIO, low=0.5, high=8.0)
    summary = simulation_study.summarise(answers).iloc[0]
    assert summary["mean_estimate"] == pytest.approx(2.0)
    assert summary["bias"] == pytest.approx(0.0)


def test_the_right_answers_are_those_the_release_plants() -> None:
    lateral = next(q for q in estimands.PLANTED if q.kl_grade == 2 and q.outcome == estimands.RISE)
    assert lateral.truth(estimands.RATIO) == pytest.approx(2.2)
    assert {q.truth(c) for q in estimands.WITHOUT for c in q.contrasts} == {0.0, 1.0}


def test_the_published_approach_tests_by_mann_whitney() -> None:
    rng = np.random.default_rng(4)
    pair = pd.DataFrame({"knee_id": [str(k) for k in range(40)], "phenotype": np.arange(40) % 2})
    pair["baseline"] = 0.0
    pain = np.round(rng.exponential(2 + pair["phenotype"]))
    visits = pair[["knee_id"]].assign(months=0.0, womac_pain=pain)
    seen = simulated_cohort.Seen(pair, visits, pair)
    question = estimands.Question("womac_pain", (estimands.LEVEL,), 2)
    found = estimators.published(pair, seen, question, draws=39, seed=1)[estimands.LEVEL]
    one, other = (pain[pair["phenotype"] == k] for k in (1, 0))
    assert found["p"] == pytest.approx(stats.mannwhitneyu(one, other).pvalue)
    assert found["estimate"] == pytest.approx(one.mean() - other.mean())


def test_every_question_is_answered_by_both_approaches(runs: pd.DataFrame) -> None:
    asked = {q.name(contrast) for q in estimands.ALL for contrast in q.contrasts}
    answered = runs.groupby("approach")["question"].apply(set)
    assert answered["this book"] == answered["published"] == asked


def test_labels_without_meaning_resemble_each_other_within_a_person() -> None:
    seen = simulated_cohort.draw(people=1500, seed=1, planted=False)
    labels = simulated_cohort.pair(seen, estimands.WITHOUT[0], seed=0)
    both = labels[labels.duplicated("participant_id", keep=False)]
    sides = both.groupby("participant_id")["phenotype"].apply(list)
    assert 0.1 < np.corrcoef(np.array(sides.tolist()).T)[0, 1] < 0.5
    assert labels["phenotype"].mean() == pytest.approx(simulated_cohort.SHARE, abs=0.05)


def test_groups_chosen_by_pain_still_differ_for_the_published_approach(runs: pd.DataFrame) -> None:
    chosen = runs[runs["question"].str.contains(estimands.BY_PAIN)].set_index("approach")
    assert chosen.loc["published", "p"] < 0.05
    assert chosen.loc["published", "estimate"] > chosen.loc["this book", "estimate"]


def test_the_page_shows_the_numbers_or_says_how_to_make_them(
    runs: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "calibration.csv"
    assert simulation_report.COMMAND in simulation_report.markdown(path)
    benchmark_results.write(
        simulation_study.counts(runs), path, command="as tested", code="commit x"
    )
    text = simulation_report.markdown(path)
    assert "Made by `as tested` at commit x" in text
    assert "1 cohorts were simulated" in text
    assert "| comparison |" in text
    told = text.split("## Where something was planted")[1].split("## Where nothing")[0]
    rows = [line.split(" | ") for line in told.splitlines() if "against" in line]
    assert [row[2] for row in rows] == ["this book", "published"] * (len(rows) // 2)
    assert "lateral against medial" in text
    assert simulation_report.COMMAND not in text


def test_the_command_is_one_the_makefile_knows(root: Path) -> None:
    assert "\ncalibrate:" in (root / "Makefile").read_text()


def test_a_cohort_that_was_answered_is_not_simulated_again(
    runs: pd.DataFrame, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_cohort, "draw", None)
    assert_frame_equal(simulation_study.run(cohorts=1, workers=1, parts=folder, **SMALL), runs)


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_table(tmp_path: Path) -> None:
    one, two = (
        simulation_study.run(cohorts=3, workers=n, parts=tmp_path / str(n), **SMALL) for n in (1, 2)
    )
    assert_frame_equal(one, two)
