"""Workbook: a table that was saved again by a spreadsheet, as `.xlsx`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd

from kneephen_utils.oai import raw
from kneephen_utils.oai.raw import ReleaseError, Sheet


def read(path: Path, wanted: Collection[str] | None, spell: Callable[[Any], str]) -> Sheet:
    """Read the first sheet with headings that are wanted; `spell` writes a value as text.

    Raises
    ------
    ReleaseError
        If the file is no workbook, or a heading that is wanted stands twice.
    """
    try:
        openpyxl = importlib.import_module("openpyxl")
    except ModuleNotFoundError:
        raise ReleaseError(
            f"{path}: workbooks are read by the package openpyxl, which is not installed; "
            "install it or save the table as text"
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        pages = [[list(row) for row in page.iter_rows(values_only=True)] for page in book]
        book.close()
    except Exception as error:  # the reader lets through whatever its parsers raise
        raise ReleaseError(
            f"{path}: not readable as a workbook ({type(error).__name__}); save it again as text"
        ) from None
    found = [_named(rows, path, wanted, spell) for rows in pages]
    best = max(found, key=lambda each: len(each.columns), default=pd.DataFrame())
    if best.empty and not len(best.columns):
        raise ReleaseError(f"{path}: no sheet has headings that are expected in its first line")
    return _tidy(best, path, wanted, [len(each.columns) for each in found].count(0))


def _named(
    rows: list[list[Any]], path: Path, wanted: Collection[str] | None, spell: Callable[[Any], str]
) -> pd.DataFrame:
    """Return a page as text under its headings; no columns if none of them is wanted."""
    filled = [row for row in rows if any(cell is not None for cell in row)]
    if not filled:
        return pd.DataFrame()
    names = raw.headings(["" if cell is None else str(cell) for cell in filled[0]], path, wanted)
    if wanted is not None and not set(names) & set(wanted):
        return pd.DataFrame()
    cells = [["" if cell is None else spell(cell) for cell in row] for row in filled[1:]]
    return pd.DataFrame(cells, columns=names, dtype=str)


def _tidy(page: pd.DataFrame, path: Path, wanted: Collection[str] | None, empty: int) -> Sheet:
    alone = page.iloc[:, 1:].eq("").all(axis=1) & ~page.iloc[:, 0].str.fullmatch(r"\d+")
    keep = [at for at, name in enumerate(page.columns) if wanted is None or name in wanted]
    kept, repeated = raw.without_headings(page[~alone].iloc[:, keep])
    notes = raw.notes(stray=int(alone.sum()), repeated=repeated)
    more = (f"Sheets of the workbook without its columns: {empty:,}.",) if empty else ()
    return Sheet(kept, path, "xlsx", page.shape[1], notes=(*notes, *more))
