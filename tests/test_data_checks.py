"""Ledger: a sound release passes, and each break is caught by the check made for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from broken_twins import failed, judge
from crowd import draw

from kneephen_utils import oai, tables
from kneephen_utils.cohort import data_checks
from kneephen_utils.cohort.data_checks import clinical_checks
from kneephen_utils.oai import Release
from oai_twin.__main__ import main

PEOPLE, SEED = 400, 5
Break = Callable[[Release], Release]


@pytest.fixture(scope="module", params=["crowd", "twin"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Return a sound release, made here or written by the twin and read back."""
    if request.param == "crowd":
        return draw(PEOPLE, seed=SEED)
    folder = tmp_path_factory.mktemp("twin")
    main(["--out", str(folder), "--participants", "600", "--seed", "20", "--tables-only"])
    return oai.read(folder / "release")


def swap_sides(source: Release) -> Release:
    other = {"right": "left", "left": "right"}
    return replace(source, readings=source.readings.assign(side=source.readings["side"].map(other)))


def swap_replacements(source: Release) -> Release:
    other = {"right": "left", "left": "right"}
    table = source.replacements
    return replace(source, replacements=table.assign(side=table["side"].map(other)))


def shift_clock(source: Release) -> Release:
    """Let V03 be the 36-month visit, V05 the 60-month one and so on, as has been published."""
    published = {"V03": 36, "V05": 60, "V06": 72, "V08": 96, "V10": 120}
    table = source.contacts
    shift = table["visit"].map(published).fillna(table["months"]) - table["months"]
    return replace(source, contacts=table.assign(days=table["days"] + 30.4375 * shift))


def shuffle_grades(source: Release) -> Release:
    """Give every knee, in all its readings, the grade of another row."""
    rng = np.random.default_rng(1)
    table = source.readings
    return replace(source, readings=table.assign(kl_grade=rng.permutation(table["kl_grade"])))


def shuffle_pain(source: Release) -> Release:
    rng = np.random.default_rng(2)
    table = source.symptoms
    return replace(source, symptoms=table.assign(womac_pain=rng.permutation(table["womac_pain"])))


def shuffle_follow_up(source: Release) -> Release:
    rng = np.random.default_rng(3)
    table = source.readings.copy()
    later = table["visit"].ne("V00")
    table.loc[later, "kl_grade"] = rng.permutation(table.loc[later, "kl_grade"])
    return replace(source, readings=table)


def mix_projects(source: Release) -> Release:
    rng = np.random.default_rng(4)
    table = source.readings
    return replace(
        source, readings=table.assign(reading_code=rng.permutation(table["reading_code"]))
    )


def disagree(source: Release) -> Release:
    table = source.readings
    first = table["reading_code"].eq(37) & table["visit"].eq("V00") & table["kl_grade"].lt(4)
    return replace(source, readings=table.assign(kl_grade=table["kl_grade"] + first))


def count_grades_from_one(source: Release) -> Release:
    table = source.readings
    return replace(source, readings=table.assign(kl_grade=(table["kl_grade"] + 1).clip(upper=4)))


def flip_scores(source: Release) -> Release:
    table = source.readings
    return replace(source, readings=table.assign(jsn_medial=3 - table["jsn_medial"]))


def flip_osteophytes(source: Release) -> Release:
    table = source.readings
    names = [name for name in table.columns if name.startswith("osteophyte")]
    return replace(source, readings=table.assign(**(3 - table[names])))


def forget_people(source: Release) -> Release:
    return replace(source, people=source.people.iloc[10:])


def lose_films(source: Release) -> Release:
    return replace(source, films=source.films.iloc[::3])


def grade_prostheses(source: Release) -> Release:
    return replace(source, readings=source.readings.fillna({"kl_grade": 4.0}))


def misread_cells(source: Release) -> Release:
    return replace(source, ingest=source.ingest.assign(not_understood=2))


BREAKS: list[tuple[Break, set[str]]] = [
    (swap_sides, {"sides", "replaced_side"}),
    (swap_replacements, {"replaced_side", "prostheses"}),
    (shift_clock, {"clock", "prostheses"}),
    (
        shuffle_grades,
        {"pain_by_grade", "narrowing_by_grade", "osteophytes_by_grade", "grade_falls"}
        | {"projects_agree"},
    ),
    (shuffle_pain, {"pain_by_grade"}),
    (shuffle_follow_up, {"grade_falls"}),
    (mix_projects, {"project_design"}),
    (disagree, {"projects_agree", "grade_falls"}),
    (count_grades_from_one, {"grade_mix"}),
    (flip_scores, {"narrowing_by_grade", "width_sides"}),
    (flip_osteophytes, {"osteophytes_by_grade"}),
    (forget_people, {"people_enrolled"}),
    (lose_films, {"films_linked"}),
    (grade_prostheses, {"prostheses"}),
    (misread_cells, {"values_understood"}),
]


def test_a_sound_release_passes_every_check_that_needs_no_picture(sound: Release) -> None:
    checks = tables.check(judge(sound), "ledger_cohort").set_index("check")
    unasked = set(checks.index[checks["verdict"].eq("not run")])
    assert "film_side" in unasked
    assert unasked <= {"film_side", "injured_side", "lateral_width_sides"}  # the crowd has neither
    assert checks["verdict"].eq("passed").sum() == len(checks) - len(unasked)
    data_checks.enforce(checks.reset_index())


@pytest.mark.parametrize(
    ("broken", "expected"), BREAKS, ids=lambda item: getattr(item, "__name__", "")
)
def test_each_break_is_stopped_by_its_own_check(
    sound: Release, broken: Break, expected: set[str]
) -> None:
    checks = judge(broken(sound))
    assert expected <= failed(checks)
    with pytest.raises(data_checks.LedgerError, match=r"cohort\.accept=") as stop:
        data_checks.enforce(checks)
    assert all(f"[{name}]" in str(stop.value) for name in expected)


@pytest.mark.parametrize(
    "broken", [swap_replacements, shift_clock, disagree, flip_scores, lose_films, misread_cells]
)
def test_a_break_fails_no_check_but_its_own(sound: Release, broken: Break) -> None:
    expected = next(names for other, names in BREAKS if other is broken)
    assert failed(judge(broken(sound))) == expected


def test_swapped_sides_turn_the_sign_of_the_correlation(sound: Release) -> None:
    right = judge(sound).set_index("check").loc["sides", "value"]
    wrong = judge(swap_sides(sound)).set_index("check").loc["sides"]
    assert wrong["value"] == pytest.approx(-right)
    assert "right and left were swapped" in wrong["sentence"]


def test_an_accepted_failure_lets_the_run_go_on_and_is_marked(sound: Release) -> None:
    checks = judge(shift_clock(sound), accept=("clock", "prostheses"))
    data_checks.enforce(checks)
    assert checks.set_index("check").loc["clock", "verdict"] == "accepted"
    assert "2 accepted" in data_checks.text_checks(checks)


def test_accepting_a_check_that_does_not_exist_is_an_error(sound: Release) -> None:
    with pytest.raises(
        data_checks.LedgerError, match="'clocks', which is no check; known checks: sides"
    ):
        judge(sound, accept=("clocks",))


def test_a_handful_of_people_is_not_asked_rather_than_failed() -> None:
    checks = judge(swap_sides(draw(12, seed=SEED))).set_index("check")
    assert checks.loc["sides", "verdict"] == "not run"
    assert "too few to tell swapped sides from chance" in checks.loc["sides", "sentence"]
    assert not failed(checks.reset_index())


def test_falls_are_counted_within_a_project_from_each_reading_to_the_next(sound: Release) -> None:
    """Slower obvious version: one knee and project at a time."""
    found = clinical_checks.pairs_of_readings(sound.readings)
    pairs = falls = 0
    read = sound.readings.dropna(subset=["kl_grade"])
    read = read.assign(project=read["reading_code"].replace(42, 37))
    for _, rows in read.groupby(["participant_id", "side", "project"]):
        grades = rows.drop_duplicates("visit").sort_values("visit")["kl_grade"].tolist()
        pairs += len(grades) - 1
        falls += sum(later < grade for grade, later in itertools.pairwise(grades))
    assert (len(found), found["change"].lt(0).sum()) == (pairs, falls)
