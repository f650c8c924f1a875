"""Dicom: reads one radiograph file as numbers in which bone is bright.

A film comes out the same however it was stored: modality and value-of-interest
transforms applied in the order of the standard, inverted if it was MONOCHROME1, scaled
to its full range. A file that cannot be read this way is refused with one sentence; the
sentence never holds the path, which in a release contains the participant.
"""

from __future__ import annotations

import gzip
import io
import logging
import struct
import tarfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from kneephen_utils import greyscale, pixeldata
from kneephen_utils.pixeldata import FilmError

FALLBACK_SPACING = 0.2  # mm; OAI films without a spacing tag (Tiulpin et al. 2018)
SPACING_TAGS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
PLAUSIBLE_SPACING = (0.03, 1.5)  # mm
PLACEHOLDER = (1.0, 1.0)  # mm, written by machines that do not know
LONGEST = 1300.0  # mm, the edge of the longest cassette
MAX_PIXELS = 64_000_000  # four times the largest film of the release
MAX_BYTES = 512_000_000  # of one file, packed or not
FIRST_GROUPS = {0x0002, 0x0008}  # of tags, in a file without a preamble
ARCHIVES = (".tar.gz", ".tgz")
COLOUR = ("RGB", "YBR", "PALETTE", "HSV", "ARGB", "CMYK")
GREY = {"MONOCHROME1", "MONOCHROME2"}


@dataclass(frozen=True)
class Film:
    """One radiograph.

    Attributes
    ----------
    pixels
        Array (rows, columns), float32 from 0 to 1 of the full scale, bone bright.
    spacing
        Edge of a pixel in mm.
    spacing_source
        Tag the spacing came from, or `default`.
    photometric
        Photometric interpretation as stored; `pixels` are already turned bone bright.
    view
        Series description, such as `Bilateral PA Fixed Flexion Knee`.
    body_part
        Body part as stored, in lower case.
    barcode
        Accession number.
    """

    pixels: np.ndarray
    spacing: float
    spacing_source: str
    photometric: str
    view: str
    body_part: str
    barcode: str


def read(path: str | Path) -> Film:
    """Read one film: a DICOM file, a series folder that holds `001`, or a packed series.

    Parameters
    ----------
    path
        File, folder, or `.tar.gz` of one series. A path whose file was delivered packed
        (`series.tar.gz` in place of `series/001`) is found too.

    Raises
    ------
    FilmError
        If there is no such file, it cannot be opened, it is damaged, it is not one greyscale
        picture, it is larger than any film or than the memory there is, or its compression
        has no decoder here. No other error leaves this function.

    Notes
    -----
    Of a file that holds more pictures than it says, the first one is the film.
    """
    with _quiet(), _refused("the header of the file is damaged"), _open(Path(path)) as stream:
        dataset = _parse(stream)
        _check_shape(dataset)
        spacing, source = _spacing(dataset)
        return Film(
            pixels=_pixels(dataset),
            spacing=spacing,
            spacing_source=source,
            photometric=_text(dataset, "PhotometricInterpretation"),
            view=_text(dataset, "SeriesDescription"),
            body_part=_text(dataset, "BodyPartExamined").lower(),
            barcode=_text(dataset, "AccessionNumber"),
        )


def is_coded(path: str | Path) -> bool:
    """Tell whether a decoder of another library may have to read the picture of a film.

    Only the first bytes are looked at. False for a file that is not even opened by `read`.
    """
    file = locate(Path(path))
    if file is None or file.name.lower().endswith(ARCHIVES):
        return file is not None
    try:
        with _quiet(), file.open("rb") as stream:
            return _syntax(stream) not in pixeldata.NATIVE
    except Exception:  # whatever it is, `read` says it
        return False


def locate(path: Path) -> Path | None:
    """Return the file that holds the film asked for by `path`, or None if there is none."""
    packed = [Path(f"{folder}{end}") for folder in (path, path.parent) for end in ARCHIVES]
    candidates = [path, path / "001", *packed]
    try:
        return next((candidate for candidate in candidates if candidate.is_file()), None)
    except OSError:  # a name no file can have, or a folder that may not be looked into
        return None


def _open(path: Path) -> BinaryIO:
    file = locate(path)
    if file is None:
        raise FilmError("the film is listed but its file is not in the release")
    if file.stat().st_size > MAX_BYTES:
        raise FilmError("the file is larger than any film")
    if file.name.lower().endswith(ARCHIVES):
        return _unpack(file)
    return io.BytesIO(file.read_bytes())  # of a file, more may be asked for than it holds


class _Bounded:
    """Reads a stream, but never more of it than a film can hold, headers included."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream, self._left = stream, MAX_BYTES

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise FilmError("the packed series is larger than any film")
        return content


def _unpack(archive: Path) -> BinaryIO:
    """Return the one film of a packed series, held in memory; nothing is written to disk."""
    try:
        with (
            gzip.open(archive) as packed,
            tarfile.open(fileobj=_Bounded(packed), mode="r|") as series,  # type: ignore[call-overload]
        ):
            for member in series:
                name = PurePosixPath(member.name).name
                if member.isfile() and not name.startswith("."):
                    content = series.extractfile(member)
                    if content is not None:
                        return io.BytesIO(content.read())
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, OSError):
        raise FilmError("the packed series is damaged") from None
    raise FilmError("the packed series is empty")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence remarks on odd tag values: they quote the file, and the film is judged here."""
    remarks = logging.getLogger("pydicom")
    was = remarks.disabled
    remarks.disabled = True
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        remarks.disabled = was


@contextmanager
def _refused(sentence: str) -> Iterator[None]:
    """Turn whatever a damaged file provokes in a library into one sentence."""
    try:
        yield
    except FilmError:
        raise
    except MemoryError:
        raise FilmError("the picture takes more memory than there is") from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise FilmError("the file cannot be read from its folder or disk") from None
        raise FilmError(sentence) from None


def _parse(stream: BinaryIO) -> Dataset:
    try:
        if _syntax(stream) == DeflatedExplicitVRLittleEndian:  # inflated whole when it is read
            raise FilmError("the file is deflated as a whole, which is no film of the release")
        stream.seek(0)
        return pydicom.dcmread(stream, force=True)
    except InvalidDicomError:
        raise FilmError("the file is not a DICOM file") from None


def _syntax(stream: BinaryIO) -> str | None:
    """Return the transfer syntax from the first bytes of a file, None if they do not tell.

    Files of old archives begin with their first tag, without the preamble of DICOM.
    """
    group, element = struct.unpack("<HH", stream.read(4).ljust(4, b"x"))
    bare = group in FIRST_GROUPS and element < 0x100
    stream.seek(0)
    read_preamble(stream, force=bare)
    return _read_file_meta_info(stream).get("TransferSyntaxUID")


def _check_shape(dataset: Dataset) -> None:
    try:
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        frames = int(dataset.get("NumberOfFrames") or 1)
        samples = int(dataset.get("SamplesPerPixel") or 1)
    except (AttributeError, TypeError, ValueError):
        raise FilmError("the file is cut short or does not state the size of its picture") from None
    if "PixelData" not in dataset:
        raise FilmError("the file ends before its picture, or never held one")
    if rows < 1 or columns < 1 or rows * columns > MAX_PIXELS:
        raise FilmError(f"the file claims {rows} x {columns} pixels, which is no film")
    if frames > 1:
        raise FilmError("the file is not one greyscale picture but says that it holds several")
    if samples != 1 or _text(dataset, "PhotometricInterpretation").startswith(COLOUR):
        raise FilmError("the file is not one greyscale picture but one in colour")
    if _text(dataset, "PhotometricInterpretation") not in GREY:
        raise FilmError("the file does not say that it is one greyscale picture")


def _pixels(dataset: Dataset) -> np.ndarray:
    with _refused("the picture of the file is cut short or damaged"):
        stored = pixeldata.decode(dataset)
    with _refused(greyscale.DAMAGED):
        return greyscale.bone_bright(stored, dataset)


def _spacing(dataset: Dataset) -> tuple[float, str]:
    """Return the spacing from the first tag with a plausible value, and that tag."""
    smallest, largest = PLAUSIBLE_SPACING
    pixels = max(int(dataset.Rows), int(dataset.Columns))
    for tag in SPACING_TAGS:
        try:
            down, across = (float(value) for value in dataset.get(tag) or ())
        except (TypeError, ValueError):
            continue
        if (down, across) == PLACEHOLDER or down * pixels > LONGEST:
            continue
        if smallest <= down <= largest and abs(down - across) <= 0.01 * down:
            return down, tag
    return FALLBACK_SPACING, "default"


def _text(dataset: Dataset, tag: str) -> str:
    return str(dataset.get(tag) or "").strip()
