"""Alluvial plot: through which narrowed compartments knees pass from visit to visit, as bands.

This is what the published study called the stability of its phenotypes: the side of narrowing
of one knee, followed over the visits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import small_cells
from kneephen_utils.progression.compartment_transitions import SIDES, side

COLORS = {
    "none": figure.UNASSIGNED_COLOR,
    "medial": figure.PALETTE[0],
    "lateral": figure.PALETTE[1],
    "both": figure.PALETTE[2],
}
BAR, GAP = 0.06, 0.05  # width of a bar in visits, space between bars as a share of all knees


def paths(visits: pd.DataFrame, *, months: Sequence[float]) -> pd.DataFrame:
    """Count the knees that take each path through the compartments at the visits at `months`.

    Returns
    -------
    One row per path: a column per visit, named by its month, with the narrowed compartment, and
    `knees`. Only knees whose narrowing was read at every visit, and was there at one, are counted.
    """
    read = visits.dropna(subset=["jsn_medial", "jsn_lateral"])
    parts = {f"{each:g}": side(read[read["months"] == each]) for each in months}
    table = pd.concat(parts, axis=1).dropna()
    table = table[(table != SIDES[0]).any(axis=1)]
    return table.groupby(list(parts)).size().rename("knees").reset_index()


def safe(taken: pd.DataFrame, *, disclose: bool, fewest: int) -> pd.DataFrame:
    """Return the paths that may be drawn: where knees may not show, of `fewest` or more, rounded.

    Whole paths go, so no band or bar lets a smaller one be found by subtraction.
    """
    if disclose:
        return taken.reset_index(drop=True)
    kept = taken[taken["knees"] >= fewest].reset_index(drop=True)
    return kept.assign(knees=small_cells.counts(kept["knees"], disclose=False).astype("int64"))


def plot_alluvial(taken: pd.DataFrame) -> Figure:
    """Draw the paths as bands between the visits, coloured by where a knee began."""
    names = [name for name in taken.columns if name != "knees"]
    with figure.style():
        drawn, axes = plt.subplots(figsize=(7.2, 3.8))
        whole = max(int(taken["knees"].sum()), 1)
        feet = [_feet(taken, name, GAP * whole) for name in names]
        for place, (one, other) in enumerate(pairwise(names)):
            _bands(axes, taken, place, (one, other), (dict(feet[place]), dict(feet[place + 1])))
        for place, name in enumerate(names):
            _bars(axes, taken, place, name, feet[place])
        axes.set_xticks(range(len(names)), [f"{name} months" for name in names])
        axes.set_xlim(-0.45, len(names) - 0.55)
        axes.tick_params(axis="x", length=0)
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
    return drawn


def text_alluvial(taken: pd.DataFrame, *, disclose: bool, fewest: int) -> str:
    """Say what `plot_alluvial` shows, as a caption."""
    names = [name for name in taken.columns if name != "knees"]
    knees = int(taken["knees"].sum())
    if not knees:
        return "No path through the compartments is taken by enough knees to be drawn."
    said = (
        f"Narrowed compartment of {knees:,} knees read at {', '.join(names[:-1])} and {names[-1]} "
        "months and narrowed at one of these visits; colours follow the compartment at baseline."
    )
    if not disclose:
        return f"{said} Paths of fewer than {fewest} knees are left out."
    first = taken[taken[names[0]] != SIDES[0]]
    stays = first[first[names].eq(first[names[0]], axis=0).all(axis=1)]["knees"].sum()
    share = 100 * stays / max(first["knees"].sum(), 1)
    return f"{said} {share:.0f} % of those narrowed at baseline keep their compartment throughout."


def _feet(taken: pd.DataFrame, name: str, gap: float) -> list[tuple[str, float]]:
    """Return the lower edge of each compartment's bar at a visit, knees."""
    sizes = taken.groupby(name)["knees"].sum()
    there = [each for each in SIDES if each in sizes.index]
    edges = np.cumsum([0.0, *(sizes[each] + gap for each in there)])[:-1]
    return list(zip(there, edges.tolist(), strict=True))


def _bands(
    axes: Axes,
    taken: pd.DataFrame,
    place: int,
    visits: tuple[str, str],
    feet: tuple[dict[str, float], dict[str, float]],
) -> None:
    """Draw the bands between two visits; `feet` move up as bands are laid on them."""
    start = taken.columns[0]
    flows = taken.groupby(list(dict.fromkeys([*visits, start])), observed=True)["knees"].sum()
    rank = {each: i for i, each in enumerate(SIDES)}
    steps = np.linspace(0, 1, 40)
    bend = steps**2 * (3 - 2 * steps)
    table = flows.reset_index()
    table = table.sort_values(list(table.columns[:-1]), key=lambda c: c.map(rank))
    for row in table.to_dict("records"):
        low = (feet[0][row[visits[0]]], feet[1][row[visits[1]]])
        under = low[0] + (low[1] - low[0]) * bend
        across = place + BAR + (1 - 2 * BAR) * steps
        color = COLORS[row[start]]
        axes.fill_between(across, under, under + row["knees"], color=color, alpha=0.55, linewidth=0)
        feet[0][row[visits[0]]] += row["knees"]
        feet[1][row[visits[1]]] += row["knees"]


def _bars(
    axes: Axes, taken: pd.DataFrame, place: int, name: str, feet: list[tuple[str, float]]
) -> None:
    sizes = taken.groupby(name)["knees"].sum()
    for compartment, foot in feet:
        height = float(sizes[compartment])
        axes.bar(place, height, 2 * BAR, bottom=foot, color=COLORS[compartment])
        axes.text(
            place + (1.4 * BAR if place else -1.4 * BAR),
            foot + height / 2,
            f"{compartment} {int(height):,}",
            ha="left" if place else "right",
            va="center",
            fontsize=9,
        )
