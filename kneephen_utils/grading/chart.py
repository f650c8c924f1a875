"""Chart: training and agreement of a grader, drawn."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kneephen_utils import agreement, figure


def draw_history(history: pd.DataFrame) -> Figure:
    """Draw error on the inner people over the epochs, the chosen one marked."""
    with figure.style():
        drawn, axis = plt.subplots(figsize=(6.4, 3.0))
        axis.plot(history["epoch"], history["validation_mae"], marker="o", label="inner people")
        best = history[history["chosen"]]
        axis.plot(
            best["epoch"], best["validation_mae"], "D", color=figure.PALETTE[1], label="chosen"
        )
        axis.set(xlabel="epoch", ylabel="mean error, grades", ylim=(0, None))
        axis.legend()
    return drawn


def draw_confusion(grades: pd.DataFrame) -> Figure:
    """Draw grades as read against grades given, in people never trained on."""
    tested = grades[grades["split"].isin(["discover", "confirm"]) & grades["kl_grade"].notna()]
    table = agreement.confusion(
        tested["kl_grade"].to_numpy(int), tested["kl_predicted"].to_numpy(float)
    )
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    with figure.style():
        drawn, axis = plt.subplots(figsize=(4.4, 3.8))
        axis.imshow(share, vmin=0, vmax=1, cmap="cividis")
        for (row, column), value in np.ndenumerate(share):
            color = "white" if value < 0.5 else "black"
            axis.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=color)
        names = [f"KL{grade}" for grade in range(5)]
        axis.set_xticks(range(5), names)
        axis.set_yticks(range(5), names)
        axis.set(xlabel="given", ylabel="as read", title="Percent of each grade as read")
    return drawn


def describe_history(history: pd.DataFrame) -> str:
    """Say which epoch was kept and what it reached."""
    best = history[history["chosen"]].iloc[0]
    return (
        f"Epoch {int(best['epoch'])} of {len(history)} was kept: mean error "
        f"{best['validation_mae']:.2f} grades on the inner people."
    )


def describe_confusion(grades: pd.DataFrame) -> str:
    """Say which grades are given and how often they are right."""
    tested = grades[grades["split"].isin(["discover", "confirm"]) & grades["kl_grade"].notna()]
    given = agreement.whole(tested["kl_predicted"].to_numpy(float))
    right = given == tested["kl_grade"].to_numpy(int)
    never = sorted(set(range(5)) - set(given))
    unseen = f"; never given: {', '.join(f'KL{k}' for k in never)}" if never else ""
    share = f"{100 * right.mean():.0f} % equal"
    return f"Grades given to {len(tested)} knees against those as read; {share}{unseen}."
