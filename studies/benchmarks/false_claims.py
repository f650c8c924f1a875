"""False claims: how often the gates let a grade through, with and without planted groups.

    python studies/benchmarks/false_claims.py [--cohorts 200] [--participants 600] [--planted]

What was counted is kept in `book/measured`, with the command that made it, and shown in the book.
Cohorts are drawn at table level: the planted features of each knee, mixed into 64 numbers
with noise, stand for its picture; people, grades, sides and the split are those of the
synthetic release. Everything after the encoder is the pipeline's own code. Gates that cost
little are asked first; a cell that fails one is not searched for more.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import standins
from sklearn.metrics import adjusted_rand_score
from statsmodels.stats.proportion import proportion_confint

from kneephen_report import benchmark_results
from kneephen_utils import fusion, parallel
from kneephen_utils.fusion import nuisance
from kneephen_utils.phenotype import (
    assignment,
    contribution,
    criteria,
    hdbscan_tree,
    null_models,
    stability,
    sweep,
)
from kneephen_utils.phenotype.stability import NAMED
from kneephen_utils.phenotype.stratum import Settings, Stratum, gather
from oai_twin import features, participant_model

DIMENSIONS = 64
ARMS = ("image", "context")
COLUMNS = ["arm", "kl_grade", "cells", "claimed", "share", "low", "high"]
COLUMNS += ["ari", "ari_low", "ari_high", "ari_claimed"]


def cohort(seed: int, participants: int, *, planted: bool) -> tuple[list[Stratum], pd.Series]:
    """Return the cells of all grades and arms of one cohort, and the planted groups."""
    drawn = participant_model.draw(participants=participants, seed=seed, planted=planted)
    rng = np.random.default_rng([seed, 77])
    knees = drawn["knees"].rename(columns={"kl_true": "kl_grade"})
    picture = standins.pictures(drawn["knees"], rng, dimensions=DIMENSIONS)
    who = drawn["people"][["participant_id", "age", "bmi", "sex", "site"]].copy()
    who["split"] = rng.choice(["train", "discover", "confirm"], len(who), p=[0.4, 0.35, 0.25])
    knees["kl_grade"] = knees["kl_grade"].astype("Int64")
    table = knees.merge(who, on="participant_id")
    for column in (*features.OSTEOPHYTES, "jsn_medial", "jsn_lateral", "womac_pain"):
        table[column] = 0.0
    table["exposure"], table["contrast"] = rng.random((2, len(table)))
    table["kl_predicted"] = table["kl_grade"].astype(float) + 0.3 * rng.standard_normal(len(table))
    table["female"] = (table["sex"] == "female").astype(float)
    may = (table["split"] != "train").to_numpy()
    of, raw = table[may].reset_index(drop=True), picture[may]
    adjusted = nuisance.adjust(raw, of, (of["split"] == "discover").to_numpy())
    arms = fusion.fuse(raw, adjusted, of, context_share=0.05, structure_share=0.5, fused_weight=2.0)
    cells = [
        cell
        for grade in range(5)
        for cell in gather({arm: arms[arm] for arm in ARMS}, knees, who, kl_grade=grade)
    ]
    return cells, knees.set_index("knee_id")["phenotype"]


def study(seed: int, participants: int, *, planted: bool, references: bool) -> pd.DataFrame:
    """Return one row per cell of a cohort: was a phenotype claimed, and how well does it agree."""
    cells, truth = cohort(seed, participants, planted=planted)
    settings = Settings(
        min_cluster_size=0,
        min_samples=0,
        reducer="pca",
        components=10,
        draws=20,
        null_draws=39,
        seed=seed,
        workers=1,
    )
    return pd.DataFrame([_one(cell, truth, settings, references=references) for cell in cells])


def _one(
    cell: Stratum, truth: pd.Series, settings: Settings, *, references: bool
) -> dict[str, object]:
    row = {"arm": cell.arm, "kl_grade": cell.kl_grade, "claimed": False, "agreement": np.nan}
    if not cell.enough:
        return row | {"enough": False}
    tried = sweep.trials([cell], settings=settings)
    own = sweep.choose(tried[cell.arm])
    chosen = {cell.arm: own}
    given = assignment.assign([cell], chosen, settings=settings)
    confirm = given[given["split"] == "confirm"]
    agreed = adjusted_rand_score(truth[confirm["knee_id"]], confirm["phenotype"])
    row |= {"enough": True, "agreement": agreed}
    passports = stability.stability_table([cell], chosen, settings=settings)
    if own.phenotypes < criteria.GROUPS or passports["jaccard"].nlargest(2).min() < NAMED:
        return row
    if not passports["rechosen"].min() >= NAMED:
        return row
    if not hdbscan_tree.dbcv(sweep.reduced(cell, settings).points, own.labels) >= criteria.DENSER:
        return row
    made = contribution.measure([cell], chosen, settings=settings)
    if not references:
        return row | {"claimed": bool(made["image_phenotype"].all())}
    swept, _ = sweep.decide([cell], tried, settings=settings)
    null = null_models.draw([cell], chosen, settings=settings)
    gates = criteria.judge([cell], swept, null, passports, made)
    return row | {"claimed": bool(gates["passed"].all())}


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of cells with a claim, with its Wilson interval, per arm and grade."""
    asked = rows[rows["enough"]]
    some = [
        (("both", "all"), asked),
        *((key, own) for key, own in asked.groupby(["arm", "kl_grade"])),
    ]
    lines = []
    for (arm, grade), own in some:
        low, high = proportion_confint(own["claimed"].sum(), len(own), method="wilson")
        agreed = own["agreement"].quantile([0.5, 0.025, 0.975]).to_numpy()
        lines.append((arm, grade, len(own), own["claimed"].sum(), own["claimed"].mean(), low, high))
        lines[-1] += (*agreed, own.loc[own["claimed"], "agreement"].median())
    return pd.DataFrame(lines, columns=COLUMNS)


def main() -> None:
    """Count claims over cohorts and keep the counts after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--participants", type=int, default=600)
    parser.add_argument("--seed", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dask", default="", help="address of a Dask scheduler")
    parser.add_argument("--planted", action="store_true")
    parser.add_argument(
        "--without-references", action="store_true", help="leave out both nulls, which cost most"
    )
    parser.add_argument("--out", type=Path, default=benchmark_results.FOLDER)
    given = parser.parse_args()
    how = {"planted": given.planted, "references": not given.without_references}
    one = partial(study, participants=given.participants, **how)
    jobs = [(given.seed + number,) for number in range(given.cohorts)]
    command = f"python studies/benchmarks/false_claims.py --participants {given.participants}"
    command += f" --seed {given.seed}" + (" --planted" if given.planted else "")
    command += " --without-references" if given.without_references else ""
    path = given.out / f"claims_{'planted' if given.planted else 'null'}.csv"
    code = benchmark_results.state()
    done: list[pd.DataFrame] = []
    for rows in parallel.each(one, jobs, workers=given.workers, dask=given.dask):
        done.append(rows)
        table = counted(pd.concat(done))
        benchmark_results.write(table, path, command=f"{command} --cohorts {len(done)}", code=code)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
