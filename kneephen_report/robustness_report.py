"""Robustness report: what was done to runs on purpose, and how well the code is tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from kneephen_report import benchmark_results

FAULTS, COVERAGE, MUTANTS, FUZZ = "faults.csv", "coverage.csv", "mutants.csv", "fuzz.csv"
AT_RANDOM = ("fuzz_films.csv", "fuzz_tables.csv")  # kept by the fuzzers of these names


def faults(folder: Path) -> str:
    """Return how often a run came through each fault as Markdown, or how to find out."""
    return _table(folder / FAULTS, "Nothing was tried yet; `make faults` does.")


def fuzzed(folder: Path) -> str:
    """Return how many inputs of a fuzzer each reader took as Markdown, or how to find out."""
    missing = "Nothing was fuzzed yet; `python studies/benchmarks/fuzz.py --keep` does."
    kept = [folder / name for name in AT_RANDOM if (folder / name).exists()]
    return "\n".join(_table(each, missing, _thousands) for each in [folder / FUZZ, *kept])


def tests(folder: Path) -> str:
    """Return what the fast tests run, and what they notice, as Markdown, or how to find out."""
    missing = "Nothing was measured yet; `make coverage` does."
    parts = [
        "### Lines that the fast tests run",
        _table(folder / COVERAGE, missing, _shares),
        "### Mutants that the fast tests notice",
        _table(folder / MUTANTS, missing, _files),
    ]
    return "\n\n".join(parts)


def _table(
    path: Path, missing: str, text: Callable[[pd.DataFrame], pd.DataFrame] = pd.DataFrame
) -> str:
    if not path.exists():
        return f"{missing}\n"
    table, command, code = benchmark_results.read(path)
    shown = benchmark_results.table_markdown(text(table))
    return f"{shown}\n\n{benchmark_results.made(command, code)}\n"


def _thousands(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(tried=table["tried"].map("{:,}".format))


def _files(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(file=[f"`{name}`" for name in table["file"]])


def _shares(table: pd.DataFrame) -> pd.DataFrame:
    share = 100 * table["run"] / table["lines"]
    numbers = {name: table[name].map("{:,}".format) for name in ("lines", "run")}
    return table[["part"]].assign(**numbers, percent=share.map("{:.1f}".format))
