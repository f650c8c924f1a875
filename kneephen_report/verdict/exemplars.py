"""Exemplars: what the knees of a card look like, and where the trained encoder looks in them.

Pictures are drawn only where single knees may be shown; what is told in words rests on means
of at least ten knees and may stand on any card.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import zarr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import display_names, formatting, images

SEEN = {"encoder": "finetuned", "method": "relevance"}  # the map that is told of
NAME = "relevance for a higher grade"
ALIKE = 0.5  # rank correlation with the map of redrawn weights from which a map has failed
WHOLE = {"kl_grade": -1, "phenotype": -2}  # all knees together
Card = Mapping[Any, Any]  # arm, kl_grade and phenotype of a card


def looks(scores: pd.DataFrame, checks: pd.DataFrame, one: Card) -> str:
    """Say how much of the map of a phenotype lies on the joint, or why nothing is said.

    Parameters
    ----------
    scores, checks
        The tables attention_scores and attention_checks.
    one
        The card's `arm`, `kl_grade` and `phenotype`.
    """
    if not sound(checks):
        return (
            f"the map ({NAME}) looks the same with weights drawn anew, so nothing is read from it"
        )
    key = {name: one[name] for name in ("arm", "kl_grade", "phenotype")}
    own = _rows(scores, {**SEEN, **key, "region": "joint_space"})
    if own.empty:
        return "too few knees for a mean map"
    row = own.iloc[0]
    share = formatting.spread(100 * row["estimate"], 100 * row["low"], 100 * row["high"], 0)
    return (
        f"{share} % of {NAME} lies on the joint space, which is {100 * row['area']:.0f} % of the "
        f"picture; a blob in the centre would put {100 * row['centre_prior']:.0f} % there"
    )


def sound(checks: pd.DataFrame) -> bool:
    """Say whether the map changes, as it should, when the trained weights are drawn anew.

    References
    ----------
    Adebayo et al. (2018), sanity checks for saliency maps, arXiv:1810.03292.
    """
    own = _rows(checks, {**SEEN, **WHOLE, "check": "randomised"})
    return bool(len(own) and own["high"].iloc[0] < ALIKE)


def pictures(
    written: pd.DataFrame,
    phenotypes: pd.DataFrame,
    crops: pd.DataFrame,
    stored: zarr.Array,
    averages: pd.DataFrame,
    checks: pd.DataFrame,
    *,
    disclose: bool,
) -> dict[tuple[int, int], str]:
    """Return the figure of each card as HTML by grade and phenotype; none where knees are closed.

    Parameters
    ----------
    written
        As `cards.write` returns.
    phenotypes, crops, averages, checks
        The tables phenotypes, crops, attention and attention_checks.
    stored
        The `images` array.
    disclose
        Whether single knees may be shown.
    """
    if not disclose:
        return {}
    rows = crops.set_index("knee_id")["image"]
    drawn = {}
    for one in written.drop_duplicates(["kl_grade", "phenotype"]).to_dict("records"):
        key = {name: one[name] for name in ("arm", "kl_grade", "phenotype")}
        knees = _rows(phenotypes, key)["knee_id"]
        stack = images.take(stored, rows.loc[knees].to_numpy())
        own = _rows(averages, {**SEEN, **key})
        weights = (
            own.pivot_table(index="row", columns="column", values="weight").to_numpy()
            if sound(checks) and len(own)
            else None
        )
        name = f"KL{one['kl_grade']}, phenotype {display_names.phenotype_label(one['phenotype'])}"
        told = caption(name, len(stack), mapped=weights is not None)
        html = figure.show(plot_exemplars(stack, weights), caption=told, alt=told, vector=False)
        drawn[one["kl_grade"], one["phenotype"]] = str(html.data)
    return drawn


def plot_exemplars(stack: np.ndarray, weights: np.ndarray | None) -> Figure:
    """Draw the knee most like the mean, the mean and, where there is one, the map over it.

    Parameters
    ----------
    stack
        Crops (knees, pixels, pixels).
    weights
        Mean map (grid, grid), sums to 1.
    """
    mean = stack.mean(axis=0)
    with figure.style():
        drawn = Figure(figsize=(6.4 if weights is not None else 4.3, 2.3))
        axes = drawn.subplots(1, 2 if weights is None else 3)
        _show(axes[0], stack[nearest(stack)], "most like the mean")
        _show(axes[1], mean, "mean")
        if weights is not None:
            _show(axes[2], mean, "where it looks")
            edge = (-0.5, len(mean) - 0.5, len(mean) - 0.5, -0.5)
            axes[2].imshow(weights, cmap="inferno", alpha=0.55, extent=edge)
    return drawn


def nearest(stack: np.ndarray) -> int:
    """Return the place of the crop with the least squared distance from the mean of all."""
    apart = stack - stack.mean(axis=0)
    return int(np.square(apart).sum(axis=(1, 2)).argmin())


def caption(name: str, knees: int, *, mapped: bool) -> str:
    """Say what the figure `plot_exemplars` makes shows."""
    map_told = (
        f", and the mean map of {NAME} over it, brightest where it looks most" if mapped else ""
    )
    return (
        f"{name}: the knee most like the mean of its {knees} knees, the mean{map_told}. "
        "Left knees are mirrored: the medial side is on the right."
    )


def _show(axis: Axes, picture: np.ndarray, title: str) -> None:
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=9, fontweight="normal")


def _rows(table: pd.DataFrame, key: Mapping[str, Any]) -> pd.DataFrame:
    held = np.logical_and.reduce([table[name] == value for name, value in key.items()])
    return table[held]
