"""Locate: the locator on films unlike those of the twin, and on pictures that hold no knee.

    python studies/benchmarks/locate.py [--films 200] [--seed 977]

Films are rendered with another seed than the demo, and with pixel spacing, collimation,
exposure, noise and soft tissue drawn well beyond the ranges of the twin; they are written as
DICOM files and cut by the code of the stage. Then hands, blanks and pelvis-like pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

import workflow
from kneephen_utils import dicom
from kneephen_utils.radiograph import crop, knee_localizer
from oai_twin import render_films, simulation

sys.path += [str(workflow.ROOT / "studies" / "benchmarks"), str(workflow.ROOT / "tests")]
import bench_films
import phantom

SIDES = ("right", "left")
NEAR = 5.0  # mm
SPACING, COLLIMATION = (0.20, 0.60), (2.0, 40.0)  # mm; the twin: 0.35-0.50 and 2-30
EXPOSURE, NOISE = (0.4, 2.5), (0.5, 2.5)  # the twin: about 0.6-1.5, 0.5-2
SOFT_TISSUE = (25.0, 110.0)  # mm
KNEES = replace(
    dicom.Film(np.zeros((1, 1)), 1.0, "PixelSpacing", "MONOCHROME2", "", "knee", ""),
    view="Bilateral PA Fixed Flexion Knee",
)


def strange(films: int, seed: int, *, defect: str = "") -> simulation.Simulation:
    """Return a cohort whose films are taken in ways the twin never takes them."""
    cohort = simulation.simulate(
        participants=films, seed=seed, planted=True, defects=0.0, reader_noise=0.0, floor=True
    )
    rng = np.random.default_rng([seed, 1])
    taken = {
        "spacing": rng.uniform(*SPACING, films).round(4),
        "collimation": rng.uniform(*COLLIMATION, films),
        "exposure": np.exp(rng.uniform(*np.log(EXPOSURE), films)),
        "noise": np.exp(rng.uniform(*np.log(NOISE), films)),
        "soft_tissue": rng.uniform(*SOFT_TISSUE, films),
        "photometric": rng.choice(["MONOCHROME1", "MONOCHROME2"], films),
    }
    return replace(cohort, films=cohort.films.assign(**taken, defect=defect))


def on_knees(films: int, seed: int) -> pd.DataFrame:
    """Return one row per knee: its status, and the distance of crop and joint centre in mm."""
    cohort, settings, rows = strange(films, seed), bench_films.settings(), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "person" / "20040101" / "00000001" / "001"
        for at in tqdm(range(films), desc="films", mininterval=10):
            pair, shot = cohort.knees.iloc[2 * at : 2 * at + 2], cohort.films.iloc[at]
            true = render_films.expose(pair, shot, path, seed=seed, packed=False)
            cuts = crop.cut_film(dicom.read(path), SIDES, settings)
            rows += [_compared(side, cuts[side], true, shot) for side in SIDES]
    return pd.DataFrame(rows)


def _compared(side: str, found: crop.Cut, true: dict[str, float], shot: pd.Series) -> dict:
    x, y = (found.measured.get(name, np.nan) for name in ("center_x", "center_y"))
    own, other = (
        float(np.hypot(x - true[f"{each}_x"], y - true[f"{each}_y"]))
        for each in (side, SIDES[side == "right"])
    )
    taken = {name: shot[name] for name in ("spacing", "collimation", "exposure", "soft_tissue")}
    row = {"side": side, "status": found.status, "distance": own, "right_side": own < other}
    return row | taken | {"detail": found.detail}


def on_others(count: int, seed: int) -> pd.DataFrame:
    """Return, per kind of picture without a knee, how many were shown and how many gave one."""
    rng, settings = np.random.default_rng(seed), bench_films.settings()
    rows = []
    for kind in ("blank", "noise", "pelvis", "phantom hand", "rendered hand"):
        pictures = _rendered_hands(count, seed) if kind == "rendered hand" else None
        crops = sure = 0
        for at in range(count):
            if pictures is not None:
                film = pictures[at]
            else:
                spacing = float(rng.uniform(*SPACING))
                film = replace(KNEES, pixels=_picture(kind, spacing, rng), spacing=spacing)
            shown = knee_localizer.survey(film.pixels, film.spacing, count=2)
            sure += any(each.confidence >= settings.min_confidence for each in shown.joints)
            cuts = crop.cut_film(film, SIDES, settings)
            crops += any(cut.status == "ok" for cut in cuts.values())
        rows.append({"kind": kind, "films": count, "sure of a knee": sure, "gave a crop": crops})
    return pd.DataFrame(rows)


def _picture(kind: str, spacing: float, rng: np.random.Generator) -> np.ndarray:
    shape = (round(240 / spacing), round(420 / spacing))
    grain = rng.normal(0, rng.uniform(0, 0.03))
    if kind == "blank":
        level = rng.uniform(0.1, 0.9)
        return (level + grain * rng.standard_normal(shape)).astype(np.float32)
    if kind == "noise":
        return rng.random(shape, dtype=np.float32)
    drawn = phantom.pelvis if kind == "pelvis" else phantom.hand
    picture = drawn(spacing=spacing) ** rng.uniform(0.6, 1.8)
    return (picture + grain * rng.standard_normal(picture.shape)).astype(np.float32)


def _rendered_hands(count: int, seed: int) -> list[dicom.Film]:
    cohort = strange(count, seed + 1, defect="hand")
    films = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "person" / "20040101" / "00000001" / "001"
        for at in range(count):
            pair, shot = cohort.knees.iloc[2 * at : 2 * at + 2], cohort.films.iloc[at]
            render_films.expose(pair, shot, path, seed=seed, packed=False)
            films.append(dicom.read(path))
    return films


def main() -> None:
    """Print the figures of the locator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--others", type=int, default=20, help="pictures of each kind without knee")
    parser.add_argument("--seed", type=int, default=977)
    given = parser.parse_args()
    knees = on_knees(given.films, given.seed)
    placed = knees.dropna(subset=["distance"])
    accepted = knees[knees["status"].eq("ok")]
    print(f"{given.films} films, {len(knees)} good knees, {len(accepted)} with a crop")
    print(f"crop centre within {NEAR:.0f} mm: {accepted['distance'].lt(NEAR).mean():.2%} of crops")
    print(f"median {accepted['distance'].median():.2f} mm, worst {accepted['distance'].max():.2f}")
    print(f"side right: {placed['right_side'].mean():.2%} of {len(placed)} knees placed")
    refused = knees[knees["status"].ne("ok")]
    print(f"refused: {len(refused) / len(knees):.2%}")
    if len(refused):
        print(refused.drop(columns="right_side").round(2).to_string(index=False))
    print(on_others(given.others, given.seed).to_string(index=False))


if __name__ == "__main__":
    main()
