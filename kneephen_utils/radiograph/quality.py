"""Quality: the reasons for which a knee gets no picture.

Each check returns None, or a fault: a name of `REASONS` and the finding in words. Words
never name the person.
"""

from __future__ import annotations

import re

import numpy as np
from scipy import ndimage

from kneephen_utils import dicom
from kneephen_utils.radiograph import knee_localizer

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
MAX_DARK = 0.70  # share that may lie at the dark end; a shutter blackens up to half of a film
METAL_REACH = (0.18, 0.30)  # half height and width of the joint, share of the crop
METAL_DEPTH = 0.05  # metal is this near to the brightest value, share of the range
MAX_METAL = 0.12  # share of the joint that may be as bright and as even as metal
MAX_BRIGHT = 0.45  # share of the joint above which what is bright is bone, not metal
METAL_STEP = 0.11  # grey step per pixel of the crop at the edge of metal, share of the range


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
        assumed = ", with an assumed spacing of pixels" if film.spacing_source == "default" else ""
        return "too_small", f"the film measures {width:.0f} x {height:.0f} mm{assumed}"
    if film.spacing > 2 * region / pixels:
        return "too_small", f"the pixels of the film are {film.spacing:.2f} mm wide"
    return None


def of_lie(film: dicom.Film, shown: knee_localizer.Survey) -> Fault | None:
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
    dark = float((inside <= 1 - END_OF_SCALE).mean())
    if dark > MAX_DARK:
        return "burned_out", f"{dark:.0%} of the picture is at the dark end of the scale"
    return None


def of_knee(crop: np.ndarray, found: knee_localizer.Joint, side: str) -> Fault | None:
    """Judge a knee: whole on the film, free of metal, fibula on the outer side."""
    outside = float(np.isnan(crop).mean())
    if outside > MAX_OUTSIDE:
        return "cut_off", f"{outside:.0%} of the crop lies outside the film"
    implant = of_metal(crop, sure=True)
    if implant is not None:
        return implant
    outward = found.fibula if side == "right" else -found.fibula
    if outward < -FIBULA_CLEAR:
        return "side_disagrees", f"the fibula of the {side} knee lies on its inner side"
    return None


def of_metal(crop: np.ndarray, *, sure: bool) -> Fault | None:
    """Judge whether a joint is replaced; `sure` says that the locator is sure of a joint.

    Only then is the hard edge asked for: bones of the hand have one too.
    """
    grey = _joint(crop)
    if even(grey) > MAX_METAL:
        return "prosthesis", "a large, even and very bright body lies in the joint"
    share, step = split(grey)
    if sure and share < MAX_BRIGHT and step > METAL_STEP:
        return "prosthesis", "a bright body with a hard edge all round lies in the joint"
    return None


def even(grey: np.ndarray) -> float:
    """Return the share of the joint that is as bright and as even as metal, 0 to 1.

    Bone of one film spreads over many grey values; metal that lets nothing through has the
    brightest value of the joint over a large area.
    """
    return float((grey > 1 - METAL_DEPTH).mean())


def split(grey: np.ndarray) -> tuple[float, float]:
    """Return how much of the joint is bright, and how hard the edge of that part is.

    The greys about the joint are split in two where the halves differ most. In a knee the
    brighter half is bone, more than half of the joint, and its grey rises over several
    millimetres; metal covers less, and its grey rises at once.

    Returns
    -------
    Share of the joint, 0 to 1, and the median grey step per pixel at the edge, in shares of
    the range of greys.

    References
    ----------
    Otsu (1979), A threshold selection method from gray-level histograms,
    doi:10.1109/TSMC.1979.4310076.
    """
    bright = grey > _threshold(grey)
    edge = bright & ~ndimage.binary_erosion(bright, border_value=1)
    if not edge.any():
        return 1.0, 0.0
    step = np.hypot(*(ndimage.sobel(grey, axis=axis) / 8 for axis in (0, 1)))
    return float(bright.mean()), float(np.median(step[edge]))


def _joint(crop: np.ndarray) -> np.ndarray:
    """Return the greys about the joint, 0 at the fifth percentile and about 1 at the brightest."""
    pixels = crop.shape[0]
    tall, wide = (round(reach * pixels) for reach in METAL_REACH)
    middle = pixels // 2
    around = crop[middle - tall : middle + tall, middle - wide : middle + wide]
    around = ndimage.uniform_filter(np.nan_to_num(around), 3)
    low, high = np.percentile(around, [5, 99.8])
    return (around - low) / max(high - low, 1e-6)


def _threshold(grey: np.ndarray) -> float:
    """Return the grey, 0 to 1, between two classes whose means differ most."""
    counts, ends = np.histogram(np.clip(grey, 0, 1), 64, (0, 1))
    middles = (ends[1:] + ends[:-1]) / 2
    below = np.cumsum(counts)[:-1] / counts.sum()
    sums = np.cumsum(counts * middles) / counts.sum()
    inside = (below > 0) & (below < 1)
    apart = np.zeros(len(below))
    apart[inside] = (sums[-1] * below - sums[:-1])[inside] ** 2 / (below * (1 - below))[inside]
    return float(ends[1:-1][apart.argmax()])
