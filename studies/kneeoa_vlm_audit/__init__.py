"""KneeOA-VLM audit: the tables of the published study, read in their own layout.

A wide table holds one row per knee (`SRC_SUBJECT_ID`, `knee_side`, `phenotype`, `cluster`,
`kl_grade`, then `kl_grade_V00`, `pain_V00` and so on); tables `master_final_V03.csv` hold one
visit each, with the date. Column names are read in any case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kneephen_utils import redaction

SIDES = ("right", "left")
KEY = ["src_subject_id", "knee_side"]
WIDE = [*KEY, "phenotype", "kl_grade"]
VISIT = re.compile(r"(kl_grade|pain)_(v\d\d)")
MASTER = re.compile(r"master_final_(V\d\d)", re.IGNORECASE)
CLUSTERED = "clustering"  # where the published repository keeps its wide table
MASTERED = {"kl_grade": "kl_grade", "matched_womac_pain": "womac_pain", "interview_date": "date"}
DATE = "%d-%b-%y"  # such as 03-NOV-05
COLUMNS = ["participant_id", "side", "visit", "kl_grade", "womac_pain", "date"]


class LayoutError(ValueError):
    """A table is not in the published layout; the message says where."""


@dataclass(frozen=True)
class Tables:
    """What was published of each knee.

    Attributes
    ----------
    knees
        `participant_id`, `side` (right, left), `phenotype` and baseline `kl_grade`.
    visits
        One row per knee and visit: `visit` (V00, V01 ...), `kl_grade`, `womac_pain` (0-20) and
        the `date` where a table of visits gives one.
    """

    knees: pd.DataFrame
    visits: pd.DataFrame

    def equals(self, other: Tables) -> bool:
        """Say whether two tables tell the same of the same knees, in whatever order."""
        key = ["participant_id", "side"]
        own = [each.knees.sort_values(key, ignore_index=True) for each in (self, other)]
        return own[0].equals(own[1]) and self.visits.equals(other.visits)


def read(place: str | Path) -> Tables:
    """Read the published tables of a folder, or one wide table with what lies around it.

    Parameters
    ----------
    place
        The root of the published repository, its folder `clustering`, any folder with the CSV
        files, or the wide table itself. Tables of visits are looked for in the folder, in
        `clustering` within it, and beside `clustering`.

    Raises
    ------
    FileNotFoundError
        If it is not there or holds no CSV file.
    LayoutError
        If none of the files is the wide table, if several are and differ, or if a value is not
        understood.
    """
    paths = _files(Path(place))
    if not paths:
        raise FileNotFoundError(f"{place}: no CSV file is there; expected the published tables")
    wide = [path for path in paths if set(WIDE) <= _header(path)]
    if Path(place).is_file():
        wide = [path for path in wide if path == Path(place)]
    if not wide:
        raise LayoutError(f"{place}: 0 files hold the columns {', '.join(WIDE)}; expected one")
    masters = {path.name: _csv(path) for path in paths if MASTER.search(path.name)}
    found = [parse(_csv(path), masters, name=path.name) for path in wide]
    if any(not one.equals(found[0]) for one in found[1:]):
        names = ", ".join(path.name for path in wide)
        raise LayoutError(f"{place}: {names} are wide tables and differ; give the path of one")
    return found[0]


def _files(place: Path) -> list[Path]:
    """Return the CSV files that may belong together; of equal names the nearest."""
    own = place.parent if place.is_file() else place
    folders = [own, own / CLUSTERED, *([own.parent] if own.name == CLUSTERED else [])]
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.csv")):
            found.setdefault(path.name, path)
    return list(found.values())


def _header(path: Path) -> set[str]:
    return {str(column).strip().lower() for column in _csv(path, rows=0).columns}


def _csv(path: Path, *, rows: int | None = None) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, nrows=rows, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise LayoutError(f"{path}: not readable as a CSV file in UTF-8") from None


def parse(
    wide: pd.DataFrame, others: Mapping[str, pd.DataFrame], *, name: str = "wide table"
) -> Tables:
    """Return the tables in the terms of this book; `others` are tables of visits by file name."""
    wide = _lower(wide, name)
    keyed = _keyed(wide, name)
    if (double := keyed.duplicated(["participant_id", "side"])).any():
        row = _first(double)
        raise LayoutError(f"{name}: row {row} is a knee for the second time; expected one row each")
    knees = keyed.assign(
        phenotype=wide["phenotype"].fillna("none").astype(str),
        kl_grade=_number(wide["kl_grade"], name, "kl_grade"),
    )
    spread = [_of_visit(wide, keyed, visit, name) for visit in _visits(wide)]
    spread += [
        _of_master(_lower(table, file), found[1].upper(), file)
        for file, table in others.items()
        if (found := MASTER.search(file))
    ]
    together = pd.concat(spread, ignore_index=True) if spread else pd.DataFrame(columns=COLUMNS)
    visits = together.groupby(["participant_id", "side", "visit"], as_index=False).first()
    return Tables(knees, visits.reindex(columns=COLUMNS))


def _visits(wide: pd.DataFrame) -> list[str]:
    found = {match[2] for name in wide.columns if (match := VISIT.fullmatch(name))}
    return sorted(found)


def _of_visit(wide: pd.DataFrame, keyed: pd.DataFrame, visit: str, name: str) -> pd.DataFrame:
    own = keyed.assign(visit=visit.upper(), date=pd.NaT)
    for column, renamed in (("kl_grade", "kl_grade"), ("pain", "womac_pain")):
        values = wide.get(f"{column}_{visit}", pd.Series(pd.NA, index=wide.index))
        own[renamed] = _number(values, name, f"{column}_{visit}")
    return own[COLUMNS]


def _of_master(table: pd.DataFrame, visit: str, name: str) -> pd.DataFrame:
    if missing := sorted({*KEY, *MASTERED} - set(table.columns)):
        raise LayoutError(f"{name}: column {missing[0].upper()} is missing")
    own = _keyed(table, name).assign(visit=visit)
    for column in ("kl_grade", "matched_womac_pain"):
        own[MASTERED[column]] = _number(table[column], name, column)
    own["date"] = pd.to_datetime(table["interview_date"], format=DATE, errors="coerce")
    unread = own["date"].isna() & table["interview_date"].notna()
    if unread.any():
        bad = redaction.forms(table.loc[unread, "interview_date"])
        raise LayoutError(
            f"{name}: INTERVIEW_DATE has the form {bad}; expected dates of the form '99-aaa-99'"
        )
    return own[COLUMNS]


def _keyed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    side = table["knee_side"].astype(str).str.strip().str.lower()
    if not side.isin(SIDES).all():
        bad = redaction.forms(table.loc[~side.isin(SIDES), "knee_side"])
        raise LayoutError(f"{name}: knee_side has the form {bad}; expected RIGHT or LEFT")
    return pd.DataFrame({"participant_id": table["src_subject_id"].astype(str), "side": side})


def _number(values: pd.Series, name: str, column: str) -> pd.Series:
    number = pd.to_numeric(values, errors="coerce")
    text = values.astype("string").str.strip()
    unread = number.isna() & text.notna() & ~text.fillna("").isin(["", "nan", "NaN", "<NA>"])
    if unread.any():
        raise LayoutError(
            f"{name}: column {column} holds {redaction.forms(values[unread])}, where a letter is "
            "told as a and a digit as 9; expected numbers"
        )
    return number.astype("float64")


def _first(marked: pd.Series) -> int:
    """Return the number of the first marked row, from 1; its value may belong to a person."""
    return int(marked.to_numpy().argmax()) + 1


def _lower(table: pd.DataFrame, name: str) -> pd.DataFrame:
    lower = table.rename(columns=lambda column: str(column).strip().lower())
    if (twice := lower.columns.duplicated()).any():
        column = lower.columns[twice][0].upper()
        raise LayoutError(f"{name}: column {column} is there twice; expected it once, in any case")
    return lower
