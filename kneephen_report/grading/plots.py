"""Plots: training, calibration and agreement of a grader, drawn."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import formatting, grading_metrics, small_cells


def plot_history(history: pd.DataFrame) -> Figure:
    """Draw loss and error over the epochs, the chosen one marked."""
    best = history[history["chosen"]]
    with figure.style():
        drawn, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.0))
        left.plot(history["epoch"], history["train_loss"], marker="o", label="learned from")
        for axis, name in ((left, "validation_loss"), (right, "validation_mae")):
            color = figure.PALETTE[2]
            axis.plot(
                history["epoch"], history[name], marker="s", color=color, label="people kept apart"
            )
            axis.plot(best["epoch"], best[name], "D", color=figure.PALETTE[1], label="chosen")
            axis.set(xlabel="epoch")
            axis.set_ylim(0, 1.1 * axis.dataLim.ymax)
        left.set(ylabel="loss")
        right.set(ylabel="mean error, KL grades")
        left.legend()
    return drawn


def plot_calibration(curve: pd.DataFrame) -> Figure:
    """Draw the mean grade as read against the mean grade given, with its interval."""
    with figure.style():
        drawn, axis = plt.subplots(figsize=(4.4, 3.8))
        axis.plot([0, 4], [0, 4], color=figure.UNASSIGNED_COLOR, linestyle="--")
        axis.fill_between(curve["predicted"], curve["low"], curve["high"], alpha=0.25)
        axis.plot(curve["predicted"], curve["estimate"], marker="o")
        axis.set(xlabel="mean KL grade given", ylabel="mean KL grade as read")
        axis.set(xlim=(-0.1, 4.1), ylim=(-0.1, 4.1))
    return drawn


def plot_confusion(grades: pd.DataFrame, *, disclose: bool = True) -> Figure:
    """Draw grades as read against grades given, in people never trained on.

    Where single knees may not be shown, cells of few knees stay empty.
    """
    tested = grades[grades["split"].isin(["discover", "confirm"]) & grades["kl_grade"].notna()]
    table = grading_metrics.confusion(
        tested["kl_grade"].to_numpy(int), tested["kl_predicted"].to_numpy(float)
    )
    share = _shares(table, disclose=disclose)
    with figure.style():
        drawn, axis = plt.subplots(figsize=(4.4, 3.8))
        axis.imshow(share, vmin=0, vmax=1, cmap="cividis")
        for (row, column), value in np.ndenumerate(share):
            color = "white" if value < 0.5 else "black"
            told = "" if np.isnan(value) else f"{100 * value:.0f}"
            axis.text(column, row, told, ha="center", va="center", color=color)
        names = [f"KL{grade}" for grade in range(5)]
        axis.set_xticks(range(5), names)
        axis.set_yticks(range(5), names)
        axis.set(xlabel="grade given", ylabel="grade as read")
    return drawn


def _shares(table: np.ndarray, *, disclose: bool) -> np.ndarray:
    """Return the share of each row's knees; missing where it would tell of few."""
    whole = np.maximum(table.sum(axis=1, keepdims=True), 1)
    if disclose:
        return np.asarray(table / whole)
    cells = pd.DataFrame(table).rename(columns=str)
    told = (
        small_cells.parts(cells, list(cells), disclose=False)
        .astype("Float64")
        .to_numpy(float, na_value=np.nan)
    )
    sizes = small_cells.counts(pd.Series(whole.ravel()), disclose=False)
    return np.clip(told / sizes.astype("Float64").to_numpy(float, na_value=np.nan)[:, None], 0, 1)


def text_history(history: pd.DataFrame) -> str:
    """Say which epoch was kept and what it reached."""
    best = history[history["chosen"]].iloc[0]
    return (
        f"Loss and error by epoch. Epoch {int(best['epoch'])} of {len(history)} was kept: mean "
        f"error {best['validation_mae']:.2f} grades in the people kept apart, "
        f"loss {best['validation_loss']:.2f} there and {best['train_loss']:.2f} on changed views "
        "of the knees learned from."
    )


def text_calibration(curve: pd.DataFrame) -> str:
    """Say how many groups were read as they were graded, and which is farthest off."""
    off = (curve["estimate"] - curve["predicted"]).abs()
    worst = curve.loc[off.idxmax()]
    held = ((curve["low"] <= curve["predicted"]) & (curve["predicted"] <= curve["high"])).sum()
    return (
        f"{curve['knees'].sum():,} knees of people never trained on in {len(curve)} groups by "
        f"grade given; the dashed line is agreement, the band the 95 % interval by person. It "
        f"holds the grade given in {held} of {len(curve)}; farthest off are knees graded "
        f"{worst['predicted']:.2f} on average and read "
        f"{formatting.spread(worst['estimate'], worst['low'], worst['high'])}."
    )


def text_confusion(grades: pd.DataFrame) -> str:
    """Say which grades are given and how often they are right."""
    tested = grades[grades["split"].isin(["discover", "confirm"]) & grades["kl_grade"].notna()]
    given = grading_metrics.whole(tested["kl_predicted"].to_numpy(float))
    right = given == tested["kl_grade"].to_numpy(int)
    never = sorted(set(range(5)) - set(given))
    unseen = f"; never given: {', '.join(f'KL{k}' for k in never)}" if never else ""
    share = f"{100 * right.mean():.0f} % equal"
    return (
        f"Grades given to {len(tested):,} knees of people never trained on, in per cent of the "
        f"knees of each grade as read; {share}{unseen}."
    )
