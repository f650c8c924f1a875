"""Notebooks: committed without outputs, thin, and in step with the parameter file."""

from __future__ import annotations

import ast
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

import workflow
from workflow import params

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STAGES = [run for run in workflow.RUNS if run.grade in {None, 2}]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_stage = pytest.mark.parametrize("run", STAGES, ids=lambda run: run.stage)


def cells(path: Path, kind: str = "code") -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def assigned(cell: dict[str, Any]) -> dict[str, Any]:
    tree = ast.parse(source(cell))
    assert all(isinstance(node, ast.Assign) for node in tree.body)
    return {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body}  # type: ignore[attr-defined]


@each_notebook
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
    assert set(json.loads(path.read_text())["metadata"]) == {"kernelspec", "language_info"}


@each_notebook
def test_a_notebook_defines_nothing_and_decides_nothing(path: Path) -> None:
    banned = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.ListComp, ast.Lambda)
    for cell in cells(path):
        found = [
            type(node).__name__
            for node in ast.walk(ast.parse(source(cell)))
            if isinstance(node, banned)
        ]
        assert found == [], source(cell)


@each_notebook
def test_a_page_folds_its_code_or_leaves_it_out(path: Path) -> None:
    for cell in cells(path):
        assert {"hide-input", "remove-input"} & set(cell["metadata"].get("tags", []))


@each_notebook
def test_no_number_of_a_result_is_typed_beside_a_percent_sign(path: Path) -> None:
    for cell in cells(path, "markdown"):
        words = source(cell).replace("95 %", "").split()
        assert not [
            word
            for word, after in itertools.pairwise(words)
            if after.startswith("%") and word[-1].isdigit()
        ]


@each_stage
def test_the_parameters_cell_equals_the_demo_profile(run: workflow.Run) -> None:
    path = ROOT / "notebooks" / run.notebook
    tagged = [c for c in cells(path) if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    places = {"profile": "demo", "release": "../artefacts/demo/release", "weights": "embedded"}
    places |= {"dask": ""}
    declared = params.load(ROOT / "notebooks" / "params.yml")
    expected = params.resolve(declared, run.stage, profile="demo", places=places, grade=run.grade)
    assert assigned(tagged[0]) == expected


@each_stage
def test_a_stage_is_one_noun_in_notebook_module_test_and_chapter(run: workflow.Run) -> None:
    assert (ROOT / "notebooks" / run.notebook).exists()
    package = ROOT / "kneephen_utils"
    assert (package / f"{run.stage}.py").exists() or (package / run.stage).is_dir()
    assert (ROOT / "tests" / f"test_{run.stage}.py").exists()
    assert f"executed/{run.name}" in (ROOT / "book" / "_toc.yml").read_text()


@each_stage
def test_a_chapter_says_what_it_reads_what_it_writes_and_what_it_does_not_show(
    run: workflow.Run,
) -> None:
    prose = [source(cell) for cell in cells(ROOT / "notebooks" / run.notebook, "markdown")]
    assert prose[0].startswith("# ")
    assert "| reads | writes |" in prose[0]
    assert prose[-1].startswith("## What this does not show")
