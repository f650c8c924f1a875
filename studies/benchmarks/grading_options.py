"""What each option of fine-tuning costs or gives: python studies/benchmarks/grading_options.py.

The knees of a finished `make all` are graded again, once for every option, by the functions of
the pipeline: trained on the same people, scored on the same people never trained on. Written is
`book/measured/grading_options.csv`. In the end the embeddings are made with weights of eight
bits, and the groups that are found in them are compared with those of the unrounded ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from kneephen_report import benchmark_results
from kneephen_utils import encoder, fusion, grading, grading_metrics, images, tables
from kneephen_utils.encoder import trainer
from kneephen_utils.fusion import nuisance
from kneephen_utils.phenotype import assignment, stratum, sweep
from kneephen_utils.stats import cluster_resampling
from workflow import params

STAGES = ("grading", "fusion", "phenotype")
DEFAULT, ROUNDED, GRADE, ARM = "default", "int8", 3, "context"
OPTIONS: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "patch_dropout=0.5": {"patch_dropout": 0.5},
    "head=corn": {"head": "corn"},
    "head=coral": {"head": "coral"},
    "frozen_blocks=12": {"frozen_blocks": 12},
    "frozen_blocks=0": {"frozen_blocks": 0},
}
METRICS = {"kappa": grading.METRIC, "mae": "mae"}


class Data(NamedTuple):
    """A finished run, and its parameters of each stage."""

    artefacts: Path
    pictures: Any
    known: pd.DataFrame
    settings: Mapping[str, Mapping[str, Any]]


class Graded(NamedTuple):
    """What one option gave."""

    grades: pd.DataFrame
    embeddings: pd.DataFrame
    epochs: int
    seconds: float


def read(artefacts: Path) -> Data:
    """Return the knees of a finished run of the profile the folder is called after."""
    loaded = params.load(benchmark_results.ROOT / "notebooks" / "params.yml")
    places = {"profile": artefacts.name, "release": "release", "weights": "embedded", "dask": ""}
    settings = {
        stage: params.resolve(
            loaded,
            stage,
            profile=artefacts.name,
            places=places,
            grade=GRADE if stage == "phenotype" else None,
        )
        for stage in STAGES
    }
    crops, knees, people = (
        tables.read(name, artefacts) for name in ("crops", "knees", "participants")
    )
    known = grading.pictured(crops, knees, people)
    return Data(artefacts, images.read(artefacts), known, settings)


def train(data: Data, changed: Mapping[str, Any], *, rounded: bool) -> list[Graded]:
    """Train with some settings changed; return what it gives, and if asked what 8 bits give."""
    own = data.settings["grading"]
    settings = dataclasses.replace(params.pick(trainer.Settings, own), **changed)
    reader = encoder.load(own["weights"], text=False)
    start = time.process_time()
    upper, history = grading.fit(reader, data.pictures, data.known, settings=settings)
    seconds = time.process_time() - start
    made = []
    for int8 in (False, True)[: 1 + rounded]:
        grades, embeddings = grading.apply(
            reader, upper, data.pictures, data.known, settings=settings, int8=int8
        )
        made.append(Graded(grades, embeddings, len(history), seconds))
    return made


def score(data: Data, graded: Graded, default: Graded) -> dict[str, object]:
    """Return agreement and error with intervals, and how far the error is from the default's."""
    known = data.known
    tested = (known["split"].isin(["discover", "confirm"]) & known["kl_grade"].notna()).to_numpy()
    people = known.loc[tested, "participant_id"].reset_index(drop=True)
    truth = known.loc[tested, "kl_grade"].to_numpy(int)
    given, usual = (one.grades.loc[tested, "kl_predicted"].to_numpy() for one in (graded, default))
    draws, seed = data.settings["grading"]["draws"], data.settings["grading"]["seed"]
    scored = grading_metrics.score(truth, given, people, draws=draws, seed=seed).set_index("metric")
    row: dict[str, object] = {"knees": len(truth), "participants": people.nunique()}
    for name, metric in METRICS.items():
        row |= dict(
            zip(_bounds(name), scored.loc[metric, ["estimate", "low", "high"]], strict=True)
        )
    lost = np.abs(given - truth) - np.abs(usual - truth)
    change = cluster_resampling.interval(
        lambda rows: float(lost[rows].mean()), people, draws=draws, seed=seed
    )
    row |= dict(zip(_bounds("mae_change"), change, strict=True))
    return row | {"epochs": graded.epochs, "cpu_seconds": round(graded.seconds)}


def rounding(data: Data, exact: Graded, rounded: Graded) -> dict[str, object]:
    """Return what 8 bits change: vectors, grades, and the groups of one grade and arm."""
    vectors = [one.embeddings.filter(like="feature_").to_numpy(float) for one in (exact, rounded)]
    lengths = [np.linalg.norm(each, axis=1) for each in vectors]
    cosine = (vectors[0] * vectors[1]).sum(axis=1) / (lengths[0] * lengths[1])
    given = [
        grading_metrics.whole(one.grades["kl_predicted"].to_numpy()) for one in (exact, rounded)
    ]
    whole, alike = data.settings["phenotype"], [_cell(data, one) for one in (exact, rounded)]
    settings = params.pick(stratum.Settings, whole)
    chosen = sweep.run([alike[0]], settings=settings)[1][ARM]
    same = dataclasses.replace(
        settings, min_cluster_size=chosen.min_cluster_size, min_samples=chosen.min_samples
    )
    found = [
        assignment.assign([each], sweep.run([each], settings=same)[1], settings=same)
        for each in alike
    ]
    labels = [table.set_index("knee_id")["phenotype"] for table in found]
    return {
        "cosine_least": float(cosine.min()),
        "cosine_mean": float(cosine.mean()),
        "regraded": float(np.mean(given[0] != given[1])),
        "groups_ari": adjusted_rand_score(labels[0], labels[1].loc[labels[0].index]),
        "groups_knees": len(labels[0]),
    }


def _cell(data: Data, graded: Graded) -> stratum.Stratum:
    """Return the knees of the grade, fused as stage fusion does, in the arm of the claims."""
    crops, knees, people = (
        tables.read(name, data.artefacts) for name in ("crops", "knees", "participants")
    )
    of = fusion.known(graded.embeddings, crops, knees, people, graded.grades)
    raw = fusion.pictures(graded.embeddings, of)
    adjusted = nuisance.adjust(raw, of, (of["split"] == "discover").to_numpy())
    own = data.settings["fusion"]
    shares = {name: own[name] for name in ("context_share", "structure_share", "fused_weight")}
    arm = {ARM: fusion.fuse(raw, adjusted, of, **shares)[ARM]}
    return stratum.gather(arm, knees, people, kl_grade=GRADE)[0]


def _bounds(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def main() -> None:
    """Train with every option and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--artefacts", type=Path, default=benchmark_results.ROOT / "artefacts" / "demo"
    )
    parser.add_argument(
        "--out", type=Path, default=benchmark_results.FOLDER / "grading_options.csv"
    )
    parser.add_argument("--options", nargs="*", choices=OPTIONS, default=list(OPTIONS)[1:])
    given = parser.parse_args()
    code = benchmark_results.state()
    data = read(given.artefacts)
    trainer.use_threads(1)
    default, int8 = train(data, OPTIONS[DEFAULT], rounded=True)
    rows = [{"option": DEFAULT, **score(data, default, default)}]
    rows.append({"option": ROUNDED, **score(data, int8, default), **rounding(data, default, int8)})
    keep(rows, given.out, code)
    for option in given.options:
        graded = train(data, OPTIONS[option], rounded=False)[0]
        rows.append({"option": option, **score(data, graded, default)})
        keep(rows, given.out, code)


def keep(rows: list[dict[str, object]], path: Path, code: str) -> None:
    """Write what was measured so far; a run that is stopped leaves the options it came to."""
    options = " ".join(str(row["option"]) for row in rows[2:])
    command = f"python studies/benchmarks/grading_options.py --options {options}".strip()
    benchmark_results.write(pd.DataFrame(rows), path, command=command, code=code)
    print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
