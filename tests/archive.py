"""The release of four people as the NIMH Data Archive packs it: one file for all visits.

Columns are in lower case without visit prefix, tab-delimited and quoted, and the second line
describes the fields. Letters of missing codes are lost on the way.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd
import tiny

FILES = {
    "enrollees": "oai_enrollee01",
    "allclinical": "oai_koos_womac01",
    "kxr_sq_bu": "oai_kxrsemiquant01",
    "kxr_qjsw_duryea": "oai_kxrquantjsw01",
    "outcomes": "oai_outcome01",
}
RENAMED = {
    "id": "src_subject_id",
    "p02sex": "sex",
    "v00site": "site",
    "v00cohort": "e_cohort",
    "womkpr": "womac_pain_right",
    "womkpl": "womac_pain_left",
    "kooskpr": "koos_rkpain",
    "kooskpl": "koos_lkpain",
    "barcdbu": "barcode",
    "evdate": "interview_date",
    "fvdate": "interview_date",
    "v00age": "ageyears",
}
RISK = {"p01bmi": "bmi", "p01injr": "injr", "p01injl": "injl"}
RISK |= {"p01ksurgr": "ksurgr", "p01ksurgl": "ksurgl", "p01krsr": "krsr", "p01krsl": "krsl"}


def write(folder: Path) -> Path:
    """Write the package, with the films of the release beside it."""
    texts = tiny.texts()
    tiny.write(folder, {name: text for name, text in texts.items() if name.startswith("00m")})
    packed: dict[str, list[pd.DataFrame]] = {}
    for name, text in texts.items():
        stem, digits = re.fullmatch(r"(.*?)(\d*)", Path(name).stem.lower()).groups()
        if stem not in FILES:
            continue
        cells = pd.read_csv(io.StringIO(text), sep="|", dtype=str, keep_default_na=False)
        cells = cells.rename(columns=str.lower).map(
            lambda cell: re.sub(r"^([^:]*): .*", r"\1", cell)
        )
        cells = cells.replace(r"^\s*(\.[A-Z]?|[A-Z](?=\b)(?<![A-E]))\s*$", "", regex=True)
        packed.setdefault(FILES[stem], []).append(_plain(cells, stem, digits))
        if stem == "allclinical" and digits == "00":
            risk = cells[["id", *RISK]].rename(columns={**RISK, "id": "src_subject_id"})
            packed["oai_oarisk01"] = [risk.assign(visit="V00")]
    for file, parts in packed.items():
        _write(folder / f"{file}.txt", pd.concat(parts, ignore_index=True).fillna(""))
    return folder


def _plain(cells: pd.DataFrame, stem: str, digits: str) -> pd.DataFrame:
    plain = cells.drop(columns=[name for name in cells if name in RISK])
    if "p02sex" in plain:
        plain["p02sex"] = plain["p02sex"].map({"1": "M", "2": "F"}).fillna("")
    plain = plain.rename(columns=lambda name: RENAMED.get(name, name))
    prefix = "v99e?" if stem == "outcomes" else f"v{digits}"
    plain = plain.rename(columns=lambda name: re.sub(f"^{prefix}", "", name) if digits else name)
    plain = plain.rename(columns=lambda name: RENAMED.get(name, name))
    return plain.assign(visit=f"V{digits or '00'}", subjectkey="NDAR_INV")


def _write(path: Path, cells: pd.DataFrame) -> None:
    described = pd.DataFrame([{name: f"what {name} means" for name in cells}])
    whole = pd.concat([described, cells], ignore_index=True)
    whole.to_csv(path, sep="\t", index=False, quoting=csv.QUOTE_ALL)
