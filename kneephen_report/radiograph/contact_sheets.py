"""Contact sheets: crops and films for the eye, or averages where single knees are closed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import dicom, images, small_cells

SAMPLE = 200  # knees looked at per grade, at most
THUMBNAIL = 300  # pixels along the longer edge of a film's thumbnail
GRADES = range(5)


def plot_grades(
    pictures: zarr.Array,
    crops: pd.DataFrame,
    knees: pd.DataFrame,
    *,
    each: int,
    disclose: bool,
    mean_pictures: bool,
) -> Figure:
    """Draw the mean crop of each grade and, where allowed, `each` crops that look most like it.

    Parameters
    ----------
    pictures
        The `images` array.
    crops, knees
        Tables of the same knees.
    each
        Crops per grade.
    disclose
        Whether single knees may be shown.
    mean_pictures
        Whether, where they may not, the mean of at least ten people of a grade is.
    """
    if not disclose and not mean_pictures:
        return figure.sentence(small_cells.NOT_ASKED)
    columns = each + 1 if disclose else 1
    with figure.style():
        drawn = Figure(figsize=(1.5 * columns + 0.4, 1.55 * len(GRADES)))
        axes = drawn.subplots(len(GRADES), columns, squeeze=False)
        for grade, row in zip(GRADES, axes, strict=True):
            own = _of_grade(crops, knees, grade)
            stack = images.take(pictures, own["image"].to_numpy())
            people = own["participant_id"].nunique()
            why = small_cells.withheld(people, disclose=disclose, mean_pictures=mean_pictures)
            shown = _typical(stack, each) if disclose else []
            shown = [stack.mean(axis=0), *shown] if len(stack) and not why else []
            for place, axis in enumerate(row):
                _show(axis, shown[place] if place < len(shown) else None)
            if why:
                figure.say_in(row[0], why)
            row[0].set_ylabel(f"KL {grade}", rotation=0, ha="right", va="center")
        axes[0, 0].set_title("mean", fontsize=9)
    return drawn


def plot_doubtful(
    crops: pd.DataFrame, films: pd.DataFrame, release: str | Path, *, most: int, disclose: bool
) -> Figure:
    """Draw the films of refused knees, each reason in turn, under the reason.

    Parameters
    ----------
    crops, films
        Tables of the same release.
    release
        Folder the paths of `films` start from; only the films drawn are read.
    most
        Films drawn, at most.
    disclose
        Whether single films may be shown; if not, the figure says so and shows none.
    """
    chosen = doubtful(crops, most=most) if disclose else crops.iloc[:0]
    paths = films.drop_duplicates("film_id").set_index("film_id")["path"]
    columns = 3
    rows = max(-(-len(chosen) // columns), 1)
    with figure.style():
        drawn = Figure(figsize=(7.2, 1.9 * rows if len(chosen) else 0.6))
        axes = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            _show(axis, None)
        if chosen.empty:
            drawn.text(0.5, 0.5, "no single film is shown", ha="center", va="center")
        for axis, row in zip(axes, chosen.itertuples(), strict=False):
            _show(axis, _thumbnail(Path(release) / str(paths[row.film_id])))
            axis.set_title(f"{row.status.replace('_', ' ')} ({row.side})", fontsize=9)
    return drawn


def doubtful(crops: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """Return refused knees whose film can be drawn, one per film, reasons taken in turn."""
    refused = crops[~crops["status"].isin(["ok", "no_film", "unreadable"])]
    refused = refused[refused["spacing"].notna()].drop_duplicates("film_id")
    turn = refused.groupby("status").cumcount()
    return refused.assign(turn=turn).sort_values(["turn", "status"], kind="stable").head(most)


def plot_exposure(exposures: pd.DataFrame) -> Figure:
    """Draw the spread of exposure and of contrast at each site, from `radiograph.exposure`."""
    with figure.style():
        drawn = Figure(figsize=(7.2, 2.6))
        axes = drawn.subplots(1, 2, sharey=True)
        for axis, (measure, rows) in zip(
            axes, exposures.groupby("measure", sort=False), strict=True
        ):
            for place, row in enumerate(rows.itertuples()):
                axis.plot([row.p5, row.p95], [place, place], color=figure.INK, lw=1)
                axis.plot([row.p25, row.p75], [place, place], color=figure.PALETTE[0], lw=7)
                axis.plot(row.p50, place, "|", color="white", ms=9, mew=2)
            axis.set_yticks(range(len(rows)), [f"site {site}" for site in rows["site"]])
            axis.set_title(str(measure))
            axis.set_xlabel("share of full scale")
        axes[0].invert_yaxis()
    return drawn


def _of_grade(crops: pd.DataFrame, knees: pd.DataFrame, grade: int) -> pd.DataFrame:
    """Return the rows of `crops` with a picture of one grade, evenly thinned to `SAMPLE`."""
    graded = knees.loc[(knees["kl_grade"] == grade).fillna(value=False), "knee_id"]
    rows = crops[crops["knee_id"].isin(graded) & (crops["image"] >= 0)].sort_values("image")
    return rows.iloc[:: max(len(rows) // SAMPLE, 1)].head(SAMPLE)


def _typical(stack: np.ndarray, each: int) -> list[np.ndarray]:
    """Return the pictures that correlate most with the mean picture, most first."""
    if not len(stack):
        return []
    flat = stack.reshape(len(stack), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    likeness = flat @ flat.mean(axis=0)
    return list(stack[np.argsort(-likeness, kind="stable")[:each]])


def _thumbnail(path: Path) -> np.ndarray | None:
    """Return a film made small, or None if its file has gone or changed since it was cut."""
    try:
        pixels = dicom.read(path).pixels
    except dicom.FilmError:
        return None
    step = max(max(pixels.shape) // THUMBNAIL, 1)
    return pixels[::step, ::step]


def _show(axis: Axes, picture: np.ndarray | None) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    if picture is not None:
        axis.imshow(picture, cmap="gray", interpolation="antialiased")
