"""Declared: what stages read and write is said once, and make runs what reads a change, no more."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import workflow
from kneephen_utils import images, tables
from kneephen_utils.fusion import other_encoder
from workflow import book_pages, declared, params, pipeline_diagram, rules

TEXTS = {"md", "svg"}  # for the book alone
PLACES = {"profile": "demo", "release": "../artefacts/demo/release", "weights": "embedded"}
ARTEFACTS = sorted(path for run in workflow.RUNS for path in run.writes)
SOME = ["events.parquet", "sweep/grade_2.parquet", "embeddings/block.parquet", "images.zarr"]
TELL = '#!/bin/sh\ncase "$1" in run) echo "$2" >> ran.log; touch "artefacts/demo/ran/$2";; esac\n'
each_stage = pytest.mark.parametrize(
    "run", [run for run in workflow.RUNS if run.grade in {None, 2}], ids=lambda run: run.stage
)


load = functools.cache(params.load)


def settings_of(run: workflow.Run, root: Path) -> dict[str, Any]:
    declaration = load(root / "notebooks" / "params.yml")
    places = PLACES | {"dask": ""}
    return params.resolve(declaration, run.stage, profile="demo", places=places, grade=run.grade)


def code_of(run: workflow.Run, root: Path) -> ast.Module:
    cells = json.loads((root / "notebooks" / run.notebook).read_text(encoding="utf-8"))["cells"]
    return ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))


def named(call: ast.Call, values: dict[str, Any]) -> list[str]:
    """Return the artefacts that a call of a notebook reads or writes, as paths."""
    if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
        return []
    module, verb = call.func.value.id, call.func.attr
    known = {**values, "other_encoder": other_encoder}
    if (module, verb) in {("tables", "read"), ("tables", "write")}:
        given = [eval(ast.unparse(each), {}, known) for each in call.args[verb == "write" :]]
        name, part = given[0], (given[2] if len(given) > 2 else None)
        family = {path for path in ARTEFACTS if path.startswith(f"{name}/")}
        return sorted(family) if family and part is None else [path(name, part)]
    if (module, verb) == ("images", "read"):
        return [images.path_of("").name]
    return []


def path(name: str, part: str | None) -> str:
    return tables.path_of(name, "", part).as_posix()


def called(run: workflow.Run, root: Path, verb: str) -> set[str]:
    """Return the artefacts that the calls of a verb in a notebook name, as its settings are."""
    found: set[str] = set()
    part = {"part": f"grade_{run.grade}"}
    values = {"artefacts": "", **settings_of(run, root), **part}
    for node in ast.walk(code_of(run, root)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == verb:
            found |= set(named(node, values))
    return found


def files_of(run: workflow.Run, root: Path) -> set[str]:
    """Return the artefacts a notebook names as files below its folder, and the texts it writes."""
    source = ast.unparse(code_of(run, root))
    found = set(re.findall(r"\{artefacts\}/([\w.]+)", source))
    found |= set(re.findall(r"write_text\(.*, artefacts, '([\w.]+)'\)", source))
    return found | ({"answer.md", "answer.svg"} if "write_answer(" in source else set())


@each_stage
def test_a_notebook_reads_and_writes_what_its_stage_declares(run: workflow.Run, root: Path) -> None:
    read, wrote = called(run, root, "read"), called(run, root, "write")
    files = files_of(run, root)
    written = set(run.writes)
    opened = set(run.opened(settings_of(run, root)))
    assert read - written | (files - written) == opened
    kept_by_itself = {"images.zarr"} & read  # cutting writes it while films are read
    assert wrote | (files & written) | (kept_by_itself & written) == written


def test_which_embeddings_fusion_reads_is_what_its_notebook_asks_for(root: Path) -> None:
    run = workflow.Run("fusion")
    for chosen in ("finetuned", "zeroshot", "block"):
        settings = settings_of(run, root) | {"embedding": chosen}
        opened = {p for p in run.opened(settings) if p.startswith("embeddings/")}
        assert opened == {
            path("embeddings", each) for each in (chosen, other_encoder.other(chosen))
        }


def test_no_stage_reads_an_artefact_but_in_its_notebook(root: Path) -> None:
    """Functions of a stage take tables; only what lies outside is opened within the package."""
    opening = re.compile(r"\btables\.read\(|\bimages\.read\(|\bread_parquet\(")
    found = {
        source.relative_to(root / package).as_posix()
        for package in ("kneephen_utils", "kneephen_report")
        for stage in workflow.STAGES
        for source in (root / package / stage).rglob("*.py")
        if opening.search(source.read_text(encoding="utf-8"))
    }
    assert found == {"verdict/ground_truth.py", "verdict/reader_ceiling.py"}  # of the planted truth


def test_everything_that_is_read_is_written_by_one_run_before_it() -> None:
    order = [run.name for run in workflow.RUNS]
    assert len(ARTEFACTS) == len(set(ARTEFACTS))
    for run in workflow.RUNS:
        for read in run.reads:
            assert order.index(declared.writer_of(read).name) < order.index(run.name)
    with pytest.raises(KeyError, match="no run writes 'kneees"):
        declared.writer_of("kneees.parquet")


@each_stage
def test_the_head_of_a_page_and_of_its_notebook_tell_what_is_declared(
    run: workflow.Run, root: Path
) -> None:
    def words(told: str, column: int) -> set[str]:
        row = told.splitlines()[2].split(" | " if " | " in told else "|")[column]
        names = re.findall(r"`([\w/.]+)[ `]", row)
        return {name.removesuffix(".zarr").removesuffix(".safetensors") for name in names}

    cells = json.loads((root / "notebooks" / run.notebook).read_text(encoding="utf-8"))["cells"]
    head = "".join(cells[0]["source"])
    entered = book_pages.ENTERED.search(head)
    assert entered
    page = book_pages.read_and_written(run.stage)
    for column in (0, 1):
        told = {name.partition("/")[0] for name in words(entered.group(), column)}
        made = {name.partition("/")[0] for name in words(page, column)}
        assert {n.removesuffix(".md").removesuffix(".svg") for n in made} - {"answer"} == told


def test_the_readme_lists_the_tables_that_each_stage_writes(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|.*\| (.*) \|$", readme, re.MULTILINE)
    assert [(int(number), name) for number, name, _ in rows] == [
        (stage.number, name) for name, stage in workflow.STAGES.items()
    ]
    for _, name, listed in rows:
        told = {each.partition("/")[0] for each in re.findall(r"`([\w/]+)`", listed)}
        paths = [Path(path) for path in workflow.STAGES[name].writes]
        made = {path.parts[0].partition(".")[0] for path in paths if path.suffix[1:] not in TEXTS}
        assert told == made


def test_the_picture_of_the_stages_draws_what_is_declared() -> None:
    reached = pipeline_diagram.before()
    arrows = pipeline_diagram.direct()
    for name, stage in workflow.STAGES.items():
        into = {first for first, second in arrows if second == name}
        assert set(stage.needs) == {first for first in stage.needs if first in reached[name]}
        assert into <= set(stage.needs)
        assert set(stage.needs) <= into.union(*(reached[first] for first in into))


def edges() -> dict[str, set[str]]:
    """Return the notes each run waits for, as make is told."""
    lines = [line.partition(": ") for line in rules.text().splitlines() if ": " in line]
    found: dict[str, set[str]] = {}
    for target, _, needs in lines:
        if target.startswith("$(A)/ran/"):
            own = found.setdefault(target.removeprefix("$(A)/ran/"), set())
            own |= {each.removeprefix("$(A)/outputs/") for each in needs.split()}
    return found


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_make_is_told_of_every_reader_of_an_artefact_and_of_no_other(artefact: str) -> None:
    readers = {run.name for run in workflow.RUNS if artefact in run.reads}
    assert {name for name, notes in edges().items() if artefact in notes} == readers


@pytest.fixture(scope="module")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of which every run seems to be done, with nothing in its environment."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(root / "Makefile", folder)
    for name in (
        *(f"kneephen_utils/{m}.py" for m in ("__init__", "scratch")),
        *(f"workflow/{m}.py" for m in ("__init__", "declared", "rules")),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, folder / name)
    (folder / "tell").write_text(TELL, encoding="utf-8")
    (folder / "tell").chmod(0o755)
    return folder


def age(folder: Path) -> None:
    """Date everything as runs in their order leave it, an hour ago."""
    moment = time.time() - 3600
    runs = [("twin", list(declared.TWIN_WRITES.values()))]
    runs += [(run.name, [*run.writes, run.page]) for run in workflow.RUNS]
    for name, notes in runs:
        for file in [f"stamps/{name}", *(f"outputs/{note}" for note in notes), f"ran/{name}"]:
            moment += 1
            there = folder / "artefacts" / "demo" / file
            there.parent.mkdir(parents=True, exist_ok=True)
            there.touch()
            os.utime(there, (moment, moment))


def ran_after(folder: Path, artefact: str | None) -> set[str]:
    """Return the runs that make asks for when the note of one artefact was renewed."""
    age(folder)
    log = folder / "ran.log"
    log.write_text("", encoding="utf-8")
    if artefact:
        (folder / "artefacts" / "demo" / "outputs" / artefact).touch()
    words = ["make", "run", "TELL=./tell", "READY=", f"PY={sys.executable}"]
    alone = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS"]
    subprocess.run([*alone, *words], cwd=folder, check=True, capture_output=True, timeout=60)
    return set(log.read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    "artefact", [pytest.param(a, marks=[] if a in SOME else [pytest.mark.slow]) for a in ARTEFACTS]
)
def test_when_one_artefact_changes_exactly_its_readers_run(finished: Path, artefact: str) -> None:
    readers = {run.name for run in workflow.RUNS if artefact in run.reads}
    assert ran_after(finished, artefact) == readers


def test_when_nothing_changes_nothing_runs(finished: Path) -> None:
    assert ran_after(finished, None) == set()


@pytest.mark.parametrize(
    ("part", "run"), [("tables", "00_cohort"), ("films", "01_radiograph"), ("truth", "09_verdict")]
)
def test_a_part_of_the_synthetic_release_reaches_the_stage_that_opens_it(
    finished: Path, part: str, run: str
) -> None:
    assert ran_after(finished, declared.TWIN_WRITES[part]) == {run}
