"""NDA writer: the tables of the release as the NIMH Data Archive delivers them.

One file for all visits of a table: tab-delimited, quoted, in lower case and without visit
prefix; the second line describes the columns, unless a program on the way took it away.
Labels and letters of missing codes are lost, and so is whether a knee was ever injured.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import pandas as pd

from oai_twin import value_format

FILES = {
    "enrollees": "oai_enrollee01",
    "outcomes": "oai_outcome01",
    "kxr_sq_bu": "oai_kxrsemiquant01",
    "kxr_qjsw_duryea": "oai_kxrquantjsw01",
    "xray": "oai_xrmeta01",
}
SCORES, RISKS = "oai_koos_womac01", "oai_oarisk01"  # what AllClinical is taken apart into
OF_SCORES = re.compile(r"wom\w+|koos\w+|evdate|fvdate|visdys|age")
LEFT_OUT = re.compile(r"svdate|note|hisp|images\w|hadintv|chrthlf")
EMPTY = {"injr", "injl"}
PREFIX = re.compile(r"^(?:v99e?|[pv]\d\d)")
LABELLED = re.compile(r"^(-?\d+(?:\.\d+)?): .*$")
MISSING = re.compile(r"^\s*(?:\.[A-Z]?(?:: .*)?)?\s*$")
NAMES = {
    "id": "src_subject_id",
    "womkpr": "womac_pain_right",
    "womkpl": "womac_pain_left",
    "womstfr": "womac_stiffness_right",
    "womstfl": "womac_stiffness_left",
    "womadlr": "womac_disability_right",
    "womadll": "womac_disability_left",
    "womtsr": "womac_total_right",
    "womtsl": "womac_total_left",
    "kooskpr": "koos_rkpain",
    "kooskpl": "koos_lkpain",
    "koosymr": "koos_rksymptoms",
    "koosyml": "koos_lksymptoms",
    "koosfsr": "koos_sports",
    "koosqol": "koos_qol",
    "evdate": "interview_date",
    "fvdate": "interview_date",
    "xrdate": "interview_date",
    "age": "ageyears",
    "cohort": "e_cohort",
    "height": "height_av",
    "weight": "weight_met",
    "barcdbu": "barcode",
    "barcdjd": "barcode",
    "xrbarcd": "barcode",
    "examtp": "examtype",
    "position": "xrqc_position",
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
    def columns(self) -> value_format.Columns: ...  # noqa: D102


def write(tables: Iterable[Table], folder: Path, *, described: bool = True) -> None:
    """Write the package into a folder; `described` with the line that describes the columns."""
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
        if file == "oai_enrollee01":
            ages = packed[SCORES][0].set_index("src_subject_id")["ageyears"]
            whole["ageyears"] = whole["src_subject_id"].map(ages).fillna("")
        _write(whole, folder / f"{file}.txt", described=described)


def write_series(series: pd.DataFrame, folder: Path, *, month: str, described: bool = True) -> None:
    """Write `image03`, which lists packed series by the address they are downloaded from.

    Parameters
    ----------
    series
        Rows of `contents.csv`.
    folder
        Folder of the package.
    month
        Folder of the month inside it.
    described
        With the line that describes the columns.
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
    _write(table, folder / "image03.txt", described=described)


def _plain(table: Table) -> pd.DataFrame:
    """Return bare codes in lower case, without prefix, with the visit they are from."""
    bare = pd.DataFrame(dict(table.columns)).astype(str)
    bare = bare.apply(lambda column: column.str.replace(LABELLED, r"\1", regex=True))
    bare = bare.apply(lambda column: column.str.replace(MISSING, "", regex=True))
    bare = bare.rename(columns=lambda name: PREFIX.sub("", name.lower()) or name.lower())
    bare = bare.loc[:, ~bare.columns.duplicated()].assign(visit=table.visit or "V00")
    bare = bare[[name for name in bare if not LEFT_OUT.fullmatch(name)]]
    bare = bare.assign(**{name: "" for name in EMPTY if name in bare})
    return bare.assign(sex=bare["sex"].map(SEXES)) if "sex" in bare else bare


def _global_key(person: str) -> str:
    """Return an invented identifier of the archive for a person."""
    return "NDAR_INV" + hashlib.sha256(person.encode()).hexdigest()[:8].upper()


def _write(table: pd.DataFrame, path: Path, *, described: bool) -> None:
    line = pd.DataFrame([{name: f"{name.replace('_', ' ')} as in the release" for name in table}])
    rows = pd.concat([line, table], ignore_index=True) if described else table
    text = rows.to_csv(sep="\t", index=False, quoting=csv.QUOTE_ALL, lineterminator="\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("latin-1"))
