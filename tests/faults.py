"""Faults done on purpose to a run in a copy of the project, and whether it came through.

A fault makes one finished run of the smoke profile stale, disturbs its repetition, asks for
it once more, and compares every table with those of the undisturbed run, value for value.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import islands
import numpy as np
import psutil
from distributed import LocalCluster
from pandas.testing import assert_frame_equal

import workflow
from kneephen_utils import PACKAGES, images, tables
from kneephen_utils.phenotype import sweep
from workflow import stamps

PARTS = [*PACKAGES, "notebooks", "Makefile", "requirements.lock", "pyproject.toml"]
SIGNS = {"papermill": "workflow run", "kernel": "ipykernel_launcher", "worker": "LokyProcess"}
TIMEOUT = 600
DAY = 86_400 * 10**9  # nanoseconds
WORK = 0.7  # seconds of sweeps until a worker is lost
WATCH = """import socket
from pathlib import Path

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def guarded(original):
    def call(self, address, *more):
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            with Path(__file__).with_name("calls.txt").open("a") as log:
                log.write(f"{address}\\n")
            raise OSError("no network here")
        return original(self, address, *more)

    return call


socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
"""


@dataclass(frozen=True)
class Project:
    """A copy of the project with a finished run, and the folder of the undisturbed run."""

    folder: Path
    undisturbed: Path
    environment: Path
    started: float

    @property
    def artefacts(self) -> Path:
        """Folder of the artefacts that are put at risk."""
        return self.folder / "artefacts" / "smoke"

    def make(self, before: str = "") -> subprocess.Popen[str]:
        """Start make in a session of its own; `before` are shell words, such as `ulimit`."""
        words = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS"]
        words += [f"PYTHONPATH={self.folder}", f"CONDA_PREFIX={self.environment}"]
        words += ["CONDA_DEFAULT_ENV=kneephen"]
        return subprocess.Popen(
            [*words, "bash", "-c", f"{before} exec make run PROFILE=smoke"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def forget(self, run: str) -> None:
        """Remove the artefacts of one run, so that make repeats it."""
        for path in (self.artefacts / name for name in workflow.run_called(run).writes):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def copied(root: Path, folder: Path) -> Project:
    """Copy the project and its finished smoke run, and watch what it asks of the network.

    The films are shared, since nothing writes them.
    """
    for name in PARTS:
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy2
        copy(root / name, folder / name)
    finished = root / "artefacts" / "smoke"
    place = folder / "artefacts" / "smoke"
    shutil.copytree(finished, place, ignore=shutil.ignore_patterns("release"))
    (place / "release").symlink_to(finished / "release")
    (folder / "sitecustomize.py").write_text(WATCH)  # read by every Python that starts here
    return Project(folder, finished, Path(sys.prefix), time.time())


def told(process: subprocess.Popen[str]) -> str:
    """Wait for a process; return what it said. One that does not end is ended, and is a loss."""
    try:
        return process.communicate(timeout=TIMEOUT)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"not done after {TIMEOUT} s") from None


def victim(process: subprocess.Popen[str], kind: str) -> psutil.Process | None:
    """Return make itself, or the process of a kind that it has started; None if it ended first."""
    if kind == "make":
        return psutil.Process(process.pid)
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if SIGNS[kind] in " ".join(child.cmdline()):
                    return child
            except psutil.Error:
                continue
        time.sleep(0.02)
    return None


def moment(project: Project, run: str, share: float) -> tuple[int, float]:
    """Return the cell that was at work after a share of the undisturbed run, and since when."""
    cells = json.loads((project.undisturbed / "executed" / f"{run}.ipynb").read_text())["cells"]
    took = np.array([cell["metadata"]["papermill"]["duration"] or 0.0 for cell in cells])
    ends = np.cumsum(took)
    place = int(np.searchsorted(ends, share * ends[-1]))
    return place, float(share * ends[-1] - (ends[place] - took[place]))


def at_work(project: Project, run: str, place: int) -> bool | None:
    """Say whether a cell of a run is at work; None where it is done."""
    try:
        text = (project.artefacts / "running" / f"{run}.ipynb").read_text()
        told = json.loads(text)["cells"][place]["metadata"]["papermill"]
    except (OSError, ValueError, KeyError, IndexError):  # not there yet, or being written
        return False
    return None if told.get("end_time") else bool(told.get("start_time"))


def kill(project: Project, run: str, kind: str, *, share: float) -> bool:
    """Kill a process with signal 9 when a run has done a share of its work; say if it hit.

    How far the run is, its unfinished notebook tells, so a busy machine shifts the moment no
    further than within one cell.
    """
    project.forget(run)
    place, since = moment(project, run, share)
    process = project.make()
    while process.poll() is None and at_work(project, run, place) is False:
        time.sleep(0.02)
    started = time.monotonic()
    while process.poll() is None and time.monotonic() < started + since:
        if at_work(project, run, place) is None:
            break
        time.sleep(0.02)
    found = victim(process, kind)
    hit = found is not None and process.poll() is None and found.is_running()
    if found is not None and hit:
        found.send_signal(signal.SIGKILL)
    process.wait(TIMEOUT)
    return hit


def limited(project: Project, run: str, limit: str) -> str:
    """Repeat a run under a limit of the shell, such as `ulimit -f 8`; return what was said."""
    project.forget(run)
    process = project.make(f"{limit};")
    said = told(process)
    assert process.returncode != 0, f"{run} was not stopped by {limit}"
    return said


def on_disk(project: Project, run: str, options: str) -> str:
    """Repeat a run whose working folder is a disk of its own, such as a full one; needs root.

    Parameters
    ----------
    project, run
        What is repeated.
    options
        Of the mounted disk: `size=64k,ro` may not be written, `size=16k` is soon full.
    """
    project.forget(run)
    place = str(project.artefacts / "running")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        process = project.make()
        said = told(process)
    finally:
        subprocess.run(["umount", "-l", place], check=True)
    assert process.returncode != 0, f"{run} was not stopped by a disk with {options}"
    return said


def clock_back(project: Project, run: str) -> None:
    """Make a run stale when all that make compares lies a day ahead, as after a wrong clock."""
    project.forget(run)
    for path in stamps.dated(project.artefacts):
        state = path.stat()
        os.utime(path, ns=(state.st_atime_ns + DAY, state.st_mtime_ns + DAY))


def ended(process: psutil.Process) -> bool:
    """Say whether a process is gone, or dead and not yet asked how it ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def worker_lost(turn: int) -> None:
    """Kill one of two Dask workers in the middle of a sweep; the numbers must be the same."""
    settings = replace(islands.SETTINGS, draws=4)
    cells = islands.cells(islands.world(60), "image")
    alone = sweep.trials(cells, settings=settings)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        victim = psutil.Process([worker.pid for worker in cluster.workers.values()][turn % 2])
        timer = threading.Timer(WORK * (1 + turn % 3), victim.kill)
        until = time.monotonic() + TIMEOUT
        timer.start()
        try:
            while not ended(victim) and time.monotonic() < until:  # the kill comes amid a sweep
                found = sweep.trials(
                    cells, settings=replace(settings, dask=cluster.scheduler_address)
                )
        finally:
            timer.join()
        assert ended(victim), "no worker was lost"
    for arm, tried in alone.items():
        for one, other in zip(tried, found[arm], strict=True):
            np.testing.assert_array_equal(one.labels, other.labels)
            np.testing.assert_array_equal(one.again, other.again)


def corrupt(path: Path, *, seed: int) -> None:
    """Change one byte of a file, keeping its size and its time."""
    file = path if path.is_file() else max(path.rglob("*"), key=lambda each: each.stat().st_size)
    state, content = file.stat(), bytearray(file.read_bytes())
    content[int(np.random.default_rng(seed).integers(len(content)))] ^= 0xFF
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def survived(project: Project) -> str:
    """Ask for the run once more, compare every artefact; return what was said.

    Raises
    ------
    AssertionError
        If make fails or an artefact differs from the undisturbed run.
    """
    process = project.make()
    said = told(process)
    assert process.returncode == 0, said[-3000:]
    for run in workflow.RUNS:
        for path in run.writes:
            if path.endswith(".parquet"):
                name, _, part = path.removesuffix(".parquet").partition("/")
                mine, theirs = (
                    tables.read(name, folder, part or None)
                    for folder in (project.artefacts, project.undisturbed)
                )
                assert_frame_equal(mine, theirs, obj=path, check_exact=True)
            elif not path.endswith(".zarr"):
                mine, theirs = (
                    (folder / path).read_bytes()
                    for folder in (project.artefacts, project.undisturbed)
                )
                assert mine == theirs, path
    np.testing.assert_array_equal(
        images.read(project.artefacts)[:], images.read(project.undisturbed)[:]
    )
    left = [path for path in project.artefacts.rglob(".*.*") if path.suffix[1:].isdigit()]
    assert left == [], "half-written artefacts are left"
    return said


def outcome(act: Callable[[], object], project: Project) -> bool | None:
    """Do a fault; say whether the run came through, or None where the fault missed."""
    try:
        if act() is False:
            return None
        survived(project)
    except (AssertionError, OSError, ValueError) as error:
        print(f"lost: {error}")
        return False
    return True
