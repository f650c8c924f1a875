"""UMAP plots: the plane of pictures, drawn for the eye."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import display_names, small_cells

CELLS = 18  # cells of the density along a side
GRADES = range(5)


def plot_grades(laid_out: pd.DataFrame, of: pd.DataFrame, *, disclose: bool) -> Figure:
    """Draw the map, one panel per grade, the knees of that grade before all others.

    Parameters
    ----------
    laid_out
        `map` table.
    of
        One row per knee with `knee_id` and `kl_grade`.
    disclose
        Whether single knees may be shown; if not, cells of at least ten knees are.
    """
    points = laid_out.merge(of[["knee_id", "kl_grade"]], on="knee_id", validate="one_to_one")
    with figure.style():
        drawn = Figure(figsize=(8.2, 2.1))
        axes = drawn.subplots(1, len(GRADES), sharex=True, sharey=True)
        for grade, axis in zip(GRADES, axes, strict=True):
            own = points[points["kl_grade"] == grade]
            _scatter(axis, points, figure.UNASSIGNED_COLOR, disclose=disclose, faint=True)
            _scatter(axis, own, figure.PALETTE[grade], disclose=disclose)
            axis.set_title(f"KL{grade}")
            axis.set(xticks=[], yticks=[])
    return drawn


def plot_groups(laid_out: pd.DataFrame, phenotypes: pd.DataFrame, *, disclose: bool) -> Figure:
    """Draw the map with the knees of one grade and arm in the colour of their phenotype.

    Discover knees are filled, confirm knees are open; see `plot_grades` for `disclose`.
    """
    own = laid_out.merge(phenotypes, on="knee_id", how="inner", validate="one_to_one")
    with figure.style():
        drawn = Figure(figsize=(6.4, 4.2))
        axis = drawn.subplots()
        _scatter(axis, laid_out, figure.UNASSIGNED_COLOR, disclose=disclose, faint=True)
        for phenotype, knees in own.groupby("phenotype"):
            color, name = (
                figure.phenotype_color(int(phenotype)),
                display_names.phenotype_label(int(phenotype)),
            )
            if not disclose:
                _scatter(axis, knees, color, disclose=False)
                continue
            mark = figure.MARKERS[int(phenotype) % len(figure.MARKERS)] if phenotype >= 0 else "."
            for split, fill in (("discover", color), ("confirm", "none")):
                some = knees[knees["split"] == split]
                label = f"{name}, {split}"
                axis.scatter(
                    some["x"],
                    some["y"],
                    s=26,
                    marker=mark,
                    facecolors=fill,
                    edgecolors=color,
                    lw=0.9,
                    label=label,
                )
        axis.set(xticks=[], yticks=[])
        if disclose and len(own):
            axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return drawn


def caption(n: int, *, disclose: bool) -> str:
    """Say what the map shows and what it does not."""
    cells = f"Cells of at least {small_cells.FEW} knees are shown"
    shown = "Each point is a knee" if disclose else cells
    return (
        f"{shown}; {small_cells.written(n, disclose=disclose)} knees of all grades lie on the map "
        "(UMAP), like pictures near each other; "
        "small and grey are those a panel is not about. It is for the eye: distances between "
        "groups mean nothing and nothing was computed on it."
    )


def _scatter(
    axis: Axes, points: pd.DataFrame, color: str, *, disclose: bool, faint: bool = False
) -> None:
    if disclose:
        axis.scatter(
            points["x"],
            points["y"],
            s=3 if faint else 7,
            color=color,
            lw=0,
            alpha=0.5 if faint else 0.9,
        )
        return
    counts, x, y = np.histogram2d(points["x"], points["y"], bins=CELLS)
    rows, columns = np.nonzero(counts >= small_cells.FEW)
    told = small_cells.BASE * np.round(counts / small_cells.BASE)
    size = 160 * told[rows, columns] / max(told.max(), 1)
    axis.scatter(
        (x[rows] + x[rows + 1]) / 2,
        (y[columns] + y[columns + 1]) / 2,
        s=size,
        color=color,
        alpha=0.4 if faint else 0.8,
        lw=0,
    )
