"""Film: one bilateral radiograph of a planted pair of knees, or a crop of one knee.

The patient's right knee is at the left of the picture. Crops look like a right knee seen
from behind: medial on the right. Rays are parallel, so a millimetre of bone is a millimetre
of film.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from oai_twin import anatomy, detector, dicom_writer, film_markers, hand, knee_renderer, projection

HEIGHT, WIDTH = 240.0, 420.0  # mm of a film
SIDES = ("right", "left")
NOWHERE = (float("nan"), float("nan"))
Centres = dict[str, tuple[float, float]]


class Rendered(NamedTuple):
    """A film as stored, and where its joints lie in mm from the left and top edge.

    A knee that is not on the film has a centre of NaN.
    """

    pixels: np.ndarray
    centres: Centres


def render(knees: pd.DataFrame, film: pd.Series, *, seed: int, noisy: bool = True) -> Rendered:
    """Render the film of one person.

    Parameters
    ----------
    knees
        Two rows of the planted `knees` table, sides `right` and `left`.
    film
        Row of the planted `films` table. Its `defect` may be `wrong_tag`, `one_knee`,
        `rotated`, `burned_out`, `hand` or `prosthesis`; the last needs a knee with that flag.
    seed
        Same seed and same film, same pixels.
    noisy
        Whether the film shows quantum noise.

    Returns
    -------
    Pixels (rows, columns), uint16, in the sense of the photometric tag of the film, and the
    joint centres.
    """
    rng = np.random.default_rng([seed, zlib.crc32(str(film["film_id"]).encode())])
    spacing = float(film["spacing"])
    tau = np.zeros((round(HEIGHT / spacing), round(WIDTH / spacing)), dtype=np.float32)
    centres = _place(tau.shape, film, rng)
    _add_patient(tau, knees, film, centres, rng)
    _add_furniture(tau, film, rng)
    aperture = film_markers.collimate(
        tau.shape, spacing=spacing, margin=film["collimation"], rng=rng
    )
    pixels = detector.expose(tau, film, aperture=aperture, noisy=noisy, rng=rng)
    if (film["photometric"] == "MONOCHROME1") != (film["defect"] == "wrong_tag"):
        pixels = np.uint16(2 ** detector.LOOKS[film["site"]].bits - 1) - pixels
    if film["defect"] == "rotated":
        return _rotate(Rendered(pixels, centres), spacing, quarters=int(rng.integers(1, 4)))
    return Rendered(pixels, centres)


def write(
    rendered: Rendered, film: pd.Series, path: str | Path, *, study_date: str, visit: str
) -> None:
    """Write a rendered film as a DICOM file; see `dicom_writer.write`."""
    dicom_writer.write(rendered.pixels, film, path, study_date=study_date, visit=visit)


def crop_of(
    knee: pd.Series, *, pixels: int, region: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Render one knee alone, as it would come out of the reading of a film.

    Parameters
    ----------
    knee
        Row of the planted `knees` table; its side does not matter.
    pixels, region
        Side of the crop in pixels and in mm.
    seed
        Draws pose, machine, exposure, leg and noise.

    Returns
    -------
    Picture (pixels, pixels), uint8, and a mask of the joint space of the same shape.
    """
    rng = np.random.default_rng([seed, 77])
    arranged = knee_renderer.arrange(knee, region=region, rng=rng)
    image = knee_renderer.picture(arranged, pixels=pixels, region=region, rng=rng)
    return image, knee_renderer.regions(arranged, pixels=pixels, region=region)["joint_space"]


def regions(knee: pd.Series, *, pixels: int, region: float, seed: int) -> dict[str, np.ndarray]:
    """Return masks `joint_space`, `femoral_condyles`, `tibial_plateau` of `crop_of`."""
    rng = np.random.default_rng([seed, 77])
    arranged = knee_renderer.arrange(knee, region=region, rng=rng)
    return knee_renderer.regions(arranged, pixels=pixels, region=region)


def _place(shape: tuple[int, ...], film: pd.Series, rng: np.random.Generator) -> Centres:
    """Draw where the joints lie; a film of one knee or of hands lacks them."""
    rows, columns = (count * float(film["spacing"]) for count in shape)
    apart = np.clip(rng.normal(100, 6, 2), 86, 118)
    level = rows / 2 + np.clip(rng.normal(0, 6), -14, 14) + rng.normal(0, 2.5, 2)
    middle = columns / 2 + rng.normal(0, 3)
    absent = SIDES[int(rng.integers(2))]
    centres = {
        "right": (float(middle - apart[0]), float(level[0])),
        "left": (float(middle + apart[1]), float(level[1])),
    }
    if film["defect"] == "one_knee":
        return centres | {absent: NOWHERE}
    return dict.fromkeys(SIDES, NOWHERE) if film["defect"] == "hand" else centres


def _add_patient(
    tau: np.ndarray,
    knees: pd.DataFrame,
    film: pd.Series,
    centres: Centres,
    rng: np.random.Generator,
) -> None:
    if film["defect"] == "hand":
        hand.add_hands(tau, spacing=float(film["spacing"]), rng=rng)
    by_side, middle = knees.set_index("side"), tau.shape[1] // 2
    for side, child in zip(SIDES, rng.spawn(2), strict=True):
        if np.isnan(centres[side][0]):
            continue
        knee = by_side.loc[side]
        model = anatomy.build(knee, soft_tissue=float(film["soft_tissue"]), rng=child)
        mirror = 1.0 if side == "right" else -1.0
        pose = projection.Pose(*centres[side], float(knee["tilt"]), mirror, float(film["spacing"]))
        columns = (0, middle) if side == "right" else (middle, tau.shape[1])
        projection.integrate(model.solid, pose, tau, columns=columns)


def _add_furniture(tau: np.ndarray, film: pd.Series, rng: np.random.Generator) -> None:
    spacing, margin = float(film["spacing"]), float(film["collimation"])
    x, y = tau.shape[1] * spacing / 2 + rng.normal(0, 2), rng.uniform(0, 22)
    place = margin + rng.uniform(6, 14), margin + rng.uniform(8, 40)
    mirrored = bool(rng.random() < 0.4)
    if film["defect"] != "hand":
        film_markers.add_frame(tau, spacing=spacing, x=x, y=y)
    if film["marker"]:
        film_markers.add_marker(tau, spacing=spacing, place=place, mirrored=mirrored)


def _rotate(rendered: Rendered, spacing: float, *, quarters: int) -> Rendered:
    """Turn a film anticlockwise by quarters, and its joint centres with it."""
    pixels, centres = rendered
    for _ in range(quarters):
        width = pixels.shape[1] * spacing
        pixels = np.rot90(pixels)
        centres = {side: (y, width - x) for side, (x, y) in centres.items()}
    return Rendered(np.ascontiguousarray(pixels), centres)
