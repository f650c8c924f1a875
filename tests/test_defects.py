"""Defects: every film spoiled on purpose is listed with its reason, and no good one is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kneephen_utils import cohort, oai, pipeline, radiograph
from kneephen_utils.cohort import reading
from kneephen_utils.pipeline import params
from kneephen_utils.radiograph import crop
from kneephen_utils.twin.__main__ import main

PEOPLE, SHARE = 48, 0.5  # three films of each kind of defect
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
    declared = params.load(pipeline.ROOT / "notebooks" / "params.yml")
    places = {"profile": "demo", "release": "", "weights": "embedded"}
    found = params.resolve(declared, "radiograph", profile="demo", places=places)
    return params.pick(crop.Settings, found)


@pytest.fixture(scope="module", params=["ascii", "nda"])
def judged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> pd.DataFrame:
    """Return one row per knee: what was planted, what became of it, and where."""
    home = tmp_path_factory.mktemp("defects")
    words = ["--participants", str(PEOPLE), "--seed", "31", "--defects", str(SHARE)]
    assert main(["--out", str(home), *words, "--flavour", request.param, "--workers", "1"]) == 0
    source = oai.read(home / "release")
    knees = cohort.knees(source, reading.choose(source.readings, projects="by_design"))
    told = knees["replaced_at_baseline"].copy()
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
    assert rows["prosthesis"].sum() == told.sum() == PEOPLE * SHARE / 8
    right = rows["side"].eq("right")
    rows["true_x"] = rows["right_x"].where(right, rows["left_x"])
    rows["true_y"] = rows["right_y"].where(right, rows["left_y"])
    rows["other_x"] = rows["left_x"].where(right, rows["right_x"])
    return rows


def spoiled(rows: pd.DataFrame) -> pd.Series:
    """Say which knees are not to be used: absent, replaced, or on a film that is useless."""
    partly = rows["defect"].isin(["one_knee", "prosthesis"])
    return rows["defect"].ne("") & ~partly | rows["prosthesis"] | rows["true_x"].isna()


@pytest.mark.slow
def test_every_defect_is_listed_with_its_reason(judged: pd.DataFrame) -> None:
    bad = judged[spoiled(judged)]
    expected = bad["defect"].map(REASONS)
    lost = bad["status"].eq("no_film") & bad["defect"].eq("missing_file")
    assert set(bad["defect"]) == set(REASONS) - {""}
    wrong = bad[bad["status"].ne(expected) & ~lost]
    assert wrong.empty, wrong[["knee_id", "defect", "status", "detail"]]
    assert bad["detail"].ne("").all()


@pytest.mark.slow
def test_no_good_knee_is_refused_and_each_is_where_it_was_planted(judged: pd.DataFrame) -> None:
    good = judged[~spoiled(judged)]
    assert good["status"].eq("ok").mean() >= 0.99
    used = good[good["status"].eq("ok")]
    away = np.hypot(used["center_x"] - used["true_x"], used["center_y"] - used["true_y"])
    assert away.lt(5).mean() >= 0.99
    both = used["other_x"].notna()
    near = (used["center_x"] - used["true_x"]).abs() < (used["center_x"] - used["other_x"]).abs()
    assert near[both].all()
