"""Calibration: counts are right, cohorts repeat, and what is known to fail fails here too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kneephen_utils import calibration, measured, tables
from kneephen_utils.calibration import crowd, page, question

SMALL = {"people": 250, "draws": 39, "seed": 3}  # fewer than 20 turns reject nothing at 5 %


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibration")


@pytest.fixture(scope="module")
def runs(folder: Path) -> pd.DataFrame:
    return calibration.run(cohorts=1, workers=1, parts=folder, **SMALL)


def made_up(estimates: list[float], p: list[float], *, planted: bool) -> pd.DataFrame:
    """Answers with intervals of one point each way, to a question whose truth is 2 or 0."""
    estimate = np.array(estimates)
    named = {"question": "q", "approach": "this book", "planted": planted, "outcome": "womac_pain"}
    return pd.DataFrame({"cohort": range(len(p)), "estimate": estimate, "p": p}).assign(
        **named,
        contrast=question.SLOPE,
        kl_grade=2,
        truth=2.0 if planted else 0.0,
        low=estimate - 1,
        high=estimate + 1,
        knees=10,
    )


def test_bias_coverage_and_rejections_are_counted() -> None:
    answers = made_up([2.0, 2.4, 3.4, np.nan], [0.01, 0.05, 0.2, 0.04], planted=True)
    summary = tables.check(calibration.summarise(answers), calibration.SUMMARY).iloc[0]
    assert (summary["cohorts"], summary["estimated"]) == (4, 3)
    assert summary["bias"] == pytest.approx(0.6)
    assert summary["bias_share"] == pytest.approx(0.3)
    assert summary["coverage"] == pytest.approx(2 / 3)
    assert summary["rejected"] == pytest.approx(3 / 4)
    assert summary["rejected_error"] == pytest.approx(np.sqrt(3 / 64))


def test_ratios_are_averaged_as_logarithms() -> None:
    answers = made_up([1.0, 4.0], [0.5, 0.5], planted=True)
    answers = answers.assign(contrast=question.RATIO, low=0.5, high=8.0)
    summary = calibration.summarise(answers).iloc[0]
    assert summary["mean_estimate"] == pytest.approx(2.0)
    assert summary["bias"] == pytest.approx(0.0)


def test_the_right_answers_are_those_the_release_plants() -> None:
    lateral = next(q for q in question.PLANTED if q.kl_grade == 2 and q.outcome == question.RISE)
    assert lateral.truth(question.RATIO) == pytest.approx(2.2)
    assert {q.truth(c) for q in question.WITHOUT for c in q.contrasts} == {0.0, 1.0}


def test_every_question_is_answered_by_both_approaches(runs: pd.DataFrame) -> None:
    asked = {q.name(contrast) for q in question.ALL for contrast in q.contrasts}
    answered = runs.groupby("approach")["question"].apply(set)
    assert answered["this book"] == answered["published"] == asked


def test_labels_without_meaning_resemble_each_other_within_a_person() -> None:
    seen = crowd.draw(people=1500, seed=1, planted=False)
    labels = crowd.pair(seen, question.WITHOUT[0], seed=0)
    both = labels[labels.duplicated("participant_id", keep=False)]
    sides = both.groupby("participant_id")["phenotype"].apply(list)
    assert 0.1 < np.corrcoef(np.array(sides.tolist()).T)[0, 1] < 0.5
    assert labels["phenotype"].mean() == pytest.approx(crowd.SHARE, abs=0.05)


def test_groups_chosen_by_pain_still_differ_for_the_published_approach(runs: pd.DataFrame) -> None:
    chosen = runs[runs["question"].str.contains(question.BY_PAIN)].set_index("approach")
    assert chosen.loc["published", "p"] < 0.05
    assert chosen.loc["published", "estimate"] > chosen.loc["this book", "estimate"]


def test_the_page_shows_the_numbers_or_says_how_to_make_them(
    runs: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "calibration.csv"
    assert page.COMMAND in page.markdown(path)
    measured.write(calibration.counts(runs), path, command="as tested", code="commit x")
    text = page.markdown(path)
    assert "Made by `as tested` at commit x" in text
    assert "1 cohorts were simulated" in text
    assert "| comparison |" in text
    told = text.split("## Where something was planted")[1].split("## Where nothing")[0]
    rows = [line.split(" | ") for line in told.splitlines() if "against" in line]
    assert [row[2] for row in rows] == ["this book", "published"] * (len(rows) // 2)
    assert "lateral against medial" in text
    assert page.COMMAND not in text


def test_the_command_is_one_the_makefile_knows(root: Path) -> None:
    assert "\ncalibrate:" in (root / "Makefile").read_text()


def test_a_cohort_that_was_answered_is_not_simulated_again(
    runs: pd.DataFrame, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "draw", None)
    assert_frame_equal(calibration.run(cohorts=1, workers=1, parts=folder, **SMALL), runs)


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_table(tmp_path: Path) -> None:
    one, two = (
        calibration.run(cohorts=3, workers=n, parts=tmp_path / str(n), **SMALL) for n in (1, 2)
    )
    assert_frame_equal(one, two)
