"""Spoilt: a release with spoiled films, cut as the stage cuts it, beside what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import workflow
from kneephen_utils import cohort, oai, radiograph
from kneephen_utils.cohort import reading_selection
from kneephen_utils.radiograph import crop
from oai_twin.__main__ import main
from workflow import params

NEAR = 5.0  # mm
REASONS = {
    "": "ok",
    "wrong_tag": "inverted",
    "truncated": "unreadable",
    "missing_file": "unreadable",
    "one_knee": "not_found",
    "hand": "not_found",
    "rotated": "rotated",
    "burned_out": "burned_out",
    "prosthesis": "prosthesis",
}


def settings() -> crop.Settings:
    """Return the settings of the stage in the demo."""
    declared = params.load(workflow.ROOT / "notebooks" / "params.yml")
    places = {"profile": "demo", "release": "", "weights": "embedded"}
    found = params.resolve(declared, "radiograph", profile="demo", places=places)
    return params.pick(crop.Settings, found)


def judged(home: Path, *, people: int, share: float, seed: int, flavour: str) -> pd.DataFrame:
    """Write and cut a release in `home`; return one row per knee: planted, status, and where."""
    words = ["--participants", str(people), "--seed", str(seed), "--defects", str(share)]
    assert main(["--out", str(home), *words, "--flavour", flavour, "--workers", "1"]) == 0
    source = oai.read(home / "release")
    knees = cohort.knees(source, reading_selection.choose(source.readings, projects="by_design"))
    knees["replaced_at_baseline"] = False  # the film alone must show the prosthesis
    crops = radiograph.cut(
        cohort.films(source),
        knees,
        settings=settings(),
        release=home / "release",
        artefacts=home,
        workers=1,
    )
    truth = pd.read_parquet(home / "truth" / "films.parquet").drop(columns=["film_id", "spacing"])
    planted = pd.read_parquet(home / "truth" / "planted.parquet")[["knee_id", "prosthesis"]]
    rows = crops.merge(truth, on="participant_id", suffixes=("", "_planted"))
    rows = rows.merge(planted, on="knee_id")
    right = rows["side"].eq("right")
    rows["true_x"] = rows["right_x"].where(right, rows["left_x"])
    rows["true_y"] = rows["right_y"].where(right, rows["left_y"])
    rows["other_x"] = rows["left_x"].where(right, rows["right_x"])
    away = np.hypot(rows["center_x"] - rows["true_x"], rows["center_y"] - rows["true_y"])
    own, other = ((rows["center_x"] - rows[f"{one}_x"]).abs() for one in ("true", "other"))
    side = own.lt(other).where(rows["other_x"].notna())
    return rows.assign(distance=away, right_side=side)


def useless(rows: pd.DataFrame) -> pd.Series:
    """Say which knees are not to be used: absent, replaced, or on a film that is useless."""
    partly = rows["defect"].isin(["one_knee", "prosthesis"])
    return rows["defect"].ne("") & ~partly | rows["prosthesis"] | rows["true_x"].isna()


def unexplained(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the useless knees whose status is not the one their defect asks for."""
    bad = rows[useless(rows)]
    lost = bad["status"].eq("no_film") & bad["defect"].eq("missing_file")
    told = bad["status"].eq(bad["defect"].map(REASONS)) & bad["detail"].ne("")
    return bad.loc[~told & ~(lost & bad["detail"].ne("")), ["knee_id", "defect", "status"]]
