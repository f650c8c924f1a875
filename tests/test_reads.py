"""Reads: each notebook, executed alone with what it declares, opens all of it and wants no more."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import papermill
import pytest
import test_spine

import workflow
from workflow import declared, notebook_runner, params

pytestmark = pytest.mark.slow
smoke = test_spine.smoke  # the finished run, made once for all
BEFORE = 1.0  # when files were opened last, in seconds since 1970, before a notebook opens them
OWN = {"cache", "checkpoints"}  # what a stage keeps for itself
each_stage = pytest.mark.parametrize(
    "run", [run for run in workflow.RUNS if run.grade in {None, 2}], ids=lambda run: run.stage
)


def inside(path: Path) -> list[Path]:
    """Return the files of an artefact that is a file or a folder."""
    return [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]


def unopened(path: Path) -> bool:
    """Say whether nobody opened an artefact since it was dated by `lay_out`."""
    return all(each.stat().st_atime == BEFORE for each in inside(path))


def lay_out(run: workflow.Run, finished: Path, folder: Path, opened: list[str]) -> None:
    """Copy what a run may open, and nothing else, into a folder; nobody has opened it yet."""
    outside = {"tables": "release", "films": "release", "truth": "truth"}
    kinds = {outside[kind] for kind in workflow.STAGES[run.stage].opens if kind in outside}
    for name in [*opened, *sorted(kinds)]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (finished / name).is_dir() else shutil.copy2
        copy(finished / name, folder / name)
    for path in inside(folder):
        os.utime(path, (BEFORE, path.stat().st_mtime))


def execute(run: workflow.Run, root: Path, folder: Path, opened: dict[str, object]) -> None:
    """Execute a notebook beside the folder of `lay_out`, as make would."""
    papermill.execute_notebook(
        str(root / "notebooks" / run.notebook),
        str(folder / "executed.ipynb"),
        parameters=opened,
        cwd=str(root / "notebooks"),
        kernel_name="python3",
        kernel_manager_class=notebook_runner.LocalKernelManager,
        progress_bar=False,
    )


@pytest.fixture
def dated(tmp_path: Path) -> None:
    """Skip where the disk does not tell when a file was opened."""
    probe = tmp_path / "probe"
    probe.write_text("x", encoding="utf-8")
    os.utime(probe, (BEFORE, probe.stat().st_mtime))
    probe.read_text(encoding="utf-8")
    if unopened(probe):
        pytest.skip("this disk does not keep when a file was opened")


@pytest.mark.usefixtures("dated")
@each_stage
def test_a_notebook_opens_what_is_declared_writes_what_is_declared_and_wants_no_more(
    run: workflow.Run, smoke: Path, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "artefacts"
    settings = params.resolve(
        params.load(root / "notebooks" / "params.yml"),
        run.stage,
        profile="smoke",
        places={"profile": "smoke", "release": str(folder / "release")}
        | {"weights": "embedded", "dask": ""},
        grade=run.grade,
    )
    settings |= {"artefacts": str(folder)}
    settings |= {"truth_folder": str(folder / "truth")} if "truth_folder" in settings else {}
    opened = run.opened(settings)
    lay_out(run, smoke, folder, opened)
    execute(run, root, folder, settings)
    assert [name for name in opened if unopened(folder / name)] == []
    assert [name for name in run.writes if not (folder / name).exists()] == []
    mine = {path.relative_to(folder).as_posix() for path in inside(folder)}
    ours = {*opened, *run.writes, *OWN, *declared.TWIN_WRITES, "release", "executed.ipynb"}
    assert [name for name in mine if not any(name.startswith(own) for own in ours)] == []
    if "tables" in workflow.STAGES[run.stage].opens:
        films = [path for path in inside(folder / "release") if not path.suffix]
        assert films
        assert all(unopened(film) for film in films)  # it lists them and opens none
    if "films" in workflow.STAGES[run.stage].opens:
        listed = [path for path in inside(folder / "release") if path.suffix == ".txt"]
        assert listed
        assert all(unopened(table) for table in listed)
