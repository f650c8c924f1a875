"""Published: the tables of the published study, read in their own layout.

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


def read(folder: str | Path) -> Tables:
    """Read the CSV files of a folder.

    Raises
    ------
    FileNotFoundError
        If the folder is not there or holds no CSV file.
    LayoutError
        If none, or more than one, of the files is the wide table, or a value is not understood.
    """
    paths = sorted(Path(folder).glob("*.csv"))
    if not paths:
        raise FileNotFoundError(f"{folder}: no CSV file is there; expected the published tables")
    read_in = {path.name: _lower(_csv(path), path.name) for path in paths}
    wide = [name for name, table in read_in.items() if set(WIDE) <= set(table.columns)]
    if len(wide) != 1:
        raise LayoutError(
            f"{folder}: {len(wide)} files hold the columns {', '.join(WIDE)}; expected exactly one"
        )
    return parse(read_in.pop(wide[0]), read_in, name=wide[0])


def _csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise LayoutError(f"{path}: not readable as a CSV file in UTF-8") from None


def parse(
    wide: pd.DataFrame, others: Mapping[str, pd.DataFrame], *, name: str = "wide table"
) -> Tables:
    """Return the tables in the terms of this book; `others` are tables of visits by file name."""
    wide = _lower(wide, name)
    keyed = _keyed(wide, name)
    if (double := keyed.duplicated(["participant_id", "side"])).any():
        row = int(double.to_numpy().argmax()) + 1
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


def _lower(table: pd.DataFrame, name: str) -> pd.DataFrame:
    lower = table.rename(columns=lambda column: str(column).strip().lower())
    if (twice := lower.columns.duplicated()).any():
        column = lower.columns[twice][0].upper()
        raise LayoutError(f"{name}: column {column} is there twice; expected it once, in any case")
    return lower
