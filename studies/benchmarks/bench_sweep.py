"""Sweep: one tree for every size of group against a refit for every setting, in one run.

    python studies/benchmarks/bench_sweep.py [--knees 3400] [--resamples 50] [--keep]

Both use the same implementation, one core and the same points; labels must be equal. Seconds are
those of the processor, so that other work on the machine does not count; those of more workers
are of the clock, and want a machine that does nothing else. Then the layout from an exact
neighbour graph is timed against the defaults of UMAP, and growth with n.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import speed
from fast_hdbscan.hdbscan import fast_hdbscan
from umap import UMAP

from kneephen_report.speed_report import exponent
from kneephen_utils import fusion, parallel
from kneephen_utils.phenotype import hdbscan_tree
from kneephen_utils.stats import cluster_resampling

DIMENSIONS = 10
SIZES, SAMPLES = 20, (1, 3, 5, 8, 12)


def points(n: int, dimensions: int = DIMENSIONS) -> np.ndarray:
    """Return points (n, dimensions): four groups on a cloud."""
    rng = np.random.default_rng(n)
    centres = 4.0 * rng.standard_normal((4, dimensions))
    return centres[rng.integers(4, size=n)] + rng.standard_normal((n, dimensions))


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return processor seconds and the result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def shared(sets: list[np.ndarray], sizes: list[int]) -> list[np.ndarray]:
    """Return the labels of every set and setting, each tree cut for every size."""
    labels = []
    for some in sets:
        for min_samples in SAMPLES:
            labels += list(
                hdbscan_tree.cuts(hdbscan_tree.grow(some, min_samples=min_samples), sizes=sizes)
            )
    return labels


def naive(sets: list[np.ndarray], sizes: list[int]) -> list[np.ndarray]:
    """Return the same labels, each setting fitted from the start."""
    return [
        hdbscan_tree.by_size(
            np.asarray(
                fast_hdbscan(some, min_samples=m, min_cluster_size=size, reproducible=True)[0]
            )
        )
        for some in sets
        for m in SAMPLES
        for size in sizes
    ]


def asked(n: int, resamples: int) -> tuple[list[np.ndarray], list[int]]:
    """Return the points of every resample of people, and the sizes of a sweep."""
    whole = points(n)
    people = pd.Series(np.repeat(np.arange(n // 2), 2))
    drawn = cluster_resampling.subsample_people(people, draws=resamples, share=0.8, seed=0)
    return [whole[rows] for rows in drawn], [int(size) for size in np.linspace(20, n // 8, SIZES)]


def sweep(n: int, resamples: int) -> speed.Row:
    """Print and return the ratio of the sweeps, and raise where a label differs."""
    sets, sizes = asked(n, resamples)
    shared(sets[:1], sizes[:1]), naive(sets[:1], sizes[:1])  # compile
    fast, ours = timed(lambda: shared(sets, sizes))
    slow, theirs = timed(lambda: naive(sets, sizes))
    equal = all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    what = f"{SIZES * len(SAMPLES)} settings x {resamples} resamples"
    print(
        f"sweep: {n} knees, {what}: {fast:.1f} s against {slow:.1f} s naive = "
        f"{slow / fast:.1f}x, labels equal: {equal}"
    )
    if not equal:
        raise RuntimeError("the two sweeps give different labels")
    return speed.row("sweep", what, n, fast, reference="a fit for every setting", beside=slow)


def workers(n: int, resamples: int, count: int) -> speed.Row:
    """Print and return how much sooner some workers are done than one, by the clock."""
    sets, sizes = asked(n, resamples)
    jobs, taken, labels = [([some], sizes) for some in sets], [], []
    for each in (1, count):
        list(parallel.each(shared, jobs[: 2 * count], workers=each))  # start and compile
        start = time.perf_counter()
        labels.append(list(parallel.each(shared, jobs, workers=each)))
        taken.append(time.perf_counter() - start)
    if not all(np.array_equal(a, b) for a, b in zip(*labels, strict=True)):
        raise RuntimeError("the labels depend on the number of workers")
    alone, together = taken
    print(f"{count} workers: {together:.1f} s of the clock against {alone:.1f} s of one")
    what = f"{resamples} resamples on {count} workers, seconds of the clock"
    return speed.row("sweep", what, n, together, reference="one worker", beside=alone)


def layout(n: int) -> speed.Row:
    """Print and return the ratio of the two layouts of 512-dimensional pictures."""
    table = pd.DataFrame(points(n, 512), columns=[f"image_{k:03d}" for k in range(512)])
    table.insert(0, "knee_id", [str(k) for k in range(n)])
    fusion.lay_out(table.head(200), seed=0)  # compile
    UMAP(random_state=0, n_jobs=1).fit(table.drop(columns="knee_id").head(200))
    ours, _ = timed(lambda: fusion.lay_out(table, seed=0))
    default = UMAP(n_neighbors=15, min_dist=0.1, metric="cosine", random_state=0, n_jobs=1)
    theirs, _ = timed(lambda: default.fit_transform(table.drop(columns="knee_id").to_numpy()))
    print(f"layout: {n} x 512: {ours:.1f} s against {theirs:.1f} s = {theirs / ours:.1f}x")
    reference = "UMAP with the published settings"
    return speed.row("map", "from exact neighbours", n, ours, reference=reference, beside=theirs)


def once(some: np.ndarray) -> np.ndarray:
    """Return the labels of one tree and one cut."""
    tree = hdbscan_tree.grow(some, min_samples=SAMPLES[2])
    return hdbscan_tree.cut(tree, min_cluster_size=50)[0]


def growth(sizes: tuple[int, ...]) -> list[speed.Row]:
    """Print and return seconds against size and the fitted exponent of tree and cut."""
    sets = {n: points(n) for n in sizes}
    once(sets[sizes[0]])  # compile
    seconds = [timed(lambda n=n: once(sets[n]))[0] for n in sizes]
    slope = exponent(pd.Series(sizes), pd.Series(seconds))
    told = ", ".join(f"{n}: {s:.2f} s" for n, s in zip(sizes, seconds, strict=True))
    print(f"tree and one cut: {told}; exponent {slope:.2f}")
    pairs = zip(sizes, seconds, strict=True)
    return [speed.row("sweep", "one tree and one cut", n, each) for n, each in pairs]


def main() -> None:
    """Run all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--knees", type=int, default=3400)
    parser.add_argument("--resamples", type=int, default=50)
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    rows = [sweep(given.knees, given.resamples), layout(given.knees)]
    if (count := len(os.sched_getaffinity(0))) > 1:
        rows.append(workers(given.knees, given.resamples, count))
    rows += growth((1000, 2000, 4000, 8000, 16000))
    if given.keep:
        speed.keep(rows, command=speed.command())


if __name__ == "__main__":
    main()
