"""Assessment: what the release says of the films: grades, widths, lists of pictures.

Names of files and columns change their letter case from visit to visit, and codes their
style, as they do in the real release.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oai_twin import observed, progression_model, value_format
from oai_twin.progression_model import CLINIC
from oai_twin.registry import Registry, film_folders
from oai_twin.simulation import Simulation

VISITS = list(CLINIC)
BILATERAL = "Bilateral PA Fixed Flexion Knee"
SIDE_CODES, SIDE_LABELS = {"right": 1, "left": 2}, {1: "Right", 2: "Left"}
LABELLED_READINGS = {"V01", "V03"}
BONE_ON_BONE = 0.25  # mm
MEDIAL_PLACES, LATERAL_PLACES = range(150, 301, 25), range(700, 901, 25)
SCORES = {
    "XROSFM": "osteophyte_femur_medial",
    "XRSCFM": "sclerosis_femur_medial",
    "XRCYFM": "cyst",
    "XRJSM": "jsn_medial",
    "XRCHM": "chondrocalcinosis",
    "XROSTM": "osteophyte_tibia_medial",
    "XRSCTM": "sclerosis_tibia_medial",
    "XRCYTM": "cyst",
    "XRATTM": "attrition",
    "XRKL": "kl_grade",
    "XROSFL": "osteophyte_femur_lateral",
    "XRSCFL": "sclerosis_femur_lateral",
    "XRCYFL": "cyst",
    "XRJSL": "jsn_lateral",
    "XRCHL": "chondrocalcinosis",
    "XROSTL": "osteophyte_tibia_lateral",
    "XRSCTL": "sclerosis_tibia_lateral",
    "XRCYTL": "cyst",
    "XRATTL": "attrition",
}


def readings(simulation: Simulation, registry: Registry, visit: str) -> value_format.Columns:
    """Return the 24 columns of `kxr_sq_bu` at one visit."""
    rows = simulation.readings[simulation.readings["visit"].eq(visit)]
    style = visit in LABELLED_READINGS
    codes = rows["side"].map(SIDE_CODES).to_numpy()
    side = value_format.labelled(codes, SIDE_LABELS, "") if style else codes.astype(str)
    project = "readprj" if visit == "V05" else "READPRJ"
    columns = {
        "ID": rows["participant_id"].to_numpy(),
        "SIDE": side,
        project: rows["reading_code"].astype(str).to_numpy(),
        "VERSION": np.full(len(rows), "0.9" if style else "0.8"),
        f"{visit}BARCDBU": _barcodes(simulation, registry, rows, visit),
    }
    for stem, name in SCORES.items():
        columns[f"{visit}{stem}"] = _score(rows[name].to_numpy(), labelled=style)
    return columns


def _score(values: np.ndarray, *, labelled: bool) -> np.ndarray:
    """Spell scores; where codes are labelled, whole scores read `2: 2` and decimals stay bare."""
    spelled = value_format.decimal(values, value_format.EMPTY, digits=1)
    integer = np.mod(values, 1) == 0
    return np.where(integer, spelled + ": " + spelled, spelled) if labelled else spelled


def _barcodes(
    simulation: Simulation, registry: Registry, rows: pd.DataFrame, visit: str
) -> np.ndarray:
    place = pd.Series(range(len(simulation.people)), index=simulation.people["participant_id"])
    return registry.barcodes[rows["participant_id"].map(place), VISITS.index(visit)]


def widths(simulation: Simulation, registry: Registry, visit: str) -> value_format.Columns:
    """Return the columns of `kxr_qjsw_duryea` at one visit, for the people it measures."""
    rng = np.random.default_rng([simulation.seed, 62, VISITS.index(visit)])
    rows = observed.widths(simulation).query("visit == @visit")
    n = len(rows)
    medial, lateral = rows["jsw_medial"].to_numpy(), rows["jsw_lateral"].to_numpy()
    no_medial, no_lateral = rows["no_medial"].to_numpy(), rows["no_lateral"].to_numpy()
    columns = {
        "ID": rows["participant_id"].to_numpy(),
        "side" if visit == "V08" else "SIDE": rows["side"].map(SIDE_CODES).astype(str).to_numpy(),
        "READPRJ": np.full(n, "15"),
        "VERSION": np.full(n, "0.6"),
        f"{visit}BARCDJD": _barcodes(simulation, registry, rows, visit),
        f"{visit}MCMJSW": _millimetres(medial, no_medial),
    }
    columns |= _places(f"{visit}JSW", MEDIAL_PLACES, medial + 0.35, 0.9, no_medial, rng)
    columns |= _places(f"{visit}LJSW", LATERAL_PLACES, lateral, 1.6, no_lateral, rng)
    columns[f"{visit}XMJSW"] = value_format.decimal(rng.normal(0.23, 0.03, n), "", digits=3)
    columns[f"{visit}CFWDTH"] = value_format.decimal(rows["femoral_width"], "", digits=1)
    columns[f"{visit}TPCFDS"] = value_format.decimal(rng.normal(4.5, 1.2, n), "", digits=2)
    columns[f"{visit}BMANG"] = value_format.decimal(rng.normal(8.5, 2.5, n), "", digits=1)
    columns[f"{visit}MJSWBB"] = (medial < BONE_ON_BONE).astype(int).astype(str)
    columns[f"{visit}NOMJSWX"] = no_medial.astype(int).astype(str)
    columns[f"{visit}NOLJSWX"] = no_lateral.astype(int).astype(str)
    return columns


def _places(
    stem: str,
    places: range,
    width: np.ndarray,
    gain: float,
    lost: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return widths at fixed places; the first place of the lateral side is the planted one."""
    columns = {}
    anchor = 725 if 725 in places else places[0]
    for place in places:
        error = 0.0 if place == 725 else rng.normal(0, 0.05, len(width))
        there = np.clip(width + gain * (place - anchor) / 150 + error, 0, None)
        columns[f"{stem}{place}"] = _millimetres(there, lost)
    return columns


def _millimetres(width: np.ndarray, lost: np.ndarray) -> np.ndarray:
    return value_format.decimal(
        np.where(lost, np.nan, width), value_format.EMPTY, digits=3, dot_first=True
    )


def pictures(simulation: Simulation, registry: Registry, visit: str) -> value_format.Columns:
    """Return the columns of `XRay` at one visit: a film per person, and some pelvis films."""
    rng = np.random.default_rng([simulation.seed, 63, VISITS.index(visit)])
    at = VISITS.index(visit)
    come = progression_model.attended(simulation.contacts)[:, at]
    contacts = simulation.contacts[simulation.contacts["visit"].eq(visit)]
    day = registry.screened if at == 0 else registry.enrolled + contacts["days"].to_numpy()
    pelvis = come & (rng.random(len(come)) < 0.3) if at == 0 else np.zeros(len(come), dtype=bool)
    number = np.char.zfill((9_000_000 + np.arange(len(come))).astype(str), 8)
    rows = np.concatenate([np.flatnonzero(come), np.flatnonzero(pelvis)])
    kinds = [BILATERAL] * int(come.sum()) + ["AP Pelvis"] * int(pelvis.sum())
    codes = [registry.barcodes[come, at], np.char.add("0166", number[pelvis])]
    columns = {
        "ID": simulation.people["participant_id"].to_numpy()[rows],
        "VERSION": np.full(len(rows), "0.4"),
        f"{visit}EXAMTP": np.array(kinds),
        f"{visit}XRDATE": value_format.dates(day[rows], value_format.EMPTY),
        f"{visit}XRBARCD": np.concatenate(codes),
    }
    for stem in ("ACCEPT", "ALIGN", "CENTER", "DEPICT", "POSITION"):
        fine = rng.random(len(rows)) < 0.97
        columns[f"{visit}{stem}"] = np.where(fine, "1: Yes", "NA")
    order = np.argsort(rows, kind="stable")
    return {name: np.asarray(column)[order] for name, column in columns.items()}


def series(simulation: Simulation, registry: Registry) -> pd.DataFrame:
    """Return the baseline films as `contents.csv` lists them, barcodes without leading zeros."""
    folders = film_folders(simulation, registry)
    return pd.DataFrame(
        {
            "Folder": folders["folder"],
            "ParticipantID": simulation.people["participant_id"],
            "StudyDate": folders["date"],
            "Barcode": simulation.films["film_id"].str[4:].str.lstrip("0"),
            "StudyDescription": "OAI^XRAY^SCREENING^KNEE",
            "SeriesDescription": BILATERAL,
        }
    ).sort_values("Folder")


def contents(simulation: Simulation, registry: Registry) -> str:
    """Return `contents.csv` of the baseline month, every cell quoted."""
    table = series(simulation, registry)
    heads = ",".join(f'"{name}"' for name in table.columns)
    rows = table.apply(lambda row: ",".join(f'"{value}"' for value in row), axis=1)
    return "\n".join([heads, *rows]) + "\n"
