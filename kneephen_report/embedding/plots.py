"""Plots: grades that nobody trained, drawn by the grade as read."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from kneephen_report import figure

GRADES = range(5)


def plot_grades(graded: pd.DataFrame) -> Figure:
    """Draw the expected zero-shot grade by the grade as read."""
    tested = graded[graded["split"].isin(["discover", "confirm"]) & graded["kl_grade"].notna()]
    groups = [tested.loc[tested["kl_grade"] == k, "kl_predicted"].to_numpy() for k in GRADES]
    with figure.style():
        drawn, axis = plt.subplots(figsize=(6.4, 3.2))
        axis.boxplot(groups, positions=list(GRADES), showfliers=False, widths=0.55)
        axis.plot([0, 4], [0, 4], color=figure.UNASSIGNED_COLOR, linestyle="--")
        axis.set_xticks(list(GRADES), [f"KL{grade}" for grade in GRADES])
        axis.set(xlabel="KL grade as read", ylabel="zero-shot KL grade", ylim=(-0.2, 4.2))
    return drawn


def caption(graded: pd.DataFrame) -> str:
    """Return the caption of the figure `plot_paths` makes."""
    tested = graded[graded["split"].isin(["discover", "confirm"]) & graded["kl_grade"].notna()]
    return (
        f"Zero-shot grade of {len(tested):,} knees of people never trained on, by the grade as "
        "read: median, quartiles and range without outliers. The dashed line is agreement."
    )


def alt(graded: pd.DataFrame) -> str:
    """Say in words what the figure `plot_paths` makes shows."""
    tested = graded[graded["split"].isin(["discover", "confirm"])]
    medians = tested.groupby("kl_grade")["kl_predicted"].median()
    words = ", ".join(f"KL{grade} {value:.1f}" for grade, value in medians.items())
    return f"Box plots of the zero-shot grade by grade as read; medians {words}."
