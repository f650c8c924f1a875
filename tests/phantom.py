"""A crude radiograph made of ellipses and tapered rods, to test the reading of films.

It shares no shape with the template of the locator: what the locator finds here it finds
by the general look of a knee.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage


@dataclass(frozen=True)
class Knee:
    """One phantom knee: joint centre in mm, width of the femur in mm, joint space in mm."""

    x: float
    y: float
    side: str = "right"
    width: float = 80.0
    space_medial: float = 5.0
    space_lateral: float = 6.0
    tilt: float = 0.0
    metal: bool = False


def film(
    knees: list[Knee],
    *,
    rows_mm: float = 240.0,
    columns_mm: float = 420.0,
    spacing: float = 0.4,
    noise: float = 0.01,
    seed: int = 0,
) -> np.ndarray:
    """Return a bone-bright picture (rows, columns) from 0 to 1 with these knees on it."""
    y, x = _plane(rows_mm, columns_mm, spacing)
    depth = sum((_knee(x, y, knee) for knee in knees), np.zeros_like(x))
    return _expose(depth, seed, grain=0.6 / spacing, noise=noise)


def both(**changes: float) -> list[Knee]:
    """Return an ordinary pair, the right knee at the left of the picture."""
    right, left = Knee(110.0, 125.0), Knee(310.0, 122.0, side="left")
    return [replace(right, **changes), replace(left, **changes)]


def hand(*, spacing: float = 0.4) -> np.ndarray:
    """Return a picture of two hands: a wrist, a palm of five rods, and gaps at the joints."""
    y, x = _plane(240.0, 300.0, spacing)
    depth = np.zeros_like(x)
    for middle, mirror in ((80.0, 1), (220.0, -1)):
        depth += 0.35 * _bump(x - middle, y - 130, 55, 105)
        for finger in range(-2, 3):
            axis = middle + mirror * finger * (14 + 0.10 * (150 - y))
            gap = 1 - np.exp(-((((y % 38) - 19) / 2.5) ** 2))
            depth += 0.8 * _rod(x - axis, 4.5 + 1.5 * np.cos(y / 6)) * gap * (np.abs(y - 110) < 80)
        depth += 0.9 * _bump(x - middle, y - 195, 28, 14) + 0.9 * _rod(x - middle, 17) * (y > 205)
    return _expose(depth, 0)


def pelvis(*, spacing: float = 0.4) -> np.ndarray:
    """Return a picture of a pelvis: wings, ring, sacrum, two hips and thighs."""
    y, x = _plane(350.0, 420.0, spacing)
    depth = 0.8 * _bump(x - 210, y - 175, 205, 260)
    depth += 0.8 * _bump(x - 210, y - 90, 35, 70)
    for mirror in (-1, 1):
        across = mirror * (x - 210)
        depth += 0.7 * _bump(across - 85, y - 95, 60, 70)
        ring = np.abs(np.hypot((across - 45) / 42, (y - 235) / 38) - 1)
        depth += 0.8 * np.exp(-((ring / 0.22) ** 2))
        depth += 1.0 * _bump(across - 105, y - 200, 25, 25)
        depth += 0.9 * _rod(across - 140 - 0.1 * (y - 240), 17.0) * (y > 215)
    return _expose(depth, 0)


def write(path: Path, picture: np.ndarray, *, spacing: float = 0.4, **tags: object) -> Path:
    """Write a picture (0 to 1, bone bright) as an uncompressed 16-bit DICOM file."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[path.as_posix()])
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientID = "9000001"
    dataset.Modality = "CR"
    dataset.SeriesDescription = "Bilateral PA Fixed Flexion Knee"
    dataset.BodyPartExamined = "KNEE"
    dataset.AccessionNumber = "016600000001"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = picture.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelSpacing = [spacing, spacing]
    dataset.PixelData = np.round(picture * 65535).astype("<u2").tobytes()
    for tag, value in tags.items():
        if value is None:
            delattr(dataset, tag)
        else:
            setattr(dataset, tag, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _plane(rows_mm: float, columns_mm: float, spacing: float) -> np.ndarray:
    """Return the places (y, x) in mm of all pixels, array (2, rows, columns)."""
    shape = round(rows_mm / spacing), round(columns_mm / spacing)
    return (np.indices(shape, dtype=np.float32) + 0.5) * spacing


def _expose(depth: np.ndarray, seed: int, grain: float = 1.5, noise: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(rng.normal(size=depth.shape), grain)
    picture = 0.05 + 0.9 * (1 - np.exp(-depth)) + 0.05 * texture * (depth > 0.8)
    return np.clip(picture + noise * rng.normal(size=depth.shape), 0, 1).astype(np.float32)


def _knee(x: np.ndarray, y: np.ndarray, knee: Knee) -> np.ndarray:
    """Return how much one knee weakens the beam; lateral is at negative `across`."""
    turn = np.deg2rad(knee.tilt)
    across = (x - knee.x) * np.cos(turn) + (y - knee.y) * np.sin(turn)
    down = (y - knee.y) * np.cos(turn) - (x - knee.x) * np.sin(turn)
    across = across * (-1 if knee.side == "left" else 1)
    size = knee.width / 80
    across, down = across / size, down / size
    half = {"lateral": knee.space_lateral / 2 / size, "medial": knee.space_medial / 2 / size}
    bone = np.zeros_like(x)
    for place, center in (("lateral", -20.0), ("medial", 20.0)):
        bone = np.maximum(bone, _bump(across - center, down + 22 + half[place], 21, 22))
        bone = np.maximum(bone, _bump(across - center, down - 14 - half[place], 20, 14, 4))
    shaft_femur, shaft_tibia = 16 + 0.10 * (down + 60), 14 - 0.06 * (down - 70)
    bone = np.maximum(bone, _rod(across, shaft_femur) * (down < -20) * 0.95)
    bone = np.maximum(bone, _rod(across, shaft_tibia) * (down > 14) * 0.95)
    fibula = np.maximum(_rod(across + 36, 5.5) * (down > 22), _bump(across + 37, down - 22, 9, 9))
    soft = 0.7 * _rod(across, 58 + 6 * np.sin(down / 50))
    metal = 6.0 * (_bump(across, down + 6, 36, 14, 6) > 0) if knee.metal else 0.0
    return soft + 1.1 * bone + 0.45 * fibula + 0.2 * _bump(across, down + 40, 20, 22) + metal


def _bump(x: np.ndarray, y: np.ndarray, a: float, b: float, power: float = 2) -> np.ndarray:
    """Return the thickness of an ellipsoid (power 2) or of a blunter body (power above 2)."""
    return np.clip(1 - np.abs(x / a) ** power - np.abs(y / b) ** power, 0, None) ** (1 / power)


def _rod(x: np.ndarray, half_width: np.ndarray | float) -> np.ndarray:
    return np.sqrt(np.clip(1 - (x / half_width) ** 2, 0, None))
