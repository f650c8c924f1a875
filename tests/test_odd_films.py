"""Odd films: stored as real machines store them, they are cut like the plain one or say why."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import phantom
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from kneephen_utils import dicom
from kneephen_utils.radiograph import contrast, crop, joint

SETTINGS = crop.Settings(
    region=140.0, pixels=224, window=[5.0, 99.0], clahe=False, min_confidence=0.5
)
PICTURE = phantom.film(phantom.both())


def answer(path: Path) -> dict[str, crop.Cut]:
    """Cut both knees of a film as the stage does."""
    request = crop.Request(path.name, "", {"right": "right", "left": "left"})
    return dict(crop.answer(path.parent, request, SETTINGS))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantom.write(tmp_path_factory.mktemp("plain") / "001", PICTURE)


@pytest.fixture(scope="module")
def knees(plain: Path) -> dict[str, crop.Cut]:
    return answer(plain)


# --- more pictures than one


def twice(dataset: pydicom.Dataset) -> None:
    dataset.PixelData = dataset.PixelData * 2


def thrice_told_once(dataset: pydicom.Dataset) -> None:
    dataset.PixelData, dataset.NumberOfFrames = dataset.PixelData * 3, 1


def twice_told_none(dataset: pydicom.Dataset) -> None:
    dataset.PixelData, dataset.NumberOfFrames = dataset.PixelData * 2, 0


def one_and_a_half(dataset: pydicom.Dataset) -> None:
    dataset.PixelData = dataset.PixelData + dataset.PixelData[: len(dataset.PixelData) // 2]


def coded_twice(dataset: pydicom.Dataset) -> None:
    coded = io.BytesIO()
    stored = Image.fromarray(np.round(PICTURE * 65535).astype(np.uint16))
    stored.save(coded, "JPEG2000", no_jp2=True)
    dataset.PixelData = encapsulate([coded.getvalue()] * 2)
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless


@pytest.mark.parametrize(
    "change", [twice, thrice_told_once, twice_told_none, one_and_a_half, coded_twice]
)
def test_the_first_picture_is_the_film_where_a_file_holds_more_than_it_says(
    plain: Path,
    knees: dict[str, crop.Cut],
    tmp_path: Path,
    change: Callable[[pydicom.Dataset], None],
) -> None:
    dataset = pydicom.dcmread(plain)
    change(dataset)
    dataset.save_as(tmp_path / "001")
    for side, cut in answer(tmp_path / "001").items():
        assert cut.status == "ok", cut.detail
        np.testing.assert_array_equal(cut.image, knees[side].image)


# --- nothing that happens to one film is raised


@pytest.mark.parametrize(
    "error", [ValueError("9000001"), MemoryError(), RecursionError(), ZeroDivisionError()]
)
def test_whatever_a_library_raises_is_the_reason_on_the_row(
    plain: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    for module, name in ((pydicom, "dcmread"), (joint, "survey"), (contrast, "window")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, fail)
            cuts = answer(plain)
        assert {cut.status for cut in cuts.values()} == {"unreadable"}
        assert all(cut.detail and "9000001" not in cut.detail for cut in cuts.values())


def test_a_remark_of_a_library_is_no_error_where_remarks_are(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = joint.survey

    def remark(*given: object, **told: object) -> joint.Survey:
        np.log(np.zeros(1))
        return survey(*given, **told)  # type: ignore[arg-type]

    monkeypatch.setattr(joint, "survey", remark)
    with pytest.warns(RuntimeWarning):
        np.log(np.zeros(1))
    assert {cut.status for cut in answer(plain).values()} == {"ok"}


@pytest.mark.filterwarnings("error")
def test_no_remark_leaves_a_film(plain: Path) -> None:
    assert {cut.status for cut in answer(plain).values()} == {"ok"}


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("empty", lambda path: path.touch(), "not a DICOM file"),
        ("folder", lambda path: path.mkdir(), "not in the release"),
        ("loop", lambda path: path.symlink_to(path), "not in the release"),
        ("n" * 300, lambda _: None, "not in the release"),
        ("nul\0", lambda _: None, "not in the release"),
        ("pipe", os.mkfifo, "not in the release"),
    ],
)
def test_what_is_no_file_is_said_to_be_none(
    tmp_path: Path, name: str, make: Callable[[Path], None], sentence: str
) -> None:
    make(tmp_path / name)
    assert {sentence in cut.detail for cut in answer(tmp_path / name).values()} == {True}


def test_a_film_that_cannot_be_opened_says_so(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/release/9000001/001")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(dicom.FilmError, match="cannot be read from its folder") as stop:
        dicom.read(plain)
    assert "9000001" not in str(stop.value)
