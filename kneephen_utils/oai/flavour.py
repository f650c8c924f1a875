"""Flavour: where the files of a release lie and how their rows are written.

The ASCII flavour is pipe-delimited text, the SAS flavour `.sas7bdat`, the NDA package
tab-delimited text under other names. Files are found by name, whatever its case and
however deep the folder; every cell comes back as text and every heading in upper case.
"""

from __future__ import annotations

import csv
import datetime
import importlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

ENDINGS = (".txt", ".sas7bdat")  # the first one found is read
FILM_LIST = "contents.csv"


class ReleaseError(ValueError):
    """The release cannot be read; the message names the file, the column and what was expected."""


@dataclass(frozen=True)
class Sheet:
    """One table as it lies in the release: cells as text, headings in upper case."""

    cells: pd.DataFrame
    path: Path
    flavour: str
    columns: int
    others: tuple[Path, ...] = ()


def shelve(folder: str | Path) -> dict[str, list[Path]]:
    """Return the table files of a release by lower-case name without ending, best flavour first.

    Raises
    ------
    ReleaseError
        If there is no such folder, or nothing in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReleaseError(f"{folder}: there is no such folder; expected an OAI release")
    if not any(folder.iterdir()):
        raise ReleaseError(f"{folder}: the folder is empty; expected an OAI release")
    shelf: dict[str, list[Path]] = {}
    for path in _files(folder):
        if path.suffix.lower() in ENDINGS:
            shelf.setdefault(path.stem.lower(), []).append(path)
    for paths in shelf.values():
        paths.sort(key=lambda path: (ENDINGS.index(path.suffix.lower()), path.as_posix()))
    return shelf


def film_lists(folder: str | Path) -> list[Path]:
    """Return every `contents.csv` of the release."""
    return sorted(path for path in _files(Path(folder)) if path.name.lower() == FILM_LIST)


def load(paths: list[Path], wanted: Collection[str]) -> Sheet:
    """Read the wanted columns, named in upper case, of the first of `paths`.

    Raises
    ------
    ReleaseError
        If the file is not a table of a known flavour.
    """
    path, *others = paths
    if path.suffix.lower() == ".sas7bdat":
        cells, columns = _sas(path, wanted)
        return Sheet(cells, path, "sas", columns, tuple(others))
    cells, columns = delimited(path, "|", wanted)
    return Sheet(cells, path, "ascii", columns, tuple(others))


def delimited(path: Path, mark: str, wanted: Collection[str] | None) -> tuple[pd.DataFrame, int]:
    """Read delimited text in any line ending; return the wanted cells and the number of columns.

    Raises
    ------
    ReleaseError
        If the headings are not delimited by `mark`, or a row has more cells than headings.
    """
    quoted = mark != "|"
    with path.open(encoding="latin-1", newline=None) as lines:
        header = lines.readline().removeprefix("ï»¿").rstrip("\n")
        longest = max((line.count(mark) for line in lines), default=-1)
    names = [name.strip().strip('"').upper() for name in header.split(mark)]
    if len(names) == 1:
        raise ReleaseError(f"{path}: no {mark!r} in the first line; expected headings between them")
    if longest >= len(names) and not quoted:
        raise ReleaseError(f"{path}: a row has {longest + 1} cells under {len(names)} headings")
    keep = [at for at, name in enumerate(names) if wanted is None or name in wanted]
    if longest < 0:  # headings and nothing below them
        return pd.DataFrame(columns=[names[at] for at in keep], dtype=str), len(names)
    try:
        cells = pd.read_csv(
            path,
            sep=mark,
            header=None,
            skiprows=1,
            names=range(len(names)),
            usecols=keep,
            dtype=str,
            keep_default_na=False,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            encoding="latin-1",
        )
    except pd.errors.ParserError:
        raise ReleaseError(
            f"{path}: the rows do not fit {len(names)} headings; expected a cell for each"
        ) from None
    return cells.fillna("").set_axis([names[at] for at in keep], axis=1), len(names)


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _holds_films(name))
        yield from (Path(root) / name for name in sorted(names))


def _holds_films(name: str) -> bool:
    """Say whether a folder is named like an image release, such as `0.E.1`."""
    parts = name.split(".")
    return len(parts) == 3 and parts[0].isdigit() and parts[1].isalpha() and parts[2].isdigit()


def _sas(path: Path, wanted: Collection[str]) -> tuple[pd.DataFrame, int]:
    """Read a SAS table; letters of missing values (`P` prosthesis, `T` poor film) are kept."""
    try:
        pyreadstat = importlib.import_module("pyreadstat")
    except ModuleNotFoundError:
        raise ReleaseError(
            f"{path}: SAS files are read by the package pyreadstat, which is not installed; "
            "install it or put the ASCII flavour of the release in its place"
        ) from None
    try:
        _, facts = pyreadstat.read_sas7bdat(path, metadataonly=True)
        keep = [name for name in facts.column_names if name.upper() in wanted]
        cells, _ = pyreadstat.read_sas7bdat(path, usecols=keep, user_missing=True)
    except pyreadstat.ReadstatError as error:
        raise ReleaseError(f"{path}: not readable as a SAS table ({error})") from None
    spelled = cells.apply(lambda column: column.map(_spell)).astype(str)
    return spelled.set_axis([name.upper() for name in cells.columns], axis=1), len(
        facts.column_names
    )


def _spell(value: Any) -> str:
    """Write a SAS value as the ASCII flavour would: no trailing `.0`, dates as mm/dd/yyyy."""
    if pd.isna(value):
        return ""
    if isinstance(value, (datetime.date, pd.Timestamp)):
        return value.strftime("%m/%d/%Y")
    return f"{value:.12g}" if isinstance(value, float) else str(value)
