"""Speed: how the benchmarks keep what they measured, in the table the book shows.

A row has a reference, and then a ratio: seconds of the reference over seconds of what is
measured, so more than 1 is faster. Rows without a reference are one size of a path whose growth
is measured. Each script replaces its own rows and leaves those of the others.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from kneephen_report import benchmark_results
from kneephen_report import speed_report as page

PATH = benchmark_results.FOLDER / page.TABLE
CODE = benchmark_results.state()  # asked when a script starts
MEGABYTE = 1024  # ru_maxrss counts in kilobytes
Row = dict[str, Any]


def row(path: str, what: str, n: int, seconds: float, **more: Any) -> Row:
    """Return a row; `more` may hold `reference` with its seconds `beside`, and `memory` in MB."""
    beside = more.pop("beside", float("nan"))
    told = {"path": path, "what": what, "n": n, "seconds": seconds, "ratio": beside / seconds}
    return {"reference": "", "memory": float("nan"), **told, **more}


def keep(rows: Sequence[Row], *, command: str) -> None:
    """Put the rows of one script in place of those it gave before."""
    fresh = pd.DataFrame(rows).assign(command=command, code=CODE)[page.COLUMNS]
    whole = benchmark_results.renewed(
        fresh, PATH, by=lambda rows: rows["command"].str.split().str[1]
    )
    benchmark_results.write(whole, PATH, command="make bench", code=CODE)


def command() -> str:
    """Return the command line that is running, as it would be typed."""
    words = [word for word in sys.argv[1:] if word != "--keep"]
    return " ".join(["python", f"studies/benchmarks/{sys.argv[0].rsplit('/', 1)[-1]}", *words])


def least(work: Callable[[], object], *, repeats: int) -> float:
    """Return the least CPU seconds of a few runs."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def peak() -> float:
    """Return the most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
