"""Raw: one table as it lies in the release, and what stands in it that is no row of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


class ReleaseError(ValueError):
    """The release cannot be read; the message names the file, the column and what was expected."""


@dataclass(frozen=True)
class Sheet:
    """One table as it lies in the release: cells as text, headings in upper case.

    `notes` are sentences on lines that are no rows of the table and are left out.
    """

    cells: pd.DataFrame
    path: Path
    flavour: str
    columns: int
    others: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def headings(cells: Sequence[str], path: Path, wanted: Collection[str] | None) -> list[str]:
    """Return headings in upper case, without quotes; `wanted` are those needed, None for all.

    A heading that nobody asked for may be a cell, where the line of headings is lost: it is told
    by its place.

    Raises
    ------
    ReleaseError
        If a heading that is needed stands twice.
    """
    names = [name.strip().strip('"').strip().upper() for name in cells]
    for name in names:
        if name and names.count(name) > 1 and (wanted is None or name in wanted):
            told = f"column {name}" if wanted else f"the heading of column {names.index(name) + 1}"
            raise ReleaseError(f"{path}: {told} is there twice; expected it once")
    return names


def without_headings(cells: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Leave out rows that repeat the headings, and say how many there were."""
    upper = cells.apply(lambda column: column.str.strip().str.strip('"').str.upper())
    again = upper.eq(list(cells.columns)).all(axis=1) & bool(len(cells.columns))
    return cells[~again].reset_index(drop=True), int(again.sum())


def notes(*, stray: int, repeated: int) -> tuple[str, ...]:
    """Say how many lines are no rows of the table, such as `(4 rows affected)`."""
    said = [
        (stray, "Lines that are no rows of the table, left out"),
        (repeated, "Lines that repeat the headings, left out"),
    ]
    return tuple(f"{note}: {count:,}." for count, note in said if count)
