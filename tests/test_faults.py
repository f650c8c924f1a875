"""Faults: whatever is killed, filled up or spoilt, the next make ends as if nothing had been."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import faults
import numpy as np
import psutil
import pytest
import test_spine

pytestmark = pytest.mark.slow
smoke = test_spine.smoke  # the finished run, made once for both
SEED = 20


@pytest.fixture(scope="module")
def project(
    smoke: Path, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[faults.Project]:
    assert smoke.is_dir()
    folder = tmp_path_factory.mktemp("project")
    yield faults.copied(root, folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("kind", "run"),
    [
        ("kernel", "07_pain"),
        ("papermill", "00_cohort"),
        ("make", "00_cohort"),
        ("worker", "01_radiograph"),
    ],
)
def test_what_was_killed_ends_as_if_undisturbed(
    project: faults.Project, kind: str, run: str
) -> None:
    share = np.random.default_rng([SEED, len(kind)]).uniform(0.1, 0.6)
    assert faults.kill(project, run, kind, share=share), "the run was over before the kill"
    faults.survived(project)


def test_of_two_makes_at_once_the_second_stops_with_a_sentence(project: faults.Project) -> None:
    project.forget("00_cohort")
    first = project.make()
    assert faults.victim(first, "papermill") is not None
    second = project.make()
    said = faults.told(second)
    assert second.returncode != 0
    assert f"PROFILE=smoke is being made by another make (process {first.pid})" in said
    assert "started" not in said
    faults.told(first)
    assert first.returncode == 0
    faults.survived(project)


def test_a_spoilt_artefact_is_noticed_said_and_made_again(project: faults.Project) -> None:
    faults.corrupt(project.artefacts / "films.parquet", seed=SEED)
    said = faults.survived(project)
    assert "films.parquet is not as 00_cohort left it; it is made again" in said
    started = [line.split(",")[0] for line in said.splitlines() if "started" in line]
    assert started == ["00_cohort: started"]


def test_a_run_without_room_says_so_and_is_made_when_there_is(project: faults.Project) -> None:
    assert "File too large" in faults.limited(project, "00_cohort", "ulimit -f 4")
    faults.survived(project)


def test_a_run_without_memory_stops_and_is_made_when_there_is_some(project: faults.Project) -> None:
    faults.limited(project, "04_fusion", "ulimit -v 600000")
    faults.survived(project)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
@pytest.mark.parametrize(
    ("options", "said"), [("size=16k", "No space left"), ("size=64k,ro", "Read-only file system")]
)
def test_a_disk_that_takes_nothing_is_named(
    project: faults.Project, options: str, said: str
) -> None:
    assert said in faults.on_disk(project, "00_cohort", options)
    faults.survived(project)


def test_after_a_clock_was_set_back_what_is_stale_is_made(project: faults.Project) -> None:
    faults.clock_back(project, "00_cohort")
    said = faults.survived(project)
    assert "00_cohort: started" in said


def test_a_sweep_ends_the_same_when_a_dask_worker_is_lost() -> None:
    faults.worker_lost(0)


def test_nothing_is_asked_of_the_network(project: faults.Project) -> None:
    """All runs above were watched; that of the encoder, which could ask for weights, is added."""
    calls = project.folder / "calls.txt"
    project.forget("02_embedding")
    faults.survived(project)
    assert not calls.exists(), calls.read_text()
    ask = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    words = ["env", f"PYTHONPATH={project.folder}", sys.executable, "-c", ask]
    assert subprocess.run(words, check=False, capture_output=True).returncode != 0
    assert "192.0.2.1" in calls.read_text()
    calls.unlink()


def test_what_is_left_of_it_all_is_nothing(project: faults.Project) -> None:
    """No process runs on, and no private folder of a killed kernel is left."""
    mine, found = str(project.folder), []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if mine in process.environ().get("PYTHONPATH", ""):
                found.append(process.cmdline())
    assert found == []
    dead = [
        folder
        for folder in Path(tempfile.gettempdir()).glob("kernel-*-*")
        if folder.stat().st_mtime > project.started
        and not psutil.pid_exists(int(folder.name.split("-")[1]))
    ]
    assert dead == []
