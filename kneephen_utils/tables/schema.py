"""Schema: the vocabulary in which the artefacts are described."""

from __future__ import annotations

from typing import Any

from pandera.pandas import Check, Column, DataFrameSchema

from kneephen_utils.tables.rule import INTERVAL_RULES, KNEE_RULES, Rule

SIDES = ["right", "left"]
SPLITS = ["train", "discover", "confirm"]
ARMS = ["image", "context", "structure", "fused"]
ANSWERS = ["allowed", "conditional", "refused"]

NUMBER, WHOLE, TEXT, FLAG = "float64", "int64", str, bool
WHOLE_OR_MISSING = "Int64"

one_of = Check.isin
at_least = Check.ge
between = Check.in_range


def column(
    dtype: Any,
    meaning: str,
    check: Check | None = None,
    *,
    unit: str = "",
    nullable: bool = False,
    regex: bool = False,
    required: bool = True,
) -> Column:
    """Describe one column: its type, its meaning in words, its unit and what it may hold."""
    return Column(
        dtype,
        check,
        nullable=nullable,
        regex=regex,
        required=required,
        description=meaning,
        metadata={"unit": unit},
    )


def table(
    name: str,
    stage: str,
    meaning: str,
    columns: dict[str, Column],
    *,
    key: list[str],
    rules: tuple[Rule, ...] = (),
) -> DataFrameSchema:
    """Describe one artefact: its stage, its columns, its unique key and rules across columns.

    A knee that is not its person's or not of its side, and an interval that is upside down, are
    refused in every table.
    """
    return DataFrameSchema(
        columns,
        name=name,
        strict=True,
        description=meaning,
        metadata={"stage": stage, "key": key, "rules": (*KNEE_RULES, *INTERVAL_RULES, *rules)},
    )


def knee_key() -> dict[str, Column]:
    """Columns that name a knee and the person it belongs to."""
    return {
        "knee_id": column(TEXT, "participant, a dash, and R or L for the side"),
        "participant_id": column(TEXT, "participant"),
    }


def interval(meaning: str, unit: str = "") -> dict[str, Column]:
    """Columns of an estimate with its 95 % interval."""
    return {
        "estimate": column(NUMBER, meaning, unit=unit, nullable=True),
        "low": column(NUMBER, "lower end of the 95 % interval", unit=unit, nullable=True),
        "high": column(NUMBER, "upper end of the 95 % interval", unit=unit, nullable=True),
    }
