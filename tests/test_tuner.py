"""Bench: sliders search anew, pain stays covered, and a saved setting leaves comments alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import islands
import numpy as np
import pytest
import yaml

from kneephen_report.phenotype.tuner import Tuner
from kneephen_report.phenotype.tuner_widget import TunerWidget
from kneephen_utils import fusion
from kneephen_utils.phenotype import sweep
from workflow import params, params_editor, tuning_app

SETTINGS = replace(islands.SETTINGS, draws=4)


@pytest.fixture(scope="module")
def bench() -> Tuner:
    made = islands.world()
    of = islands.known(made)
    raw = fusion.pictures(made["embeddings"], of)
    fused = fusion.fuse(raw, raw, of, context_share=0.1, structure_share=0.5, fused_weight=2.0)
    place = np.arange(len(made["knees"]))
    laid_out = made["knees"][["knee_id"]].assign(x=place % 13.0, y=place % 7.0)
    whole = (made["knees"], made["participants"], laid_out)
    return Tuner(fused, *whole, settings=SETTINGS, disclose=True)


@pytest.fixture
def saved() -> list[tuple[int, dict[str, Any]]]:
    return []


@pytest.fixture
def desk(bench: Tuner, saved: list[tuple[int, dict[str, Any]]]) -> TunerWidget:
    return TunerWidget(
        bench, grade=2, arm="image", save=lambda *given: saved.append(given) or "kept"
    )  # type: ignore[func-returns-value]


def test_one_setting_gives_what_the_whole_sweep_gives(bench: Tuner) -> None:
    cell = bench.cell(2, "image")
    for one in sweep.trials([cell], settings=bench.settings)["image"][:3]:
        found = bench.search(2, "image", one.min_cluster_size, one.min_samples)
        assert (found.labels == one.labels).all()
        assert found.score == pytest.approx(one.score)


def test_a_slider_changes_what_is_said_and_shown(desk: TunerWidget) -> None:
    before = desk.said.value, desk.views.value
    desk.size.value = desk.size.max
    assert f"min_cluster_size {desk.size.max}" in desk.said.value
    assert before != (desk.said.value, desk.views.value)


def test_pain_is_covered_until_a_peek_and_the_peek_is_saved(
    desk: TunerWidget, saved: list[tuple[int, dict[str, Any]]]
) -> None:
    assert "covered" in desk.views.value
    desk.keep.click()
    desk.peek.value = True
    assert "covered" not in desk.views.value
    desk.peek.value = False  # what was seen cannot be covered again
    desk.keep.click()
    assert "peeked" not in saved[0][1]
    assert saved[1] == (2, saved[0][1] | {"peeked": True})
    assert desk.kept.value == "kept"


def test_a_grade_with_too_few_knees_says_so(desk: TunerWidget) -> None:
    desk.grade.value = 4
    assert "nothing to tune" in desk.said.value
    assert desk.keep.disabled


FILE = """# about the file
shared: {seed: 1}   # a seed
stages:
  phenotype: {min_cluster_size: 0, min_samples: 0, peeked: false}  # as declared
grades:
  0: {}   # nothing
  1:
  2: {phenotype: {min_samples: 5}}   # kept
  3:
    # by hand
    phenotype:
      min_samples: 7   # a lot
      peeked: true
profiles: {demo: {}}
# the end
"""


@pytest.mark.parametrize("grade", range(5))
def test_an_override_changes_its_grade_and_no_comment(tmp_path: Path, grade: int) -> None:
    path = tmp_path / "params.yml"
    path.write_text(FILE)
    params_editor.save(path, "phenotype", grade, {"min_cluster_size": 40, "min_samples": 3})
    params_editor.save(path, "phenotype", grade, {"min_cluster_size": 41})
    text = path.read_text()
    before, after = yaml.safe_load(FILE), yaml.safe_load(text)
    own = (before["grades"].get(grade) or {}).get("phenotype", {})
    assert after["grades"].pop(grade)["phenotype"] == own | {
        "min_cluster_size": 41,
        "min_samples": 3,
    }
    before["grades"].pop(grade, None)
    assert after == before
    comments = [line.partition("#")[2] for line in FILE.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == comments


def test_the_file_of_the_project_takes_an_override_and_stays_as_it_was(
    tmp_path: Path, root: Path
) -> None:
    path = tmp_path / "params.yml"
    lines = (root / "notebooks" / "params.yml").read_text()
    path.write_text(lines)
    said = tuning_app.keep(path, 2, {"min_cluster_size": 40, "peeked": True}, profile="demo")
    assert "make all PROFILE=demo" in said
    assert "05_phenotype_grade_2" in said
    differ = set(path.read_text().splitlines()) ^ set(lines.splitlines())
    assert len(differ) <= 2
    places = dict.fromkeys(params.PLACES, "")
    given = params.resolve(params.load(path), "phenotype", profile="demo", places=places, grade=2)
    assert (given["min_cluster_size"], given["peeked"]) == (40, True)


def test_a_wrong_override_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "params.yml"
    path.write_text(FILE)
    said = tuning_app.keep(path, 2, {"min_sise": 3}, profile="demo")
    assert said.startswith("Not saved: grades: 2: phenotype: parameter 'min_sise' is unknown")
    assert path.read_text() == FILE
