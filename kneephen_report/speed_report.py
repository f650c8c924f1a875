"""Speed report: what the benchmarks measured, for the book."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from kneephen_report import benchmark_results
from kneephen_utils import formatting

TABLE = "speed.csv"
COLUMNS = ["path", "what", "reference", "ratio", "n", "seconds", "memory", "command", "code"]
PIPELINE, SCALE = "pipeline", "scale"
GRADE = re.compile(r"_grade_(\d)$")
RATIO = (
    "Seconds are those of what is measured; *times as fast* are the seconds of the reference over "
    "them, in the same process or one after the other. Below 1 the reference is faster."
)
GROWS = (
    "The exponent b is fitted to seconds = a times n to the power b over the sizes shown. Near 1, "
    "ten times as many take ten times as long; below it, a fixed part weighs most; above it, more "
    "knees cost more each."
)
NOT_RUN = "Nothing was measured yet; `make bench` does.\n"


def markdown(folder: Path) -> str:
    """Return the benchmarks kept in `folder` as Markdown, or how to run them."""
    if not (folder / TABLE).exists():
        return NOT_RUN
    table, _, _ = benchmark_results.read(folder / TABLE)
    table["reference"] = table["reference"].fillna("")
    alone = table["reference"] == ""
    run, scale = (table["path"] == name for name in (PIPELINE, SCALE))
    parts = [
        "## Beside a reference",
        RATIO,
        benchmark_results.table_markdown(beside(table[~alone])),
        "## Growth",
        GROWS,
        benchmark_results.table_markdown(growth(table[alone & ~run & ~scale])),
        "## Many people",
        benchmark_results.table_markdown(sized(table[scale])),
        "## The whole pipeline",
        benchmark_results.table_markdown(runs(table[run])),
        "## Where the numbers come from",
        _made(table),
    ]
    return "\n\n".join(parts) + "\n"


def beside(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the paths that were measured beside a reference, as text for reading."""
    return pd.DataFrame(
        {
            "path": rows["path"],
            "what": rows["what"],
            "beside": rows["reference"],
            "n": [f"{n:,}" for n in rows["n"]],
            "seconds": [f"{value:.3g}" for value in rows["seconds"]],
            "times as fast": [f"{value:.3g}" for value in rows["ratio"]],
        }
    )


def growth(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each path that was measured at several sizes, with its exponent, as text."""
    lines = []
    for (path, what), own in rows.sort_values("n", kind="stable").groupby(
        ["path", "what"], sort=False
    ):
        memory = [formatting.number(value, 0) for value in own["memory"]]
        lines.append(
            {
                "path": path,
                "what": what,
                "n": " / ".join(f"{n:,}" for n in own["n"]),
                "seconds": " / ".join(f"{value:.3g}" for value in own["seconds"]),
                "exponent": formatting.number(exponent(own["n"], own["seconds"])),
                "peak memory, MB": " / ".join(memory) if own["memory"].notna().any() else "",
            }
        )
    return pd.DataFrame(lines)


def runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return time and memory of each run of the pipeline, as text for reading."""
    return pd.DataFrame(
        {
            "run": rows["what"].map(named),
            "knees": [f"{n:,}" for n in rows["n"]],
            "seconds": [f"{value:,.0f}" for value in rows["seconds"]],
            "peak memory, MB": [formatting.number(value, 0) for value in rows["memory"]],
        }
    )


def sized(rows: pd.DataFrame) -> pd.DataFrame:
    """Return time and memory of runs on releases of several sizes, with exponents, as text."""
    told = growth(rows.assign(what=rows["what"].map(named)))
    return told.drop(columns="path", errors="ignore").rename(columns={"what": "run", "n": "knees"})


def named(run: str) -> str:
    """Return a run as a reader calls it: `05_phenotype_grade_2` is `phenotype, KL2`."""
    return GRADE.sub(r", KL\1", re.sub(r"^\d\d_", "", run))


def exponent(sizes: pd.Series, seconds: pd.Series) -> float:
    """Return b of seconds = a x size ** b by least squares on logarithms; missing below 3 sizes."""
    if sizes.nunique() < 3 or not (seconds > 0).all():
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _made(table: pd.DataFrame) -> str:
    pairs = table[["command", "code"]].drop_duplicates()
    return "\n".join(f"- `{row.command}` at {row.code}" for row in pairs.itertuples())
