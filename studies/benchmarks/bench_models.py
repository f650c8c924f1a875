"""How fast the models of pain and progression are.

    python studies/benchmarks/bench_models.py [--keep]

One run prints the pain model beside statsmodels on the same people, the survival models of the
whole study beside the defaults of statsmodels and lifelines on the same knees, and how pain and
grouped-time models grow with the number of people. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
import speed
from lifelines import CoxPHFitter
from statsmodels.duration.hazard_regression import PHReg

from kneephen_report.speed_report import exponent
from kneephen_utils.stats import discrete_time_hazard, lmm, lmm_contrasts, survival

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import simulated

BESIDE = 400  # people given to statsmodels too
SIZES = [550, 1_100, 2_200, 4_450]  # people; the last is the whole study
LIBRARIES = ("statsmodels", "lifelines")
COLUMNS = ["years", "is_1", "years_1"]


def pain_rows(people: int) -> pd.DataFrame:
    """Return simulated visits of two knees per person, with the columns of the pain model."""
    grouped, visits = simulated.pain(simulated.knees(people, seed=1), seed=1, level=1.0, slope=0.1)
    seen = lmm_contrasts.at_visits(grouped, visits, "womac_pain", horizon=96.0)
    return lmm_contrasts.design(seen, ["years"], [1])[0]


def events(people: int) -> pd.DataFrame:
    """Return simulated follow-up of two knees per person, cut at 48 months."""
    grouped = simulated.knees(people, seed=1)
    found = simulated.events(grouped, seed=1, log_ratio=0.8)
    marked = found.assign(mark=grouped["phenotype"].astype(float))
    cut = discrete_time_hazard.censor(marked, horizon=48.0)
    return cut[cut["months"] > 0].reset_index(drop=True)


def spells(people: int) -> pd.DataFrame:
    """Return simulated follow-up split at the visits."""
    return discrete_time_hazard.periods(events(people))


def beside_defaults(people: int, *, repeats: int) -> list[speed.Row]:
    """Print and return the survival models beside what statsmodels and lifelines do by default."""
    cut = events(people)
    rows = cut[["months", "mark"]].assign(observed=cut["observed"].astype(int))
    codes = pd.factorize(cut["participant_id"])[0]
    taken = {
        "grouped-time, split and clustered": lambda: discrete_time_hazard.fit(
            discrete_time_hazard.periods(cut), ["mark"]
        ),
        "Cox, Efron, clustered": lambda: survival.cox(cut, ["mark"], clustered=True),
        "statsmodels PHReg, defaults": lambda: PHReg(
            rows["months"], rows[["mark"]], status=rows["observed"]
        ).fit(),
        "lifelines CoxPHFitter, defaults": lambda: CoxPHFitter().fit(rows, "months", "observed"),
        "lifelines CoxPHFitter, clustered": lambda: CoxPHFitter().fit(
            rows.assign(person=codes), "months", "observed", cluster_col="person"
        ),
    }
    times = {name: speed.least(work, repeats=repeats) for name, work in taken.items()}
    first = next(iter(times.values()))
    print(f"survival, {len(cut):,} knees, {int(cut['observed'].sum()):,} events")
    for name, each in times.items():
        print(f"  {name}: {each:.2f} s, ratio to the first {each / first:.1f}")
    own, *_ = times
    others = [(name, each) for name, each in times.items() if name.split()[0] in LIBRARIES]
    return [
        speed.row("survival", own, len(cut), first, reference=name, beside=each)
        for name, each in others
    ]


def pain(*, repeats: int) -> list[speed.Row]:
    """Print and return the pain model beside statsmodels on the same people."""
    few = pain_rows(BESIDE)
    own = speed.least(lambda: fit(few), repeats=repeats)
    other = speed.least(lambda: lmm.reference(few, COLUMNS), repeats=1)
    print(
        f"pain, {BESIDE:,} people, {len(few):,} rows: ours {own:.2f} s, statsmodels {other:.2f} s"
    )
    print(f"ratio {other / own:.1f}")
    beside = {"reference": "statsmodels MixedLM, the same model", "beside": other}
    return [speed.row("mixed model", "pain over the visits", 2 * BESIDE, own, **beside)]


def growth(*, repeats: int) -> list[speed.Row]:
    """Print and return how both models grow with the number of people."""
    found = []
    for people in SIZES:
        rows, periods = pain_rows(people), spells(people)
        own = speed.least(lambda r=rows: fit(r), repeats=repeats)
        found.append(speed.row("mixed model", "pain over the visits", 2 * people, own))
        grouped = speed.least(
            lambda p=periods: discrete_time_hazard.fit(p, ["mark"]), repeats=repeats
        )
        found.append(speed.row("survival", "grouped-time", 2 * people, grouped))
        told = f"pain {own:.2f} s, grouped-time {grouped:.2f} s"
        print(f"{2 * people:,} knees, {len(rows):,} visits, {len(periods):,} intervals: {told}")
    for path, own in pd.DataFrame(found).groupby("path", sort=False):
        print(f"{path}: time grows as size ** {exponent(own['n'], own['seconds']):.2f}")
    return found


def fit(rows: pd.DataFrame) -> lmm.Fit:
    """Fit the pain model as the stage does."""
    return lmm.fit(rows, COLUMNS, optimizer=lmm.FIRST, reml=True)


def main() -> None:
    """Measure and print; keep what was measured where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    rows = pain(repeats=given.repeats)
    rows += beside_defaults(SIZES[-1], repeats=given.repeats)
    rows += growth(repeats=given.repeats)
    if given.keep:
        speed.keep(rows, command=speed.command())


if __name__ == "__main__":
    main()
