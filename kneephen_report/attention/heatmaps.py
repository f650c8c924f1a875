"""Heatmaps: mean maps of attention laid over the mean crop, all panels on one scale.

A panel is never stretched to its own range: that would hide how much lies elsewhere. Colour
is in multiples of an even share, so 1 is what a map that looks everywhere alike would show;
its scale is a square root, so that a single bright patch does not darken all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import zarr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kneephen_report import figure
from kneephen_report.attention import summary_tables, summary_text
from kneephen_utils import display_names, images, small_cells
from kneephen_utils.attention import regions
from kneephen_utils.attention.aggregation import ALL_GRADES, ALL_KNEES, GROUP

CHUNK = 64  # pictures in memory at a time
PANEL = 1.08  # side of a panel, inches: seven of them fill the page with letters of full size
WIDE = 1.78  # side of a panel of four
COLORS = "inferno"
OPAQUE = 0.9  # opacity of the largest value of the figure over the crop; 0 lets all through
WHOLE = (ALL_GRADES, ALL_KNEES)  # the group of all knees
JOINT = regions.BOXES["joint_space"]

Means = Mapping[tuple[int, int], np.ndarray]


class Panel(NamedTuple):
    """One picture of the figure: its title, the mean crop beneath and the map (grid, grid)."""

    title: str
    crop: np.ndarray | None
    weights: np.ndarray


def mean_crops(
    pictures: zarr.Array, members: pd.DataFrame, *, disclose: bool, mean_pictures: bool
) -> dict[tuple[int, int], np.ndarray]:
    """Return the mean crop (pixels, pixels) of each group of `members`, by grade and phenotype.

    Where single knees are closed, only that of all knees together is made, and only if it was
    asked for: means of a whole and of its parts would tell of the few that are left out.
    """
    means = {}
    for (grade, phenotype), rows in members.groupby(GROUP):
        people = rows["participant_id"].nunique()
        if not disclose and (grade, phenotype) != WHOLE:
            continue
        if small_cells.withheld(people, disclose=disclose, mean_pictures=mean_pictures):
            continue
        places = np.sort(rows["image"].to_numpy())
        total = np.zeros(pictures.shape[1:])
        for start in range(0, len(places), CHUNK):
            total += images.take(pictures, places[start : start + CHUNK]).sum(axis=0, dtype=float)
        means[int(grade), int(phenotype)] = total / len(places)
    return means


def plot_maps(
    averages: pd.DataFrame,
    crops: Means,
    checks: pd.DataFrame,
    *,
    region: float,
    prior_width: float,
) -> Figure:
    """Draw every map over all knees, and the blob in the centre, which looks at nothing."""
    seen = averages[["encoder", "method"]].drop_duplicates().itertuples(index=False, name=None)
    given = set(seen)
    panels = [
        Panel(
            _broken(summary_tables.named(checks, one)),
            crops.get(WHOLE),
            _grid(averages, one, WHOLE),
        )
        for one in summary_text.NAMES
        if one in given
    ]
    prior = _prior(panels[0].weights.shape[0], region, prior_width)
    panels.append(Panel("blob in\nthe centre", crops.get(WHOLE), prior))
    columns = 4
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return _sheet(rows, [""] * len(rows), region=region, panel=WIDE)


def plot_groups(
    averages: pd.DataFrame,
    crops: Means,
    seen: summary_text.Map,
    *,
    region: float,
    prior_width: float,
) -> Figure:
    """Draw one map per grade (down) and phenotype (across), the blob in the centre at the end."""
    rows, names = [], []
    for grade in _grades(averages):
        groups = _groups(averages, grade)
        grids = [_grid(averages, seen, (grade, phenotype)) for phenotype in groups]
        prior = _prior(grids[0].shape[0], region, prior_width)
        row = [
            Panel(_title(averages, grade, phenotype), _under(crops, grade, phenotype), grid)
            for phenotype, grid in zip(groups, grids, strict=True)
        ]
        rows.append([*row, Panel("blob", _under(crops, grade, ALL_KNEES), prior)])
        names.append(f"KL{grade}")
    return _sheet(rows, names, region=region, panel=PANEL)


def beneath(crops: Means) -> str:
    """Say what lies beneath the maps, which depends on what may be shown."""
    if not crops:
        return small_cells.NOT_ASKED
    if set(crops) == {WHOLE}:
        return "Beneath every map lies the mean crop of all knees."
    return "Beneath each map lies the mean crop of its knees."


def caption(seen: summary_text.Map, checks: pd.DataFrame, crops: Means) -> str:
    """Return the caption of the figure `plot_groups` makes."""
    return (
        f"Mean {summary_tables.named(checks, seen)}, by grade and phenotype; numbers are knees. "
        f"{beneath(crops)} One scale for all panels, by square root: multiples of an even share of "
        "the patches. The box is the joint space, medial is on the right. "
        f"{summary_text.deletion(checks, seen)}"
    )


def caption_maps(checks: pd.DataFrame, crops: Means) -> str:
    """Return the caption of the figure `plot_maps` makes."""
    return (
        f"Mean maps of all knees, on one scale by square root: multiples of an even share of the "
        f"patches. {beneath(crops)} The box is the joint space, medial is on the right. A map like "
        "the blob in the centre says little about the knee, and one that is like that of weights "
        "drawn anew has failed. "
        f"{summary_text.NAMES['finetuned', 'relevance'].capitalize()}: "
        f"{summary_text.deletion(checks, ('finetuned', 'relevance'))}"
    )


def text_heatmap(scores: pd.DataFrame, seen: summary_text.Map) -> str:
    """Say in words what the figure `plot_groups` makes shows: the joint's share by grade."""
    own = scores[(scores["encoder"] == seen[0]) & (scores["method"] == seen[1])]
    own = own[(own["region"] == "joint_space") & (own["phenotype"] == ALL_KNEES)]
    parts = [
        f"{'all' if row.kl_grade == ALL_GRADES else f'KL{row.kl_grade}'} {100 * row.estimate:.0f} %"
        for row in own.sort_values("kl_grade").itertuples()
    ]
    return f"Mean maps. Share of {summary_text.NAMES[seen]} on the joint space: {', '.join(parts)}."


def _sheet(
    rows: Sequence[Sequence[Panel]], names: Sequence[str], *, region: float, panel: float
) -> Figure:
    """Draw rows of panels with one colour bar."""
    if not rows:
        return figure.sentence("no group has enough knees")
    columns = max(map(len, rows))
    top = max(float(one.weights.max() * one.weights.size) for row in rows for one in row)
    scale = PowerNorm(0.5, vmin=0, vmax=top)
    with figure.style():
        drawn = Figure(figsize=(panel * columns + 1.0, (panel + 0.25) * len(rows)))
        axes = drawn.subplots(len(rows), columns, squeeze=False)
        for line, row, name in zip(axes, rows, names, strict=True):
            for axis in line:
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
            for axis, one in zip(line, row, strict=False):
                _draw(axis, one, scale, region)
            line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        bar = ScalarMappable(scale, COLORS)
        drawn.colorbar(bar, ax=axes, shrink=0.6, label="multiples of an even share")
    return drawn


def _draw(axis: Axes, one: Panel, scale: PowerNorm, region: float) -> None:
    half = region / 2
    extent = (-half, half, half, -half)
    if one.crop is None:
        axis.set_facecolor("black")
    else:
        axis.imshow(one.crop, cmap="gray", vmin=0, vmax=255, extent=extent)
    multiples = one.weights * one.weights.size
    axis.imshow(
        multiples,
        cmap=COLORS,
        norm=scale,
        alpha=OPAQUE * scale(multiples),
        extent=extent,
        interpolation="nearest",
    )
    size = JOINT.right - JOINT.left, JOINT.bottom - JOINT.top
    axis.add_patch(Rectangle((JOINT.left, JOINT.top), *size, fill=False, color="white", lw=0.7))
    axis.set_title(one.title, fontsize=8, fontweight="normal")


def _grid(averages: pd.DataFrame, seen: summary_text.Map, group: tuple[int, int]) -> np.ndarray:
    """Return one mean map as an array (rows, columns)."""
    own = averages[(averages["encoder"] == seen[0]) & (averages["method"] == seen[1])]
    own = own[(own["kl_grade"] == group[0]) & (own["phenotype"] == group[1])]
    return own.pivot_table(index="row", columns="column", values="weight").to_numpy()


def _prior(grid: int, region: float, width: float) -> np.ndarray:
    return regions.centre_prior(grid, region=region, width=width).reshape(grid, grid)


def _under(crops: Means, grade: int, phenotype: int) -> np.ndarray | None:
    """Return the mean crop of a group, or that of all knees, or none."""
    return crops.get((grade, phenotype), crops.get(WHOLE))


def _grades(averages: pd.DataFrame) -> list[int]:
    return [int(grade) for grade in sorted(averages["kl_grade"].unique()) if grade != ALL_GRADES]


def _groups(averages: pd.DataFrame, grade: int) -> list[int]:
    """Return all knees, then the phenotypes, then those without one; only all if none was found."""
    found = averages.loc[averages["kl_grade"] == grade, "phenotype"].unique()
    named = sorted(int(phenotype) for phenotype in found if phenotype >= 0)
    return [ALL_KNEES, *named, *([-1] if named and -1 in found else [])]


def _title(averages: pd.DataFrame, grade: int, phenotype: int) -> str:
    own = averages[(averages["kl_grade"] == grade) & (averages["phenotype"] == phenotype)]
    return f"{display_names.phenotype_label(phenotype)}, {int(own['knees'].iloc[0]):,}"


def _broken(name: str) -> str:
    """Break a name into two lines of about equal length."""
    words = name.split()
    cut = min(range(1, len(words)), key=lambda n: abs(len(" ".join(words[:n])) - len(name) / 2))
    return " ".join(words[:cut]) + "\n" + " ".join(words[cut:])
