"""Ticker: does something now and then beside what the process is at work on."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Ticker:
    """Call `act` every `every` seconds, from `start` until `stop` returns."""

    def __init__(self, act: Callable[[], None], every: float) -> None:
        self._act, self._every = act, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin; the first call comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for a call that is under way; nothing happens if it never began."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._act()
