"""A grader beside two readers who differ: python studies/benchmarks/readers.py.

A small synthetic release of realistic difficulty is written, its films coarser than those of the
demo, and read, cut, embedded and graded by the functions of the pipeline with the parameters of
the demo. Written is `book/measured/grading_readers.csv`: how far a second reader, the true
grade, the trained grader and simple predictors agree with the grades of the release.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kneephen_report import benchmark_results
from kneephen_utils import (
    baseline,
    cohort,
    embedding,
    encoder,
    grading,
    grading_metrics,
    images,
    oai,
    radiograph,
)
from kneephen_utils.cohort import reading_selection
from kneephen_utils.encoder import trainer
from oai_twin import simulation
from oai_twin.__main__ import READER_SPREAD
from studies.simulation_study import end_to_end
from workflow import params

TWIN = {"defect_share": 0.0, "flavour": "ascii"}  # beside the parameters of the demo
METRICS = {"kappa": grading.METRIC, "mae": "mae"}
RIDGE = "ridge on zero-shot vectors"
Settings = dict[str, dict[str, Any]]


def study(folder: Path, scratch: Path, settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grade the knees of a release; return what is known of them, and all predictors' grades."""
    source = oai.read(folder)
    chosen = reading_selection.choose(source.readings, projects=settings["cohort"]["projects"])
    knees = cohort.knees(source, chosen)
    people = cohort.participants(source, cohort.visits(source, chosen, knees))
    shares = {name: settings["cohort"][name] for name in ("train_share", "discover_share", "seed")}
    participants = cohort.split(people, knees, **shares)
    crops = radiograph.cut(
        cohort.films(source),
        knees,
        settings=params.pick(radiograph.Settings, settings["radiograph"]),
        release=folder,
        artefacts=scratch,
        workers=1,
    )
    pictures, own = images.read(scratch), settings["grading"]
    known = grading.pictured(crops, knees, participants)
    reader = encoder.load("embedded", text=True)
    vectors = embedding.embed(reader, pictures, crops, batch_size=own["batch_size"])
    zeroshot = embedding.zeroshot_grades(
        vectors,
        embedding.prompt_embeddings(reader),
        knees,
        participants,
        logit_scale=reader.logit_scale,
    )
    how = params.pick(trainer.Settings, own)
    upper, _ = grading.fit(reader, pictures, known, settings=how)
    grades, _ = grading.apply(reader, upper, pictures, known, settings=how)
    given = baseline.predictors(grades, zeroshot, pictures, known)
    plain = known[["knee_id"]].merge(vectors, on="knee_id", how="left", validate="one_to_one")
    train = ((known["split"] == "train") & known["kl_grade"].notna()).to_numpy()
    read = known["kl_grade"].astype(float).to_numpy()
    given[RIDGE] = baseline.ridge(plain.drop(columns="knee_id").to_numpy(float), read, train)
    return known, given


def compare(
    known: pd.DataFrame, given: pd.DataFrame, made: simulation.Simulation, *, draws: int, seed: int
) -> pd.DataFrame:
    """Return how far everybody agrees with the grades of the release, people never trained on."""
    table = given.merge(made.readers, on="knee_id").merge(
        made.knees[["knee_id", "kl_true"]], on="knee_id"
    )
    table = known[["knee_id"]].merge(table, on="knee_id", how="left", validate="one_to_one")
    table = table.rename(columns={"kl_second": "second reader", "kl_true": "true grade"})
    tested = known["split"].isin(["discover", "confirm"]) & known["kl_grade"].notna()
    rows = []
    for name in table.columns.drop("knee_id"):
        both = (tested & table[name].notna()).to_numpy(bool)
        scored = grading_metrics.score(
            known.loc[both, "kl_grade"].to_numpy(int),
            table.loc[both, name].to_numpy(float),
            known.loc[both, "participant_id"],
            draws=draws,
            seed=seed,
        ).set_index("metric")
        row: dict[str, object] = {"predictor": name}
        for short, metric in METRICS.items():
            names = short, f"{short}_low", f"{short}_high"
            row |= dict(zip(names, scored.loc[metric, ["estimate", "low", "high"]], strict=True))
        people = known.loc[both, "participant_id"].nunique()
        rows.append(row | {"knees": int(np.sum(both)), "participants": people})
    return pd.DataFrame(rows)


def main() -> None:
    """Write the release to a temporary folder, study it, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=400)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument(
        "--out", type=Path, default=benchmark_results.FOLDER / "grading_readers.csv"
    )
    given = parser.parse_args()
    code, settings = benchmark_results.state(), end_to_end.settings_of(given.seed, profile="demo")
    own = settings["twin"] | TWIN | {"participants": given.participants}
    trainer.use_threads(1)
    with tempfile.TemporaryDirectory(prefix="kneephen-readers-") as name:
        folder = Path(name)
        spread = READER_SPREAD["realistic"]
        made = end_to_end.write(folder / "release", planted=True, own=own, reader_spread=spread)
        known, predicted = study(folder / "release", folder / "made", settings)
        draws = settings["grading"]["draws"]
        table = compare(known, predicted, made, draws=draws, seed=given.seed)
    command = f"python studies/benchmarks/readers.py --participants {given.participants}"
    benchmark_results.write(table, given.out, command=command, code=code)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
