"""Fault: what is wrong with a table, in words.

Values stand in the words only where the table holds no person: a cell of somebody is never
told, not even where it cannot be right.
"""

from __future__ import annotations

import re

import pandas as pd
from pandera.errors import SchemaErrors

OF_PEOPLE = {"participant_id", "knee_id", "film_id"}
WORDS = {
    r"not_nullable": "missing; expected a value",
    r"dtype\('(.*)'\)": "of another type; expected {}",
    r"coerce_dtype\('(.*)'\)": "of another type; expected {}",
    r"isin\(\[(.*)\]\)": "not allowed; expected one of {}",
    r"in_range\((.*), (.*)\)": "out of range; expected {} to {}",
    r"greater_than_or_equal_to\((.*)\)": "too small; expected at least {}",
    r"less_than_or_equal_to\((.*)\)": "too large; expected at most {}",
    r"greater_than\((.*)\)": "too small; expected more than {}",
}


def of_columns(error: SchemaErrors, table: pd.DataFrame) -> list[str]:
    """Say what pandera found: a missing or unknown column, a wrong type or value."""
    cases = error.failure_cases
    told = not OF_PEOPLE & {*table.columns, *error.schema.columns}
    faults = []
    for (column, rule), rows in cases.groupby(["column", "check"], dropna=False, sort=False):
        if rule == "column_in_dataframe":
            faults += [f"column {name} is missing" for name in rows["failure_case"]]
        elif rule == "column_in_schema":
            faults += [f"column {name} is not known" for name in rows["failure_case"]]
        else:
            such = f", such as {rows['failure_case'].iloc[0]!r}" if told else ""
            where = "table" if pd.isna(column) else f"column {column}"
            faults.append(f"{where}: {len(rows):,} value(s) {_words(str(rule))}{such}")
    return faults


def of_key(table: pd.DataFrame, key: list[str]) -> list[str]:
    """Say how many rows repeat the key of an earlier row."""
    if not key or not set(key) <= set(table.columns):
        return []
    count = int(table.duplicated(key).sum())
    each = " and ".join([", ".join(key[:-1]), key[-1]] if key[1:] else key)
    return [f"{count:,} row(s) repeat an earlier {each}; expected each once"] if count else []


def _words(rule: str) -> str:
    for pattern, words in WORDS.items():
        if found := re.fullmatch(pattern, rule):
            return words.format(*found.groups())
    return f"fail {rule}"
