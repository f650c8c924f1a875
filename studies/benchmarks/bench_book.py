"""Book: time and memory of the whole pipeline, as its runs noted them, and how long a build takes.

    python studies/benchmarks/bench_book.py [--profile demo] [--keep]

Needs a finished `make all`. The book is built anew, aside, beside nbconvert, which turns the same
executed notebooks into pages one by one without links, search or prose. Seconds of the pipeline
are those of the clock; those of the builds are of the processor.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import speed

import workflow
from kneephen_utils import tables

BOOK = workflow.ROOT / "book"
PAGES = (4, 8, 12)  # executed notebooks in the smaller books


def processor(words: list[str]) -> float:
    """Run a command; return the CPU seconds of it and of all it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def runs(artefacts: Path) -> list[speed.Row]:
    """Return seconds and memory of every run, and of all together."""
    found = json.loads((artefacts / "timings.json").read_text(encoding="utf-8"))
    knees = len(tables.read("knees", artefacts))
    rows = [
        speed.row("pipeline", one["run"], knees, one["seconds"], memory=one["peak_memory_mb"])
        for one in found
    ]
    whole = sum(one["seconds"] for one in found)
    most = max(one["peak_memory_mb"] for one in found)
    return [*rows, speed.row("pipeline", "all runs, one after another", knees, whole, memory=most)]


def builds(notebooks: list[Path]) -> list[speed.Row]:
    """Return how long the book of these notebooks takes, beside nbconvert, and smaller books."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(shutil.copytree(BOOK, Path(folder) / "book", ignore=_built))
        convert = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--output-dir"]
        beside = processor([*convert, folder, *map(str, notebooks)])
        for count in (len(notebooks), *sorted(PAGES, reverse=True)):
            for path in notebooks[count:]:
                (aside / "executed" / path.name).unlink(missing_ok=True)
            build = ["jupyter-book", "build", "--all", "--quiet", str(aside)]
            seconds = processor(build)
            rows.append(speed.row("book", "build, executed notebooks", count, seconds))
    more = {"reference": "nbconvert, the notebooks alone", "beside": beside}
    what, whole = "build, prose and links too", rows[0]["seconds"]
    return [*rows, speed.row("book", what, len(notebooks), whole, **more)]


def _built(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "_build" and Path(folder) == BOOK]


def main() -> None:
    """Measure, print, and keep where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    rows = runs(workflow.ROOT / "artefacts" / given.profile)
    rows += builds([BOOK / "executed" / f"{run.name}.ipynb" for run in workflow.RUNS])
    for row in rows:
        print(f"{row['path']}, {row['what']}: {row['seconds']:.1f} s of {row['n']:,}")
    if given.keep:
        speed.keep(rows, command=speed.command())


if __name__ == "__main__":
    main()
