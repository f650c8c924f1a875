"""Portrait: what the knees of a phenotype look like, as averages and as single pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kneephen_utils import closed, figure, images

EACH = 5  # single pictures of a phenotype


def draw(pictures: Any, crops: pd.DataFrame, phenotypes: pd.DataFrame, *, disclose: bool) -> Figure:
    """Draw the mean picture of each phenotype and, where allowed, the surest members.

    Parameters
    ----------
    pictures
        The `images` array.
    crops
        `crops` table.
    phenotypes
        `phenotypes` table of one grade and arm.
    disclose
        Whether single knees may be shown; if not, means of at least ten knees are.
    """
    rows = crops.set_index("knee_id")["image"]
    found = [int(k) for k in sorted(set(phenotypes["phenotype"])) if k >= 0] or [-1]
    columns = EACH + 1 if disclose else 1
    with figure.style():
        drawn = Figure(figsize=(1.35 * columns + 0.6, 1.4 * len(found) + 0.2))
        axes = drawn.subplots(len(found), columns, squeeze=False)
        for axis in axes.ravel():
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        for line, phenotype in zip(axes, found, strict=True):
            own = phenotypes[phenotypes["phenotype"] == phenotype]
            own = own.sort_values(["membership", "knee_id"], ascending=[False, True])
            stack = images.take(pictures, rows.loc[own["knee_id"]].to_numpy())
            shown = _shown(stack, disclose=disclose)
            for axis, picture in zip(line, shown, strict=False):
                axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
            name = figure.phenotype_label(phenotype)
            known = disclose or len(own) >= closed.FEW
            count = f"{len(own)} knees" if known else f"under {closed.FEW} knees"
            line[0].set_ylabel(f"{name}\n{count}", rotation=0, ha="right", va="center")
        axes[0, 0].set_title("mean", fontsize=9)
    return drawn


def caption(kl_grade: int, *, disclose: bool) -> str:
    """Say what the figure `draw` makes shows."""
    single = "the surest members beside it" if disclose else "single knees are not shown"
    return (
        f"Mean picture of each phenotype of KL{kl_grade}, {single}. "
        "Left knees are mirrored: the medial side is on the right."
    )


def _shown(stack: np.ndarray, *, disclose: bool) -> list[np.ndarray]:
    mean = stack.mean(axis=0) if len(stack) else np.zeros((8, 8))
    if disclose:
        return [mean, *stack[:EACH]]
    return [mean] if len(stack) >= closed.FEW else []
