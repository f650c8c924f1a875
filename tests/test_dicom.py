"""Films: stored in whatever way, they come out the same, or are refused in one sentence."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import phantom
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from kneephen_utils import dicom

PICTURE = np.linspace(0, 1, 48 * 60, dtype=np.float32).reshape(48, 60) ** 2
PERSON = "9000001"


def series(folder: Path) -> Path:
    return folder / "00m" / "0.C.2" / PERSON / "20050531" / "00000001"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return phantom.write(series(tmp_path) / "001", PICTURE)


def change(path: Path, **tags: object) -> Path:
    dataset = pydicom.dcmread(path)
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    dataset.save_as(path)
    return path


def test_a_film_comes_out_as_it_was_drawn(path: Path) -> None:
    film = dicom.read(path)
    assert film.pixels.dtype == np.float32
    np.testing.assert_allclose(film.pixels, PICTURE, atol=1e-4)
    assert film.view == "Bilateral PA Fixed Flexion Knee"
    assert film.barcode == "016600000001"
    assert film.body_part == "knee"


def test_monochrome1_is_turned_bone_bright(path: Path) -> None:
    stored = np.round((1 - PICTURE) * 65535).astype("<u2").tobytes()
    film = dicom.read(change(path, PixelData=stored, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_allclose(film.pixels, PICTURE, atol=1e-4)
    assert film.photometric == "MONOCHROME1"


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_modality_then_window_then_inversion(path: Path, photometric: str) -> None:
    slope, intercept, center, width = 0.5, -1000.0, 9000.0, 12000.0
    change(path, RescaleSlope=slope, RescaleIntercept=intercept)
    change(path, WindowCenter=center, WindowWidth=width, PhotometricInterpretation=photometric)
    values = np.round(PICTURE * 65535) * slope + intercept
    expected = np.empty_like(values)
    for index, value in np.ndenumerate(values):  # the linear function of DICOM PS3.3 C.11.2.1.2.1
        share = (value - (center - 0.5)) / (width - 1) + 0.5
        expected[index] = min(max(share, 0), 1)
    if photometric == "MONOCHROME1":
        expected = 1 - expected
    np.testing.assert_allclose(dicom.read(path).pixels, expected, atol=1e-3)


def test_a_lookup_table_is_applied_before_inversion(path: Path) -> None:
    item = Dataset()
    item.LUTDescriptor = [256, 0, 12]
    item.LUTData = np.array([4095 - 16 * k for k in range(256)], "<u2").tobytes()
    stored = np.round(PICTURE * 255).astype("<u2")
    change(path, PixelData=stored.tobytes(), PhotometricInterpretation="MONOCHROME1")
    change(path, VOILUTSequence=Sequence([item]))
    np.testing.assert_allclose(dicom.read(path).pixels, stored * 16 / 4095, atol=1e-3)


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        (
            {"ImagerPixelSpacing": [0.15, 0.15], "PixelSpacing": [0.3, 0.3]},
            0.15,
            "ImagerPixelSpacing",
        ),
        ({"PixelSpacing": [0.3, 0.3]}, 0.3, "PixelSpacing"),
        ({"ImagerPixelSpacing": [0, 0], "PixelSpacing": [0.3, 0.3]}, 0.3, "PixelSpacing"),
        ({"PixelSpacing": [0.3, 0.6]}, 0.2, "default"),
        ({"PixelSpacing": [100, 100]}, 0.2, "default"),
        ({"PixelSpacing": None}, 0.2, "default"),
    ],
)
def test_spacing_comes_from_the_first_plausible_tag(
    tmp_path: Path, tags: dict[str, object], spacing: float, source: str
) -> None:
    film = dicom.read(phantom.write(tmp_path / "001", PICTURE, **tags))
    assert (film.spacing, film.spacing_source) == (pytest.approx(spacing), source)


def recode(path: Path, target: Path, syntax: str) -> Path:
    """Write a film again with its picture coded losslessly by the library that reads scanners."""
    gdcm = pytest.importorskip("gdcm", reason="the environment is older than the lock")
    reader, coder, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    coder.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    coder.SetInput(reader.GetImage())
    assert coder.Change()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(coder.GetOutput())
    assert writer.Write()
    return target


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("RLELossless", "RLE Lossless"),
        ("JPEGLosslessProcess14", "JPEG Lossless, Non-Hierarchical (Process 14)"),
        ("JPEGLosslessProcess14_1", "JPEG Lossless, Non-Hierarchical, First-Order"),
        ("JPEGLSLossless", "JPEG-LS Lossless"),
        ("JPEG2000Lossless", "JPEG 2000 Image Compression (Lossless Only)"),
    ],
)
def test_a_compressed_film_equals_the_plain_one(
    path: Path, tmp_path: Path, syntax: str, name: str
) -> None:
    coded = recode(path, tmp_path / "coded", syntax)
    assert pydicom.dcmread(coded).file_meta.TransferSyntaxUID.name.startswith(name)
    np.testing.assert_array_equal(dicom.read(coded).pixels, dicom.read(path).pixels)


def test_run_length_and_jpeg2000_films_of_other_coders_equal_the_plain_one(
    path: Path, tmp_path: Path
) -> None:
    plain = dicom.read(path).pixels
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "rle")
    buffer = io.BytesIO()
    stored = Image.fromarray(np.round(PICTURE * 65535).astype(np.uint16))
    stored.save(buffer, format="JPEG2000", no_jp2=True)
    dataset.PixelData = encapsulate([buffer.getvalue()])
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.save_as(tmp_path / "j2k")
    for name in ("rle", "j2k"):
        np.testing.assert_array_equal(dicom.read(tmp_path / name).pixels, plain)


def test_a_lossy_jpeg_film_is_the_plain_one_nearly(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    buffer = io.BytesIO()
    Image.fromarray(np.round(PICTURE * 255).astype(np.uint8)).save(buffer, "JPEG", quality=95)
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelData = encapsulate([buffer.getvalue()])
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.save_as(path)
    np.testing.assert_allclose(dicom.read(path).pixels, PICTURE, atol=0.02)


@pytest.mark.parametrize(
    "name", ["RLE", "jpeg_ls_lossless", "jp2klossless", "bigendian", "implicit", "expb"]
)
def test_one_scan_stored_in_several_ways_is_one_picture(name: str) -> None:
    """Files by other writers, which come with the library: signed numbers, with a window."""
    if name == "jpeg_ls_lossless":
        pytest.importorskip("gdcm", reason="the environment is older than the lock")
    plain = dicom.read(str(get_testdata_file("MR_small.dcm"))).pixels
    coded = dicom.read(str(get_testdata_file(f"MR_small_{name}.dcm"))).pixels
    np.testing.assert_array_equal(coded, plain)


@pytest.mark.parametrize("stored", ["<u2", "<i2", "u1"])
def test_the_greys_are_those_of_transforming_every_pixel(path: Path, stored: str) -> None:
    ends = np.iinfo(stored)
    noise = np.random.default_rng(0).integers(ends.min, ends.max + 1, PICTURE.shape)
    change(path, PixelData=noise.astype(stored).tobytes(), PixelRepresentation="i" in stored)
    bits = 8 * np.dtype(stored).itemsize
    change(path, BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1)
    change(path, RescaleSlope=0.25, RescaleIntercept=-3, WindowCenter=20, WindowWidth=40)
    dataset = pydicom.dcmread(path)
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    low, high = 0.25 * ends.min - 3, 0.25 * ends.max - 3
    np.testing.assert_allclose(dicom.read(path).pixels, (values - low) / (high - low), atol=1e-6)


def test_a_damaged_compressed_picture_is_refused(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([b"\xff\xd8 no picture"])
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.save_as(path)
    with pytest.raises(dicom.FilmError, match=r"JPEG-LS|damaged"):
        dicom.read(path)


def pack(path: Path, archive: Path, **member: object) -> Path:
    with tarfile.open(archive, "w:gz") as packed:
        info = packed.gettarinfo(path, arcname=f"../../{PERSON}/001")
        for name, value in member.items():
            setattr(info, name, value)
        with path.open("rb") as content:
            packed.addfile(info, content)
    return archive


def test_a_packed_series_is_read_without_unpacking_it(path: Path, tmp_path: Path) -> None:
    pack(path, tmp_path / "series.tar.gz")
    before = sorted(tmp_path.rglob("*"))
    np.testing.assert_array_equal(
        dicom.read(tmp_path / "series" / "001").pixels, dicom.read(path).pixels
    )
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_a_packed_series_is_not_followed(path: Path, tmp_path: Path) -> None:
    archive = pack(path, tmp_path / "a.tar.gz", type=tarfile.SYMTYPE, linkname=str(path), size=0)
    with pytest.raises(dicom.FilmError, match="empty"):
        dicom.read(archive)


def test_a_folder_stands_for_the_film_in_it(path: Path) -> None:
    np.testing.assert_array_equal(dicom.read(path.parent).pixels, dicom.read(path).pixels)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({"Rows": 60000, "Columns": 60000}, "60000 x 60000"),
        ({"Rows": 0}, "no film"),
        ({"NumberOfFrames": 3}, "one greyscale picture"),
        ({"PhotometricInterpretation": "RGB"}, "one greyscale picture"),
        ({"PixelData": b"\0" * 100}, "cut short"),
        ({"WindowWidth": 0, "WindowCenter": 5}, "transform"),
    ],
)
def test_a_file_that_is_no_film_is_refused(
    path: Path, tags: dict[str, object], sentence: str
) -> None:
    with pytest.raises(dicom.FilmError, match=sentence) as refusal:
        dicom.read(change(path, **tags))
    assert PERSON not in str(refusal.value)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.6, 0.99])
def test_a_file_cut_short_anywhere_is_refused(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(dicom.FilmError) as refusal:
        dicom.read(path)
    assert PERSON not in str(refusal.value)


def test_damage_anywhere_in_the_header_never_ends_in_another_error(path: Path) -> None:
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    sentences = []
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(100, 900, 4):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        sentences.append(outcome(path))
    assert "" in sentences
    assert len(set(sentences)) > 2
    assert not any(PERSON in sentence for sentence in sentences)


def outcome(path: Path) -> str:
    """Return why the film is refused, or nothing if it is read."""
    try:
        film = dicom.read(path)
    except dicom.FilmError as refusal:
        return str(refusal)
    assert np.isfinite(film.pixels).all()
    return ""


def test_text_and_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a film")
    with pytest.raises(dicom.FilmError, match="not a DICOM file"):
        dicom.read(tmp_path / "text")
    with pytest.raises(dicom.FilmError, match="not in the release"):
        dicom.read(tmp_path / "nothing")
    (tmp_path / "a.tar.gz").write_bytes(b"not packed")
    with pytest.raises(dicom.FilmError, match="damaged"):
        dicom.read(tmp_path / "a.tar.gz")
