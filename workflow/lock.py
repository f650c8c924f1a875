"""Lock: one make at a time in a folder, one execution at a time of a run.

A lock ends with the process that holds it, however that process ends: nothing has to be
removed after a kill or a power cut.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from kneephen_utils import scratch

MAKER = ".maker"
KERNEL_FOLDER = "kernel-{pid}-"  # begins the name of what a kernel is reached by
PARENT = "JPY_PARENT_PID"  # tells a kernel, and what it starts, who started it


class BusyError(ValueError):
    """Another make is at work in the same folder; the message names it."""


def hold(folder: Path, owner: int, *, what: str) -> None:
    """Take `folder` for a process, unless another living process of this machine has it.

    Parameters
    ----------
    folder
        Folder of a profile, or of the book.
    owner
        Number of the process that holds the folder for as long as it lives: make.
    what
        What is held, in words.

    Raises
    ------
    BusyError
        If another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / MAKER).open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = _noted(file.read())
        if known.get("host") == platform.node() and known.get("process") != owner:
            name = _name(known.get("process"))
            if name is not None and name == known.get("name"):
                raise BusyError(
                    f"{what} is being made by another {name} (process {known['process']}); "
                    "wait until it is done or stop it, then give the command again"
                )
        mine = {"process": owner, "name": _name(owner), "host": platform.node()}
        file.truncate(0)
        file.write(json.dumps(mine) + "\n")


@contextmanager
def alone(path: Path, *, name: str) -> Iterator[bool]:
    """Hold a run; wait for an execution of it that a killed make left at work.

    What a killed execution left - a kernel, its workers, the files it was reached by - is
    ended and removed first. Yields whether there was something to wait for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        waited = not _taken(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.seek(0)
        before = _noted(file.read()).get("process")
        if waited:
            sys.stderr.write(f"{name}: waiting for process {before}, which is at work on it\n")
            _taken(file.fileno(), fcntl.LOCK_EX)
        if isinstance(before, int) and before != os.getpid() and _name(before) is None:
            _end_leftovers(before, name)
        file.truncate(0)
        file.write(json.dumps({"process": os.getpid()}) + "\n")
        file.flush()
        yield waited


def _taken(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    return True


def _noted(text: str) -> dict[str, object]:
    """Return what a lock file says; one that was cut short says nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(process: object) -> str | None:
    """Return the name of a living process, or None."""
    if not isinstance(process, int):
        return None
    with suppress(psutil.Error):
        found = psutil.Process(process)
        if found.status() != psutil.STATUS_ZOMBIE:
            return str(found.name())
    return None


def _end_leftovers(parent: int, name: str) -> None:
    """End the kernel and workers of a dead process, and remove the folder of their sockets."""
    left = [each for each in psutil.process_iter() if _started_by(each, parent)]
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(left, timeout=5)
    if left:
        sys.stderr.write(f"{name}: ended {len(left)} process(es) that a killed run had left\n")
    for place in scratch.places():
        for folder in place.glob(KERNEL_FOLDER.format(pid=parent) + "*"):
            shutil.rmtree(folder, ignore_errors=True)


def _started_by(process: psutil.Process, parent: int) -> bool:
    with suppress(psutil.Error):
        return process.environ().get(PARENT) == str(parent)
    return False
