"""Prototypes: what the knees of a phenotype look like, as averages and as single pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.spatial.distance import cdist

from kneephen_report import figure
from kneephen_utils import display_names, images, small_cells
from kneephen_utils.phenotype import sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

EACH = 5  # single pictures of a phenotype
COLUMNS = ["arm", "phenotype", "knee_id", "rank"]


def medoids(
    cells: Sequence[Stratum], chosen: Mapping[str, Candidate], *, settings: Settings
) -> pd.DataFrame:
    """Return the knees in the middle of each phenotype, where groups were looked for.

    Returns
    -------
    `arm`, `phenotype`, `knee_id`, `rank`: 0 for the knee whose distances to all others of the
    phenotype sum to the least, and so on.

    References
    ----------
    Kaufman & Rousseeuw (1990), doi:10.1002/9780470316801.
    """
    rows = []
    for cell in (cell for cell in cells if cell.arm in chosen):
        own, points = chosen[cell.arm], sweep.reduced(cell, settings).points
        names = cell.knees.loc[cell.discover, "knee_id"].to_numpy()
        for phenotype in range(own.phenotypes):
            inside = np.flatnonzero(own.labels == phenotype)
            total = cdist(points[inside], points[inside]).sum(axis=1)
            middle = names[inside[np.argsort(total, kind="stable")[:EACH]]]
            rows += [(cell.arm, phenotype, name, rank) for rank, name in enumerate(middle)]
    return pd.DataFrame(rows, columns=COLUMNS)


def plot_prototypes(
    pictures: Any,
    crops: pd.DataFrame,
    phenotypes: pd.DataFrame,
    middle: pd.DataFrame,
    *,
    disclose: bool,
    mean_pictures: bool,
) -> Figure:
    """Draw the mean picture of each phenotype and, where allowed, the knees in its middle.

    Parameters
    ----------
    pictures
        The `images` array.
    crops
        `crops` table.
    phenotypes
        `phenotypes` table of one grade and arm, with the `participant_id` of each knee.
    middle
        As `medoids` returns, of that arm.
    disclose
        Whether single knees may be shown.
    mean_pictures
        Whether, where they may not, the mean of at least ten people takes their place.
    """
    if not disclose and not mean_pictures:
        return figure.sentence(small_cells.NOT_ASKED)
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
            stack = images.take(pictures, rows.loc[own["knee_id"]].to_numpy())
            people = own["participant_id"].nunique()
            why = small_cells.withheld(people, disclose=disclose, mean_pictures=mean_pictures)
            typical = middle[middle["phenotype"] == phenotype].sort_values("rank")["knee_id"]
            shown = [] if why or not len(stack) else [stack.mean(axis=0)]
            if disclose:
                shown += list(images.take(pictures, rows.loc[typical].to_numpy()))
            for axis, picture in zip(line, shown, strict=False):
                axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
            if why:
                figure.say_in(line[0], why)
            name = display_names.phenotype_label(phenotype)
            known = disclose or len(own) >= small_cells.FEW
            count = f"{len(own)} knees" if known else f"under {small_cells.FEW} knees"
            line[0].set_ylabel(f"{name}\n{count}", rotation=0, ha="right", va="center")
        axes[0, 0].set_title("mean", fontsize=9)
    return drawn


def caption(kl_grade: int, *, disclose: bool, mean_pictures: bool) -> str:
    """Say what the figure `plot_prototypes` makes shows, or why it shows nothing."""
    if not disclose and not mean_pictures:
        return f"Phenotypes of KL{kl_grade}. {small_cells.NOT_ASKED}"
    single = (
        "beside it the knees in its middle, the most typical first"
        if disclose
        else f"only where it has at least {small_cells.FEW} people; single knees are not shown"
    )
    return (
        f"Mean picture of each phenotype of KL{kl_grade}, or of all its knees where there is none, "
        f"discover and confirm people; {single}. "
        "Left knees are mirrored: the medial side is on the right."
    )
