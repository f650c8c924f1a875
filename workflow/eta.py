"""ETA: how long a run may still take, from how long it took the last time.

Runs may go side by side, so each report is a whole line. Where nobody watches, in a log or in
CI, nothing is reported between start and end.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from workflow.ticker import Ticker

EVERY = 20.0  # seconds between two reports


def expected(record: Path) -> float | None:
    """Return the seconds a run took the last time; None if it has no record that can be read."""
    try:
        return float(json.loads(record.read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def spoken(seconds: float) -> str:
    """Write a duration as it is said: `40 s`, `3 min`."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def left(elapsed: float, whole: float | None) -> str:
    """Say how long a run may still take after `elapsed` seconds of `whole`."""
    if whole is None:
        return f"{spoken(elapsed)} so far"
    if elapsed >= whole:
        return f"{spoken(elapsed)} so far, longer than the {spoken(whole)} of last time"
    return f"about {spoken(whole - elapsed)} left"


class Countdown:
    """Report now and then how long a run may still take: `with Countdown(name, whole, say):`.

    Parameters
    ----------
    name
        Of the run.
    whole
        Seconds it is expected to take, as `expected` returns.
    say
        Writes one line.
    every
        Seconds between reports.
    watched
        Whether somebody looks on; None asks standard error whether it is a terminal.
    """

    def __init__(
        self,
        name: str,
        whole: float | None,
        say: Callable[[str], None],
        *,
        every: float = EVERY,
        watched: bool | None = None,
    ) -> None:
        self._name, self._whole, self._say = name, whole, say
        self._watched = sys.stderr.isatty() if watched is None else watched
        self._ticker = Ticker(self._report, every)

    def __enter__(self) -> Countdown:
        self._started = time.monotonic()
        if self._watched:
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ticker.stop()

    def _report(self) -> None:
        self._say(f"{self._name}: {left(time.monotonic() - self._started, self._whole)}")
