"""Grade: any folder of knee pictures with a table is trained on and scored, in one command."""

from __future__ import annotations

import os
from pathlib import Path

import narrow
import numpy as np
import pandas as pd
import phantom
import pydicom
import pytest
from PIL import Image
from pydicom.uid import RLELossless

from kneephen_utils import encoder, tables
from workflow import train_grader
from workflow.__main__ import main

SMALL = "grading.epochs=3 grading.views=1 grading.draws=5 radiograph.pixels=32 grading.threads=1"
FAST = " grading.learning_rate=0.001 grading.head_learning_rate=0.01 grading.batch_size=16"


@pytest.fixture
def given(tmp_path: Path) -> train_grader.Place:
    """Folder of 100 knees of 50 people, bright where the grade is high, and their table."""
    study = narrow.study(50)
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = study.knees[["participant_id", "side", "kl_grade"]].assign(path="")
    for row, place in enumerate(study.crops["image"]):
        rows.loc[row, "path"] = f"{row}.png"
        Image.fromarray(study.images[int(place)]).save(folder / f"{row}.png")
    rows.loc[0, "kl_grade"] = pd.NA
    rows.to_csv(tmp_path / "table.csv", index=False)
    return train_grader.Place(folder, tmp_path / "table.csv", tmp_path / "out")


def run(given: train_grader.Place, **changed: str) -> int:
    words = ["grade", str(given.pictures), "--table", str(given.table), "--out", str(given.out)]
    return main([*words, "--set", changed.get("settings", SMALL + FAST)])


def test_one_command_trains_scores_and_says_where_the_tables_are(
    given: train_grader.Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(encoder, "load", lambda *_, **__: narrow.encoder())
    assert run(given) == 0
    told = capsys.readouterr().out
    assert str(given.out) in told
    assert "agrees with the readers at a weighted kappa of" in told
    grades = tables.read("grades", given.out)
    assert len(grades) == 100
    assert grades["kl_grade"].isna().sum() == 1
    uses = grades.groupby(grades["knee_id"].str[:-2])["split"].nunique()
    assert (uses == 1).all()
    tested = grades["split"].isin(["discover", "confirm"])
    scores = tables.read("grading_scores", given.out)
    error = scores[(scores["group"] == "all") & (scores["metric"] == "mae")].set_index("predictor")
    assert error.loc["finetuned", "knees"] in {tested.sum(), tested.sum() - 1}
    constants = error.filter(like="always", axis=0)["estimate"]
    assert error.loc["finetuned", "estimate"] < 0.5 * constants.min()
    assert "gradient ridge" in error.index
    assert (given.out / "encoder.safetensors").exists()
    tables.read("history", given.out)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        (
            "side",
            "middle",
            "side cannot be used, first of the form 'aaaaaa' in line 5; expected right or left",
        ),
        (
            "kl_grade",
            "5",
            "kl_grade cannot be used, first of the form '9' in line 5; expected 0 to 4",
        ),
        ("kl_grade", "two", "kl_grade cannot be used, first of the form 'aaa' in line 5"),
        (
            "path",
            "lost.png",
            "path cannot be used, first of the form 'aaaa.aaa' in line 5; expected a file in",
        ),
        (
            "path",
            "0.png",
            "path cannot be used, first of the form '9.aaa' in line 5; expected each picture once",
        ),
        (
            "side",
            "right",
            "in line 5; expected each knee once",
        ),
        ("participant_id", "", "participant_id cannot be used, first of the form '' in line 5"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(
    given: train_grader.Place,
    capsys: pytest.CaptureFixture[str],
    column: str,
    value: str,
    says: str,
) -> None:
    table = pd.read_csv(given.table, dtype=str, keep_default_na=False)
    table.loc[3, column] = value
    table.to_csv(given.table, index=False)
    assert run(given) == 1
    assert says in capsys.readouterr().err


def test_what_is_not_there_is_named(
    given: train_grader.Place, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(given._replace(table=tmp_path / "no.csv")) == 1
    assert "no.csv: there is no such file" in capsys.readouterr().err
    assert run(given._replace(pictures=tmp_path / "nowhere")) == 1
    assert "nowhere: there is no such folder" in capsys.readouterr().err
    pd.read_csv(given.table).drop(columns="side").to_csv(given.table, index=False)
    assert run(given) == 1
    assert "no column side; expected path, participant_id, side" in capsys.readouterr().err
    given.table.write_text("path,participant_id,side,kl_grade\n")
    assert run(given) == 1
    assert "the table has no rows" in capsys.readouterr().err


def test_a_left_knee_is_mirrored_and_the_middle_square_is_taken(tmp_path: Path) -> None:
    stored = np.zeros((40, 60), np.uint8)
    stored[:, :10] = 255  # cut away
    stored[:, 10:20] = 100
    Image.fromarray(stored).save(tmp_path / "a.png")
    how = {"pixels": 40, "to": [0.0, 100.0]}
    right = train_grader.picture(tmp_path / "a.png", side="right", **how)
    left = train_grader.picture(tmp_path / "a.png", side="left", **how)
    np.testing.assert_array_equal(right, stored[:, 10:50])
    np.testing.assert_array_equal(left, right[:, ::-1])


def test_dicom_is_windowed_and_shown_bone_bright(tmp_path: Path) -> None:
    shade = np.tile(np.linspace(0, 1, 64), (64, 1))
    path = phantom.write(tmp_path / "knee.dcm", shade)
    found = train_grader.picture(path, side="right", pixels=64, to=[10.0, 90.0])
    assert (np.diff(found.astype(int), axis=1) >= 0).all()
    assert found.min() == 0
    assert found.max() == 255
    assert 0.05 < (found == 0).mean() < 0.15


@pytest.mark.parametrize(("name", "says"), [("deep.png", "expected 8 bits"), ("a.dcm", "DICOM")])
def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, name: str, says: str) -> None:
    if name == "deep.png":
        Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(train_grader.TableError, match=f"{name}: .*{says}"):
        train_grader.picture(tmp_path / name, side="right", pixels=8, to=[5.0, 99.0])


def test_a_picture_that_brings_its_decoder_down_is_named(
    given: train_grader.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compressed DICOM is decoded in another process, whose end is not the end of this one."""
    compressed = phantom.write(given.pictures / "0.dcm", np.eye(64))
    film = pydicom.dcmread(compressed)
    film.compress(RLELossless)
    film.save_as(compressed)
    known = pd.DataFrame({"path": [compressed.name], "side": ["left"]})
    monkeypatch.setattr(train_grader, "picture", lambda *_, **__: os._exit(6))
    with pytest.raises(train_grader.TableError, match=r"0\.dcm: not readable .*crashed"):
        train_grader.keep(known, given, pixels=8, window=[0.0, 100.0])


@pytest.mark.parametrize("form", ["utf-8-sig", "cp1252", "utf-16", "utf-16-le", "xlsx", ";"])
def test_a_table_that_a_spreadsheet_saved_is_read(given: train_grader.Place, form: str) -> None:
    table = pd.read_csv(given.table, dtype=str, keep_default_na=False)
    table["participant_id"] = "Zo\xeb " + table["participant_id"]
    path = given.table.with_suffix(".xlsx" if form == "xlsx" else ".csv")
    if form == "xlsx":
        table.to_excel(path, index=False)
    elif form == ";":
        table.to_csv(path, index=False, sep=";", encoding="utf-8")
    else:
        path.write_bytes(table.to_csv(index=False).encode(form))
    known = train_grader.read(path, given.pictures, seed=1)
    assert known["path"].tolist() == table["path"].tolist()
    assert known["participant_id"].tolist() == table["participant_id"].tolist()
    grades = pd.to_numeric(table["kl_grade"], errors="coerce").astype("Int64")
    assert known["kl_grade"].equals(grades.rename("kl_grade"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "table.csv"),
        (b"path,participant_id,side,kl_grade\n0.png,a,left,1\n1.png,a,right,1,x,y\n", "table.csv"),
        (b"\xff\xfep\x00a", "table.csv"),
        (b"PK\x03\x04" + bytes(99), "a packed file"),
        (b"path,participant_id,side,side,kl_grade\n", "column SIDE is there twice"),
    ],
)
def test_a_table_that_is_none_is_named(
    given: train_grader.Place, content: bytes, says: str
) -> None:
    given.table.write_bytes(content)
    with pytest.raises(train_grader.TableError, match=says):
        train_grader.read(given.table, given.pictures, seed=1)


STORED = {  # of an upright picture, by the EXIF tag Orientation
    1: lambda up: up,
    2: lambda up: up[:, ::-1],
    3: lambda up: up[::-1, ::-1],
    4: lambda up: up[::-1],
    5: lambda up: up.T,
    6: np.rot90,
    7: lambda up: up[::-1, ::-1].T,
    8: lambda up: np.rot90(up, -1),
}


@pytest.mark.parametrize("turn", STORED)
def test_a_picture_is_turned_as_viewers_show_it(tmp_path: Path, turn: int) -> None:
    upright = np.arange(64, dtype=np.uint8).reshape(8, 8)
    stored = Image.fromarray(np.ascontiguousarray(STORED[turn](upright)))
    tags = stored.getexif()
    tags[274] = turn
    stored.save(tmp_path / "a.png", exif=tags)
    found = train_grader.picture(tmp_path / "a.png", side="right", pixels=8, to=[0.0, 100.0])
    np.testing.assert_array_equal(found, upright)


def _harmed(path: Path, kind: str) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    if kind == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "chunk":
        at = content.index(b"IDAT")
        content[at : at + 4] = b"\x8d\x03\x98\xa6"
        path.write_bytes(content)
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp"])
@pytest.mark.parametrize("kind", ["cut", "chunk", "empty"])
def test_a_damaged_picture_is_named(tmp_path: Path, name: str, kind: str) -> None:
    if kind == "chunk" and name != "a.png":
        pytest.skip("chunks are of PNG")
    _harmed(tmp_path / name, kind)
    with pytest.raises(train_grader.TableError, match=f"^{name}: not readable as a picture"):
        train_grader.picture(tmp_path / name, side="right", pixels=8, to=[0.0, 100.0])


def test_an_enormous_picture_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("L", (60, 60)).save(tmp_path / "a.png")
    with pytest.raises(train_grader.TableError, match=r"a\.png: more than 2,000 pixels"):
        train_grader.picture(tmp_path / "a.png", side="right", pixels=8, to=[0.0, 100.0])
