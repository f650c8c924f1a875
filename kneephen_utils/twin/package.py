"""Package: the tables of the release as the NIMH Data Archive delivers them.

One file for all visits of a table: tab-delimited, quoted, in lower case and without visit
prefix; the second line describes the columns. Labels and letters of missing codes are lost.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import pandas as pd

from kneephen_utils.twin import cells

FILES = {
    "enrollees": "oai_enrollee01",
    "outcomes": "oai_outcome01",
    "kxr_sq_bu": "oai_kxrsemiquant01",
    "kxr_qjsw_duryea": "oai_kxrquantjsw01",
    "xray": "oai_xrmeta01",
}
SCORES, RISKS = "oai_koos_womac01", "oai_oarisk01"  # what AllClinical is taken apart into
OF_SCORES = re.compile(r"wom\w+|koos\w+|evdate|fvdate|visdys|age")
PREFIX = re.compile(r"^(?:v99e?|[pv]\d\d)")
LABELLED = re.compile(r"^(-?\d+(?:\.\d+)?): .*$")
MISSING = re.compile(r"^\s*(?:\.[A-Z]?(?:: .*)?)?\s*$")
NAMES = {
    "id": "src_subject_id",
    "womkpr": "womac_pain_right",
    "womkpl": "womac_pain_left",
    "womstfr": "womac_stiffness_right",
    "womstfl": "womac_stiffness_left",
    "womadlr": "womac_function_right",
    "womadll": "womac_function_left",
    "womtsr": "womac_total_right",
    "womtsl": "womac_total_left",
    "kooskpr": "koos_rkpain",
    "kooskpl": "koos_lkpain",
    "evdate": "interview_date",
    "fvdate": "interview_date",
    "age": "ageyears",
    "barcdbu": "barcode",
    "barcdjd": "barcode",
    "xrbarcd": "barcode",
}
BUCKET = "s3://NDAR_Central_1/submission_00000/"  # an invented address
SEXES = {"1": "M", "2": "F"}


class Table(Protocol):
    """What is packed: one table of one visit, as the release writes it."""

    @property
    def stem(self) -> str: ...  # noqa: D102
    @property
    def visit(self) -> str: ...  # noqa: D102
    @property
    def columns(self) -> cells.Columns: ...  # noqa: D102


def write(tables: Iterable[Table], folder: Path) -> None:
    """Write the package into a folder."""
    packed: dict[str, list[pd.DataFrame]] = {}
    for table in tables:
        plain = _plain(table)
        if table.stem == "AllClinical":
            own = [name for name in plain if OF_SCORES.fullmatch(name)]
            rest = [name for name in plain if name not in {*own, "id", "visit"}]
            parts = {SCORES: plain[["id", "visit", *own]], RISKS: plain[["id", "visit", *rest]]}
        else:
            parts = {FILES[table.stem.lower()]: plain}
        for file, part in parts.items():
            packed.setdefault(file, []).append(part.rename(columns=NAMES))
    for file, visits in packed.items():
        whole = pd.concat(visits, ignore_index=True).fillna("")
        keys = whole["src_subject_id"].map(_global_key)
        whole.insert(0, "subjectkey", keys)
        _write(whole, folder / f"{file}.txt")


def write_series(series: pd.DataFrame, folder: Path, *, month: str) -> None:
    """Write `image03`, which lists packed series by the address they are downloaded from.

    Parameters
    ----------
    series
        Rows of `contents.csv`.
    folder
        Folder of the package.
    month
        Folder of the month inside it.
    """
    people = series["ParticipantID"].astype(str)
    dates = pd.to_datetime(series["StudyDate"].astype(str), format="%Y%m%d")
    table = pd.DataFrame(
        {
            "subjectkey": people.map(_global_key),
            "src_subject_id": people,
            "interview_date": dates.dt.strftime("%m/%d/%Y"),
            "image_file": BUCKET + month + "/" + series["Folder"].astype(str) + ".tar.gz",
            "image_description": series["SeriesDescription"],
            "accession_number": "0166" + series["Barcode"].str.zfill(8),
        }
    )
    _write(table, folder / "image03.txt")


def _plain(table: Table) -> pd.DataFrame:
    """Return bare codes in lower case, without prefix, with the visit they are from."""
    bare = pd.DataFrame(dict(table.columns)).astype(str)
    bare = bare.apply(lambda column: column.str.replace(LABELLED, r"\1", regex=True))
    bare = bare.apply(lambda column: column.str.replace(MISSING, "", regex=True))
    bare = bare.rename(columns=lambda name: PREFIX.sub("", name.lower()) or name.lower())
    bare = bare.loc[:, ~bare.columns.duplicated()].assign(visit=table.visit or "V00")
    return bare.assign(sex=bare["sex"].map(SEXES)) if "sex" in bare else bare


def _global_key(person: str) -> str:
    """Return an invented identifier of the archive for a person."""
    return "NDAR_INV" + hashlib.sha256(person.encode()).hexdigest()[:8].upper()


def _write(table: pd.DataFrame, path: Path) -> None:
    described = {name: f"{name.replace('_', ' ')} as in the release" for name in table}
    rows = pd.concat([pd.DataFrame([described]), table], ignore_index=True)
    text = rows.to_csv(sep="\t", index=False, quoting=csv.QUOTE_ALL, lineterminator="\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("latin-1"))
