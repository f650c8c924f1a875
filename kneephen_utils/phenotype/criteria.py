"""Criteria: the written rule by which a grade and arm may claim phenotypes.

All must be passed: enough knees; two groups; no reference without groups does as well;
two groups come back when people are left out; other draws of people lead to the same groups;
groups are denser than the space between them; they move when the pictures are shuffled, and
are read off the pictures of other people.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from kneephen_utils import formatting
from kneephen_utils.phenotype import null_models
from kneephen_utils.phenotype.contribution import READ, SAME
from kneephen_utils.phenotype.stability import NAMED
from kneephen_utils.phenotype.stratum import ENOUGH, Stratum

LEVEL = 0.05  # of each null p value
GROUPS = 2
DENSER = 0.2  # density-based validity that data without groups rarely exceed
WITHOUT_GROUPS = {
    "gaussian": "simulated knees of the same spread but without groups",
    "shuffled": "the same knees with every column shuffled",
    "uniform": "simulated knees as wide but spread evenly",
}
NULLS = [f"null_{name}" for name in null_models.REFERENCES]  # the gates that cost most
COLUMNS = ["kl_grade", "arm", "gate", "value", "threshold", "passed", "sentence"]


def judge(
    cells: Sequence[Stratum],
    swept: pd.DataFrame,
    null: pd.DataFrame,
    stability: pd.DataFrame,
    contribution: pd.DataFrame,
) -> pd.DataFrame:
    """Return the `gates` table, in the order in which the gates are named.

    A cell with too few knees has that one row. All other arguments are the tables of these
    names, of one grade.
    """
    rows: list[dict[str, object]] = []
    for cell in cells:
        own = [_of(table, cell) for table in (swept, null, stability, contribution)]
        rows += [{**cell.key, **row} for row in _gates(cell, *own)]
    kinds = {"kl_grade": "int64", "value": "float64", "threshold": "float64", "passed": bool}
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def _gates(
    cell: Stratum,
    swept: pd.DataFrame,
    null: pd.DataFrame,
    stability: pd.DataFrame,
    contribution: pd.DataFrame,
) -> list[dict[str, object]]:
    knees = int(cell.discover.sum())
    enough = _least("enough_knees", knees, ENOUGH, f"{knees} knees of discover people.")
    if not enough["passed"]:
        return [enough]
    chosen = swept[swept["chosen"]].iloc[0]
    found, density = int(chosen["phenotypes"]), float(chosen["dbcv"])
    again = stability["jaccard"].nlargest(GROUPS).min() if found >= GROUPS else float("nan")
    anew = float(stability["rechosen"].min()) if found >= GROUPS else float("nan")
    moved, read = (float(contribution[name].iloc[0]) for name in ("shuffled_ari", "read_ari"))
    return [
        enough,
        _least("two_groups", found, GROUPS, f"Groups found: {found}."),
        *(_beaten(null, name) for name in null_models.REFERENCES),
        _least("jaccard", again, NAMED, f"The second best group comes back at {again:.2f}."),
        _least("rechosen", anew, NAMED, f"Chosen anew, the groups agree by {anew:.2f} at least."),
        _least("dbcv", density, DENSER, f"Density-based validity {density:.2f}."),
        _below("image", moved, SAME, str(contribution["sentence"].iloc[0])),
        _least("read", read, READ, f"Read off the picture in other people: agreement {read:.2f}."),
    ]


def _beaten(null: pd.DataFrame, name: str) -> dict[str, object]:
    p = null_models.p_value(null, name)
    said = f"Against {WITHOUT_GROUPS[name]}: p {formatting.p_value(p)}."
    return _most(f"null_{name}", p, LEVEL, said)


def _of(table: pd.DataFrame, cell: Stratum) -> pd.DataFrame:
    return table[(table["kl_grade"] == cell.kl_grade) & (table["arm"] == cell.arm)]


def _least(gate: str, value: float, threshold: float, sentence: str) -> dict[str, object]:
    return _row(gate, value, threshold, sentence, passed=value >= threshold)


def _most(gate: str, value: float, threshold: float, sentence: str) -> dict[str, object]:
    return _row(gate, value, threshold, sentence, passed=value <= threshold)


def _below(gate: str, value: float, threshold: float, sentence: str) -> dict[str, object]:
    return _row(gate, value, threshold, sentence, passed=value < threshold)


def _row(
    gate: str, value: float, threshold: float, sentence: str, *, passed: bool
) -> dict[str, object]:
    """Return one gate; a value that is missing has not passed."""
    return {
        "gate": gate,
        "value": float(value),
        "threshold": float(threshold),
        "passed": bool(passed),
        "sentence": sentence,
    }
