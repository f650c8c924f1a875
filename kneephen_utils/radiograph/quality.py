"""Quality: the reasons for which a knee gets no picture.

Each check returns None, or a fault: a name of `REASONS` and the finding in words. Words
never name the person.
"""

from __future__ import annotations

import re

import numpy as np
from scipy import ndimage

from kneephen_utils import dicom
from kneephen_utils.radiograph import joint

Fault = tuple[str, str]

REASONS = {
    "ok": "picture used",
    "no_film": "no film of this knee is listed",
    "unreadable": "file missing or damaged",
    "wrong_view": "another view or another part of the body",
    "too_small": "film too small, or its pixels too coarse, for the crop",
    "inverted": "bones are dark: the photometric tag is wrong",
    "rotated": "film lies on its side or upside down",
    "burned_out": "over- or underexposed, no contrast left",
    "not_found": "no knee found where this one should be",
    "cut_off": "joint too close to the edge of the film",
    "side_disagrees": "the fibula lies on the inner side",
    "prosthesis": "joint replaced, by the tables or on the film",
}
VIEW = re.compile(r"(bilateral )?pa fixed flexion (left |right )?knee", re.IGNORECASE)
MAX_OUTSIDE = 0.12  # share of the crop that may lie outside the film
MIN_CONTRAST = 0.04  # 5-95 percentile range, share of full scale
END_OF_SCALE = 0.998  # share of full scale that counts as its end
MAX_FLAT = 0.40  # share of a film or crop that may lie at the bright end of the scale
FIBULA_CLEAR = 0.03  # evidence above which the side of the fibula counts
METAL_REACH = (0.18, 0.30)  # half height and width of the joint, share of the crop
METAL_DEPTH = 0.05  # metal is this near to the brightest value, share of the range
MAX_METAL = 0.12  # share of the joint that may be as bright and as even as metal


def is_frontal(view: str) -> bool:
    """Tell whether a series description names the fixed-flexion view, whatever its spaces."""
    return VIEW.fullmatch(" ".join(view.split())) is not None


def side_of(view: str) -> str | None:
    """Return `right` or `left` if the description names one knee only."""
    named = re.search(r"\b(left|right)\b", view, re.IGNORECASE)
    return named[0].lower() if named else None


def of_tags(film: dicom.Film, *, region: float, pixels: int) -> Fault | None:
    """Judge a film by what its file says: view, body part, size (mm), spacing (mm)."""
    if film.view and not is_frontal(film.view):
        return "wrong_view", "the file says that it is not a fixed-flexion film of the knees"
    if not film.view and film.body_part and "knee" not in film.body_part:
        return "wrong_view", "the file says that it does not show a knee"
    height, width = (length * film.spacing for length in film.pixels.shape)
    if min(height, width) < region * (1 - MAX_OUTSIDE):
        return "too_small", f"the film measures {width:.0f} x {height:.0f} mm"
    if film.spacing > 2 * region / pixels:
        return "too_small", f"the pixels of the film are {film.spacing:.2f} mm wide"
    return None


def of_lie(film: dicom.Film, shown: joint.Survey) -> Fault | None:
    """Judge a film by how its bones lie."""
    if shown.inverted:
        return "inverted", f"bones are darker than soft tissue although tagged {film.photometric}"
    if shown.turned:
        how = "upside down" if shown.turned == 180 else "on its side"
        return "rotated", f"the film lies {how}"
    return None


def of_exposure(pixels: np.ndarray) -> Fault | None:
    """Judge the grey values of a film or of a crop (0 to 1, missing outside the film)."""
    inside = pixels[np.isfinite(pixels)]
    low, high = np.percentile(inside, [5, 95])
    if high - low < MIN_CONTRAST:
        return "burned_out", f"the grey values span {high - low:.1%} of full scale"
    flat = float((inside >= END_OF_SCALE).mean())
    if flat > MAX_FLAT:
        return "burned_out", f"{flat:.0%} of the picture is at the bright end of the scale"
    return None


def of_knee(crop: np.ndarray, found: joint.Joint, side: str) -> Fault | None:
    """Judge a knee: whole on the film, free of metal, fibula on the outer side."""
    outside = float(np.isnan(crop).mean())
    if outside > MAX_OUTSIDE:
        return "cut_off", f"{outside:.0%} of the crop lies outside the film"
    implant = of_metal(crop)
    if implant is not None:
        return implant
    outward = found.fibula if side == "right" else -found.fibula
    if outward < -FIBULA_CLEAR:
        return "side_disagrees", f"the fibula of the {side} knee lies on its inner side"
    return None


def of_metal(crop: np.ndarray) -> Fault | None:
    """Judge whether a joint is replaced."""
    if metal(crop) > MAX_METAL:
        return "prosthesis", "a large, even and very bright body lies in the joint"
    return None


def metal(crop: np.ndarray) -> float:
    """Return the share of the joint that is as bright and as even as metal, 0 to 1.

    Bone of one film spreads over many grey values; metal lets almost nothing through, so
    a large area has the brightest value of the joint.
    """
    pixels = crop.shape[0]
    tall, wide = (round(reach * pixels) for reach in METAL_REACH)
    middle = pixels // 2
    around = crop[middle - tall : middle + tall, middle - wide : middle + wide]
    around = ndimage.uniform_filter(np.nan_to_num(around), 3)
    low, high = np.percentile(around, [5, 99.8])
    return float((around > high - METAL_DEPTH * (high - low)).mean())
