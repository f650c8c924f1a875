"""Groups: assigning new knees, and resampling people, in one run.

    python studies/benchmarks/bench_groups.py [--keep]

Assigning is timed beside `approximate_predict` of hdbscan on the same points; drawing people
with replacement beside the same draws made with pandas; a bootstrap of Kaplan-Meier curves beside
a fit of lifelines for every draw. Each grows over four sizes. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import hdbscan
import numpy as np
import pandas as pd
import speed
from lifelines import KaplanMeierFitter

from kneephen_report.speed_report import exponent
from kneephen_utils.phenotype import assignment, hdbscan_tree, reduction
from kneephen_utils.stats import cluster_resampling, survival

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import bench_models
import bench_sweep

SIZES = [1000, 2000, 4000, 8000]  # knees
DRAWS, FITTED = 200, 10  # resamples of people, and how many of them the slow way is given
TIMES = np.arange(0.0, 49.0, 12.0)


def assigning(n: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return both ways to give the groups of `n` knees to as many others."""
    points, others = bench_sweep.points(n), bench_sweep.points(n + 1)[:n]
    labels, membership = hdbscan_tree.cut(
        hdbscan_tree.grow(points, min_samples=5), min_cluster_size=50
    )
    low = reduction.reduce(points, reducer="none", components=0, seed=0)
    fitted = hdbscan.HDBSCAN(min_cluster_size=50, min_samples=5, prediction_data=True).fit(points)
    return (
        lambda: assignment.vote(low, labels, membership, others),
        lambda: hdbscan.approximate_predict(fitted, others),
    )


def drawing(n: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return both ways to draw people with replacement; the slow one for a share of the draws."""
    people = pd.Series(np.repeat(np.arange(n // 2), 2))
    table = pd.DataFrame({"person": people, "row": np.arange(n)})
    own = dict(tuple(table.groupby("person")))

    def slow() -> object:
        found = []
        for draw in range(FITTED):
            drawn = np.random.default_rng([0, draw]).integers(n // 2, size=n // 2)
            found.append(pd.concat([own[person] for person in drawn]))
        return found

    return lambda: list(cluster_resampling.bootstrap_people(people, draws=DRAWS, seed=0)), slow


def curves(n: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return both ways to a bootstrap of Kaplan-Meier curves."""
    cut = bench_models.events(n // 2)
    people = cut["participant_id"]

    def fast() -> object:
        return survival.free(cut, TIMES, survival.person_weights(people, draws=DRAWS, seed=0))

    def slow() -> object:
        found = []
        for counts in survival.person_weights(people, draws=FITTED - 1, seed=0).astype(int):
            own = cut[counts > 0]
            fitter = KaplanMeierFitter()
            fitter.fit(own["months"], own["observed"], weights=counts[counts > 0])
            found.append(fitter.survival_function_at_times(TIMES))
        return found

    return fast, slow


PATHS = {
    "assignment": (assigning, "new knees", "hdbscan approximate_predict", 1),
    "bootstrap": (drawing, f"{DRAWS} draws of people", "the same draws by pandas", FITTED),
    "bootstrap curves": (curves, f"{DRAWS} curves", "lifelines, one fit a draw", FITTED),
}


def main() -> None:
    """Measure, print, and keep where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    rows = []
    for path, (make, what, reference, share) in PATHS.items():
        draws = 1 if path == "assignment" else DRAWS / share
        for n in SIZES:
            own, other = make(n)
            seconds = speed.least(own, repeats=given.repeats)
            rows.append(speed.row(path, what, n, seconds))
            if n == SIZES[1]:
                beside = draws * speed.least(other, repeats=1)
                rows.append(speed.row(path, what, n, seconds, reference=reference, beside=beside))
                print(f"{path}, {n:,} knees: {seconds:.3f} s, {reference} {beside:.2f} s")
        took = [row["seconds"] for row in rows if row["path"] == path and not row["reference"]]
        slope = exponent(pd.Series(SIZES), pd.Series(took))
        print(f"{path}: time grows as size ** {slope:.2f}")
    if given.keep:
        speed.keep(rows, command=speed.command())


if __name__ == "__main__":
    main()
