"""Golden record: whether a finished run has the tables and pages that are expected of it.

    python studies/benchmarks/golden.py smoke            # compare a run of the smoke profile
    python studies/benchmarks/golden.py smoke --exact    # to the bit, pages too: on one machine
    python studies/benchmarks/golden.py smoke --record   # after a change that is meant

`tests/golden/<profile>.csv` holds a row per column of each table of a run: how many values there
are, how many differ, and, of numbers, mean and standard deviation. These are compared with a
tolerance, as processors round differently. The digest of a table and of the text of a page is
compared by `--exact`, which serves those who move code: nothing may differ then.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd

PLACE = Path(__file__).parents[2] / "tests" / "golden"
NOT_TABLES = {"release", "cache", "checkpoints", "stamps", "outputs", "ran", "records", "running"}
COLUMNS = ["place", "column", "values", "distinct", "mean", "deviation", "digest"]
WHOLE = "(whole)"
PRINTS = r"\b(code|parameters|inputs)\s*(<[^>]*>\s*)*[0-9a-f]{12}\b"
MARKS = rf"<(style|script|svg)\b.*?</\1>|<[^>]*>|{PRINTS}"
TOLERANCE = 1e-3  # of a standard deviation, and of a mean


def record(artefacts: Path) -> pd.DataFrame:
    """Return what stands in the tables and pages of a finished run.

    Parameters
    ----------
    artefacts
        Folder of one profile, such as `artefacts/smoke`.

    Returns
    -------
    A row per column of each table, one for each whole table, one for each executed page: `place`,
    `column`, `values`, `distinct`, `mean`, `deviation` (missing unless numbers), `digest`.
    """
    rows = []
    for path in sorted(artefacts.rglob("*.parquet")):
        place = path.relative_to(artefacts)
        if place.parts[0] not in NOT_TABLES:
            rows += _table(place.as_posix(), pd.read_parquet(path))
    for path in sorted(artefacts.glob("executed/*.ipynb")):
        rows.append([f"executed/{path.name}", WHOLE, 0, 0, np.nan, np.nan, _digest(text(path))])
    return pd.DataFrame(rows, columns=COLUMNS)


def load(path: Path) -> pd.DataFrame:
    """Return a record from its file."""
    return pd.read_csv(path, dtype={"digest": str, "column": str})


def text(notebook: Path) -> str:
    """Return all that an executed notebook says: the text and tables of its outputs, no pictures.

    How a page is set, such as names of elements, is left out, and so are the fingerprints of code
    and inputs in the line under a figure or table.
    """
    said = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            shown = data.get("text/markdown") or data.get("text/html") or output.get("text", "")
            said.append("".join(shown))
    return re.sub(MARKS, " ", "\n".join(said), flags=re.DOTALL)


def differences(found: pd.DataFrame, expected: pd.DataFrame, *, exact: bool) -> list[str]:
    """Return a sentence for each table, column or page that is not as expected."""
    key = ["place", "column"]
    both = expected.merge(found, on=key, how="outer", suffixes=("", "_now"), indicator=True)
    told = []
    for row in both.to_dict("records"):
        name = row["place"] if row["column"] == WHOLE else f"{row['place']}: {row['column']}"
        if row["_merge"] == "right_only":
            told.append(f"{name}: not expected")
        elif row["_merge"] == "left_only":
            told.append(f"{name}: missing")
        elif exact and row["digest"] != row["digest_now"]:
            told.append(f"{name}: not the same content")
        elif not exact and (kind := _apart(row)):
            told.append(f"{name}: {kind}")
    return told


def _apart(row: dict) -> str:
    """Return which of the figures of a column is another one, as 'mean 3, expected 4'."""
    text = np.isnan(row["mean"])
    counts = ["values", "distinct"] if text else ["values"]  # rounding can part two numbers
    for figure in [*counts, "mean", "deviation"]:
        now, then = row[f"{figure}_now"], row[figure]
        size = np.nan_to_num(max(abs(then), row["deviation"] if figure == "mean" else 0.0))
        most = 0.0 if figure in counts else TOLERANCE * size + 1e-9
        if not np.isclose(now, then, rtol=0.0, atol=most, equal_nan=True):
            return f"{figure} {now:g}, expected {then:g}"
    return ""


def _table(place: str, table: pd.DataFrame) -> list[list]:
    rows = []
    for name, column in table.items():
        numbers = pd.api.types.is_numeric_dtype(column) and column.notna().any()
        mean, deviation = (column.mean(), column.std(ddof=0)) if numbers else (np.nan, np.nan)
        distinct, filled = column.astype(str).nunique(), int(column.notna().sum())
        digest = _digest(_cells(column))
        rows.append([place, str(name), filled, distinct, float(mean), float(deviation), digest])
    whole = _digest("".join(row[-1] for row in rows))
    return [[place, WHOLE, len(table), 0, np.nan, np.nan, whole], *rows]


def _cells(column: pd.Series) -> str:
    """Return the content of a column as text in which every bit of a number counts."""
    return column.to_csv(index=False, float_format="%.17g", lineterminator="\n")


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def main() -> None:
    """Compare or record, and say each difference."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("profile", help="such as smoke")
    parser.add_argument("--artefacts", type=Path, help="folder of the run; of the profile if none")
    parser.add_argument("--golden", type=Path, help="file of the record; that of the tests if none")
    parser.add_argument("--record", action="store_true", help="write what is expected from now on")
    parser.add_argument("--exact", action="store_true", help="compare to the bit, pages too")
    given = parser.parse_args()
    artefacts = given.artefacts or PLACE.parents[1] / "artefacts" / given.profile
    path = given.golden or PLACE / f"{given.profile}.csv"
    found = record(artefacts)
    if found.empty:
        sys.exit(f"kneephen: {artefacts} holds no tables; expected a finished run")
    if given.record:
        found.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
        print(f"{found['place'].nunique()} tables and pages are recorded in {path}.")
        return
    if not path.exists():
        sys.exit(f"kneephen: {path} is missing; expected a record, made by --record")
    told = differences(found, load(path), exact=given.exact)
    print("\n".join(told) or f"{found['place'].nunique()} tables and pages are as expected.")
    sys.exit(bool(told))


if __name__ == "__main__":
    main()
