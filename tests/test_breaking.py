"""Broken releases: written by the twin, broken in their files, stopped by the check made for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import breaking
import pandas as pd
import pytest

from kneephen_utils import cohort, oai
from kneephen_utils.cohort import data_checks, reading_selection
from oai_twin.__main__ import main

BREAKS = [
    (breaking.swap_sides, "sides", "the worse knee hurts less, as if right and left were swapped"),
    (breaking.shift_clock, "clock", "months its code stands for, the most of"),
    (breaking.shuffle_grades, "narrowing_by_grade", "the grade and the worse narrowing correlate"),
    (breaking.mix_projects, "project_design", "repeat knee, visit and project"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twin")
    main(["--out", str(folder), "--participants", "400", "--seed", "20", "--tables-only"])
    return folder / "release"


def checked(release: Path, *accept: str) -> pd.DataFrame:
    """Put the ledger to a release, as the notebook of the stage does."""
    source = oai.read(release)
    chosen = reading_selection.choose(source.readings, projects="by_design")
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    films = cohort.films(source)
    return data_checks.check(
        data_checks.Evidence(source, chosen, knees, visits, films), accept=accept
    )


def test_the_release_that_is_broken_below_was_sound(sound: Path) -> None:
    data_checks.enforce(checked(sound))


@pytest.mark.parametrize(
    ("broken", "name", "sentence"), BREAKS, ids=lambda item: getattr(item, "__name__", "")
)
def test_a_broken_release_is_stopped_with_the_sentence_a_user_needs(
    sound: Path, tmp_path: Path, broken: Callable[[Path], None], name: str, sentence: str
) -> None:
    release = Path(shutil.copytree(sound, tmp_path / "release"))
    broken(release)
    checks = checked(release)
    assert checks.set_index("check").loc[name, "verdict"] == "failed"
    with pytest.raises(data_checks.LedgerError) as stop:
        data_checks.enforce(checks)
    assert f"[{name}]" in str(stop.value)
    assert sentence in str(stop.value)
    assert f"cohort.accept=[{','.join(checks.loc[checks['verdict'].eq('failed'), 'check'])}]" in (
        str(stop.value)
    )


def test_a_break_that_is_accepted_by_name_lets_the_run_go_on(sound: Path, tmp_path: Path) -> None:
    release = Path(shutil.copytree(sound, tmp_path / "release"))
    breaking.mix_projects(release)
    failed = checked(release).query("verdict == 'failed'")["check"]
    data_checks.enforce(checked(release, *failed))
