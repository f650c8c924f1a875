"""Forest plot: estimates of one contrast beside each other, with their intervals."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import display_names, formatting

ROW = 0.34  # height of one estimate, inches
SAMPLES = {"confirm": "confirm people", "both": "discover and confirm people"}


def pick(effects: pd.DataFrame, *, arm: str, outcome: str, contrast: str) -> pd.DataFrame:
    """Return the primary and secondary rows of one arm, outcome and contrast that hold a number."""
    some = effects[(effects["arm"] == arm) & (effects["outcome"] == outcome)]
    some = some[some["role"].isin(["primary", "secondary"]) & (some["contrast"] == contrast)]
    some = some[np.isfinite(some[["estimate", "low", "high"]]).all(axis=1)]
    return some.sort_values(["kl_grade", "phenotype", "sample"], ascending=[True, True, False])


def plot_forest(picked: pd.DataFrame, *, title: str) -> Figure:
    """Draw the rows of `pick`: filled for confirm people, hollow where groups were also found.

    Ratios are drawn on a logarithmic scale; the line of no difference is dashed. Estimates are
    written at the right.
    """
    with figure.style():
        drawn, axes = plt.subplots(figsize=(7.6, 1.3 + ROW * max(len(picked), 1)))
        ratio = bool(picked["unit"].eq("ratio").any())
        for place, row in enumerate(picked.to_dict("records")):
            _estimate(axes, place, row)
        if ratio:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(plt.FixedLocator([0.1, 0.25, 0.5, 1, 2, 4, 10]))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(plt.NullFormatter())
        axes.axvline(1.0 if ratio else 0.0, color=figure.INK, linewidth=0.9, linestyle="--")
        axes.set_yticks(range(len(picked)), [_label(row) for row in picked.to_dict("records")])
        axes.set_ylim(max(len(picked), 1) - 0.5, -0.5)
        axes.set_xlabel(_unit(picked))
        axes.set_title(title)
        if picked.empty:
            axes.text(0.5, 0.5, "no contrast could be estimated", transform=axes.transAxes)
        else:
            _legend(drawn, axes)
    return drawn


def text_forest(picked: pd.DataFrame) -> str:
    """Say in words what `plot_forest` shows, for a reader who cannot see it."""
    confirm = picked[picked["sample"] == "confirm"]
    if picked.empty:
        return "No contrast could be estimated."
    below = int((confirm["p_adjusted"] < 0.05).sum())
    return (
        f"{len(picked)} estimates with 95 % intervals; of the {len(confirm)} in confirm people "
        f"{below} have an adjusted p below 0.05."
    )


def _estimate(axes: Axes, place: int, row: dict) -> None:
    color = figure.phenotype_color(row["phenotype"])
    filled = row["sample"] == "confirm"
    axes.plot([row["low"], row["high"]], [place, place], color=color, linewidth=1.6)
    face = color if filled else "white"
    marker = figure.MARKERS[row["phenotype"] % len(figure.MARKERS)]
    axes.plot(row["estimate"], place, marker, color=color, markerfacecolor=face, markersize=7)
    text = formatting.spread(row["estimate"], row["low"], row["high"])
    axes.annotate(
        f"{text}, p {formatting.p_value(row['p_adjusted'])}",
        (1.02, place),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8,
        annotation_clip=False,
    )


def _label(row: dict) -> str:
    one, other = (display_names.phenotype_label(row[each]) for each in ("phenotype", "reference"))
    return f"KL{row['kl_grade']}  {one} against {other}  (n {row['knees']:,})"


def _unit(picked: pd.DataFrame) -> str:
    if picked.empty:
        return ""
    row = picked.iloc[0]
    unit = "" if row["unit"] == "ratio" else f", {row['unit']}"
    return f"{row['contrast']}{unit} (95 % interval; p adjusted by Holm)"


def _legend(drawn: Figure, axes: Axes) -> None:
    for filled, name in zip((True, False), SAMPLES.values(), strict=True):
        face = figure.INK if filled else "white"
        axes.plot([], [], "o", color=figure.INK, markerfacecolor=face, label=name)
    drawn.legend(loc="outside lower center", ncol=2)
