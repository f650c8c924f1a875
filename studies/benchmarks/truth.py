"""Phenotypes of a large release beside what was planted: make bench-truth.

Reads a run as far as its phenotypes, made of films by the notebooks themselves, and writes
`book/measured/truth.csv`: for each grade and arm how many knees the smallest planted group has,
whether every gate was passed, and the adjusted Rand index with the planted groups in people who
did not help to find them. Rows of releases of other sizes, as SET="twin.participants=4000" makes
them, are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from kneephen_report import benchmark_results
from kneephen_utils import tables
from kneephen_utils.tables.evidence import GATES_ASKED
from kneephen_utils.verdict import ground_truth

COLUMNS = ["people", "kl_grade", "arm", "planted", "smallest", "knees", "estimate", "low", "high"]
COLUMNS += ["claimed", "code"]
OWN = 0.02  # a smaller share of a grade is no group of it, but knees read a grade beside their own


def beside(artefacts: Path, *, draws: int, seed: int, code: str) -> pd.DataFrame:
    """Return one row per grade and arm, k-means of the vectors before fine-tuning among them."""
    planted = ground_truth.read(artefacts / "truth")
    phenotypes = tables.read("phenotypes", artefacts)
    gates = tables.read("gates", artefacts)
    base = ground_truth.baseline(tables.read("zeroshot_groups", artefacts))
    everyone = pd.concat([phenotypes, base], ignore_index=True)
    agreed = ground_truth.agreement(planted, everyone, draws=draws, seed=seed)
    asked = gates.groupby(["kl_grade", "arm"])
    whole = asked["gate"].nunique() == len(GATES_ASKED)
    passed = (asked["passed"].all() & whole).rename("claimed").reset_index()
    known = base.merge(planted[["knee_id", "phenotype"]], on="knee_id", suffixes=("", "_planted"))
    sizes = known.groupby(["kl_grade", "phenotype_planted"]).size().rename("size").reset_index()
    sizes = sizes[sizes["size"] >= OWN * sizes.groupby("kl_grade")["size"].transform("sum")]
    smallest = sizes.groupby("kl_grade", as_index=False)
    smallest = smallest.agg(planted=("size", "size"), smallest=("size", "min"))
    table = agreed.drop(columns="planted").merge(smallest, on="kl_grade")
    table = table.merge(passed, on=["kl_grade", "arm"], how="left")
    people = len(tables.read("participants", artefacts))
    claimed = table["claimed"].eq(other=True)
    return table.assign(claimed=claimed, people=people, code=code)[COLUMNS]


def main() -> None:
    """Compare a run with its truth and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artefacts", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=1999)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=benchmark_results.FOLDER / "truth.csv")
    given = parser.parse_args()
    code = benchmark_results.state()
    table = beside(given.artefacts, draws=given.draws, seed=given.seed, code=code)
    whole = benchmark_results.renewed(table, given.out, by=lambda rows: rows["people"])
    whole = whole.sort_values(["people", "kl_grade", "arm"])
    benchmark_results.write(whole, given.out, command="make bench-truth", code=code)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
