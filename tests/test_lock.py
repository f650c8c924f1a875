"""Lock: two makes do not meet, and a lock ends with whoever held it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from workflow import lock

ALONE = """
import sys, time
from pathlib import Path
from workflow import lock
with lock.alone(Path(sys.argv[1]), name="07_pain"):
    print("mine", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Give a living process that does nothing."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", ALONE, str(path), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    return process


def test_a_folder_that_another_make_holds_is_refused_with_its_number(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    lock.hold(tmp_path, sleeper.pid, what="PROFILE=demo")
    lock.hold(tmp_path, sleeper.pid, what="PROFILE=demo")
    with pytest.raises(lock.BusyError, match=rf"PROFILE=demo .* \(process {sleeper.pid}\)"):
        lock.hold(tmp_path, os.getpid(), what="PROFILE=demo")


def test_a_folder_is_free_when_its_holder_is_dead_even_before_it_is_buried(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    lock.hold(tmp_path, sleeper.pid, what="PROFILE=demo")
    sleeper.kill()
    while psutil.Process(sleeper.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    lock.hold(tmp_path, os.getpid(), what="PROFILE=demo")


@pytest.mark.parametrize("text", ["", '{"process": ', "[1]", '{"process": "x"}'])
def test_a_lock_file_that_was_cut_short_holds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / lock.MAKER).write_text(text)
    lock.hold(tmp_path, os.getpid(), what="the book")
    with lock.alone(tmp_path / lock.MAKER, name="07_pain") as waited:
        assert not waited


def test_a_run_waits_for_the_one_that_is_at_work_on_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = holder(tmp_path / "lock", 1.0)
    with lock.alone(tmp_path / "lock", name="07_pain") as waited:
        assert waited
        assert first.wait(5) == 0
    assert f"waiting for process {first.pid}" in capsys.readouterr().err


def test_a_killed_run_holds_nothing_and_what_it_started_is_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = holder(tmp_path / "lock", 60)
    marked = {**os.environ, lock.PARENT: str(first.pid)}  # noqa: TID251
    kernel = subprocess.Popen(["sleep", "60"], env=marked)  # marked from its first moment
    first.kill()
    first.wait()
    with lock.alone(tmp_path / "lock", name="07_pain") as waited:
        assert not waited
        assert not psutil.pid_exists(kernel.pid)
    assert "ended 1 process(es)" in capsys.readouterr().err
