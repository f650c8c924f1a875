"""Grader benchmark: what long runs measured of the grader, beside its options and readers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kneephen_report import benchmark_results
from kneephen_utils import baseline, formatting

OPTIONS, READERS = "grading_options.csv", "grading_readers.csv"
NOT_RUN = "Options and readers have not been measured yet; `make bench-grading` does.\n"
NAMES = {
    "default": "as it is by default",
    "int8": "the same, applied with weights of eight bits (`int8=true`)",
    "patch_dropout=0.5": "half of the patches left out of each step (`patch_dropout=0.5`)",
    "head=corn": "ordinal head CORN (`head=corn`)",
    "head=coral": "ordinal head CORAL (`head=coral`)",
    "frozen_blocks=12": "the head alone, a linear probe (`frozen_blocks=12`)",
    "frozen_blocks=0": "every block (`frozen_blocks=0`)",
}
Row = Mapping[Hashable, Any]


def markdown(folder: Path) -> str:
    """Return what was measured in `folder` as Markdown, each table with the command behind it."""
    parts = []
    if (folder / OPTIONS).exists():
        parts += ["### What the options cost", *_options(*benchmark_results.read(folder / OPTIONS))]
    if (folder / READERS).exists():
        parts += [
            "### Beside readers who differ",
            *_readers(*benchmark_results.read(folder / READERS)),
        ]
    return "\n\n".join(parts) + "\n" if parts else NOT_RUN


def _options(table: pd.DataFrame, command: str, code: str) -> list[str]:
    rows = table.to_dict("records")
    first = rows[0]
    said = [
        f"Trained anew with one setting changed and scored on the same {first['knees']:,} knees of "
        f"{first['participants']:,} people never trained on. The change of the error is paired by "
        "knee; all intervals are 95 % by person."
    ]
    said += [_changed(row) for row in rows if row["option"] not in ("default", "int8")]
    said += [_rounded(row) for row in rows if row["option"] == "int8"]
    shown = [
        {
            "trained": _named(row),
            "weighted kappa": _spread(row, "kappa"),
            "mean error": _spread(row, "mae"),
            "change of the error": formatting.MISSING
            if row["option"] == "default"
            else _spread(row, "mae_change", 3),
            "CPU seconds": f"{row['cpu_seconds']:.0f}",
        }
        for row in rows
    ]
    listed = benchmark_results.table_markdown(pd.DataFrame(shown))
    return [" ".join(said), listed, benchmark_results.made(command, code)]


def _changed(row: Row) -> str:
    """Say whether an option costs or saves error."""
    sure = row["mae_change_low"] > 0 or row["mae_change_high"] < 0
    word = "raises" if row["mae_change"] > 0 else "lowers"
    told = "does not clearly change the error"
    if sure:
        told = f"{word} the error by {abs(row['mae_change']):.3f}"
    return f"`{row['option']}` {told}."


def _rounded(row: Row) -> str:
    """Say what weights of eight bits change."""
    return (
        f"With weights of eight bits a vector has a cosine of {row['cosine_mean']:.4f} with the "
        f"unrounded one on average and {row['cosine_least']:.4f} at least, and "
        f"{100 * row['regraded']:.1f} % of the knees get another whole grade; the groups of KL3 "
        "found in such vectors, with the same settings, agree with the others at an adjusted Rand "
        f"index of {row['groups_ari']:.2f} ({row['groups_knees']:.0f} knees)."
    )


def _named(row: Row) -> str:
    return NAMES.get(str(row["option"]), f"`{row['option']}`")


def _readers(table: pd.DataFrame, command: str, code: str) -> list[str]:
    by = {str(row["predictor"]): row for row in table.to_dict("records")}
    tuned, second, true = by["finetuned"], by["second reader"], by["true grade"]
    short = second["kappa"] - tuned["kappa"]
    where = f"{abs(short):.2f} {'below' if short > 0 else 'above'} it"
    said = (
        "In a small release of realistic difficulty (`twin.difficulty=realistic`) readers see the "
        "severity of a knee with an error each of their own. On "
        f"{tuned['knees']:,} knees of {tuned['participants']:,} people never trained on, a second "
        f"reader agrees with the grades of the release at a weighted kappa of "
        f"{_spread(second, 'kappa')}; the fine-tuned grader does at {_spread(tuned, 'kappa')}, "
        f"{where}. Even the true grade, which no reader sees, agrees no better than "
        f"{_spread(true, 'kappa')}: that is the ceiling of a grader without any error of its own."
    )
    shown = [
        {
            "grades from": baseline.WORDS.get(name, name),
            "weighted kappa": _spread(row, "kappa"),
            "mean error": _spread(row, "mae"),
            "knees": f"{row['knees']:,}",
        }
        for name, row in sorted(by.items(), key=lambda item: -item[1]["kappa"])
        if not name.startswith("always") or row["mae"] == _constant(by)
    ]
    return [
        said,
        benchmark_results.table_markdown(pd.DataFrame(shown)),
        benchmark_results.made(command, code),
    ]


def _constant(by: Mapping[str, Row]) -> float:
    """Return the least error of a constant."""
    return min(row["mae"] for name, row in by.items() if name.startswith("always"))


def _spread(row: Row, name: str, decimals: int = 2) -> str:
    return formatting.spread(row[name], row[f"{name}_low"], row[f"{name}_high"], decimals)
