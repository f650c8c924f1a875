"""Odd: a plain film written again in each way that real machines, archives and exports have.

    python tests/odd.py RELEASE --people 70          write a release with one film of each kind
    python tests/odd.py RELEASE                      or change one that is there
    python tests/odd.py RELEASE --artefacts FOLDER   what became of them in a finished run

RELEASE is a folder `release`, a synthetic one without defects: telephone visits, and `Outcomes99`
as it is delivered. What was done to its films is listed in `odd.csv` beside it. Of every kind it is
known whether both knees can be cut out of it, and if not, which words must stand on the row.
Folders of tables and of films are put in `elsewhere` beside it and linked, and a link leads back.
"""

from __future__ import annotations

import argparse
import csv
import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import jpeg12
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    RLELossless,
)

FULL = 4095  # of the plain film, 12 bits
STEPS = np.arange(FULL + 1)
Change = Callable[[Dataset, np.ndarray], object]


def put(dataset: Dataset, numbers: np.ndarray, bits: int, *, signed: bool = False) -> None:
    """Store numbers in two bytes each, under tags that say `bits` and `signed`."""
    dataset.PixelData = (numbers.astype(np.int64) % 2**16).astype("<u2").tobytes()
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = int(signed)


def stored(bits: int, work: Callable[[np.ndarray], np.ndarray], *, signed: bool = False) -> Change:
    """Return a change of the numbers, under tags that say `bits` and `signed`."""
    return lambda dataset, grey: put(dataset, work(grey.astype(int)), bits, signed=signed)


def tagged(**tags: object) -> Change:
    """Return a change of tags alone; None takes the tag away."""

    def change(dataset: Dataset, _: np.ndarray) -> None:
        for tag, value in tags.items():
            setattr(dataset, tag, value)
            if value is None:
                delattr(dataset, tag)

    return change


def table(
    descriptor: list[int], data: object, where: str = "VOILUTSequence", vr: str = "OW"
) -> Change:
    """Return a change that adds a lookup table."""

    def change(dataset: Dataset, _: np.ndarray) -> None:
        item = Dataset()
        item.add_new(0x00283002, "US", descriptor)
        item.add_new(0x00283006, vr, data)
        if where == "ModalityLUTSequence":
            item.ModalityLUTType = "US"
        setattr(dataset, where, Sequence([item]))

    return change


def words(numbers: np.ndarray) -> bytes:
    """Return numbers as 16-bit words."""
    return numbers.astype("<u2").tobytes()


def all_of(*changes: Change) -> Change:
    """Return a change that makes several, in turn."""
    return lambda dataset, grey: [change(dataset, grey) for change in changes]


def frames(count: int, told: int | None) -> Change:
    """Return a change that repeats the picture and tells another number of frames."""

    def change(dataset: Dataset, _: np.ndarray) -> None:
        dataset.PixelData = dataset.PixelData * count
        if told is not None:
            dataset.NumberOfFrames = told

    return change


def margin(value: int, bits: int, share: float = 0.06, **tags: object) -> Change:
    """Return a change that paints a margin, and says so where tags are given."""

    def change(dataset: Dataset, grey: np.ndarray) -> None:
        rows, columns = (int(length * share) for length in grey.shape)
        around = np.full(grey.shape, value)
        around[rows:-rows, columns:-columns] = grey[rows:-rows, columns:-columns]
        put(dataset, around, bits)
        for tag, number in tags.items():
            dataset.add_new(tag, "US", number)

    return change


def mark(dataset: Dataset, grey: np.ndarray) -> None:
    """Burn a mark into the upper edge, far above the scale."""
    numbers = grey.astype(int)
    numbers[3:12, 3:40] = 65535
    put(dataset, numbers, 16)


def overlay(dataset: Dataset, grey: np.ndarray) -> None:
    """Keep a drawing in a bit that the picture does not use."""
    numbers = grey.astype(int)
    numbers[4:40:3, 4:60] += 2**12
    put(dataset, numbers, 12)


def jpeg2000(grey: np.ndarray) -> bytes:
    """Return a lossless JPEG 2000."""
    coded = io.BytesIO()
    Image.fromarray((grey * 16).astype(np.uint16)).save(coded, "JPEG2000", no_jp2=True)
    return coded.getvalue()


def coded(syntax: str, work: Callable[[np.ndarray], bytes], count: int = 1) -> Change:
    """Return a change that codes the picture and tells `syntax`."""

    def change(dataset: Dataset, grey: np.ndarray) -> None:
        if work is jpeg2000:
            dataset.BitsStored, dataset.HighBit = 16, 15
        dataset.PixelData = encapsulate([work(grey)] * count)
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax

    return change


def jpeg(dataset: Dataset, grey: np.ndarray) -> None:
    """Code the picture as an ordinary JPEG of 8 bits."""
    made = io.BytesIO()
    Image.fromarray((grey >> 4).astype(np.uint8)).save(made, "JPEG", quality=97)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    coded(JPEGBaseline8Bit, lambda _: made.getvalue())(dataset, grey)


def run_length(dataset: Dataset, _: np.ndarray) -> None:
    """Code the picture by run lengths."""
    dataset.compress(RLELossless, generate_instance_uid=False)


def turned(dataset: Dataset, grey: np.ndarray) -> None:
    """Store low numbers for bright greys, or the other way round."""
    other = {"MONOCHROME1": "MONOCHROME2", "MONOCHROME2": "MONOCHROME1"}
    dataset.PhotometricInterpretation = other[dataset.PhotometricInterpretation]
    put(dataset, FULL - grey.astype(int), 12)


def spacing(dataset: Dataset, _: np.ndarray) -> None:
    """Put the placeholder 1 beside the spacing."""
    true = dataset.get("ImagerPixelSpacing") or dataset.PixelSpacing
    dataset.PixelSpacing, dataset.ImagerPixelSpacing = list(true), [1, 1]


def colour(dataset: Dataset, grey: np.ndarray) -> None:
    """Store the picture in three colours."""
    dataset.PixelData = np.repeat((grey >> 4).astype(np.uint8)[..., None], 3, axis=2).tobytes()
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "RGB"


OW12 = words(STEPS)
CUT: dict[str, Change] = {  # both knees come out as of the plain film
    "twice, no NumberOfFrames": frames(2, None),
    "three times, NumberOfFrames 1": frames(3, 1),
    "twice, NumberOfFrames 0": frames(2, 0),
    "JPEG 2000 twice": coded(JPEG2000Lossless, jpeg2000, 2),
    "VOI table, 10 of 16 bits used": table([4096, 0, 16], words(STEPS >> 2)),
    "VOI table, 8 of 16 bits used": table([4096, 0, 16], words(STEPS >> 4)),
    "VOI table of packed bytes": table([4096, 0, 8], (STEPS >> 4).astype(np.uint8).tobytes()),
    "VOI table of bytes in words": table([4096, 0, 8], words(STEPS >> 4)),
    "VOI table of numbers": table([4096, 0, 12], STEPS.tolist(), vr="US"),
    "VOI table longer than the film": table([0, 0, 16], words(np.arange(2**16))),
    "VOI table without data": table([4096, 0, 16], b""),
    "VOI table below zero": all_of(
        stored(12, lambda grey: grey - 2048, signed=True), table([4096, 63488, 12], OW12)
    ),
    "modality table of 12 bits": table([4096, 0, 12], OW12, "ModalityLUTSequence"),
    "modality table, 10 of 16 bits": table([4096, 0, 16], words(STEPS >> 2), "ModalityLUTSequence"),
    "modality table of packed bytes": table(
        [4096, 0, 8], (STEPS >> 4).astype(np.uint8).tobytes(), "ModalityLUTSequence"
    ),
    "both tables": all_of(
        table([4096, 0, 16], words(STEPS * 16), "ModalityLUTSequence"),
        table([0, 0, 12], words(np.arange(2**16) >> 4)),
    ),
    "modality table and window": all_of(
        table([4096, 0, 12], OW12, "ModalityLUTSequence"),
        tagged(WindowCenter=2048, WindowWidth=4096),
    ),
    "10 bits used of 16": stored(16, lambda grey: grey >> 2),
    "12 bits used of 16": stored(16, lambda grey: grey),
    "12 bits used of 10": stored(10, lambda grey: grey),
    "12 bits, window of 16": tagged(WindowCenter=32768, WindowWidth=65536),
    "overlay in a spare bit": overlay,
    "rescale tags empty": tagged(RescaleSlope="", RescaleIntercept=""),
    "rescale slope alone": all_of(stored(12, lambda grey: grey), tagged(RescaleSlope=2)),
    "rescale to below zero": tagged(RescaleSlope=2, RescaleIntercept=-3000),
    "rescale upside down": all_of(
        stored(12, lambda grey: FULL - grey), tagged(RescaleSlope=-1, RescaleIntercept=FULL)
    ),
    "padding of 65535, 12 bits": margin(65535, 16, PixelPaddingValue=65535),
    "padding of 65535, not told": margin(65535, 16),
    "padding white, wide": margin(FULL, 12, 0.125, PixelPaddingValue=FULL),
    "padding black": margin(0, 12, PixelPaddingValue=0),
    "padding range": margin(60001, 16, PixelPaddingValue=60000, PixelPaddingRangeLimit=65535),
    "mark burned in": mark,
    "spacing 1 by 1": spacing,
    "no TransferSyntaxUID": tagged(),
    "no preamble": tagged(),
    "another TransferSyntaxUID": coded(JPEGLSLossless, jpeg2000),
    "compressed, told as plain": coded("1.2.840.10008.1.2.1", jpeg2000),
    "unsigned as signed, 12 bits": stored(12, lambda grey: grey, signed=True),
    "unsigned as signed, 16 bits": stored(16, lambda grey: grey * 16, signed=True),
    "signed": stored(12, lambda grey: grey - 2048, signed=True),
    "photometric the other way": turned,
    "JPEG Extended, 12 bits": coded(JPEGExtended12Bit, jpeg12.encode),
    "JPEG of 8 bits": jpeg,
    "JPEG 2000": coded(JPEG2000, jpeg2000),
    "run lengths": run_length,
    "BitsStored absent": tagged(BitsStored=None, HighBit=None),
}
REFUSED: dict[str, tuple[Change, str]] = {  # the words that must stand on the row
    "NumberOfFrames 2": (frames(2, 2), "several"),
    "in colour": (colour, "in colour"),
    "palette": (tagged(PhotometricInterpretation="PALETTE COLOR"), "in colour"),
    "photometric absent": (tagged(PhotometricInterpretation=None), "does not say"),
    "picture cut short": (
        lambda dataset, _: setattr(dataset, "PixelData", dataset.PixelData[:1000]),
        "cut short",
    ),
    "no picture": (tagged(PixelData=None), "never held one"),
    "no size": (tagged(Rows=None), "size of its picture"),
    "absurd size": (tagged(Rows=65535, Columns=65535), "which is no film"),
    "table cut short": (table([4096, 0, 16], OW12[:4000]), "shorter than it says"),
    "window of no width": (tagged(WindowCenter=5, WindowWidth=0), "transform"),
    "slope of zero": (tagged(RescaleSlope=0, RescaleIntercept=1), "by zero"),
    "all padding": (margin(7, 12, 0.0, PixelPaddingValue=7), "padding"),
    "no JPEG 2000 within": (coded(JPEG2000, lambda _: b"\xff\x4f nothing"), "JPEG 2000"),
    "JPEG 2000 of another size": (
        coded(JPEG2000, lambda grey: jpeg2000(np.tile(grey, (2, 1)))),
        "another size",
    ),
    "deflated": (tagged(), "deflated"),
    "empty file": (tagged(), "not a DICOM file"),
    "text": (tagged(), "not a DICOM file"),
    "folder": (tagged(), "not in the release"),
}
KINDS = [*CUT, *REFUSED]


def write(source: Path, target: Path, kind: str) -> None:
    """Write a plain film again as one of `KINDS`; both paths may be the same."""
    dataset = pydicom.dcmread(source)
    shift = int(dataset.BitsStored) - 12
    grey = dataset.pixel_array.astype(int)
    grey = (grey >> shift if shift > 0 else grey << -shift).astype(np.uint16)
    for tag in ("WindowCenter", "WindowWidth"):
        if tag in dataset:
            delattr(dataset, tag)
    put(dataset, grey, 12)
    (CUT[kind] if kind in CUT else REFUSED[kind][0])(dataset, grey)
    target.unlink(missing_ok=True)
    if kind in BY_HAND:
        BY_HAND[kind](dataset, target)
        return
    if kind == "deflated":
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(target)


def _without_syntax(dataset: Dataset, target: Path) -> None:
    del dataset.file_meta.TransferSyntaxUID
    body, meta = DicomBytesIO(), DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, False
    write_dataset(body, dataset)
    write_file_meta_info(meta, dataset.file_meta, enforce_standard=False)
    target.write_bytes(b"\0" * 128 + b"DICM" + meta.getvalue() + body.getvalue())


def _bare(dataset: Dataset, target: Path) -> None:
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, True
    write_dataset(body, dataset)
    target.write_bytes(body.getvalue())


def _told_plain(dataset: Dataset, target: Path) -> None:
    """Write a compressed picture, of no stated length, under a syntax that compresses nothing."""
    content = dataset.PixelData
    del dataset.PixelData
    dataset.save_as(target)
    tag = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    end = b"" if content.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0") else b"\xfe\xff\xdd\xe0\0\0\0\0"
    target.write_bytes(target.read_bytes() + tag + content + end)


BY_HAND: dict[str, Callable[[Dataset, Path], object]] = {
    "no TransferSyntaxUID": _without_syntax,
    "no preamble": _bare,
    "compressed, told as plain": _told_plain,
    "empty file": lambda _, target: target.touch(),
    "text": lambda _, target: target.write_text("not a film", encoding="utf-8"),
    "folder": lambda _, target: target.mkdir(),
}


def spoil(release: Path) -> list[tuple[str, str, str]]:
    """Write one film of each kind among those of a release; return path, kind, words expected."""
    films = sorted(path for path in release.rglob("001") if path.is_file())
    if len(films) < len(KINDS):
        raise SystemExit(f"{release} holds {len(films)} films; expected {len(KINDS)} or more")
    rows = []
    for path, kind in zip(films, KINDS, strict=False):
        write(path, path, kind)
        expected = REFUSED[kind][1] if kind in REFUSED else ""
        rows.append((path.relative_to(release).as_posix(), kind, expected))
    return rows


def link(release: Path) -> None:
    """Put folders of tables and of films elsewhere, with links to them, one of which leads back."""
    films = release / "00m"
    inner = next(path for path in sorted(films.iterdir()) if path.is_dir())
    for name in ("AllClinical_ASCII", f"00m/{inner.name}"):
        away = release.parent / "elsewhere" / name
        away.parent.mkdir(parents=True, exist_ok=True)
        (release / name).rename(away)
        (release / name).symlink_to(away.resolve())
    (films / "back").symlink_to(release.resolve())


def told(release: Path, artefacts: Path) -> int:
    """Print what became of every odd film in a run; return how many went otherwise than known."""
    from kneephen_utils import tables

    crops, films = tables.read("crops", artefacts), tables.read("films", artefacts)
    paths = crops["film_id"].map(films.drop_duplicates("film_id").set_index("film_id")["path"])
    wrong = 0
    with (release.parent / "odd.csv").open(encoding="utf-8", newline="") as listed:
        for path, kind, expected in csv.reader(listed):
            rows = crops[paths == path]
            said = {f"{row.status}: {row.detail}" for row in rows.itertuples()}
            good = all(expected in each if expected else each == "ok: " for each in said)
            good = good and bool(said)
            wrong += not good
            print("ok   " if good else "OTHER", kind, "|", " / ".join(sorted(said)))
    return wrong


def main() -> int:
    """Spoil a release, or tell what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--artefacts", type=Path)
    parser.add_argument("--people", type=int, help="first write a release of so many")
    given = parser.parse_args()
    if given.artefacts:
        return told(given.release, given.artefacts)
    if given.people:
        from oai_twin.__main__ import main as twin

        size = ["--participants", str(given.people), "--seed", "5", "--workers", "1"]
        if twin(["--out", str(given.release.parent), *size]):
            return 1
    with (given.release.parent / "odd.csv").open("w", encoding="utf-8", newline="") as listed:
        csv.writer(listed).writerows(spoil(given.release))
    link(given.release)
    return 0


if __name__ == "__main__":
    sys.exit(main())
