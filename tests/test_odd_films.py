"""Odd films: stored as real machines store them, they are cut like the plain one or say why."""

from __future__ import annotations

import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import odd
import phantom
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from kneephen_utils import dicom, pixeldata
from kneephen_utils.radiograph import crop, intensity, knee_localizer

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


# --- every kind of film that machines, archives and exports have


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = phantom.film(phantom.both(), spacing=0.8)
    return phantom.write(tmp_path_factory.mktemp("small") / "plain", picture, spacing=0.8)


@pytest.mark.parametrize("kind", odd.CUT)
def test_an_odd_film_comes_out_as_the_plain_one(small: Path, tmp_path: Path, kind: str) -> None:
    odd.write(small, tmp_path / "001", kind)
    plain, film = dicom.read(small), dicom.read(tmp_path / "001")
    away = np.abs(film.pixels - plain.pixels)
    if kind.startswith("padding"):
        share = 0.125 if "wide" in kind else 0.06
        rows, columns = (int(length * share) for length in away.shape)
        inside = np.zeros(away.shape, bool)
        inside[rows:-rows, columns:-columns] = True
        assert not film.pixels[~inside].any()
        away = away[inside]
    elif kind == "mark burned in":
        assert (film.pixels[3:12, 3:40] == 1).all()
        away[3:12, 3:40] = 0
    lossy = 0.03 if kind == "JPEG of 8 bits" else 0.002
    assert away.max() < (0.004 if "bytes" in kind or "8 of 16" in kind else lossy)
    assert (film.spacing, film.view) == (plain.spacing, plain.view)


@pytest.mark.parametrize("kind", odd.REFUSED)
def test_an_odd_film_that_is_of_no_use_says_why(small: Path, tmp_path: Path, kind: str) -> None:
    odd.write(small, tmp_path / "001", kind)
    with pytest.raises(dicom.FilmError, match=odd.REFUSED[kind][1]) as stop:
        dicom.read(tmp_path / "001")
    assert "9000001" not in str(stop.value)


@pytest.mark.parametrize(
    "kind", ["twice, no NumberOfFrames", "10 bits used of 16", "unsigned as signed, 12 bits"]
)
def test_the_knees_of_an_odd_film_are_those_of_the_plain_one(
    plain: Path, knees: dict[str, crop.Cut], tmp_path: Path, kind: str
) -> None:
    odd.write(plain, tmp_path / "001", kind)
    for side, cut in answer(tmp_path / "001").items():
        assert cut.status == "ok", cut.detail
        away = np.abs(cut.image.astype(int) - knees[side].image)
        assert away.max() <= 2
        assert cut.measured["exposure"] == pytest.approx(knees[side].measured["exposure"], abs=0.01)


@pytest.mark.parametrize("kind", ["padding of 65535, not told", "padding white, wide"])
def test_padding_around_a_film_hides_no_knee(
    plain: Path, knees: dict[str, crop.Cut], tmp_path: Path, kind: str
) -> None:
    odd.write(plain, tmp_path / "001", kind)
    for side, cut in answer(tmp_path / "001").items():
        assert cut.status == "ok", cut.detail
        for axis in ("center_x", "center_y"):
            assert cut.measured[axis] == pytest.approx(knees[side].measured[axis], abs=1)


def test_jpeg_of_12_bits_is_read_as_another_decoder_reads_it() -> None:
    """Four pixels of the file of the library, as libjpeg of the JPEG committee decodes them."""
    path = Path(str(get_testdata_file("JPGExtended.dcm")))
    dataset = pydicom.dcmread(path)
    stored = pixeldata.decode(dataset)
    assert stored.shape == (1024, 256)
    np.testing.assert_allclose(stored[422, 100:104], [48, 52, 51, 47], atol=1)


def test_an_unknown_syntax_is_not_told(small: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(small)
    dataset.PixelData = encapsulate([b"no picture of any kind"])
    dataset.file_meta.TransferSyntaxUID = "1.2.9000001"
    dataset.save_as(tmp_path / "001", implicit_vr=False, little_endian=True)
    with pytest.raises(dicom.FilmError) as stop:
        dicom.read(tmp_path / "001")
    assert "9000001" not in str(stop.value)


# --- nothing that happens to one film is raised


@pytest.mark.parametrize(
    "error", [ValueError("9000001"), MemoryError(), RecursionError(), ZeroDivisionError()]
)
def test_whatever_a_library_raises_is_the_reason_on_the_row(
    plain: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    for module, name in ((pydicom, "dcmread"), (knee_localizer, "survey"), (intensity, "window")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, fail)
            cuts = answer(plain)
        assert {cut.status for cut in cuts.values()} == {"unreadable"}
        assert all(cut.detail and "9000001" not in cut.detail for cut in cuts.values())


def test_a_remark_of_a_library_is_no_error_where_remarks_are(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = knee_localizer.survey

    def remark(*given: object, **told: object) -> knee_localizer.Survey:
        with np.errstate(divide="warn"):
            np.log(np.zeros(1))
        return survey(*given, **told)  # type: ignore[arg-type]

    monkeypatch.setattr(knee_localizer, "survey", remark)
    with (
        np.errstate(divide="warn"),
        pytest.warns(RuntimeWarning),
    ):  # a library may have turned it off
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
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/release/9000001/001")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(dicom.FilmError, match="cannot be read from its folder") as stop:
        dicom.read(plain)
    assert "9000001" not in str(stop.value)


def test_films_changed_at_random_are_read_or_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "studies" / "benchmarks"))
    import fuzz_films

    became = []
    for seed in range(1, 41):
        (tmp_path / "001").write_bytes(fuzz_films.mutant(seed))
        became.append(fuzz_films.judge(tmp_path / "001"))
    assert [said for fate, said in became if fate == "fault"] == []
    assert {fate for fate, _ in became} == {"read", "refused"}
    assert fuzz_films.mutant(7) == fuzz_films.mutant(7)


def test_a_length_beyond_the_end_of_a_file_takes_no_memory(small: Path, tmp_path: Path) -> None:
    content = small.read_bytes()
    at = content.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW")) + 8
    (tmp_path / "001").write_bytes(content[:at] + struct.pack("<I", 2**32 - 16) + content[at + 4 :])
    tracemalloc.start()
    film = dicom.read(tmp_path / "001")
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()
    np.testing.assert_array_equal(film.pixels, dicom.read(small).pixels)


@pytest.mark.parametrize("kind", ["JPEG of 8 bits", "JPEG 2000"])
def test_a_damaged_code_does_not_end_the_program(small: Path, tmp_path: Path, kind: str) -> None:
    odd.write(small, tmp_path / "whole", kind)
    dataset = pydicom.dcmread(tmp_path / "whole")
    dataset.BitsAllocated = 32
    dataset.save_as(tmp_path / "001")
    with pytest.raises(dicom.FilmError, match="cannot be decoded as JPEG"):
        dicom.read(tmp_path / "001")
