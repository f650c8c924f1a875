"""Plots: the specification curve, estimates above and the forks of each path below."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import display_names, formatting

FORKS = ["embedding", "crop", "arm", "weight", "reducer", "setting", "outcome", "adjustment"]
FORKS += ["sample"]
SIDES = {
    "embedding": display_names.EMBEDDINGS,
    "reducer": display_names.REDUCERS,
    "sample": {"confirm": "confirm people", "both": "discover and confirm people"},
}
MARKED = {
    "default": (figure.PALETTE[0], "this book"),
    "published": (figure.PALETTE[1], "published"),
}
NOTE = (
    "Paths on which the firewall would refuse or condition the test are counted apart. "
    "Range: of the estimates on that side of the fork."
)


def defensible(paths: pd.DataFrame) -> pd.DataFrame:
    """Return the paths that the firewall allows and that gave an estimate."""
    return paths[(paths["firewall"] == "allowed") & paths["estimate"].notna()]


def text_paths(paths: pd.DataFrame) -> list[str]:
    """Say how much hangs on the path: the range, the direction, and where the marked paths lie."""
    own = defensible(paths)
    asked = paths[paths["firewall"] == "allowed"]
    if own.empty:
        return [f"On none of the {len(asked):,} defensible paths can the ratio be estimated."]
    values = own["estimate"]
    low, middle, high = values.quantile([0.05, 0.5, 0.95])
    apart = int(((own["low"] > 1) | (own["high"] < 1)).sum())
    rest = "on the others no two groups differ in the side of their narrowing, or too few knees got"
    first = (
        f"Of {len(asked):,} defensible paths {len(own):,} give a hazard ratio; {rest} worse."
        if len(own) < len(asked)
        else f"All {len(own):,} defensible paths give a hazard ratio."
    )
    said = [
        first,
        f"The middle ratio is {middle:.2f}; nine in ten lie between {low:.2f} and {high:.2f}; "
        f"{100 * (values > 1).mean():.0f} % lie above 1, and {apart:,} of them have an "
        "interval that leaves out 1.",
    ]
    for kind, (_, name) in MARKED.items():
        one = paths[paths["path"] == kind]
        if one.empty:
            said.append(f"The path of {_of(name)} is not among them.")
            continue
        row = one.iloc[0]
        if pd.isna(row["estimate"]):
            said.append(f"The path of {_of(name)} gives none: {row['sentence'].lower()}")
        else:
            place = 100 * (values < row["estimate"]).mean()
            spread = formatting.spread(row["estimate"], row["low"], row["high"])
            note = "" if row["firewall"] == "allowed" else "; it is not among the defensible ones"
            said.append(
                f"The path of {_of(name)} gives {spread}, above {place:.0f} % of the others{note}."
            )
    return [*said, *_reweighed(paths)]


def forks(paths: pd.DataFrame) -> pd.DataFrame:
    """Return what each side of each fork does to the ratio, as a table for reading."""
    own = defensible(paths)
    rows = []
    for fork in FORKS:
        for side, some in own.groupby(fork, sort=False):
            ratio = some["estimate"]
            spread = formatting.spread(ratio.median(), ratio.min(), ratio.max())
            rows.append((fork, _named(fork, side), len(some), spread))
    return pd.DataFrame(rows, columns=["fork", "side", "paths", "middle ratio (range)"])


def plot_paths(paths: pd.DataFrame) -> Figure:
    """Draw the ratio of every path in rising order, and below it the sides it took."""
    own = pd.concat([defensible(paths), _published(paths)]).sort_values("estimate", kind="stable")
    own = own.reset_index(drop=True)
    sides = [(fork, side) for fork in FORKS for side in pd.unique(paths[fork])]
    with figure.style():
        drawn, (above, below) = plt.subplots(
            2, 1, figsize=(8.5, 7.6), sharex=True, height_ratios=[1.0, 1.25]
        )
        above.axhline(1, color="0.6", linewidth=0.8)
        above.vlines(own.index, own["low"].clip(lower=0.05), own["high"].clip(upper=20),
                     color="0.82", linewidth=0.8)  # fmt: skip
        above.scatter(own.index, own["estimate"], s=6, color="0.35", zorder=3)
        for kind, (color, name) in MARKED.items():
            at = own.index[own["path"] == kind]
            above.scatter(at, own.loc[at, "estimate"], s=60, color=color, zorder=4, label=name)
            for axes in (above, below):
                for place in at:
                    axes.axvline(place, color=color, linewidth=0.9, zorder=0)
        above.set_yscale("log")
        ticks = [0.1, 0.25, 0.5, 1, 2, 4, 8]
        above.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        above.set_ylim(0.08, 13)
        above.minorticks_off()
        above.set_ylabel("hazard ratio,\nlateral against medial")
        if above.get_legend_handles_labels()[0]:
            above.legend(loc="upper left")
        _forks_below(below, own, sides)
    return drawn


def caption(paths: pd.DataFrame) -> str:
    """Return what the figure shows."""
    return (
        f"Above: the ratio of each of {len(defensible(paths)):,} paths with its 95 % interval, in "
        "rising order, cut at the frame. Below: the side each path took at each fork."
    )


def text_plot(paths: pd.DataFrame) -> str:
    """Say in words what the figure shows, for a reader who cannot see it."""
    return "Specification curve. " + " ".join(text_paths(paths)[:2])


def _published(paths: pd.DataFrame) -> pd.DataFrame:
    own = paths[(paths["path"] == "published") & paths["estimate"].notna()]
    return own[own["firewall"] != "allowed"]


def _reweighed(paths: pd.DataFrame) -> list[str]:
    """Say what the published path gives when its clinical columns weigh less or more."""
    own = paths[(paths["path"] == "published, other weight") & (paths["sample"] == "both")]
    told = [
        (formatting.spread(row.estimate, row.low, row.high) if pd.notna(row.estimate) else "none")
        + f" with {row.weight} the weight of the clinical columns"
        for row in own.itertuples()
    ]
    return [f"The published path gives {' and '.join(told)}."] if told else []


def _of(name: str) -> str:
    return "this book" if name == "this book" else "the published study"


def _named(fork: str, side: object) -> str:
    """Return a side of a fork as a reader calls it."""
    return SIDES.get(fork, {}).get(str(side), display_names.in_words(str(side)))


def _forks_below(below: plt.Axes, own: pd.DataFrame, sides: list[tuple[str, str]]) -> None:
    places = {side: -row for row, side in enumerate(sides)}
    for (fork, side), row in places.items():
        at = np.flatnonzero(own[fork] == side)
        below.scatter(at, np.full(len(at), row), s=7, marker="|", color=figure.INK, linewidth=0.7)
    names = [f"{fork}: {_named(fork, side)}" for fork, side in places]
    below.set_yticks(list(places.values()), names)
    for row, (fork, _) in enumerate(sides):
        if row and fork != sides[row - 1][0]:
            below.axhline(0.5 - row, color="0.85", linewidth=0.6)
    below.tick_params(axis="y", labelsize=8, length=0)
    below.set_xlabel("paths, in order of their ratio")
    below.spines["left"].set_visible(False)
