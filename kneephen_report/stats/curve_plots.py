"""Curve plots: means and survival over the visits, one panel per grade."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import display_names, small_cells

FEW = 5  # the mean of fewer knees says nothing and is not drawn
STEPS = {"kaplan_meier": True, "turnbull": True, "cumulative_incidence": False}  # does it fall?
OF_EVENTS = {"kl_rise_1"}  # outcomes whose raw means are shares of knees
PANEL = (3.1, 2.9)  # width and height of one grade, inches
ACROSS = 3  # grades in a row at most
OTHERS = "#767676"  # all knees together


def visible(curves: pd.DataFrame, *, arm: str, outcome: str, disclose: bool) -> pd.DataFrame:
    """Return the curves of one arm and outcome that may be drawn.

    All knees together are drawn only in a grade without phenotypes. Where single knees may not
    be shown, points that rest on fewer than ten are left out, counts are rounded and curves of
    events step only when ten have come together; raw means need five anyway.
    """
    some = curves[(curves["arm"] == arm) & (curves["outcome"] == outcome)]
    grouped = some.loc[some["phenotype"] >= 0, "kl_grade"].unique()
    some = some[(some["phenotype"] >= 0) | ~some["kl_grade"].isin(grouped)]
    least = np.where(some["curve"].isin(["raw", "naive"]), FEW, 1) if disclose else small_cells.FEW
    some = some[some["knees"] >= least]
    some = some if disclose or some.empty else _closed(some)
    return some.sort_values(["kl_grade", "phenotype", "months"])


def _closed(some: pd.DataFrame) -> pd.DataFrame:
    """Return curves of which no single knee or event can be read off."""
    parts = []
    for (name, outcome), rows in some.groupby(["curve", "outcome"], sort=False):
        if name in STEPS:
            groups = rows.groupby(["kl_grade", "phenotype"], sort=False)
            parts += [small_cells.steps(group, falls=STEPS[str(name)]) for _, group in groups]
        elif name == "naive" and outcome in OF_EVENTS:
            told = small_cells.share(
                rows["estimate"] * rows["knees"], rows["knees"], disclose=False
            )
            moved = {each: rows[each] + told - rows["estimate"] for each in ("low", "high")}
            knees = small_cells.counts(rows["knees"], disclose=False)
            closed_rows = rows.assign(**moved, estimate=told, knees=knees.astype("int64"))
            parts.append(closed_rows[told.notna()])
        else:
            knees = small_cells.counts(rows["knees"], disclose=False)
            parts.append(rows.assign(knees=knees.astype("int64")))
    return pd.concat(parts)


def plot_means(shown: pd.DataFrame, *, raw: str, fitted: str, ylabel: str) -> Figure:
    """Draw raw means with intervals as points, and the curve laid over them as lines.

    Parameters
    ----------
    shown
        From `visible`.
    raw, fitted
        Names in the column `curve` of what is drawn as points and as lines.
    ylabel
        The measure and its unit.
    """
    grades = sorted(shown["kl_grade"].unique())
    with figure.style():
        drawn, panels, _ = _panels(len(grades), 0)
        for panel, grade in zip(panels, grades, strict=False):
            own = shown[shown["kl_grade"] == grade]
            for place, (phenotype, lines) in enumerate(own.groupby("phenotype")):
                color = _color(int(phenotype))
                points, line = (lines[lines["curve"] == each] for each in (raw, fitted))
                shift = 0.9 * (place - (own["phenotype"].nunique() - 1) / 2)
                reach = [points["estimate"] - points["low"], points["high"] - points["estimate"]]
                panel.errorbar(
                    points["months"] + shift,
                    points["estimate"],
                    yerr=np.abs(np.array(reach)),
                    fmt=figure.MARKERS[place % len(figure.MARKERS)],
                    color=color,
                    markersize=4,
                    linewidth=0.9,
                )
                panel.plot(line["months"], line["estimate"], color=color)
                panel.fill_between(
                    line["months"], line["low"], line["high"], color=color, alpha=0.15, linewidth=0
                )
            _finish(panel, f"KL{grade}", shown)
        for panel, grade in zip(panels, grades, strict=False):
            _names(panel, shown[shown["kl_grade"] == grade])
        _label(panels, ylabel)
    return drawn


def plot_free(shown: pd.DataFrame, *, curve: str, beside: str, ylabel: str) -> Figure:
    """Draw step curves with intervals, and below each panel a table of the knees at risk.

    Parameters
    ----------
    shown
        From `visible`.
    curve
        Name in the column `curve` of the steps.
    beside
        Name of the curve drawn as open marks beside them; empty for none.
    ylabel
        The probability drawn.
    """
    steps = shown[shown["curve"] == curve]
    grades = sorted(steps["kl_grade"].unique())
    most = max((steps[steps["kl_grade"] == g]["phenotype"].nunique() for g in grades), default=1)
    with figure.style():
        drawn, panels, under = _panels(len(grades), most)
        for column, grade in enumerate(grades):
            own = steps[steps["kl_grade"] == grade]
            panel = panels[column]
            for place, (phenotype, line) in enumerate(own.groupby("phenotype")):
                color = _color(int(phenotype))
                panel.step(line["months"], line["estimate"], where="post", color=color)
                panel.fill_between(
                    line["months"],
                    line["low"],
                    line["high"],
                    step="post",
                    color=color,
                    alpha=0.15,
                    linewidth=0,
                )
                other = shown[(shown["curve"] == beside) & (shown["kl_grade"] == grade)]
                other = other[other["phenotype"] == phenotype]
                marker = figure.MARKERS[place % len(figure.MARKERS)]
                panel.plot(other["months"], other["estimate"], marker, color=color, mfc="none")
            _finish(panel, f"KL{grade}", shown[shown["curve"].isin([curve, beside])])
        for column, grade in enumerate(grades):
            own = steps[steps["kl_grade"] == grade]
            _names(panels[column], own)
            under[column].set_xlim(panels[column].get_xlim())
            _at_risk(under[column], own)
        _label(panels, ylabel)
    return drawn


def _panels(count: int, risk_rows: int) -> tuple[Figure, list[Axes], list[Axes]]:
    """Return a figure, a panel for each grade, and one below each for its `risk_rows`, if any.

    Panels stand in few columns, so that letters stay large, and share their height.
    """
    count = max(count, 1)
    across, below = _across(count), 0.35 + 0.17 * risk_rows if risk_rows else 0.0
    down = math.ceil(count / across)
    heights = ([PANEL[1], below] if risk_rows else [PANEL[1]]) * down
    size = (max(PANEL[0] * across, 4.0), (PANEL[1] + below) * down)
    drawn, axes = plt.subplots(
        len(heights), across, figsize=size, height_ratios=heights, squeeze=False
    )
    panels = list(axes[:: 2 if risk_rows else 1].flat)
    under = list(axes[1::2].flat) if risk_rows else []
    for place, panel in enumerate(panels[:count]):
        if place:
            panel.sharey(panels[0])
            panel.tick_params(labelleft=place % across == 0)
    for spare in [*panels[count:], *under[count:]]:
        spare.remove()
    return drawn, panels[:count], under[:count]


def _across(count: int) -> int:
    """Return how many panels stand in a row: at most three, and four as two and two."""
    return 2 if count == 4 else min(count, ACROSS)


def _label(panels: list[Axes], ylabel: str) -> None:
    """Write the measure at the first panel of each row."""
    for panel in panels[:: _across(len(panels))]:
        panel.set_ylabel(ylabel)


def _finish(panel: Axes, title: str, own: pd.DataFrame) -> None:
    """Name the panel and its axis; all panels reach to the last month of `own`."""
    panel.set_title(title)
    panel.set_xlabel("months since baseline")
    months = np.unique(own["months"])
    panel.set_xticks([month for month in months if month % 24 == 0])
    panel.set_xlim(-0.04 * months.max(), 1.04 * months.max())


def _names(panel: Axes, own: pd.DataFrame) -> None:
    """Write each phenotype at the end of its curve, moved apart where ends are close."""
    last = own.sort_values("months").groupby("phenotype").tail(1).sort_values("estimate")
    low, high = panel.get_ylim()
    gap, before = 0.07 * (high - low), -np.inf
    for row in last.itertuples():
        height = max(row.estimate, before + gap)
        before = height
        panel.annotate(
            display_names.phenotype_label(row.phenotype),
            (row.months, height),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=_color(row.phenotype),
            fontweight="bold",
            annotation_clip=False,
        )


def _at_risk(axes: Axes, own: pd.DataFrame) -> None:
    """Write the knees at risk under the curve, one line per phenotype, each in its colour."""
    axes.set_axis_off()
    months = [month for month in np.unique(own["months"]) if month % 12 == 0]
    months = months if len(months) <= 6 else months[::2]
    names = sorted(own["phenotype"].unique())
    axes.set_ylim(len(names) - 0.4, -1.4)
    axes.text(0, -0.9, "knees at risk", transform=axes.get_yaxis_transform(), fontsize=8)
    for place, phenotype in enumerate(names):
        if phenotype >= 0:
            axes.text(
                -0.06,
                place,
                display_names.phenotype_label(int(phenotype)),
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=8,
                fontweight="bold",
                color=_color(int(phenotype)),
            )
        count = own[own["phenotype"] == phenotype].set_index("months")["knees"]
        for month in months:
            axes.text(
                month,
                place,
                f"{count[month]:,}" if month in count.index else f"<{small_cells.FEW}",
                ha="center",
                va="center",
                fontsize=8,
                color=_color(int(phenotype)),
            )


def _color(phenotype: int) -> str:
    return OTHERS if phenotype < 0 else figure.phenotype_color(phenotype)
