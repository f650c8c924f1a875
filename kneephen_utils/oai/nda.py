"""NDA: the package of the NIMH Data Archive, turned into the tables the release has.

Its columns carry no visit prefix, its second line describes the fields, and all visits
lie in one file, told apart by `visit`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kneephen_utils.oai.flavour import ReleaseError, Sheet, delimited

EVERY_VISIT = ""


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
ORIGINS = {
    "enrollees": [
        Origin("oai_enrollee01", {"SEX": "P02SEX", "SITE": "V00SITE", "COHORT": "V00COHORT"})
    ],
    "allclinical": [Origin("oai_koos_womac01", PAIN), Origin("oai_oarisk01", RISK)],
    "kxr_sq_bu": [Origin("oai_kxrsemiquant01", {"BARCODE": "V##BARCDBU"})],
    "kxr_qjsw_duryea": [Origin("oai_kxrquantjsw01", {})],
    "xray": [Origin("oai_xrmeta01", {"BARCODE": "V##XRBARCD"})],
    "outcomes": [Origin("oai_outcome01", {"RNTCNT": "V99RNTCNT"}, prefix="V99E")],
}
KEYS = {"SRC_SUBJECT_ID": "ID", "SIDE": "SIDE", "READPRJ": "READPRJ", "VERSION": "VERSION"}


def load(shelf: dict[str, list[Path]], stem: str, visit: str) -> Sheet | None:
    """Return the rows of one visit as the table `stem` would hold them, or nothing."""
    parts = [
        (_rows(shelf[origin.file][0], origin, visit), shelf[origin.file][0])
        for origin in ORIGINS.get(stem.lower(), [])
        if origin.file in shelf
    ]
    parts = [(cells, path) for cells, path in parts if len(cells)]
    if not parts:
        return None
    whole, path = parts[0]
    for cells, _ in parts[1:]:
        fresh = [name for name in cells.columns if name == "ID" or name not in whole.columns]
        whole = whole.merge(cells[fresh].drop_duplicates("ID"), on="ID", how="left").fillna("")
    return Sheet(whole, path, "nda", whole.shape[1])


def _rows(path: Path, origin: Origin, visit: str) -> pd.DataFrame:
    cells, _ = delimited(path, "\t", None)
    cells = cells.iloc[1:]
    if "SRC_SUBJECT_ID" not in cells.columns:
        raise ReleaseError(f"{path}: column src_subject_id is missing; expected the person")
    if visit and visit != "V99" and "VISIT" in cells.columns:
        cells = cells[cells["VISIT"].str.strip().eq(visit)]
    digits = visit[1:] or "00"
    names = {
        name: _rename(name, origin, digits)
        for name in cells.columns
        if name not in {"SUBJECTKEY", "VISIT"}
    }
    renamed = cells[list(names)].rename(columns=names).reset_index(drop=True)
    if "P02SEX" in renamed.columns:
        renamed["P02SEX"] = renamed["P02SEX"].str.strip().replace(SEX)
    return renamed.loc[:, ~renamed.columns.duplicated()]


def _rename(name: str, origin: Origin, digits: str) -> str:
    plain = KEYS.get(name) or origin.columns.get(name) or f"{origin.prefix}{name}"
    renamed = plain.replace("##", digits)
    return renamed.replace("FVDATE", "EVDATE") if digits == "00" else renamed
