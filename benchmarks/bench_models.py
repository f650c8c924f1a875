"""How fast the models of pain and progression are: python benchmarks/bench_models.py.

One run prints the pain model beside statsmodels on the same people, the survival models of the
whole study beside the defaults of statsmodels and lifelines on the same knees, and how pain and
grouped-time models grow with the number of people. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from statsmodels.duration.hazard_regression import PHReg

from kneephen_utils.inference import hazard, mixed, resample, slopes, survival

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import simulated

BESIDE = 400  # people given to statsmodels too
SIZES = [550, 1_100, 2_200, 4_450]  # people; the last is the whole study
DRAWS = 999  # permutations of people behind one p value
COLUMNS = ["years", "is_1", "years_1"]


def pain_rows(people: int) -> pd.DataFrame:
    """Return simulated visits of two knees per person, with the columns of the pain model."""
    grouped, visits = simulated.pain(simulated.knees(people, seed=1), seed=1, level=1.0, slope=0.1)
    seen = slopes.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    return slopes.design(seen, ["years"], [1])[0]


def events(people: int) -> pd.DataFrame:
    """Return simulated follow-up of two knees per person, cut at 48 months."""
    grouped = simulated.knees(people, seed=1)
    found = simulated.events(grouped, seed=1, log_ratio=0.8)
    marked = found.assign(mark=grouped["phenotype"].astype(float))
    cut = hazard.censor(marked, horizon=48.0)
    return cut[cut["months"] > 0].reset_index(drop=True)


def spells(people: int) -> pd.DataFrame:
    """Return simulated follow-up split at the visits."""
    return hazard.periods(events(people))


def beside_defaults(people: int, *, repeats: int) -> None:
    """Print the survival models beside what statsmodels and lifelines do by default."""
    cut = events(people)
    rows = cut[["months", "mark"]].assign(observed=cut["observed"].astype(int))
    codes = pd.factorize(cut["participant_id"])[0]
    taken = {
        "grouped-time, split and clustered": lambda: hazard.fit(hazard.periods(cut), ["mark"]),
        "Cox, Efron, clustered": lambda: survival.cox(cut, ["mark"], clustered=True),
        "statsmodels PHReg, defaults": lambda: PHReg(
            rows["months"], rows[["mark"]], status=rows["observed"]
        ).fit(),
        "lifelines CoxPHFitter, defaults": lambda: CoxPHFitter().fit(rows, "months", "observed"),
        "lifelines CoxPHFitter, clustered": lambda: CoxPHFitter().fit(
            rows.assign(person=codes), "months", "observed", cluster_col="person"
        ),
    }
    times = {name: seconds(work, repeats=repeats) for name, work in taken.items()}
    first = next(iter(times.values()))
    print(f"survival, {len(cut):,} knees, {int(cut['observed'].sum()):,} events")
    for name, each in times.items():
        print(f"  {name}: {each:.2f} s, ratio to the first {each / first:.1f}")


def permuted(people: int, *, draws: int) -> None:
    """Print what the permutations of one hazard ratio cost, beside as many fits."""
    periods = spells(people)
    kept = hazard.score(periods, [])
    mark = periods.drop_duplicates("knee_id").set_index("knee_id")["mark"]
    labels = mark[kept.knees["knee_id"]].to_numpy()
    drawn = resample.permute_people(kept.knees["participant_id"], labels, draws=draws, seed=1)
    own = seconds(lambda: hazard.scores(kept, drawn), repeats=1)
    fit = seconds(lambda: hazard.fit(periods, ["mark"]), repeats=1)
    print(f"{draws:,} permutations {own:.2f} s, as many fits {draws * fit:.0f} s")
    print(f"ratio {draws * fit / own:.0f}")


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

    beside_defaults(SIZES[-1], repeats=repeats)
    permuted(SIZES[-1], draws=DRAWS)
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
