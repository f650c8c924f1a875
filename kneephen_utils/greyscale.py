"""Greyscale: stored numbers of a film become greys from 0 to 1 in which bone is bright.

The order is that of the standard (DICOM PS3.4 N.2): bits, modality transform, value of interest,
inversion. Where tags and numbers contradict each other the numbers are believed: a picture has no
breaks where a sign bit was misread, a lookup table begins where there are values, and bits that no
pixel uses are no part of the scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut
from scipy import ndimage

from kneephen_utils.pixeldata import FilmError

MAX_LEVELS = 2**16  # grey values of a film
DEPTHS = (8, 10, 12, 14, 16, 32)  # bits of the scales that detectors have
ENTRIES = 2**16  # of a lookup table whose descriptor says 0
INVERTED, UPRIGHT = "MONOCHROME1", "MONOCHROME2"
DAMAGED = "the grey-scale transform of the file is damaged"
EVERY = 8  # lines of a picture apart at which its smoothness is measured
BLOCKS = 32  # in which a film is counted, to spare memory
FEW_VALUES = 2  # a mark or a margin has one value, two with its edge


def bone_bright(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Apply the transforms of a film to its pixels and turn it bone bright.

    Parameters
    ----------
    stored
        Array (rows, columns) of integers, all their bits as they lie in the file.
    dataset
        The tags of the film.

    Returns
    -------
    Array (rows, columns), float32 from 0 to 1. Padding around the picture is 0.

    Raises
    ------
    FilmError
        If a transform cannot be applied, or leaves a single grey.
    """
    padded = _padding(stored, dataset)
    if padded.all():
        raise FilmError("the whole picture is padding")
    if padded.any():
        stored = np.where(padded, stored[~padded].min(), stored)
    levels, place = _levels(_as_meant(stored, dataset))
    seen = np.zeros(len(levels), bool)
    for lines in np.array_split(place, BLOCKS):
        seen[lines] = True
    if _stands_alone(levels[seen]):
        padded |= _from_edge(place == len(levels) - 1)
    values, low, high = _transformed(levels, seen, dataset)
    if not np.isfinite([low, high]).all() or not np.isfinite(values).all() or high <= low:
        raise FilmError(DAMAGED)
    grey = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    grey = 1 - grey if inverted(dataset) else grey
    picture = grey[place]
    if padded.any():
        picture[padded] = 0
    return picture


def inverted(dataset: Dataset) -> bool:
    """Tell whether low numbers are bright."""
    return str(dataset.get("PhotometricInterpretation") or "").strip() == INVERTED


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return which pixels are padding: of the value the file names, and in touch with an edge."""
    unsigned = stored.view(f"u{stored.itemsize}") if stored.dtype.kind == "i" else stored
    named = [dataset.get(tag) for tag in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    ends = [value for value in named if isinstance(value, int)]
    if not ends or stored.dtype.kind not in "iu":
        return np.zeros(stored.shape, bool)
    scale = 2 ** (8 * stored.itemsize)
    if len(ends) == 1:
        of_value = unsigned == ends[0] % scale
    else:
        of_value = (stored >= min(ends)) & (stored <= max(ends))
    return _from_edge(of_value)


def _from_edge(mask: np.ndarray) -> np.ndarray:
    """Return the parts of a mask that touch an edge of the picture."""
    if not mask.any():
        return mask
    parts, count = ndimage.label(mask)
    touching = np.zeros(count + 1, bool)
    for edge in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
        touching[edge] = True
    touching[0] = False
    return touching[parts]


def _as_meant(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return the numbers under the reading of their bits in which the picture is smoothest.

    The reading the tags give comes first. Others are tried where bits above those declared are
    set, and where the sign is declared and set: unsigned numbers under the tag of signed ones
    break wherever the picture crosses the middle of the scale.
    """
    if stored.dtype.kind not in "iu":
        return stored
    allocated = 8 * stored.itemsize
    bits = min(max(int(dataset.get("BitsStored") or allocated), 1), allocated)
    signed = stored.dtype.kind == "i"
    if not signed and stored.max() < 2**bits:
        return stored
    ways = [(bits, signed), (allocated, signed)]
    ways += [(bits, False), (allocated, False)] if signed else []
    lines = _wide(stored[::EVERY])
    told = _read(lines, bits, signed=signed)
    best, way = _roughness(told), ways[0]
    for other in ways[1:]:
        read = _read(lines, other[0], signed=other[1])
        differing = np.unique(read[read != told])
        if len(differing) > FEW_VALUES and _roughness(read) < best:
            best, way = _roughness(read), other
    return _read(_wide(stored), way[0], signed=way[1])


def _wide(stored: np.ndarray) -> np.ndarray:
    """Return the bits of integers as numbers that none of their readings overflows."""
    return stored.view(f"u{stored.itemsize}").astype(np.int64 if stored.itemsize > 2 else np.int32)


def _read(numbers: np.ndarray, bits: int, *, signed: bool) -> np.ndarray:
    """Read the lowest bits of unsigned numbers, with or without a sign."""
    read = numbers & (2**bits - 1)
    return np.where(read >= 2 ** (bits - 1), read - 2**bits, read) if signed else read


def _roughness(lines: np.ndarray) -> int:
    """Return the sum of all steps from pixel to pixel along the lines."""
    return int(np.abs(np.diff(lines, axis=1)).sum(dtype=np.int64))


def _levels(stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that may be stored, and which of them each pixel holds."""
    low, high = stored.min(), stored.max()
    if stored.dtype.kind not in "iu" or int(high) - int(low) >= MAX_LEVELS:
        return np.unique(stored, return_inverse=True)
    levels = np.arange(int(low), int(high) + 1)
    return levels, (stored - low).astype(np.uint16, copy=False)


def _transformed(
    levels: np.ndarray, seen: np.ndarray, dataset: Dataset
) -> tuple[np.ndarray, float, float]:
    """Return what becomes of each level, and the ends of the scale of the result.

    The transforms look at one pixel at a time, so each stored value is transformed once.
    """
    values: np.ndarray = levels
    low, high = _scale(_inside(values, seen))
    if dataset.get("ModalityLUTSequence"):
        values = _look_up(values, dataset, "ModalityLUTSequence")
        low, high = _scale(_inside(values, seen))
    else:
        slope, intercept = _rescale(dataset)
        values = values * slope + intercept
        low, high = sorted([low * slope + intercept, high * slope + intercept])
    if _has_table(dataset):
        values = _look_up(values, dataset, "VOILUTSequence")
        low, high = _scale(_inside(values, seen))
    elif None not in (dataset.get("WindowCenter"), dataset.get("WindowWidth")):
        values = _windowed(values, dataset)
        low, high = _scale(_inside(np.rint(values), seen))
    return values, low, high


def _inside(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the values seen, less an end that stands alone: a mark burned in, or a margin."""
    found = np.unique(values[seen])
    found = found[:-1] if _stands_alone(found) else found
    return found[1:] if _stands_alone(-found[::-1]) else found


def _stands_alone(values: np.ndarray) -> bool:
    """Tell whether the last of these rising values is further away than the others are apart."""
    return len(values) > FEW_VALUES and bool(values[-1] - values[-2] > values[-2] - values[0])


def _scale(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the smallest scale of a detector that holds these values."""
    low, high = float(values.min()), float(values.max())
    for bits in DEPTHS:
        if low >= 0 and high < 2**bits:
            return 0.0, 2.0**bits - 1
        if low < 0 and low >= -(2 ** (bits - 1)) and high < 2 ** (bits - 1):
            return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    return low, high


def _rescale(dataset: Dataset) -> tuple[float, float]:
    """Return slope and intercept; a tag that is absent or empty changes nothing."""
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    slope = 1.0 if slope is None or slope == "" else float(slope)
    if slope == 0:
        raise FilmError("the file multiplies every grey value by zero")
    return slope, 0.0 if intercept is None or intercept == "" else float(intercept)


def _has_table(dataset: Dataset) -> bool:
    """Tell whether there is a value-of-interest table; a blank item is none."""
    items = dataset.get("VOILUTSequence") or []
    return bool(items) and None not in (items[0].get("LUTDescriptor"), items[0].get("LUTData"))


def _look_up(values: np.ndarray, dataset: Dataset, sequence: str) -> np.ndarray:
    """Return the entries of the first table of a sequence at these values.

    The descriptor may hold its first value with the wrong sign; a table that begins above all
    values, or ends below them, begins 2^16 lower, or higher.
    """
    item = dataset[sequence][0]
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count = count % ENTRIES or ENTRIES
    table = _entries(item.LUTData, count, bits, little=dataset.original_encoding[1] is not False)
    values = np.rint(values).astype(np.int64)
    if first > values.max():
        first -= ENTRIES
    elif first + count <= values.min():
        first += ENTRIES
    return table[np.clip(values - first, 0, count - 1)].astype(np.int64)


def _entries(data: Any, count: int, bits: int, *, little: bool) -> np.ndarray:
    """Return a table as numbers: entries of 16 bits, or of 8 bits packed two by two."""
    if not isinstance(data, bytes):
        numbers = np.atleast_1d(np.asarray(data, dtype=np.int64)) % ENTRIES
        data, little = numbers.astype("<u2").tobytes(), True
    if len(data) >= 2 * count:
        return np.frombuffer(data, "<u2" if little else ">u2", count)
    if bits <= 8 and len(data) >= count:
        return np.frombuffer(data, np.uint8, count)
    raise FilmError("a lookup table of the file is shorter than it says")


def _windowed(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Apply the first window of the file; its ends are put at 0 and 2^16 - 1."""
    scratch = Dataset()
    for tag in ("WindowCenter", "WindowWidth", "VOILUTFunction"):
        if dataset.get(tag) is not None:
            scratch[tag] = dataset[tag]
    scratch.PhotometricInterpretation = UPRIGHT
    scratch.BitsStored, scratch.PixelRepresentation = 16, 0
    return apply_voi_lut(values, scratch)
