"""How fast the models of pain and progression are: python benchmarks/bench_models.py.

One run prints the full-size pain model beside statsmodels on the same people, the grouped-time
model, and how both grow with the number of people. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from kneephen_utils.inference import hazard, mixed, slopes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import simulated

BESIDE = 400  # people given to statsmodels too
SIZES = [550, 1_100, 2_200, 4_450]  # people; the last is the whole study
COLUMNS = ["years", "is_1", "years_1"]


def pain_rows(people: int) -> pd.DataFrame:
    """Return simulated visits of two knees per person, with the columns of the pain model."""
    grouped, visits = simulated.pain(simulated.knees(people, seed=1), seed=1, level=1.0, slope=0.1)
    seen = slopes.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    return slopes.design(seen, ["years"], [1])[0]


def spells(people: int) -> pd.DataFrame:
    """Return simulated follow-up split at the visits."""
    grouped = simulated.knees(people, seed=1)
    found = simulated.events(grouped, seed=1, log_ratio=0.8)
    marked = found.assign(mark=grouped["phenotype"].astype(float))
    cut = hazard.censor(marked, horizon=48.0)
    return hazard.periods(cut[cut["months"] > 0])


def seconds(work: Callable[[], object], *, repeats: int) -> float:
    """Return the least CPU seconds of a few runs."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def exponent(sizes: list[int], times: list[float]) -> float:
    """Return b of time = a x size ** b, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    repeats = parser.parse_args().repeats

    def fit(rows: pd.DataFrame) -> object:
        return mixed.fit(rows, COLUMNS, optimizer=mixed.FIRST, reml=True)

    few = pain_rows(BESIDE)
    own = seconds(lambda: fit(few), repeats=repeats)
    other = seconds(lambda: mixed.reference(few, COLUMNS), repeats=1)
    print(
        f"pain, {BESIDE:,} people, {len(few):,} rows: ours {own:.2f} s, statsmodels {other:.2f} s"
    )
    print(f"ratio {other / own:.1f}")

    taken = {"pain": [], "grouped-time": []}
    for people in SIZES:
        rows, periods = pain_rows(people), spells(people)
        taken["pain"].append(seconds(lambda r=rows: fit(r), repeats=repeats))
        taken["grouped-time"].append(
            seconds(lambda p=periods: hazard.fit(p, ["mark"]), repeats=repeats)
        )
        last = ", ".join(f"{name} {each[-1]:.2f} s" for name, each in taken.items())
        print(f"{2 * people:,} knees, {len(rows):,} visits, {len(periods):,} intervals: {last}")
    for name, each in taken.items():
        print(f"{name}: time grows as size ** {exponent(SIZES, each):.2f}")


if __name__ == "__main__":
    main()
