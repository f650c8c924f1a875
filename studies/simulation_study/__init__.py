"""Simulation study: whether the models of pain and progression find what is there, and only that.

Cohorts are simulated with their whole history, read by the design of the real study, and
analysed twice: by the models of this book, and as such groups are often compared. Whatever was
planted is known, so bias, coverage and false alarms can be counted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from kneephen_utils import parallel, tables
from studies.simulation_study import estimators, simulated_cohort
from studies.simulation_study.estimands import ALL, LEVEL, RATIO, SLOPE, Question

ALPHA = 0.05
RUNS, SUMMARY = "calibration_runs", "calibration"


def run(
    *, cohorts: int, people: int, draws: int, seed: int, workers: int, parts: Path, dask: str = ""
) -> pd.DataFrame:
    """Simulate cohorts and answer every question in each: the table `calibration_runs`.

    Parameters
    ----------
    cohorts
        How many; each is drawn once with phenotypes and once without.
    people
        People in each.
    draws
        Permutations of whole people behind each p value.
    seed
        Cohort number i depends on `seed` and i alone, so workers may share them.
    workers
        Processes; the table does not depend on it.
    parts
        Folder in which every cohort is kept as soon as it is answered; those that are there
        already, from the same settings and the same code, are not made again. A cluster must
        see the same folder.
    dask
        Address of a Dask scheduler, in place of processes.
    """
    names = [f"cohort_{i:05d}" for i in range(cohorts)]
    missing = [i for i, name in enumerate(names) if not _path(parts, name).exists()]
    waiting = [(i, names[i], parts.resolve(), people, draws, seed) for i in missing]
    made = parallel.each(_keep, waiting, workers=workers, dask=dask)
    for _ in tqdm(made, total=len(missing), unit="cohort"):
        pass
    return pd.concat([tables.read(RUNS, parts, name) for name in names], ignore_index=True)


def _path(parts: Path, name: str) -> Path:
    return tables.path_of(RUNS, parts, name)


def _keep(cohort: int, name: str, parts: Path, people: int, draws: int, seed: int) -> None:
    rows = one(cohort, people=people, draws=draws, seed=seed)
    numbers = dict.fromkeys(["truth", "estimate", "low", "high", "p"], "float64")
    table = pd.DataFrame(rows, columns=list(tables.SCHEMAS[RUNS].columns)).astype(numbers)
    tables.write(table, RUNS, parts, name)


def one(cohort: int, *, people: int, draws: int, seed: int) -> list[dict]:
    """Answer every question in one cohort, by both approaches."""
    rows: list[dict] = []
    for planted in (True, False):
        seen = simulated_cohort.draw(
            people=people, seed=_seed(seed, cohort, planted=planted), planted=planted
        )
        for asked in ALL:
            if asked.planted is planted:
                pair = simulated_cohort.pair(seen, asked, seed=seed + cohort)
                for approach, how in estimators.APPROACHES.items():
                    for contrast, known in how(pair, seen, asked, draws=draws, seed=cohort).items():
                        named = _named(asked, contrast)
                        row = {"cohort": cohort, "approach": approach, "knees": len(pair)}
                        rows.append({**row, **named, **known})
    return rows


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Count bias, coverage and rejections over the cohorts: the table `calibration`.

    Ratios are averaged as logarithms. `bias` is the mean error; where something was planted
    `bias_share` is its share of the planted effect. Every number has its Monte-Carlo error.
    """
    key = ["question", "approach"]
    lines = [_summary(own) for _, own in runs.groupby(key, sort=False)]
    return pd.DataFrame(lines, columns=list(tables.SCHEMAS[SUMMARY].columns))


def pooled(runs: pd.DataFrame) -> pd.DataFrame:
    """Return false alarms and coverage over all questions of a kind in which nothing differs."""
    null = runs[~runs["planted"] & runs["contrast"].isin([RATIO, LEVEL, SLOPE])]
    kinds = null.assign(question=null["outcome"] + ": " + null["contrast"], kl_grade=-1)
    return summarise(kinds)


def counts(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what the book shows: every question, then those of a kind taken together."""
    return pd.concat([summarise(runs), pooled(runs)], ignore_index=True)


def _summary(own: pd.DataFrame) -> dict:
    first, some = own.iloc[0], own[np.isfinite(own[["estimate", "low", "high"]]).all(axis=1)]
    truth, estimate, low, high = (some[c] for c in ("truth", "estimate", "low", "high"))
    if first["contrast"] == RATIO:
        truth, estimate, low, high = (np.log(each) for each in (truth, estimate, low, high))
    error = estimate - truth
    size = float(truth.abs().mean()) if len(some) else np.nan
    bias, bias_error = float(error.mean()), float(error.std() / np.sqrt(max(len(some), 1)))
    tested = own["p"].dropna()
    known = {name: first[name] for name in _KEPT}
    known |= {"cohorts": len(own), "estimated": len(some), "bias": bias, "bias_error": bias_error}
    known |= {"bias_share": bias / size if size else np.nan}
    known |= {"bias_share_error": bias_error / size if size else np.nan}
    known["mean_estimate"] = float(estimate.mean())
    if first["contrast"] == RATIO:
        known["mean_estimate"] = float(np.exp(known["mean_estimate"]))
    known["coverage"], known["coverage_error"] = _share((low <= truth) & (truth <= high))
    known["rejected"], known["rejected_error"] = _share(tested <= ALPHA)
    return known


_KEPT = ["question", "approach", "planted", "outcome", "contrast", "kl_grade", "truth"]


def _share(hits: pd.Series) -> tuple[float, float]:
    """Return the share of hits and its Monte-Carlo error."""
    if not len(hits):
        return float("nan"), float("nan")
    share = float(hits.mean())
    return share, float(np.sqrt(share * (1 - share) / len(hits)))


def _named(asked: Question, contrast: str) -> dict:
    known = {"question": asked.name(contrast), "planted": asked.planted}
    known |= {"outcome": asked.outcome, "contrast": contrast, "kl_grade": asked.kl_grade}
    return {**known, "truth": asked.truth(contrast)}


def _seed(seed: int, cohort: int, *, planted: bool) -> int:
    return 1_000_003 * seed + 2 * cohort + int(planted)
