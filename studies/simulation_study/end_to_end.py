"""End-to-end: many small synthetic releases with films, each studied whole, half with phenotypes.

    python -m studies.simulation_study.end_to_end --out FILE.csv --parts artefacts/twins

Every twin is drawn, rendered, studied by the pipeline's own functions and compared with what was
planted; only that comparison is kept. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import adjusted_rand_score

from kneephen_report import benchmark_results
from kneephen_utils import tables
from kneephen_utils.verdict import expected_effects as truth
from oai_twin import release, render_films, simulation
from studies.simulation_study import run_study
from workflow import ROOT, params

TABLE, PROFILE, ARM = "twins", "twins", "context"
STAGES = ("cohort", "radiograph", "grading", "fusion", "phenotype", "pain", "progression")
COARSER = 1.5  # films have larger pixels than those of the demo, which makes them cheaper
READER_NOISE = 0.007


def settings_of(
    seed: int, *, profile: str = PROFILE, folder: Path = ROOT
) -> dict[str, dict[str, Any]]:
    """Return the parameters of every stage of one twin, with its own seed."""
    loaded = params.load(folder / "notebooks" / "params.yml")
    places = {"profile": profile, "release": "release", "weights": "embedded", "dask": ""}
    return {
        stage: params.resolve(loaded, stage, profile=profile, places=places) | {"seed": seed}
        for stage in (*STAGES, "twin", "verdict")
    }


def one(twin: int, *, planted: bool, settings: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Draw, render and study one twin; return its rows of the table `twins`."""
    with tempfile.TemporaryDirectory(prefix="kneephen-twin-") as name:
        folder = Path(name)
        known = write(folder / "release", planted=planted, own=settings["twin"]).knees
        found = run_study.run(folder / "release", folder, settings=settings, arms=(ARM,))
    return _rows(found, known).assign(twin=twin, planted=planted)[list(_columns())]


def write(
    folder: Path, *, planted: bool, own: Mapping[str, Any], reader_spread: float = 0.0
) -> simulation.Simulation:
    """Write a release with coarser films, by the parameters of the twin; return what it is of."""
    drawn = simulation.simulate(
        participants=own["participants"],
        seed=own["seed"],
        planted=planted,
        defects=own["defect_share"],
        reader_noise=READER_NOISE,
        reader_spread=reader_spread,
        floor=True,
    )
    films = drawn.films.assign(spacing=drawn.films["spacing"] * COARSER)
    drawn = replace(drawn, films=films)
    release.write(drawn, folder, flavour=own["flavour"])
    render_films.expose_all(drawn, folder, workers=1)
    return drawn


def _rows(found: run_study.Study, known: pd.DataFrame) -> pd.DataFrame:
    """Return the claims of a study beside what was planted: grades first, then differences."""
    claims = found.claims
    whole = claims[claims["question"] == "phenotypes"]
    agreed = pd.DataFrame(
        [_agreement(found.phenotypes, known, int(grade)) for grade in whole["kl_grade"]]
    )
    grades = whole[["kl_grade", "verdict", "weakest_link"]].reset_index(drop=True)
    grades = pd.concat([grades.assign(question="groups", sample="confirm"), agreed], axis=1)
    single = claims[claims["question"] != "phenotypes"].reset_index(drop=True)
    columns = ["kl_grade", "phenotype", "estimate", "low", "high", "p_adjusted", "knees"]
    tested = single[[*columns, "verdict", "weakest_link"]].assign(
        question=found.effects["outcome"] + ": " + found.effects["contrast"],
        sample=found.effects["sample"],
        truth=truth.expected(known, found.phenotypes, found.effects),
    )
    kept = tested["estimate"].notna()
    return pd.concat([grades, tested[kept]], ignore_index=True).reindex(columns=list(_columns()))


def _agreement(phenotypes: pd.DataFrame, known: pd.DataFrame, grade: int) -> dict[str, Any]:
    own = phenotypes[(phenotypes["kl_grade"] == grade) & (phenotypes["split"] == "confirm")]
    joined = own.merge(known[["knee_id", "phenotype"]], on="knee_id", suffixes=("", "_planted"))
    score = adjusted_rand_score(joined["phenotype_planted"], joined["phenotype"])
    return {"estimate": score, "truth": joined["phenotype_planted"].nunique(), "knees": len(own)}


def _columns() -> list[str]:
    return list(tables.SCHEMAS[TABLE].columns)


def run(*, twins: int, seed: int, workers: int, parts: Path) -> pd.DataFrame:
    """Study `twins` twins with phenotypes and as many without: the table `twins`.

    Parameters
    ----------
    twins
        How many of each kind; twin number i depends on `seed` and i alone.
    seed
        Same seed, same table, whatever the number of workers.
    workers
        Processes.
    parts
        Folder in which each twin is kept when it is done; those that are there are not made again.
    """
    wanted = [(i, planted) for i in range(twins) for planted in (True, False)]
    paths = {pair: tables.path_of(TABLE, parts, _name(pair[0], planted=pair[1])) for pair in wanted}
    missing = [pair for pair in wanted if not paths[pair].exists()]
    Parallel(n_jobs=workers)(
        delayed(_keep)(i, seed, parts, planted=planted) for i, planted in missing
    )
    return pd.concat(
        [tables.read(TABLE, parts, _name(pair[0], planted=pair[1])) for pair in wanted]
    )


def _name(twin: int, *, planted: bool) -> str:
    return f"twin_{twin:03d}_{'planted' if planted else 'none'}"


def _keep(twin: int, seed: int, parts: Path, *, planted: bool) -> None:
    rows = one(twin, planted=planted, settings=settings_of(1000 * seed + twin))
    tables.write(_typed(rows), TABLE, parts, _name(twin, planted=planted))


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the types of the schema, numbers to four significant digits."""
    numbers = ["truth", "estimate", "low", "high", "p_adjusted"]
    kinds: dict[str, Any] = dict.fromkeys(numbers, "float64")
    rows = rows.astype(kinds | {"phenotype": "Int64", "knees": "Int64", "kl_grade": "int64"})
    rows[numbers] = rows[numbers].map(lambda value: float(f"{value:.4g}"))
    return rows


def main(argv: list[str] | None = None) -> int:
    """Study the twins that are missing and write the whole table as text; return 0."""
    given = _parser().parse_args(argv)
    code = benchmark_results.state()
    parts = given.parts / _fingerprint(given.seed)
    table = run(twins=given.twins, seed=given.seed, workers=given.workers, parts=parts)
    benchmark_results.write(table, given.out, command=f"make truth TWINS={given.twins}", code=code)
    print(f"{table['twin'].nunique()} twins with phenotypes and as many without: {given.out}")
    return 0


def _fingerprint(seed: int) -> str:
    """Return a short name for the settings behind a twin; code may change and is told by git."""
    return hashlib.sha256(json.dumps(settings_of(seed), sort_keys=True).encode()).hexdigest()[:12]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m studies.simulation_study.end_to_end", description=__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="file for the table, .csv")
    parser.add_argument("--parts", type=Path, required=True, help="folder for finished twins")
    parser.add_argument("--twins", type=int, default=20, help="twins of each kind")
    parser.add_argument("--seed", type=int, default=20, help="same seed, same table")
    parser.add_argument("--workers", type=int, default=1, help="processes; same table for any")
    return parser


if __name__ == "__main__":
    sys.exit(main())
