"""NDA: the package of the NIMH Data Archive, turned into the tables the release has.

Its columns carry no visit prefix and all visits lie in one file, told apart by `visit`. A
second line that describes the fields is recognised by what stands in it; some programs on
the way take it away.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kneephen_utils.oai import release_format
from kneephen_utils.oai.raw import ReleaseError, Sheet

OF_A_ROW = {"VISIT": r"V\d\d", "SUBJECTKEY": r"NDAR\w*", "SRC_SUBJECT_ID": r"\d+"}


class Origin(NamedTuple):
    """The NDA file a release table comes from and how its columns are renamed."""

    file: str
    columns: dict[str, str]
    prefix: str = "V##"


SEX = {"M": "1", "F": "2"}
PAIN = {
    "WOMAC_PAIN_RIGHT": "V##WOMKPR",
    "WOMAC_PAIN_LEFT": "V##WOMKPL",
    "KOOS_RKPAIN": "V##KOOSKPR",
    "KOOS_LKPAIN": "V##KOOSKPL",
    "VISDYS": "V##VISDYS",
    "INTERVIEW_DATE": "V##FVDATE",
    "AGEYEARS": "V00AGE",
}
RISK = {
    "BMI": "P01BMI",
    "AGEYEARS": "V00AGE",
    "KSURGR": "P01KSURGR",
    "KSURGL": "P01KSURGL",
    "KRSR": "P01KRSR",
    "KRSL": "P01KRSL",
    "INJR": "P01INJR",
    "INJL": "P01INJL",
}
FILMS = {
    "BARCODE": "V##XRBARCD",
    "EXAMTYPE": "V##EXAMTP",
    "INTERVIEW_DATE": "V##XRDATE",
}
OUTCOMES = {
    "RNTCNT": "V99RNTCNT",
    **{f"E{name}": f"V99E{name}" for name in ("DDCF", "DDDATE", "DDDAYS", "DDVSPR")},
}
ORIGINS = {
    "enrollees": [
        Origin(
            "oai_enrollee01",
            {"SEX": "P02SEX", "SITE": "V00SITE", "E_COHORT": "V00COHORT", "COHORT": "V00COHORT"},
        )
    ],
    "subjectchar": [Origin("oai_enrollee01", {"AGEYEARS": "V00AGE"}), Origin("oai_oarisk01", RISK)],
    "allclinical": [Origin("oai_koos_womac01", PAIN), Origin("oai_oarisk01", RISK)],
    "kxr_sq_bu": [Origin("oai_kxrsemiquant01", {"BARCODE": "V##BARCDBU"})],
    "kxr_qjsw_duryea": [Origin("oai_kxrquantjsw01", {})],
    "xray": [Origin("oai_xrmeta01", FILMS)],
    "outcomes": [Origin("oai_outcome01", OUTCOMES, prefix="V99E")],
}
KEYS = {"SRC_SUBJECT_ID": "ID", "SIDE": "SIDE", "READPRJ": "READPRJ", "VERSION": "VERSION"}


def load(
    shelf: dict[str, list[Path]], stem: str, visit: str, packages: dict[Path, Sheet]
) -> Sheet | None:
    """Return the rows of one visit as the table `stem` would hold them, or nothing.

    `packages` keeps what was read of each file for the other visits.
    """
    parts = []
    for origin in ORIGINS.get(stem.lower(), []):
        if origin.file in shelf:
            sheet = _opened(shelf[origin.file], packages)
            parts.append((_rows(sheet, origin, visit), sheet))
    parts = [(cells, sheet) for cells, sheet in parts if len(cells)]
    if not parts:
        return None
    whole, sheet = parts[0]
    for cells, _ in parts[1:]:
        fresh = [name for name in cells.columns if name == "ID" or name not in whole.columns]
        whole = whole.merge(cells[fresh].drop_duplicates("ID"), on="ID", how="left").fillna("")
    return replace(sheet, cells=whole, flavour="nda", columns=whole.shape[1])


def spelled(release: str, stem: str) -> str:
    """Return how the archive names a column of a release table, or the name of the release."""
    for origin in ORIGINS.get(stem.lower(), []):
        for own, name in origin.columns.items():
            if re.sub(r"^V\d\d", "V##", release) == name or release == name:
                return f"{own.lower()} ({release})"
    return f"{re.sub(r'^V99E|^V[0-9]{2}', '', release).lower()} ({release})"


def described(cells: pd.DataFrame) -> bool:
    """Say whether the first row describes the fields: nothing in it is of a person or visit."""
    known = [cells[name].iloc[0].strip() for name in OF_A_ROW if name in cells.columns]
    patterns = [OF_A_ROW[name] for name in OF_A_ROW if name in cells.columns]
    return bool(known) and not any(map(re.fullmatch, patterns, known))


def _opened(paths: list[Path], packages: dict[Path, Sheet]) -> Sheet:
    """Return a file of the package without the line that describes its fields."""
    path = paths[0]
    if path not in packages:
        sheet = release_format.load(paths, None, mark="\t")
        if "SRC_SUBJECT_ID" not in sheet.cells.columns:
            raise ReleaseError(f"{path}: column src_subject_id is missing; expected the person")
        if len(sheet.cells) and described(sheet.cells):
            sheet = replace(sheet, cells=sheet.cells.iloc[1:])
        packages[path] = sheet
    return packages[path]


def _rows(sheet: Sheet, origin: Origin, visit: str) -> pd.DataFrame:
    cells = sheet.cells
    if visit and visit != "V99" and "VISIT" in cells.columns:
        cells = cells[cells["VISIT"].str.strip().str.upper().eq(visit)]
    digits = visit[1:] or "00"
    names = {
        name: renamed(name, origin, digits)
        for name in cells.columns
        if name not in {"SUBJECTKEY", "VISIT"}
    }
    table = cells[list(names)].rename(columns=names).reset_index(drop=True)
    if "P02SEX" in table.columns:
        table["P02SEX"] = table["P02SEX"].str.strip().replace(SEX)
    return table.loc[:, ~table.columns.duplicated()]


def renamed(name: str, origin: Origin, digits: str) -> str:
    """Return the release's name, at the visit of these digits, of a heading of the archive."""
    plain = KEYS.get(name) or origin.columns.get(name) or f"{origin.prefix}{name}"
    name = plain.replace("##", digits)
    return name.replace("FVDATE", "EVDATE") if digits == "00" else name
