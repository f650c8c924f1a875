"""Plots: the sweep and the references of one grade and arm, drawn and put into words."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from kneephen_report import figure
from kneephen_utils import display_names, formatting
from kneephen_utils.tables.evidence import GATES_ASKED

ARMS_NOTE = (
    "Agreement is the adjusted Rand index: with a tree on the columns beside the picture alone, a "
    "leaf a group; with the groups after the pictures changed places; and, in other people, "
    "between their own groups and those read off their pictures. The share is that of the variance "
    "of the space in which groups were looked for."
)
PASSPORT_NOTE = (
    "Discover knees. Best Jaccard index when a fifth of the people is left out: mean, and the "
    "range of 95 % of the subsamples. Switch: the share of its knees that then end in another "
    "group, or in none. A phenotype below a mean of 0.75 keeps its letter and earns no name."
)
DISTINCT = "share of knees found again x density-based validity"
GATES = {gate: words.replace("\n", " ") for gate, words in GATES_ASKED.items()}
NULLS = [gate for gate in GATES if gate.startswith("null_")]
BOUNDS = dict.fromkeys(NULLS, "at most") | {"image": "below"}
DECIMALS = dict.fromkeys(NULLS, 3) | {"enough_knees": 0, "two_groups": 0}
REFERENCE_WORDS = {
    "gaussian": "the same spread\nbut no groups",
    "shuffled": "each column\nshuffled",
    "uniform": "as wide, but\nspread evenly",
}


def plot_sweep(swept: pd.DataFrame, *, arm: str) -> Figure:
    """Draw the score of every setting, the number of groups written into its cell.

    One panel per reducer, that of the chosen setting first; beside a setting given by hand, which
    stood alone in the other reducers, only its own.
    """
    own = swept[swept["arm"] == arm]
    if own["by_hand"].any():
        own = own[own["reducer"].isin(own.loc[own["chosen"], "reducer"])]
    if own.empty:
        return figure.sentence("too few discover knees")
    first = own.loc[own["chosen"], "reducer"].iloc[0]
    order = [first, *sorted(set(own["reducer"]) - {first})]
    lines = own["min_samples"].nunique()
    with figure.style():
        drawn = Figure(figsize=(7.2, (0.42 * lines + 0.35) * len(order) + 0.7))
        axes = drawn.subplots(len(order), 1, squeeze=False, sharex=True)[:, 0]
        for axis, reducer in zip(axes, order, strict=True):
            shown = _panel(axis, own[own["reducer"] == reducer])
            if len(order) > 1:
                name = display_names.REDUCERS[reducer]
                axis.set_title(name if reducer == first else f"{name}, for comparison")
        axes[-1].set_xlabel("least knees in a group (min_cluster_size)")
        drawn.colorbar(shown, ax=list(axes), label="found again")
    return drawn


def _panel(axis: Axes, own: pd.DataFrame) -> AxesImage:
    sizes, samples = sorted(own["min_cluster_size"].unique()), sorted(own["min_samples"].unique())
    score = own.pivot_table(
        index="min_samples", columns="min_cluster_size", values="stability", dropna=False
    )
    score = score.reindex(index=samples, columns=sizes).fillna(0.0)
    shown = axis.imshow(score.to_numpy(), vmin=0, vmax=1, aspect="auto")
    for row in own.itertuples():
        place = sizes.index(row.min_cluster_size), samples.index(row.min_samples)
        bright = score.loc[row.min_samples, row.min_cluster_size] > 0.55
        axis.text(
            *place,
            str(row.phenotypes),
            ha="center",
            va="center",
            color="black" if bright else "white",
            weight="bold" if row.best else "normal",
        )
        if row.best:
            corner = place[0] - 0.46, place[1] - 0.44
            frame = Rectangle(corner, 0.92, 0.88, fill=False, ec=figure.PALETTE[1], lw=2.5)
            frame.set_linestyle("-" if row.chosen else ":")
            axis.add_patch(frame)
    axis.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axis.set_yticks(range(len(samples)), [str(each) for each in samples])
    axis.set_ylabel("min_samples")
    return shown


def plot_null(null: pd.DataFrame, *, arm: str) -> Figure:
    """Draw what was observed against what data without groups give."""
    own = null[null["arm"] == arm]
    if own.empty:
        return figure.sentence("too few discover knees")
    observed = own.loc[own["reference"] == "observed", "statistic"]
    with figure.style():
        drawn = Figure(figsize=(6.4, 2.5))
        axis = drawn.subplots()
        for place, name in enumerate(REFERENCE_WORDS):
            values = np.sort(own.loc[own["reference"] == name, "statistic"].to_numpy())
            lift = place + 0.22 * np.sin(np.arange(len(values)) * 2.4)
            axis.plot(
                values,
                lift,
                "o",
                ms=4,
                alpha=0.6,
                color=figure.UNASSIGNED_COLOR,
                mec=figure.INK,
                mew=0.4,
            )
        for value in observed:
            axis.axvline(value, color=figure.PALETTE[1])
            side, gap = ("right", -4) if value > 0.5 else ("left", 4)  # beside the line
            axis.annotate(
                "these knees",
                (value, 2.55),
                (gap, 0),
                textcoords="offset points",
                fontsize=9,
                ha=side,
                color=figure.PALETTE[1],
            )
        axis.set_yticks(range(len(REFERENCE_WORDS)), list(REFERENCE_WORDS.values()))
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.5, 2.9), xlabel=DISTINCT)
    return drawn


def caption_sweep(swept: pd.DataFrame, *, arm: str) -> str:
    """Return the caption of the figure `plot_sweep` makes."""
    own = swept[swept["arm"] == arm]
    if own.empty:
        return f"No setting was tried in the arm {arm}."
    where = "" if own["by_hand"].any() else " with another reducer"
    return (
        f"Share of knees in a group that comes back, by setting, arm {arm}. Numbers are the groups "
        "found; the frame marks the setting that was taken, a dotted one what the rule would take"
        f"{where}."
    )


def caption_null(null: pd.DataFrame, *, arm: str) -> str:
    """Return the caption of the figure `plot_null` makes."""
    if null[null["arm"] == arm].empty:
        return f"Nothing was compared in the arm {arm}."
    return (
        f"The line is what these knees give in the arm {arm}; each point is one draw of data "
        "without groups, sent through the same search. The line counts where, of each kind, fewer "
        "than one draw in twenty does as well."
    )


def text_sweep(swept: pd.DataFrame, *, arm: str) -> str:
    """Say which setting was taken and what it gave, and what the rule would have taken."""
    own = swept[swept["arm"] == arm]
    if own.empty:
        return f"Too few discover knees: no setting was tried in the arm {arm}."
    one = own[own["chosen"]].iloc[0]
    how = f"was chosen by rule among {len(own)}"
    instead = ""
    if one["by_hand"]:
        how = "was given by hand, or taken by rule after a look at pain"
        for rule in own[own["best"] & ~own["chosen"]].itertuples():
            how = "was given by hand"
            instead = (
                f" Left alone, the rule takes {rule.min_cluster_size} with {rule.min_samples}: "
                f"{formatting.counted(int(rule.phenotypes), 'group')}, "
                f"{formatting.number(rule.stability)} of the knees found again."
            )
    return (
        f"{_reduced(one['reducer'])}, min_cluster_size {one['min_cluster_size']} with min_samples "
        f"{one['min_samples']} {how}: "
        f"{formatting.counted(int(one['phenotypes']), 'group')}, "
        f"{100 * one['noise_share']:.0f} % of the knees in none, "
        f"{formatting.number(one['stability'])} of the knees found again.{instead}"
    )


def _reduced(reducer: str) -> str:
    return (
        "Without reduction"
        if reducer == "none"
        else f"Reduced by {display_names.REDUCERS[reducer]}"
    )


def text_null(null: pd.DataFrame, *, arm: str) -> str:
    """Say what was observed and what the references gave."""
    own = null[null["arm"] == arm]
    if own.empty:
        return f"Too few discover knees: nothing was compared in the arm {arm}."
    seen = own.loc[own["reference"] == "observed", "statistic"].iloc[0]
    parts = [
        f"{REFERENCE_WORDS[str(name)]}: median {rows['statistic'].median():.3f}, at most "
        f"{rows['statistic'].max():.3f} in {len(rows)} draws"
        for name, rows in own[own["reference"] != "observed"].groupby("reference")
    ]
    told = f"The groups of these knees are distinct by {seen:.3f}. With {'; with '.join(parts)}."
    return told.replace("\n", " ")


def text_verdict(gates: pd.DataFrame, *, arm: str) -> str:
    """Say whether the grade may claim phenotypes in this arm, and if not, which gate failed."""
    own = gates[gates["arm"] == arm]
    grade = f"KL{int(own['kl_grade'].iloc[0])}"
    failed = own[~own["passed"]]
    if failed.empty:
        return f"**{grade}: every gate is passed; its groups may be called phenotypes.**"
    names = ", ".join(GATES[name] for name in failed["gate"])
    return (
        f"**{grade}: no phenotype is claimed.** Gates not passed: {names}. "
        f"{failed['sentence'].iloc[0]}"
    )


def table_gates(gates: pd.DataFrame, *, arm: str) -> pd.DataFrame:
    """Return the gates of one arm as a table for reading."""
    own = gates[gates["arm"] == arm]
    return pd.DataFrame(
        {
            "gate": own["gate"].map(GATES).to_numpy(),
            "passed": own["passed"].to_numpy(),
            "measured": [_written(r.gate, r.value) for r in own.itertuples()],
            "required": [
                f"{BOUNDS.get(r.gate, 'at least')} {_written(r.gate, r.threshold)}"
                for r in own.itertuples()
            ],
            "in words": own["sentence"].to_numpy(),
        }
    )


def _written(gate: str, value: float) -> str:
    """Write what a gate measured: knees and groups are whole, p values have three decimals."""
    return formatting.number(value, DECIMALS.get(gate, 2))


def table_passports(passports: pd.DataFrame, *, arm: str) -> pd.DataFrame:
    """Return how surely each phenotype of one arm comes back as a table for reading."""
    own = passports[passports["arm"] == arm]
    return pd.DataFrame(
        {
            "phenotype": [display_names.phenotype_label(k) for k in own["phenotype"]],
            "knees": own["knees"].to_numpy(),
            "people": own["participants"].to_numpy(),
            "comes back at": [
                formatting.spread(r.jaccard, r.low, r.high) for r in own.itertuples()
            ],
            "switch": [f"{100 * share:.0f} %" for share in own["switched"]],
            "earns a name": own["named"].to_numpy(),
        }
    )


def table_arms(gates: pd.DataFrame, contribution: pd.DataFrame) -> pd.DataFrame:
    """Return, for every arm, the first gate that failed and what the picture did."""
    first = gates[~gates["passed"]].drop_duplicates("arm").set_index("arm")["gate"]
    moved = contribution.set_index("arm")
    arms = gates["arm"].drop_duplicates().tolist()
    return pd.DataFrame(
        {
            "arm": arms,
            "first gate not passed": [GATES.get(first.get(arm, ""), "none") for arm in arms],
            "picture's share": [_of(moved, arm, "image_share") for arm in arms],
            "tree of other columns": [_of(moved, arm, "tree_ari") for arm in arms],
            "pictures shuffled": [_of(moved, arm, "shuffled_ari") for arm in arms],
            "read in other people": [_of(moved, arm, "read_ari") for arm in arms],
        }
    )


def _of(table: pd.DataFrame, arm: str, column: str) -> float:
    return float(table.loc[arm, column]) if arm in table.index else float("nan")
