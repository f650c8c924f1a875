"""Simulate, count and keep: python -m studies.simulation_study --out artefacts/calibration.

The folder then holds what every cohort answered (`calibration_runs`) and how right the answers
were (`calibration`); the counts are also kept as a small table with the command that made them,
which the book shows. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from kneephen_report import benchmark_results
from kneephen_utils import tables
from studies import simulation_study
from workflow import ROOT, dependencies

PACKAGE = "studies.simulation_study"


def main(argv: list[str] | None = None) -> int:
    """Run the calibration; return 0."""
    given = _parser().parse_args(argv)
    code = benchmark_results.state()
    runs = simulation_study.run(
        cohorts=given.cohorts,
        people=given.people,
        draws=given.draws,
        seed=given.seed,
        workers=given.workers,
        dask=given.dask,
        parts=given.out / "parts" / _fingerprint(given),
    )
    tables.write(runs, simulation_study.RUNS, given.out)
    summary = simulation_study.summarise(runs)
    tables.write(summary, simulation_study.SUMMARY, given.out)
    command = f"make calibrate COHORTS={given.cohorts} PEOPLE={given.people}"
    benchmark_results.write(simulation_study.counts(runs), given.counts, command=command, code=code)
    shown = ["question", "approach", "bias_share", "coverage", "rejected"]
    print(summary[shown].round(3).to_string(index=False))
    return 0


def _fingerprint(given: argparse.Namespace) -> str:
    """Return a short name for what a cohort depends on: its settings and the code behind it."""
    sources = dependencies.modules_of(
        [f"{PACKAGE}.estimators", f"{PACKAGE}.simulated_cohort"], root=ROOT
    )
    states = [dependencies.fingerprint(path) for path in sources]
    states += [f"{name}={getattr(given, name)}" for name in ("people", "draws", "seed")]
    return hashlib.sha256("\n".join(states).encode()).hexdigest()[:12]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m studies.simulation_study", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the two tables")
    kept = benchmark_results.FOLDER / "calibration.csv"
    parser.add_argument("--counts", type=Path, default=kept, help="file for the counts, .csv")
    parser.add_argument("--cohorts", type=int, default=300, help="cohorts, drawn twice each")
    parser.add_argument("--people", type=int, default=1200, help="people in each cohort")
    parser.add_argument("--draws", type=int, default=199, help="permutations behind a p value")
    parser.add_argument("--seed", type=int, default=20, help="same seed, same tables")
    parser.add_argument("--workers", type=int, default=1, help="processes; same tables for any")
    parser.add_argument("--dask", default="", help="address of a Dask scheduler")
    return parser


if __name__ == "__main__":
    sys.exit(main())
