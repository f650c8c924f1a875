"""Release format: where the files of a release lie and how their rows are written.

The ASCII flavour is pipe-delimited text, the SAS flavour `.sas7bdat`, the NDA package
tab-delimited text under other names; a spreadsheet may have saved any of them as text between
other marks or as `.xlsx`. Files are found by name, whatever its case and however deep the
folder; every cell comes back as text and every heading in upper case.
"""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from kneephen_utils import redaction
from kneephen_utils.oai import folders, text, workbook
from kneephen_utils.oai.raw import ReleaseError, Sheet

ENDINGS = (".txt", ".csv", ".sas7bdat", ".xlsx")  # the first one found is read
FILM_LIST = "contents.csv"
PACKED = {".zip", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz"}
UNREAD = {".xls", ".xlsb", ".xlsm", ".ods", ".numbers", ".dta", ".sav", ".xpt", ".rds", ".rdata"}
UNREAD |= {".parquet", ".feather", ".json", ".xml", ".html", ".htm", ".pdf", ".tsv", ".dat"}


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
    for path in folders.files(folder):
        if path.suffix.lower() in ENDINGS and path.exists():
            shelf.setdefault(path.stem.lower(), []).append(path)
    for name, paths in shelf.items():
        paths.sort(key=lambda path: (ENDINGS.index(path.suffix.lower()), path.as_posix()))
        shelf[name] = list({path.resolve(): path for path in reversed(paths)}.values())[::-1]
    return shelf


def unread(folder: Path) -> dict[str, str]:
    """Return why files that may be tables are not read, by lower-case name without ending."""
    found = {}
    for path in folders.files(folder):
        ending = path.suffix.lower()
        inner = Path(path.stem).stem if ending in PACKED else path.stem
        place = redaction.place(path.relative_to(folder))
        if ending in PACKED:
            found[inner.lower()] = f"{place} is packed, unpack it"
        elif ending in UNREAD:
            found[inner.lower()] = f"{place} is not read, save it as text or xlsx"
    for path, why in folders.broken(folder).items():
        found[path.stem.lower()] = f"{redaction.place(path.relative_to(folder))} {why}"
    return found


def film_lists(folder: str | Path) -> list[Path]:
    """Return every `contents.csv` of the release."""
    found = [
        path
        for path in folders.files(Path(folder))
        if path.name.lower() == FILM_LIST and path.exists()
    ]
    return sorted({path.resolve(): path for path in sorted(found, reverse=True)}.values())


def load(paths: list[Path], wanted: Collection[str] | None, *, mark: str = "|") -> Sheet:
    """Read the wanted columns, named in upper case, of the first of `paths`; None wants all.

    Raises
    ------
    ReleaseError
        If the file is not a table of a known flavour.
    """
    path, *others = paths
    ending = path.suffix.lower()
    if ending == ".sas7bdat":
        cells, columns = _sas(path, wanted)
        return Sheet(cells, path, "sas", columns, tuple(others))
    if ending == ".xlsx":
        return replace(workbook.read(path, wanted, spell), others=tuple(others))
    first = "," if ending == ".csv" else mark
    return replace(delimited(path, first, wanted), flavour="ascii", others=tuple(others))


def delimited(path: Path, mark: str, wanted: Collection[str] | None) -> Sheet:
    """Read delimited text, see `text.read`."""
    return text.read(path, mark, wanted)


def _sas(path: Path, wanted: Collection[str] | None) -> tuple[pd.DataFrame, int]:
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
        keep = [name for name in facts.column_names if wanted is None or name.upper() in wanted]
        cells, _ = pyreadstat.read_sas7bdat(path, usecols=keep, user_missing=True)
    except pyreadstat.ReadstatError as error:
        raise ReleaseError(f"{path}: not readable as a SAS table ({error})") from None
    spelled = cells.apply(lambda column: column.map(spell)).astype(str)
    return spelled.set_axis([name.upper() for name in cells.columns], axis=1), len(
        facts.column_names
    )


def spell(value: Any) -> str:
    """Write a value as the ASCII flavour would: no trailing `.0`, dates as mm/dd/yyyy."""
    if pd.isna(value):
        return ""
    if isinstance(value, (datetime.date, pd.Timestamp)):
        return value.strftime("%m/%d/%Y")
    return f"{value:.12g}" if isinstance(value, float) else str(value)
