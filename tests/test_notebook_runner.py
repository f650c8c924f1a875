"""Execution: kernels side by side do not meet, and nothing of them is left."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import papermill
import pytest

import workflow
from workflow import notebook_runner

CODE = "import time\ntime.sleep(0.5)\nprint(word)"


def say(folder: Path, word: str) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata["language_info"] = {"name": "python"}
    source, made = folder / f"{word}.ipynb", folder / f"{word} made.ipynb"
    nbformat.write(notebook, source)
    papermill.execute_notebook(
        str(source),
        str(made),
        parameters={"word": word},
        cwd=str(folder),
        kernel_name="python3",
        kernel_manager_class=notebook_runner.LocalKernelManager,
        progress_bar=False,
    )
    return str(nbformat.read(made, as_version=4).cells[-1].outputs[0].text).strip()


def test_kernels_that_run_side_by_side_in_one_folder_do_not_meet(tmp_path: Path) -> None:
    words = ["femur", "tibia", "fibula"]
    with ProcessPoolExecutor(3) as pool:
        said = list(pool.map(say, [tmp_path] * 3, words))
    assert said == words
    assert {path.suffix for path in tmp_path.iterdir()} == {".ipynb"}


def test_what_is_told_names_no_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The notebook that failed still does, in the folder of the run."""
    code = "raise ValueError('knee 9000099-R, film 016600000001: not one row')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    error = {"ename": "ValueError", "evalue": code, "traceback": [code]}
    notebook.cells[0].outputs = [nbformat.v4.new_output("error", **error)]
    nbformat.write(notebook, tmp_path / "a.ipynb")
    notebook_runner._say(notebook_runner.text_failure(tmp_path / "a.ipynb"))
    said = capsys.readouterr().err
    assert "not one row" in said
    assert "9000099" not in said
    assert "016600000001" not in said
    assert "9000099" in (tmp_path / "a.ipynb").read_text()


def test_a_notebook_that_was_cut_short_or_never_written_is_named(tmp_path: Path) -> None:
    cut = tmp_path / "a.ipynb"
    for text in ("", '{"cells": [{"cell_type": "co'):
        cut.write_text(text)
        assert "could not be read: NotJSONError" in notebook_runner.text_failure(cut)
    cut.unlink()
    assert "could not be read: FileNotFoundError" in notebook_runner.text_failure(cut)


def test_why_a_run_failed_is_said_even_if_its_notebook_cannot_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folders = workflow.run_called("00_cohort"), notebook_runner.Folders(tmp_path)
    (tmp_path / "failed").write_text("a file where a folder should be")
    partial = tmp_path / "00_cohort.ipynb"
    partial.write_text("{}")
    notebook_runner._keep_failure(run, partial, folders, "OSError: No space left on device")
    said = capsys.readouterr().err
    assert "00_cohort: FAILED\nOSError: No space left on device" in said
    assert "could not be kept: " in said


def test_what_a_kernel_is_reached_by_is_private_and_removed(tmp_path: Path) -> None:
    manager = notebook_runner.LocalKernelManager(kernel_name="python3")
    place = Path(manager.connection_file).parent
    assert place.stat().st_mode & 0o077 == 0
    assert str(os.getpid()) in place.name
    manager.write_connection_file()
    assert list(place.iterdir())
    manager.cleanup_connection_file()
    assert not place.exists()
    assert not list(tmp_path.iterdir())


def test_a_server_started_by_make_listens_on_this_machine_alone_and_asks_for_its_token(
    root: Path,
) -> None:
    servers = [
        line
        for line in (root / "Makefile").read_text().splitlines()
        if line.startswith("\t") and "jupyter lab" in line
    ]
    assert servers
    for line in servers:
        assert "ip=127.0.0.1" in line, line
        assert "token=" not in line.replace("token=True", ""), line
        assert "password=" not in line, line
