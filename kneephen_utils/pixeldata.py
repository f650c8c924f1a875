"""Pixel data: the stored numbers of the first picture of a DICOM file, however it is coded.

What a file says of its coding is tried first; where it says nothing, or the wrong thing, the first
bytes of the picture tell. A compressed picture states its own size, which must be that of the file
before anything is decoded.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import gdcm
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLSNearLossless,
    RLELossless,
    UID_dictionary,
)

NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian}
UNKNOWN = UID("")
PILLOW = {JPEGBaseline8Bit, JPEG2000, JPEG2000Lossless}  # of these GDCM ends on damaged ones
ITEM = b"\xfe\xff\x00\xe0"  # begins every compressed picture
FRAMES = {  # by the marker that begins the frame of a JPEG; the others have no decoder here
    0xC0: JPEGBaseline8Bit,
    0xC1: JPEGExtended12Bit,
    0xC2: UNKNOWN,
    0xC3: JPEGLossless,
    0xC5: UNKNOWN,
    0xC6: UNKNOWN,
    0xC7: UNKNOWN,
    0xC9: UNKNOWN,
    0xCA: UNKNOWN,
    0xCB: UNKNOWN,
    0xF7: JPEGLSNearLossless,
}
HEAD = 512  # bytes within which a JPEG 2000 begins, its wrapper before it


class FilmError(ValueError):
    """A file is not a film that can be used; the message says why in one sentence."""


class Code(NamedTuple):
    """What a compressed picture says of itself: syntax, size in pixels, bits of a number.

    Size and bits are 0 where the code does not hold them.
    """

    syntax: UID
    rows: int
    columns: int
    bits: int


def decode(dataset: Dataset) -> np.ndarray:
    """Return the stored numbers of the first picture of a file, with all their bits.

    Parameters
    ----------
    dataset
        A film whose tags were checked. `NumberOfFrames` and the syntax are put right in it.

    Returns
    -------
    Array (rows, columns) of integers, signed if the file says so.

    Raises
    ------
    FilmError
        If the picture is cut short or damaged, or no decoder here reads its syntax.
    """
    if "file_meta" not in vars(dataset):
        dataset.file_meta = FileMetaDataset()
    _complete(dataset)
    told, code = dataset.file_meta.get("TransferSyntaxUID"), look(dataset)
    _check_size(code, dataset)
    first: FilmError | None = None
    for syntax in dict.fromkeys([told, code.syntax]):
        if told in NATIVE and syntax not in NATIVE | PILLOW | {RLELossless}:
            continue  # GDCM is only asked where the file says so: it may end the program
        if syntax in UID_dictionary:
            try:
                return _decode_as(UID(syntax), dataset, code)
            except FilmError as error:
                first = first or error
    raise first or FilmError(f"the picture cannot be decoded as {name(told)}")


def _complete(dataset: Dataset) -> None:
    """Put right what decoders insist on and what follows from the rest."""
    dataset.NumberOfFrames = 1
    allocated, stored = (int(dataset.get(f"Bits{what}") or 0) for what in ("Allocated", "Stored"))
    dataset.BitsAllocated = allocated = allocated or 16
    dataset.BitsStored = stored if 0 < stored <= allocated else allocated
    dataset.SamplesPerPixel = 1
    dataset.PixelRepresentation = int(dataset.get("PixelRepresentation") or 0)


def name(syntax: object) -> str:
    """Return the name of a transfer syntax; of one that is not known, nothing of it is told."""
    return UID_dictionary[str(syntax)][0] if syntax in UID_dictionary else "an unknown syntax"


def look(dataset: Dataset) -> Code:
    """Tell from the first bytes of a picture how it is coded."""
    data = dataset.PixelData
    if not data.startswith(ITEM):
        implicit, little = dataset.original_encoding
        native = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        return Code(native if little is not False else ExplicitVRBigEndian, 0, 0, 0)
    try:
        frame = get_frame(data, 0, number_of_frames=1)
    except Exception:
        raise FilmError("the picture of the file is cut short or damaged") from None
    if frame.startswith(b"\xff\xd8"):
        return _look_at_jpeg(frame)
    start = frame[:HEAD].find(b"\xff\x4f\xff\x51")
    if start >= 0 and len(frame) >= start + 24:
        right, down, left, up = struct.unpack_from(">8xIIII", frame, start)
        return Code(JPEG2000, down - up, right - left, 0)
    return Code(RLELossless, 0, 0, 0)


def _look_at_jpeg(frame: bytes) -> Code:
    """Read the segments of a JPEG up to the one that begins its frame."""
    at = 2
    while at + 9 < len(frame) and frame[at] == 0xFF:
        marker, length = struct.unpack_from(">xBH", frame, at)
        if marker in FRAMES:
            bits, rows, columns = struct.unpack_from(">BHH", frame, at + 4)
            return Code(FRAMES[marker], rows, columns, bits)
        at += 1 if marker == 0xFF else 2 + length
    return Code(UNKNOWN, 0, 0, 0)


def _check_size(code: Code, dataset: Dataset) -> None:
    """Refuse a code of another size than the file states: a decoder would make room for it."""
    stated = int(dataset.Rows), int(dataset.Columns)
    if code.rows and code.columns and (code.rows, code.columns) != stated:
        raise FilmError("the compressed picture has another size than the file states")


def _decode_as(syntax: UID, dataset: Dataset, code: Code) -> np.ndarray:
    dataset.file_meta.TransferSyntaxUID = syntax
    try:
        if syntax == JPEGExtended12Bit and code.bits > 8:
            return _decode_12_bits(dataset, code)
        if syntax not in NATIVE | {RLELossless} and dataset.BitsAllocated not in (8, 16):
            raise NotImplementedError
        plugin = "pillow" if syntax in PILLOW else ""
        decoded = pixel_array(dataset, index=0, correct_unused_bits=False, decoding_plugin=plugin)
        stored = np.asarray(decoded)
        stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        return stored.reshape(int(dataset.Rows), int(dataset.Columns))
    except (NotImplementedError, RuntimeError):
        raise FilmError(f"the picture cannot be decoded as {name(syntax)}") from None
    except MemoryError:
        raise
    except Exception:
        raise FilmError("the picture of the file is cut short or damaged") from None


def _decode_12_bits(dataset: Dataset, code: Code) -> np.ndarray:
    """Decode JPEG Extended of 12 bits, which GDCM reads and pydicom does not ask it for."""
    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(get_frame(dataset.PixelData, 0, number_of_frames=1))
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image, types = gdcm.Image(), gdcm.PhotometricInterpretation
    image.SetNumberOfDimensions(2)
    image.SetDimensions((code.columns, code.rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(types(types.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    image.SetPixelFormat(gdcm.PixelFormat(1, code.bits, code.bits, code.bits - 1, 0))
    content = image.GetBuffer().encode("utf-8", "surrogateescape")
    stored = np.frombuffer(content, "<u2").reshape(code.rows, code.columns)
    return stored.view("<i2") if int(dataset.get("PixelRepresentation") or 0) else stored
