"""Simulation report: bias, coverage and false alarms for the book, or how to measure them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from kneephen_report import benchmark_results
from kneephen_utils import formatting

COMMAND = "make calibrate"
NOT_RUN = f"""The simulation has not been run yet. It takes a while and nothing waits for it,
so it has a command of its own; the numbers then stand here:

```text
{COMMAND}
```
"""
PLANTED = ["comparison", "planted", "approach", "mean", "bias", "coverage", "found"]
POOLED = {
    "kl_rise_1: hazard ratio": "rise of grade",
    "womac_pain: level at 0 months": "pain at baseline",
    "womac_pain: slope": "pain per year",
}
NULL = ["comparison", "approach", "bias", "coverage", "false alarms"]


def markdown(path: Path) -> str:
    """Return the counts of the calibration in `path` as Markdown, or how to make them."""
    if not path.exists():
        return NOT_RUN
    counts, command, code = benchmark_results.read(path)
    together = counts["question"].isin(POOLED)
    summary, pooled = counts[~together], counts[together]
    null = summary[~summary["planted"]]
    parts = [
        *_sentences(summary, pooled),
        "## Where something was planted",
        _table(summary[summary["planted"]], PLANTED),
        "## Where nothing was planted",
        "Everything that was asked, taken together:",
        _table(pooled, NULL),
        '<details class="kneephen-folded"><summary>One comparison at a time</summary>',
        _table(null, NULL),
        "</details>",
        benchmark_results.made(command, code, name=path.name),
    ]
    return "\n\n".join(parts) + "\n"


def _sentences(summary: pd.DataFrame, pooled: pd.DataFrame) -> list[str]:
    cohorts = int(summary["cohorts"].max())
    people = f"{cohorts:,} cohorts were simulated with phenotypes and as many without."
    ours = summary[(summary["approach"] == "this book") & summary["planted"]]
    worst = ours["bias_share"].abs().max()
    low, high = ours["coverage"].min(), ours["coverage"].max()
    said = (
        f"By the models of this book the largest bias is {_percent(worst)} of the planted effect, "
        f"and 95 % intervals hold the truth in {_percent(low)} to {_percent(high)} of the cohorts."
    )
    beyond = int((ours["bias_share"].abs() > 2 * ours["bias_share_error"]).sum())
    rest = "the others" if beyond else "they"
    said += (
        f" Larger than twice their Monte-Carlo error: {beyond or 'none'} of these {len(ours)} "
        f"biases; {rest} cannot be told from zero in {cohorts:,} cohorts."
    )
    alarms = []
    for approach, own in pooled.groupby("approach", sort=False):
        rates = ", ".join(
            f"{_percent(row.rejected, row.rejected_error)} for {_kind(row.question)}"
            for row in own.itertuples()
        )
        alarms.append(f"False alarms at the level of 5 %, {approach}: {rates}.")
    return [" ".join([people, said, *alarms, "After ± stands the Monte-Carlo error."])]


def _table(rows: pd.DataFrame, columns: list[str]) -> str:
    order = {question: place for place, question in enumerate(rows["question"].unique())}
    beside = rows.sort_values("question", key=lambda own: own.map(order), kind="stable")
    return benchmark_results.table_markdown(
        pd.DataFrame(map(_cells, beside.to_dict("records")))[columns]
    )


def _cells(row: dict) -> dict[str, str]:
    rejected = _percent(row["rejected"], row["rejected_error"])
    if row["planted"]:
        bias = _percent(row["bias_share"], row["bias_share_error"])
    else:
        bias = f"{formatting.number(row['bias'], 3)} ± {formatting.number(row['bias_error'], 3)}"
    return {
        "comparison": _kind(row["question"]),
        "planted": formatting.number(row["truth"]),
        "approach": row["approach"],
        "mean": formatting.number(row["mean_estimate"]),
        "bias": bias,
        "coverage": _percent(row["coverage"], row["coverage_error"]),
        "found": rejected,
        "false alarms": rejected,
    }


def _kind(question: str) -> str:
    """Return a question as a reader calls it; pooled ones are named by outcome and contrast."""
    return POOLED.get(question, question)


def _percent(share: float, error: float | None = None) -> str:
    if pd.isna(share):
        return formatting.MISSING
    return f"{100 * share:.1f} %" + ("" if error is None else f" ± {100 * error:.1f}")
