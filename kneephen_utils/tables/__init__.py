"""Tables: every artefact that passes between stages, with its schema.

A table is checked against its schema when it is written and when it is read, so a
stage can trust what it is given. Tables lie in one folder per run: `knees.parquet`,
or `phenotypes/grade_2.parquet` where one artefact has several parts.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
from pandera.errors import SchemaErrors
from pandera.pandas import DataFrameSchema

from kneephen_utils.tables import (
    calibration,
    clinical,
    evidence,
    fault,
    outcome,
    picture,
    rule,
    subgroup,
)

SCHEMAS: dict[str, DataFrameSchema] = {
    schema.name: schema
    for module in (clinical, picture, subgroup, evidence, outcome, calibration)
    for schema in module.SCHEMAS
}


MOST_TOLD = 4  # faults of one table that are told at once


class TableError(ValueError):
    """A table does not follow its schema; the message names table, column and what was expected."""


def check(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return `table` unchanged if it follows the schema `name`.

    Raises
    ------
    KeyError
        If no schema has that name.
    TableError
        If a column is missing, unknown, of the wrong type or holds a value that is not
        allowed, if a key stands twice, or if columns of a row contradict each other.
    """
    if name not in SCHEMAS:
        raise KeyError(f"no table is called {name!r}; known tables: {', '.join(sorted(SCHEMAS))}")
    schema, faults = SCHEMAS[name], []
    labelled_once = table if table.index.is_unique else table.reset_index(drop=True)
    try:
        schema.validate(labelled_once, lazy=True)
    except SchemaErrors as error:
        faults = fault.of_columns(error, table)
    faults += fault.of_key(table, schema.metadata["key"])
    faults = faults or rule.faults(labelled_once, schema.metadata["rules"])
    if faults:
        raise TableError(f"table {name}: {'; '.join(faults[:MOST_TOLD])}")
    return table


def once(table: pd.DataFrame, key: list[str], name: str) -> None:
    """Refuse a table that holds a key twice, before anything is joined to it.

    Raises
    ------
    TableError
        With the number of rows that repeat an earlier key.
    """
    if twice := fault.of_key(table, key):
        raise TableError(f"{name}: {twice[0]}")


def write(table: pd.DataFrame, name: str, artefacts: str | Path, part: str | None = None) -> None:
    """Check `table` and write it as parquet under `artefacts`; it appears whole or not at all."""
    check(table, name)
    path = path_of(name, artefacts, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    table.reset_index(drop=True).to_parquet(partial, index=False)
    partial.replace(path)


def read(name: str, artefacts: str | Path, part: str | None = None) -> pd.DataFrame:
    """Read and check table `name`; without `part`, all parts of a table in parts, one below another.

    Raises
    ------
    FileNotFoundError
        If the table has not been written; the message names the stage that writes it.
    TableError
        If the file does not follow its schema.
    """
    path = path_of(name, artefacts, part)
    paths = sorted(path.with_suffix("").glob("*.parquet")) if not path.exists() else [path]
    if not paths:
        stage = SCHEMAS[name].metadata["stage"]
        raise FileNotFoundError(f"{path}: not there yet; stage {stage} writes it")
    whole = pd.concat([pd.read_parquet(each) for each in paths], ignore_index=True)
    return check(whole, name)


def path_of(name: str, artefacts: str | Path, part: str | None = None) -> Path:
    """Return where table `name` (or its part) lies under `artefacts`."""
    if name not in SCHEMAS:
        raise KeyError(f"no table is called {name!r}; known tables: {', '.join(sorted(SCHEMAS))}")
    return Path(artefacts) / (f"{name}.parquet" if part is None else f"{name}/{part}.parquet")


def dictionary(names: list[str] | None = None) -> pd.DataFrame:
    """Return the data dictionary: one row per column of each table, in the order of the stages.

    Returns
    -------
    Columns `table`, `stage`, `column`, `type`, `unit`, `meaning`.
    """
    rows = [
        {
            "table": schema.name,
            "stage": schema.metadata["stage"],
            "column": column,
            "type": str(spec.dtype),
            "unit": spec.metadata["unit"],
            "meaning": spec.description,
        }
        for schema in SCHEMAS.values()
        if names is None or schema.name in names
        for column, spec in schema.columns.items()
    ]
    return pd.DataFrame(rows)
