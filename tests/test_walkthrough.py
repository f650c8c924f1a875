"""Walk-through: the blocks of the page `Add a stage`, put where it says, make a stage that runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import islands
import nbformat
import pandas as pd
import pytest

from kneephen_utils import PACKAGES, tables

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```\{code-block\} \w+\n:name: (\w+)\n\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.slow


def blocks() -> dict[str, str]:
    return dict(BLOCK.findall((ROOT / "book" / "stage.md").read_text()))


def insert(path: Path, after: str, text: str) -> None:
    """Put text below the first line that begins with `after`, or at the end."""
    lines = path.read_text().splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if after and line.startswith(after)]
    place = places[0] + 1 if places else len(lines)
    path.write_text("".join([*lines[:place], text, *lines[place:]]))


def notebook(code: str) -> nbformat.NotebookNode:
    """Return the cells of a block, one per paragraph, as the page describes the notebook."""
    cells = [
        nbformat.v4.new_markdown_cell(
            "# Sides\n\n| reads | writes |\n|---|---|\n| `knees` | `sides` |"
        )
    ]
    for paragraph in code.strip().split("\n\n"):
        first, _, rest = paragraph.partition("\n")
        cell = nbformat.v4.new_code_cell(rest if first.startswith("# ") else paragraph)
        cell.metadata.tags = ["hide-input", *(["parameters"] if first == "# parameters" else [])]
        cells.append(cell)
    cells.append(nbformat.v4.new_markdown_cell("## What this does not show"))
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    made.metadata["language_info"] = {"name": "python"}
    return made


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with the stage of the page in it."""
    folder, given = tmp_path_factory.mktemp("project"), blocks()
    for name in (*PACKAGES, "notebooks", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "book").mkdir()
    for name in ("Makefile", "book/_toc.yml", "pyproject.toml", "requirements.lock"):
        shutil.copyfile(ROOT / name, folder / name)
    package = folder / "kneephen_utils"
    insert(package / "tables" / "clinical.py", "", given["schema"])
    (package / "sides.py").write_text(given["module"].lstrip())
    (folder / "tests" / "test_sides.py").write_text(given["test"].lstrip())
    insert(folder / "notebooks" / "params.yml", "stages:", given["params"])
    nbformat.write(notebook(given["notebook"]), folder / "notebooks" / "11_sides.ipynb")
    stages = folder / "workflow" / "declared.py"
    before, end, after = stages.read_text().partition("\n}\n")  # of STAGES
    stages.write_text(before + "\n" + given["stage"].strip("\n") + end + after)
    chapters = folder / "book" / "_toc.yml"
    insert(chapters, "      - file: executed/09_verdict", given["toc"].lstrip("\n"))
    return folder


def whole(knees: pd.DataFrame) -> pd.DataFrame:
    """Return a `knees` table with every column of its schema; what is not given is missing."""
    kinds = {name: spec.dtype.type for name, spec in tables.SCHEMAS["knees"].columns.items()}
    missing = {name: False if kinds[name] == "bool" else None for name in set(kinds) - set(knees)}
    return knees.assign(**missing)[list(kinds)].astype(kinds)


def run(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    alone = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS", f"PYTHONPATH={copy}"]
    return subprocess.run([*alone, *words], cwd=copy, capture_output=True, text=True, check=False)


def test_the_stage_runs_and_writes_its_table(copy: Path) -> None:
    artefacts = copy / "artefacts" / "demo"
    knees = whole(islands.world()["knees"])
    tables.write(knees, "knees", artefacts)
    noted = run(copy, sys.executable, "-m", "workflow", "stamps")
    assert noted.returncode == 0, noted.stderr
    done = run(copy, sys.executable, "-m", "workflow", "run", "11_sides")
    assert done.returncode == 0, done.stderr
    written = pd.read_parquet(artefacts / "sides.parquet")
    assert written[["right", "left"]].to_numpy().sum() == knees["kl_grade"].notna().sum()
    assert (artefacts / "executed" / "11_sides.ipynb").exists()


def test_make_runs_it_after_what_it_reads(copy: Path) -> None:
    told = run(copy, "make", "-n", "run").stdout
    assert re.search(r"run 00_cohort.*run 11_sides", told, re.DOTALL)


def test_it_keeps_to_the_rules_of_the_project(copy: Path) -> None:
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/test_sides.py"]
    held = ["tests/test_notebooks.py", "tests/test_declared.py"]
    done = run(copy, *words, *held, "-k", "sides")
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\b[89] passed|\b1\d passed", done.stdout), done.stdout[-500:]
