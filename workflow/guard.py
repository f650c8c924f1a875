"""Guard: when a make is gone, however it ended, nothing that it started stays at work.

    python3 -m workflow.guard NUMBER MARK

Every process that make starts carries MARK in its environment, and so does what those start. The
guard waits until process NUMBER is gone, or is ending without telling its children, and ends what
is left of Python, shells and makes: a browser that was opened goes on. Nothing but the standard
library is needed; where there is no /proc, psutil is asked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

NAME = "KNEEPHEN_MAKE"
EVERY, GRACE = 0.5, 4.0  # seconds between looks; in which what was told to end may do so
ENDED = ("python", "bash", "sh", "dash", "make", "gmake", "jupyter", "pip")  # begin their names
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
PROC = Path("/proc")


def main(words: list[str]) -> int:
    """Wait for the end of a make, then end what it left."""
    number, mark = int(words[0]), words[1]
    with contextlib.suppress(OSError):
        os.setsid()  # what is typed at the terminal of make is not for the guard
    for sign in ENDING:
        signal.signal(sign, signal.SIG_IGN)
    wait(number)
    end(mark)
    return 0


def wait(number: int) -> None:
    """Return when a process is gone or ending."""
    born, handled = _born(number), _handled(number)
    while born is not None and _born(number) == born:
        left = _handled(number)
        if handled & ~left:
            time.sleep(GRACE)  # a terminal has told its children too
            return
        handled |= left
        time.sleep(EVERY)


def end(mark: str) -> int:
    """End the processes that carry a mark; return how many there were."""
    told: set[int] = set()
    for sign, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE), (signal.SIGKILL, 0)):
        left = marked(mark)
        told |= set(left)
        for number in left:
            with contextlib.suppress(OSError):
                os.kill(number, sign)
        until = time.monotonic() + patience
        while marked(mark) and time.monotonic() < until:
            time.sleep(EVERY / 5)
    return len(told)


def marked(mark: str) -> list[int]:
    """Return the processes that carry a mark and are of a kind that is ended."""
    wanted = f"{NAME}={mark}".encode()
    found = _in_proc(wanted) if PROC.is_dir() else _by_psutil(mark)
    return [number for number in found if number != os.getpid()]


def _in_proc(wanted: bytes) -> Iterable[int]:
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # another's, or gone meanwhile
                name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
                own = wanted in (folder / "environ").read_bytes().split(b"\0")
                if own and _kind(name, (folder / "exe").resolve().name):
                    yield int(folder.name)


def _by_psutil(mark: str) -> Iterable[int]:
    import psutil

    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if each.environ().get(NAME) == mark and _kind(each.name(), Path(each.exe()).name):
                yield each.pid


def _kind(*names: str) -> bool:
    return any(name.lower().startswith(ENDED) for name in names)


def _born(number: int) -> str | None:
    """Return when a living process began, so that no other is taken for it; None if it is gone."""
    try:
        told = (PROC / str(number) / "stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        if PROC.is_dir():
            return None
        with contextlib.suppress(OSError):
            os.kill(number, 0)
            return "alive"
        return None
    except OSError:
        return None
    state, *rest = told.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]


def _handled(number: int) -> int:
    """Return which ending signals a process handles: make gives that up when one has come."""
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / str(number) / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith("SigCgt:"):
                caught = int(line.split()[1], 16)
                return sum(1 << sign for sign in ENDING if caught >> (sign - 1) & 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
