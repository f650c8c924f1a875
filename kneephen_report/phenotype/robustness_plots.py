"""Robustness plots: whether phenotypes stay apart and come back by other roads, drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import display_names, formatting, small_cells

WORDS = {
    "arm": "arm",
    "encoder": "encoder",
    "reducer": "reducer",
    "seed": "seed of the layout",
    "knees": "a person's two knees",
}
MEASURES = {"ari": "adjusted Rand index", "kappa": "kappa"}
NOTE = (
    "Agreement of the groups of this arm with those found by another road, on discover knees, "
    "unassigned knees being a group; and of the two knees of the people with both in a phenotype. "
    "0 is chance, 1 is equal; 95 % intervals from resampling people."
)
PAIRS_NOTE = (
    "Of two knees, the share of pairs that land in one group when a fifth of the people is left "
    "out; and the distance of the means, in standard deviations within the phenotypes. Distances "
    "of groups that were searched for are large also where there are none."
)


def plot_robustness(pairs: pd.DataFrame, agreement: pd.DataFrame, *, arm: str) -> Figure:
    """Draw the co-assignment of the phenotypes of one arm, and the agreement with its rivals."""
    own, rivals = pairs[pairs["arm"] == arm], agreement[agreement["arm"] == arm]
    if own.empty:
        return figure.sentence("no phenotype")
    names = [display_names.phenotype_label(k) for k in sorted(own["phenotype"].unique())]
    with figure.style():
        drawn = Figure(figsize=(7.2, max(2.2, 0.32 * len(rivals) + 1.0)))
        left, right = drawn.subplots(1, 2, width_ratios=[1, 1.35])
        square = own.pivot_table(index="phenotype", columns="other", values="together")
        shown = left.imshow(square.to_numpy(), vmin=0, vmax=1)
        for row in own.itertuples():
            ink = "black" if row.together > 0.55 else "white"
            place = row.other, row.phenotype
            left.text(*place, formatting.number(row.together), ha="center", va="center", color=ink)
        left.set_xticks(range(len(names)), names)
        left.set_yticks(range(len(names)), names)
        left.set_title("land together")
        drawn.colorbar(shown, ax=left, shrink=0.7)
        _dots(right, rivals)
    return drawn


def caption(pairs: pd.DataFrame, *, arm: str) -> str:
    """Return the caption of the figure `plot_robustness` makes."""
    if pairs[pairs["arm"] == arm].empty:
        return f"There are no groups in the arm {arm} to compare."
    return (
        f"Left: how often two knees land in one group when people are left out, by phenotype, arm "
        f"{arm}. Right: agreement with the groups found by other roads, with 95 % intervals; "
        "the dashed line is chance."
    )


def text_robustness(pairs: pd.DataFrame, agreement: pd.DataFrame, *, arm: str) -> str:
    """Say how well the phenotypes stay apart, and which rival agrees least and most."""
    own = pairs[pairs["arm"] == arm]
    if own.empty:
        return f"There is no phenotype in the arm {arm} that could be compared."
    same, other = own[own["phenotype"] == own["other"]], own[own["phenotype"] != own["other"]]
    said = f"Two knees of one phenotype land together in {_range(same)} of the subsamples"
    said += f", two of different ones in {_range(other)}." if len(other) else "."
    rivals = agreement[(agreement["arm"] == arm) & (agreement["measure"] == "ari")]
    if rivals.empty:
        return said
    least, most = (rivals.loc[getattr(rivals["estimate"], how)()] for how in ("idxmin", "idxmax"))
    return (
        f"{said} Of the other roads {_road(most)} agrees most "
        f"({formatting.number(most['estimate'])}), {_road(least)} least "
        f"({formatting.number(least['estimate'])})."
    )


def table_agreement(agreement: pd.DataFrame, *, arm: str) -> pd.DataFrame:
    """Return the agreement of one arm with its rivals as a table for reading."""
    own = agreement[agreement["arm"] == arm]
    return pd.DataFrame(
        {
            "compared with another": own["compared"].map(WORDS).to_numpy(),
            "which": own["other"].replace(display_names.REDUCERS).to_numpy(),
            "measure": own["measure"].map(MEASURES).to_numpy(),
            "agreement": [formatting.spread(r.estimate, r.low, r.high) for r in own.itertuples()],
            "knees": own["knees"].to_numpy(),
        }
    )


def table_pairs(pairs: pd.DataFrame, *, arm: str) -> pd.DataFrame:
    """Return every two phenotypes of one arm as a table for reading."""
    own = pairs[(pairs["arm"] == arm) & (pairs["phenotype"] < pairs["other"])]
    return pd.DataFrame(
        {
            "phenotypes": [
                f"{display_names.phenotype_label(r.phenotype)} and "
                f"{display_names.phenotype_label(r.other)}"
                for r in own.itertuples()
            ],
            "land together": [formatting.number(value) for value in own["together"]],
            "distance, SD": own["distance"].to_numpy(),
        }
    )


def _dots(axis: Axes, rivals: pd.DataFrame) -> None:
    rows = rivals.iloc[::-1].reset_index(drop=True)
    for place, row in rows.iterrows():
        color = figure.PALETTE[list(WORDS).index(row["compared"])]
        if np.isfinite(row["estimate"]):
            axis.plot([row["low"], row["high"]], [place, place], color=color)
            axis.plot(row["estimate"], place, "o", color=color)
        else:
            axis.text(0.02, place, f"under {small_cells.FEW} people", va="center", fontsize=8)
    axis.axvline(0, color=figure.INK, lw=0.8, ls="--")
    axis.set_yticks(range(len(rows)), [_road(row) for _, row in rows.iterrows()])
    axis.set(xlim=(min(-0.1, rows["low"].min() - 0.05), 1.03), xlabel="agreement")
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_title("the same by another road?")


def _road(row: pd.Series) -> str:
    if row["compared"] == "knees":
        return "other knee"
    if row["compared"] == "seed":
        return "another seed"
    if row["compared"] == "encoder":
        return "other encoder"
    if row["compared"] == "reducer":
        return display_names.REDUCERS[row["other"]]
    return f"{row['compared']} {row['other']}"


def _range(own: pd.DataFrame) -> str:
    low, high = 100 * own["together"].min(), 100 * own["together"].max()
    return f"{low:.0f} %" if round(low) == round(high) else f"{low:.0f} to {high:.0f} %"
