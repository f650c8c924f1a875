"""Table reader: one release table read into typed columns, and the line it earns in the report."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from kneephen_utils import redaction
from kneephen_utils.oai import days, missing_codes, nda, release_format
from kneephen_utils.oai.catalog import SIDE_LETTERS, TABLES, XRAYS, Column, Table
from kneephen_utils.oai.raw import ReleaseError, Sheet

SIDES = {1.0: "right", 2.0: "left"}
VERSION = r"\d{1,2}(?:\.\d){1,2}"  # such as 0.2.3; anything else is a cell that slipped there
MAY_HOLD = ("packed, unpack it", "a link that leads nowhere", "cannot be opened")
SHOWN = 3  # columns whose odd cells are named in the report
EMPTY_REPORT = {"found": False, "file": None, "flavour": None, "version": None, "rows": 0}


class Fault(NamedTuple):
    """Cells or rows of a table that cannot be used: how many, and where, without showing them."""

    cells: int
    sentence: str


@dataclass
class Library:
    """The tables of one release: opens them by name and keeps the ingest report."""

    folder: Path
    shelf: dict[str, list[Path]]
    report: list[dict[str, Any]] = field(default_factory=list)
    packages: dict[Path, Sheet] = field(default_factory=dict)  # files of the archive, read once

    @cached_property
    def unread(self) -> dict[str, str]:
        """Why files that may be tables are not read, by lower-case name without ending."""
        return release_format.unread(self.folder)

    def visits(self, table: Table) -> pd.DataFrame:
        """Return a table over all its visits, with the column `visit`; missing ones are left out.

        Raises
        ------
        ReleaseError
            If a required table or column is missing.
        """
        parts = [self.open(table, visit).assign(visit=visit) for visit in table.visits]
        filled = [part for part in parts if len(part)] or parts[:1]
        return pd.concat(filled, ignore_index=True)

    def open(self, table: Table, visit: str) -> pd.DataFrame:
        """Return the typed rows of one table at one visit; no rows if it is not in the release."""
        name, columns = table.name(visit), list(table.columns_at(visit))
        sheet = self._sheet(table, visit, columns)
        if sheet is None:
            self._report_missing(table, visit)
            return pd.DataFrame({spec.name: _nothing(spec) for spec in columns})
        specs = {spec: _found(spec, sheet) for spec in columns}
        self._require(specs, sheet, table, name)
        typed, faults = _typed(specs, sheet.cells)
        typed, sideless = _sided(typed)
        self._report_found(sheet, table, name, specs, typed, [*faults, *sideless])
        return typed

    def _sheet(self, table: Table, visit: str, columns: list[Column]) -> Sheet | None:
        name = table.name(visit).lower()
        wanted = {part for spec in columns for part in spec.release.split("|")}
        if name in self.shelf:
            return release_format.load(self.shelf[name], wanted)
        return nda.load(self.shelf, table.stem, visit, self.packages)

    def _require(
        self, specs: dict[Column, str | None], sheet: Sheet, table: Table, name: str
    ) -> None:
        for spec, found in specs.items():
            if found is not None and isinstance(sheet.cells[found], pd.DataFrame):
                raise ReleaseError(
                    f"{self._where(sheet.path)}: column {found} is there twice; expected it once"
                )
            if spec.required and found is None:
                column = self._spelled(spec, sheet, table)
                raise ReleaseError(
                    f"{self._where(sheet.path)}: column {column} of table {name} is missing; it "
                    f"holds {_plain(spec.name)} and is needed by {table.needed_by}"
                )

    def _report_missing(self, table: Table, visit: str) -> None:
        name = table.name(visit)
        own = f"; {self.unread[name.lower()]}" if name.lower() in self.unread else ""
        if visit in table.required_at:
            maybe = [why for why in self.unread.values() if why.endswith(MAY_HOLD)]
            raise ReleaseError(
                f"{self.folder}: table {name} is missing ({name}.txt or {name}.sas7bdat, in any "
                f"folder); it is needed by {table.needed_by}, and without it {table.without}"
                + (own or "".join(f"; {why}" for why in maybe[:SHOWN]))
            )
        sentence = f"{name} is not in the release: {table.without}{own}."
        self._add(table, name, sentence, **EMPTY_REPORT, columns=0, not_understood=0)

    def _report_found(
        self,
        sheet: Sheet,
        table: Table,
        name: str,
        specs: dict[Column, str | None],
        typed: pd.DataFrame,
        faults: list[Fault],
    ) -> None:
        absent = [spec.release for spec, found in specs.items() if found is None]
        absent = [name for name in absent if name not in {"ID", "VERSION"}]
        used = sum(found is not None for found in specs.values())
        repeats = 0 if table is XRAYS else int(typed.duplicated(_key(typed)).sum())
        sentences = [
            f"{len(typed):,} rows read; {used} of {sheet.columns:,} columns are used.",
            f"Without {', '.join(absent)}." if absent else "",
            f"Not understood and taken as missing: {_listed(faults)}." if faults else "",
            _day_first(specs, sheet.cells),
            f"Rows that repeat {', '.join(_key(typed))}: {repeats:,}." if repeats else "",
            *sheet.notes,
            f"Also found as {', '.join(map(self._where, sheet.others))}." if sheet.others else "",
        ]
        versions = typed["version"].dropna().unique() if "version" in typed else []
        versions = [each for each in versions if re.fullmatch(VERSION, each)]
        self._add(
            table,
            name,
            " ".join(filter(None, sentences)),
            found=True,
            file=self._where(sheet.path),
            flavour=sheet.flavour,
            version=", ".join(sorted(versions)) or None,
            rows=len(typed),
            columns=sheet.columns,
            not_understood=sum(fault.cells for fault in faults),
        )

    def _add(self, table: Table, name: str, sentence: str, **facts: Any) -> None:
        self.report.append(
            {"table": name, **facts, "needed_by": table.needed_by, "sentence": sentence}
        )

    def _spelled(self, spec: Column, sheet: Sheet, table: Table) -> str:
        return nda.spelled(spec.release, table.stem) if sheet.flavour == "nda" else spec.release

    def _where(self, path: Path) -> str:
        return redaction.place(path.relative_to(self.folder))


def library(folder: str | Path) -> Library:
    """Open a release folder.

    Raises
    ------
    ReleaseError
        If the folder is missing, empty or holds no table of a release.
    """
    shelf = release_format.shelve(folder)
    known = {table.name(visit).lower() for table in TABLES for visit in table.visits}
    archive = {origin.file for origins in nda.ORIGINS.values() for origin in origins}
    if not known & shelf.keys() and not archive & shelf.keys():
        raise ReleaseError(
            f"{folder}: no table of an OAI release is in this folder; expected files such as "
            "Enrollees.txt, AllClinical00.txt and kxr_sq_bu00.txt, or their SAS or NDA form"
            + "".join(
                f"; {why}" for why in list(release_format.unread(Path(folder)).values())[:SHOWN]
            )
        )
    return Library(Path(folder), shelf)


def by_knee(wide: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Turn columns such as `womac_pain@R` and `womac_pain@L` into one row per knee."""
    keys = [name for name in ("participant_id", "visit") if name in wide]
    parts = [
        wide[keys].assign(side=side, **{name: wide[f"{name}@{letter}"] for name in names})
        for side, letter in SIDE_LETTERS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _found(spec: Column, sheet: Sheet) -> str | None:
    return next((name for name in spec.release.split("|") if name in sheet.cells.columns), None)


def _nothing(spec: Column) -> pd.Series:
    return missing_codes.read(pd.Series([], dtype=str), spec.kind, spec.span)


def _typed(
    specs: dict[Column, str | None], cells: pd.DataFrame
) -> tuple[pd.DataFrame, list[Fault]]:
    blank = pd.Series("", index=cells.index, dtype=str)
    typed, faults = {}, []
    for spec, found in specs.items():
        column = blank if found is None else cells[found]
        typed[spec.name] = missing_codes.read(column, spec.kind, spec.span)
        odd = missing_codes.unknown(column, spec.kind, spec.span)
        if len(odd):
            where = f"of the form {redaction.forms(odd)}, first in row {_row(odd, cells)}"
            said = f"{found} ({_count(len(odd))} {where}, {_expected(spec)})"
            faults.append(Fault(len(odd), said))
        if spec.name == "kl_grade":
            typed["prosthesis"] = (
                missing_codes.reason(column).eq("P").fillna(value=False).astype(bool)
            )
    return pd.DataFrame(typed, index=cells.index), faults


def _sided(typed: pd.DataFrame) -> tuple[pd.DataFrame, list[Fault]]:
    """Name the sides; rows without a person or a side are set aside and returned as a fault."""
    keep = typed["participant_id"].notna()
    if "side" in typed:
        side = typed["side"].map(SIDES)
        keep &= side.notna()
        typed = typed.assign(side=side)
    lost = int((~keep).sum())
    rows = f"{lost:,} row{'s' * (lost != 1)} without participant or side, left out"
    return typed[keep].reset_index(drop=True), [Fault(lost, rows)] if lost else []


def _day_first(specs: dict[Column, str | None], cells: pd.DataFrame) -> str:
    """Say which dates are read as day/month/year, because their column shows it."""
    dates = [found for spec, found in specs.items() if spec.kind == "date" and found]
    swapped = [name for name in dates if days.day_first(cells[name])]
    return f"{', '.join(swapped)} is read as day/month/year." if swapped else ""


def _listed(faults: list[Fault]) -> str:
    """Name the columns with the most odd cells; no cell is shown, it may be a person's."""
    worst = sorted(faults, key=lambda fault: -fault.cells)[:SHOWN]
    more = f"; and {len(faults) - SHOWN} more columns" if len(faults) > SHOWN else ""
    return "; ".join(fault.sentence for fault in worst) + more


def _expected(spec: Column) -> str:
    return f"expected {missing_codes.expected(spec.kind, spec.span)}"


def _row(odd: pd.Series, cells: pd.DataFrame) -> int:
    return int(cells.index.get_indexer(odd.index[:1])[0]) + 1


def _count(number: int) -> str:
    return f"{number:,} cell{'s' * (number != 1)}"


def _key(typed: pd.DataFrame) -> list[str]:
    return [name for name in ("participant_id", "side", "reading_code") if name in typed]


def _plain(name: str) -> str:
    return name.replace("_", " ").partition("@")[0]
