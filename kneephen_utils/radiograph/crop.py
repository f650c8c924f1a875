"""Crop: cuts the knees of one film to squares of the same size in mm, or says why not."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from kneephen_utils import dicom
from kneephen_utils.radiograph import intensity, knee_localizer, quality, resampling


class Settings(NamedTuple):
    """How crops are cut.

    Attributes
    ----------
    region
        Side of the square crop, mm.
    pixels
        Side of the crop, pixels.
    window
        Percentiles of the crop that become black and white.
    clahe
        Whether contrast is also equalised locally.
    min_confidence
        Confidence of the locator, 0 to 1, below which it abstains.
    """

    region: float
    pixels: int
    window: Sequence[float]
    clahe: bool
    min_confidence: float


class Request(NamedTuple):
    """One film to read, and the knees wanted from it by side.

    `path` starts from the release folder; `view` is what the release lists, for a file that
    does not say it itself.
    """

    path: str
    view: str
    knees: dict[str, str]


class Cut(NamedTuple):
    """One knee: its picture, or the reason there is none, and what was measured on the way."""

    status: str
    detail: str
    image: np.ndarray | None
    measured: dict[str, Any]


def answer(release: Path, request: Request, settings: Settings) -> list[tuple[str, Cut]]:
    """Read one film and return knee and cut for each knee wanted from it.

    Whatever goes wrong with one film is the reason its knees have no picture; nothing is raised.
    One thread does the sums: another number of threads would add in another order, and a pixel
    could fall on the other side of a grey level.
    """
    try:
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a remark on one film must not become an error
            cuts = _cut_file(release, request, settings)
    except dicom.FilmError as error:
        return unreadable(request, str(error))
    except Exception as error:  # of any library, on any film
        return unreadable(request, f"no knee can be cut out of the film ({type(error).__name__})")
    return [(knee_id, cuts[side]) for side, knee_id in request.knees.items()]


def unreadable(request: Request, sentence: str) -> list[tuple[str, Cut]]:
    """Return what `answer` does for a film of which nothing can be used, for this reason."""
    cut = Cut("unreadable", sentence, None, {})
    return [(knee_id, cut) for knee_id in request.knees.values()]


def is_coded(release: Path, request: Request) -> bool:
    """Tell whether a film may be read by a decoder that could end the program."""
    return not _leads_out(request.path) and dicom.is_coded(release / request.path)


def _cut_file(release: Path, request: Request, settings: Settings) -> dict[str, Cut]:
    if _leads_out(request.path):
        raise dicom.FilmError("the listed path leaves the release folder")
    film = dicom.read(release / request.path)
    film = replace(film, view=film.view or request.view)
    return cut_film(film, list(request.knees), settings)


def _leads_out(path: str) -> bool:
    inside = PurePosixPath(path)
    return inside.is_absolute() or ".." in inside.parts


def cut_film(film: dicom.Film, sides: Sequence[str], settings: Settings) -> dict[str, Cut]:
    """Cut the knees on these sides out of one film."""
    measured = {
        "spacing": film.spacing,
        "spacing_source": film.spacing_source,
        "photometric": film.photometric,
    }
    fault = quality.of_tags(film, region=settings.region, pixels=settings.pixels)
    fault = fault or quality.of_exposure(film.pixels[::4, ::4])
    shown = knee_localizer.Survey([], inverted=False, turned=0)
    if fault is None:
        count = 2 if quality.side_of(film.view) is None else 1
        shown = knee_localizer.survey(film.pixels, film.spacing, count=count)
        fault = quality.of_lie(film, shown)
    if fault is not None:
        return {side: Cut(*fault, None, measured) for side in sides}
    placed = assign(shown.joints, film, min_confidence=settings.min_confidence)
    return {side: _cut_knee(film, side, placed.get(side), settings, measured) for side in sides}


def assign(
    joints: Sequence[knee_localizer.Joint], film: dicom.Film, *, min_confidence: float
) -> dict[str, knee_localizer.Joint]:
    """Tell which knee is which: the patient's right knee is on the left of the picture.

    A knee alone on a film of both belongs to the half of the film on which it lies.
    """
    sure = [found for found in joints if found.confidence >= min_confidence]
    only = quality.side_of(film.view)
    if only is not None:
        return dict(zip((only,), joints, strict=False))
    if len(sure) == 2:
        return dict(zip(("right", "left"), sure, strict=True))
    middle = film.pixels.shape[1] * film.spacing / 2
    weakest_first = sorted(joints, key=lambda found: found.confidence)
    return {"right" if found.x < middle else "left": found for found in weakest_first}


def _cut_knee(
    film: dicom.Film,
    side: str,
    found: knee_localizer.Joint | None,
    settings: Settings,
    measured: dict[str, Any],
) -> Cut:
    if found is None:
        return Cut("not_found", f"nothing like a {side} knee is on the film", None, measured)
    measured = measured | {"confidence": found.confidence}
    crop = resample(film, found.x, found.y, region=settings.region, pixels=settings.pixels)
    if found.confidence < settings.min_confidence:
        sure = f"confidence {found.confidence:.2f} is below {settings.min_confidence:.2f}"
        fault = "not_found", f"no {side} knee is seen clearly enough: {sure}"
        metal = quality.of_metal(crop, sure=False) if found.confidence > 0 else None
        return Cut(*(metal or fault), None, measured)
    low, middle, high = (float(value) for value in np.nanpercentile(crop, [5, 50, 95]))
    measured |= {"center_x": found.x, "center_y": found.y}
    measured |= {"exposure": middle, "contrast": high - low}
    seen = quality.of_exposure(crop) or quality.of_knee(crop, found, side)
    if seen is not None:
        return Cut(*seen, None, measured)
    image = intensity.window(crop, settings.window)
    image = intensity.equalise(image) if settings.clahe else image
    return Cut("ok", "", image[:, ::-1] if side == "left" else image, measured)


def resample(film: dicom.Film, x: float, y: float, *, region: float, pixels: int) -> np.ndarray:
    """Return the square of `region` mm about a point (mm) as an array (pixels, pixels).

    What lies outside the film is missing. Detail finer than a pixel of the crop is averaged.
    """
    ratio = region / pixels / film.spacing  # film pixels per crop pixel
    soft = resampling.bell(0.5 * np.sqrt(max(ratio**2 - 1, 0)), truncate=3)
    steps = (np.arange(pixels) + 0.5 - 0.5 * pixels) * ratio - 0.5
    places = [center / film.spacing + steps for center in (y, x)]
    matrices = [
        resampling.rows(length, line, soft)
        for length, line in zip(film.pixels.shape, places, strict=True)
    ]
    square = resampling.apply(matrices[0], film.pixels, matrices[1])
    for axis, (length, line) in enumerate(zip(film.pixels.shape, places, strict=True)):
        np.moveaxis(square, axis, 0)[(line < 0) | (line > length - 1)] = np.nan
    return square
