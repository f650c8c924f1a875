"""Faults: each of them several times, at seeded moments, into the table the book shows.

    python benchmarks/faults.py [--tries 3] [--out book/faults.csv]

Needs a finished `make run PROFILE=smoke`. What is disturbed is a copy of the project in a
temporary folder. A try in which the run was over before the kill is not counted.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from kneephen_utils import pipeline

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import faults

ROOT = pipeline.ROOT
QUICK = ["00_cohort", "02_embedding", "04_fusion", "07_pain", "08_progression"]
HEADS = ["fault", "tried", "survived", "lost"]


def killed(kind: str, runs: list[str]) -> Callable[[faults.Project, int], object]:
    """Return a fault: kill a kind of process at a moment and in a run that the try decides."""

    def act(project: faults.Project, turn: int) -> object:
        rng = np.random.default_rng([len(kind), turn])
        return faults.kill(project, runs[turn % len(runs)], kind, share=rng.uniform(0.05, 0.8))

    return act


def under(limit: str) -> Callable[[faults.Project, int], object]:
    """Return a fault: a run under a limit of the shell."""
    return lambda project, turn: faults.limited(project, QUICK[turn % len(QUICK)], limit)


def read_only(project: faults.Project, turn: int) -> None:
    """Repeat a run where nothing may be written."""
    faults.read_only(project, QUICK[turn % len(QUICK)])


def spoilt(project: faults.Project, turn: int) -> None:
    """Change one byte of an artefact of a stage."""
    run = pipeline.run_called(QUICK[turn % len(QUICK)])
    faults.corrupt(project.artefacts / run.writes[turn % len(run.writes)], seed=turn)


def twice(project: faults.Project, turn: int) -> None:
    """Give the command while it is at work already; the second must stop, the first go on."""
    project.forget(QUICK[turn % len(QUICK)])
    first = project.make()
    faults.victim(first, "papermill")
    second = project.make()
    faults.told(second)
    faults.told(first)
    assert second.returncode != 0, "two makes were at work together"
    assert first.returncode == 0, "the first make was disturbed by the second"


FAULTS: dict[str, Callable[[faults.Project, int], object]] = {
    "kernel killed": killed("kernel", QUICK),
    "papermill killed": killed("papermill", QUICK),
    "make killed": killed("make", QUICK),
    "no room for a file": under("ulimit -f 4"),
    "disk read-only": read_only,
    "artefact spoilt by one byte": spoilt,
    "two makes at once": twice,
}


def main() -> None:
    """Do every fault, and write how often the run came through after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "book" / "faults.csv")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        project = faults.copied(ROOT, Path(folder))
        for name, act in FAULTS.items():
            ends = [faults.outcome(partial(act, project, k), project) for k in range(given.tries)]
            tried = [end for end in ends if end is not None]
            rows.append([name, len(tried), sum(tried), len(tried) - sum(tried)])
            print(*rows[-1], sep=", ", flush=True)
    with given.out.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADS, *rows])


if __name__ == "__main__":
    main()
