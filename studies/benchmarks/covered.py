"""Covered: the share of the package's lines that the fast tests run, for the book.

    python studies/benchmarks/covered.py REPORT.json

REPORT is what `pytest --cov --cov-report=json:REPORT.json` wrote. Functions that run as machine
code are left out, since their lines cannot be counted; lines that only other processes or the
slow tests run count as not run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePath

import pandas as pd

from kneephen_report import benchmark_results

TABLE = "coverage.csv"


def counted(report: dict) -> pd.DataFrame:
    """Return lines and lines run of each part of the package, and of all of it."""
    rows = [
        {"part": _part(name), "lines": own["num_statements"], "run": own["covered_lines"]}
        for name, told in report["files"].items()
        for own in [told["summary"]]
    ]
    parts = pd.DataFrame(rows).groupby("part", as_index=False).sum()
    whole = {"part": "all", "lines": parts["lines"].sum(), "run": parts["run"].sum()}
    return pd.concat([parts, pd.DataFrame([whole])], ignore_index=True)


def _part(name: str) -> str:
    package, *inner = PurePath(name).parts
    if package != "kneephen_utils":
        return package
    return inner[0] if len(inner) > 1 else "single modules"


def main() -> None:
    """Write the table of the book."""
    table = counted(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    benchmark_results.write(
        table,
        benchmark_results.FOLDER / TABLE,
        command="make coverage",
        code=benchmark_results.state(),
    )
    print(table.assign(percent=100 * table["run"] / table["lines"]).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
