"""Faults: each of them several times, at seeded moments, into the table the book shows.

    python studies/benchmarks/faults.py [--tries 3] [--out book/measured/faults.csv]

Needs a finished `make run PROFILE=smoke`. What is disturbed is a copy of the project in a
temporary folder. Each try takes the next stage, and a moment between the first and the last
twentieth of its work. A try in which the run was over before the kill is not counted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import workflow
from kneephen_report import benchmark_results

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import faults

ROOT = workflow.ROOT
QUICK = ["00_cohort", "02_embedding", "04_fusion", "07_pain", "08_progression"]
EVERY = ["07_pain", "00_cohort", "05_phenotype_grade_2", "04_fusion", "08_progression"]
EVERY += ["02_embedding", "01_radiograph", "09_verdict", "03_grading", "10_multiverse"]
EVERY += ["06_attention"]  # a try of each kind and stage: --tries 11
WORKERS = ["01_radiograph", "10_multiverse"]  # stages with processes of their own
HEADS = ["fault", "tried", "survived", "lost"]


def killed(kind: str, runs: list[str], first: int) -> Callable[[faults.Project, int], object]:
    """Return a fault: kill a kind of process at a moment and in a run that the try decides."""

    def act(project: faults.Project, turn: int) -> object:
        rng = np.random.default_rng([first, turn])
        run = runs[(first + turn) % len(runs)]
        return faults.kill(project, run, kind, share=rng.uniform(0.05, 0.95))

    return act


def under(limit: str) -> Callable[[faults.Project, int], object]:
    """Return a fault: a run under a limit of the shell."""
    return lambda project, turn: faults.limited(project, QUICK[turn % len(QUICK)], limit)


def disk(options: str) -> Callable[[faults.Project, int], object]:
    """Return a fault: a run whose working folder is a disk of its own, full or read-only."""
    return lambda project, turn: faults.on_disk(project, QUICK[turn % len(QUICK)], options)


def clock(project: faults.Project, turn: int) -> None:
    """Repeat a run after everything was written under a clock that was a day ahead."""
    faults.clock_back(project, QUICK[turn % len(QUICK)])


def dask(_project: faults.Project, turn: int) -> None:
    """Lose a worker of a cluster."""
    faults.worker_lost(turn)


def spoilt(project: faults.Project, turn: int) -> None:
    """Change one byte of an artefact of a stage."""
    run = workflow.run_called(QUICK[turn % len(QUICK)])
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
    "kernel killed": killed("kernel", EVERY, 0),
    "Papermill killed": killed("papermill", EVERY, 1),
    "make killed": killed("make", EVERY, 2),
    "worker process killed": killed("worker", WORKERS, 0),
    "Dask worker lost": dask,
    "no room for a file": under("ulimit -f 4"),
    "disk full": disk("size=16k"),
    "disk read-only": disk("size=64k,ro"),
    "too little memory": under("ulimit -v 600000"),
    "clock set back by a day": clock,
    "artefact spoilt by one byte": spoilt,
    "two makes at once": twice,
}
AS_ROOT = {"disk full", "disk read-only"}


def main() -> None:
    """Do every fault, and write how often the run came through after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=FAULTS, help="these alone, kept nowhere")
    parser.add_argument("--out", type=Path, default=benchmark_results.FOLDER / "faults.csv")
    given = parser.parse_args()
    code, rows = benchmark_results.state(), []
    with tempfile.TemporaryDirectory() as folder:
        project = faults.copied(ROOT, Path(folder))
        for name in given.only or FAULTS:
            if name in AS_ROOT and os.geteuid():
                print(f"{name}: left out, since only root may mount a disk")
                continue
            act = FAULTS[name]
            ends = [faults.outcome(partial(act, project, k), project) for k in range(given.tries)]
            tried = [end for end in ends if end is not None]
            rows.append([name, len(tried), sum(tried), len(tried) - sum(tried)])
            print(*rows[-1], sep=", ", flush=True)
    if not given.only:
        table = pd.DataFrame(rows, columns=HEADS)
        command = f"make faults TRIES={given.tries}"
        benchmark_results.write(table, given.out, command=command, code=code)


if __name__ == "__main__":
    main()
