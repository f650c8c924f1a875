"""Calibration tables: what simulated cohorts answered, and how right the answers were."""

from __future__ import annotations

from pandera.pandas import Column

from kneephen_utils.tables.schema import (
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    at_least,
    between,
    column,
    interval,
    one_of,
    table,
)

SHARE = between(0, 1)
ASKED = {
    "question": column(TEXT, "what was asked"),
    "approach": column(TEXT, "how it was answered", one_of(["this book", "published"])),
    "planted": column(FLAG, "did the two groups truly differ"),
    "outcome": column(TEXT, "what was compared"),
    "contrast": column(TEXT, "which quantity"),
    "kl_grade": column(WHOLE, "grade, -1 for several", between(-1, 4)),
    "truth": column(NUMBER, "planted ratio or difference"),
}


def _error(meaning: str) -> Column:
    return column(NUMBER, f"Monte-Carlo error of the {meaning}", at_least(0), nullable=True)


RUNS = table(
    "calibration_runs",
    "calibration",
    "One row per simulated cohort, question and approach.",
    {
        "cohort": column(WHOLE, "number of the cohort", at_least(0)),
        **ASKED,
        **interval("answer"),
        "p": column(NUMBER, "p value", SHARE, nullable=True),
        "knees": column(WHOLE, "knees of the two groups", at_least(0)),
    },
    key=["cohort", "question", "approach"],
)

SUMMARY = table(
    "calibration",
    "calibration",
    "How right the answers were over all cohorts: one row per question and approach.",
    {
        **ASKED,
        "cohorts": column(WHOLE, "cohorts asked", at_least(0)),
        "estimated": column(WHOLE, "of these, with an answer", at_least(0)),
        "mean_estimate": column(NUMBER, "mean answer; of ratios the geometric mean", nullable=True),
        "bias": column(NUMBER, "mean error; of ratios that of the logarithm", nullable=True),
        "bias_error": _error("bias"),
        "bias_share": column(NUMBER, "bias as a share of the planted effect", nullable=True),
        "bias_share_error": _error("share"),
        "coverage": column(
            NUMBER, "share of 95 % intervals that hold the truth", SHARE, nullable=True
        ),
        "coverage_error": _error("coverage"),
        "rejected": column(NUMBER, "share of p values up to 0.05", SHARE, nullable=True),
        "rejected_error": _error("share rejected"),
    },
    key=["question", "approach"],
)

TWINS = table(
    "twins",
    "calibration",
    "One row per small synthetic release, grade and thing that was asked of it.",
    {
        "twin": column(WHOLE, "number of the twin", at_least(0)),
        "planted": column(FLAG, "were phenotypes planted"),
        "kl_grade": column(WHOLE, "grade", between(0, 4)),
        "question": column(TEXT, "groups, or the outcome and the contrast of two of them"),
        "phenotype": column("Int64", "phenotype compared with the largest", nullable=True),
        "sample": column(TEXT, "people it rests on", one_of(["confirm", "both"])),
        "truth": column(NUMBER, "groups planted, or the right answer of a contrast", nullable=True),
        **interval("adjusted Rand index with the planted groups, or the contrast"),
        "p_adjusted": column(NUMBER, "adjusted p", SHARE, nullable=True),
        "knees": column("Int64", "knees", nullable=True),
        "verdict": column(TEXT, "what the study would say"),
        "weakest_link": column(TEXT, "the gate or test that decided"),
    },
    key=["twin", "planted", "kl_grade", "question", "phenotype", "sample"],
)

SCHEMAS = [RUNS, SUMMARY, TWINS]
