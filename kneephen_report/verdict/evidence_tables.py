"""Evidence tables: the gates and tests of a study at one glance, and as tables for reading."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kneephen_report import figure
from kneephen_utils import display_names, formatting
from kneephen_utils.tables.evidence import GATES_ASKED as HEADS

MARKS = {
    "passed": ("#00694f", "passed"),
    "failed": ("#a63d00", "failed"),
    "not run": ("#6b6b6b", "not run"),
    "supported": ("#00694f", "supported"),
    "exploratory": ("#00508a", "explor-\natory"),
    "not supported": ("#5b5b5b", "not\nsupported"),
    "refused": ("#a63d00", "refused"),
    "no phenotype": ("#6b6b6b", "no\nphenotype"),
}
UNITS = {"ratio": ""}  # the difference says that it is one
FALLEN_NOTE = "All arms; the artefact `claims` lists every single one."
DIFFERENCES_NOTE = (
    "Estimates with 95 % intervals; p adjusted within the family (Holm). Confirm: people who did "
    "not help to find the groups; both: discover people too, never more than exploratory."
)


def plot_evidence(claims: pd.DataFrame, gates: pd.DataFrame, *, arm: str) -> Figure:
    """Draw the evidence of one arm: grades down, gates and tests across, each held or not."""
    own = claims[claims["arm"] == arm]
    grid = _gate_marks(gates[gates["arm"] == arm])
    for question in ("pain", "progression"):
        tests = own[own["question"] == question].groupby("kl_grade")["verdict"]
        grid[question] = tests.agg(_best).reindex(grid.index, fill_value="not run")
    with figure.style():
        drawn, axis = plt.subplots(figsize=(8.2, 0.55 * len(grid) + 1.6))
        for y, (_, row) in enumerate(grid.iterrows()):
            for x, word in enumerate(row):
                color, mark = MARKS[word]
                axis.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, color=color))
                axis.text(x, y, mark, ha="center", va="center", fontsize=8, color="white")
        axis.set(xlim=(-0.5, grid.shape[1] - 0.5), ylim=(len(grid) - 0.5, -0.5))
        axis.set_yticks(range(len(grid)), [f"KL{grade}" for grade in grid.index])
        names = [HEADS.get(str(name), str(name)) for name in grid.columns]
        axis.set_xticks(range(grid.shape[1]), names, fontsize=8)
        axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axis.spines[:].set_visible(False)
    return drawn


def caption(arm: str) -> str:
    """Return the caption of the figure `plot_evidence` makes."""
    return (
        f"What was asked of the groups in each grade, arm {arm}. Phenotypes are claimed only where "
        "every gate from left to right was passed; pain and progression show the best verdict of "
        "their tests."
    )


def text_evidence(gates: pd.DataFrame, *, arm: str) -> str:
    """Say in words what the figure `plot_evidence` makes shows, for readers who cannot see it."""
    own = gates[gates["arm"] == arm]
    lines = [
        f"KL{grade}: {int(rows['passed'].sum())} of {len(rows)} gates passed"
        for grade, rows in own.groupby("kl_grade")
    ]
    return "Gates by grade. " + "; ".join(lines) + "."


def grades(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the claims about whole grades as a table for reading."""
    own = claims[claims["question"] == "phenotypes"].sort_values(["kl_grade", "arm"])
    return pd.DataFrame(
        {
            "grade": [f"KL{grade}" for grade in own["kl_grade"]],
            "arm": own["arm"].to_numpy(),
            "verdict": own["verdict"].to_numpy(),
            "decided by": own["weakest_link"].to_numpy(),
            "null p": [formatting.p_value(p) for p in own["null_p"]],
            "stability": own["stability"].to_numpy(),
            "from the picture": own["image_phenotype"].astype(object).to_numpy(),
        }
    )


def grades_note(arm: str) -> str:
    """Return the note under the table `grades` makes."""
    return (
        f"Claims rest on arm {arm} alone; other arms are shown beside it. Null p: the largest of "
        "those of the references. Stability: the least Jaccard of the grade's phenotypes when "
        "people are resampled."
    )


def differences(claims: pd.DataFrame, *, arm: str) -> pd.DataFrame:
    """Return the tests of one arm in the grades that hold phenotypes as a table for reading."""
    tests = claims[(claims["question"] != "phenotypes") & (claims["arm"] == arm)]
    own = tests[tests["verdict"] != "no phenotype"]
    spread = [
        formatting.spread(row.estimate, row.low, row.high)
        + f" {UNITS.get(row.unit, row.unit)}".rstrip()
        if pd.notna(row.estimate)
        else formatting.MISSING
        for row in own.itertuples()
    ]
    return pd.DataFrame(
        {
            "grade": [f"KL{grade}" for grade in own["kl_grade"]],
            "difference": [display_names.in_words(str(contrast)) for contrast in own["contrast"]],
            "estimate": spread,
            "p": [formatting.p_value(p) for p in own["p_adjusted"]],
            "knees": own["knees"].astype(object).to_numpy(),
            "firewall": own["firewall"].to_numpy(),
            "verdict": own["verdict"].to_numpy(),
            "decided by": own["weakest_link"].to_numpy(),
        }
    )


def differences_note(claims: pd.DataFrame, *, arm: str) -> str:
    """Return the note under the table `differences` makes; one without rows says why."""
    if differences(claims, arm=arm).empty:
        return f"No row: no grade of arm {arm} holds phenotypes, so nothing is left to compare."
    return DIFFERENCES_NOTE


def fallen(claims: pd.DataFrame) -> pd.DataFrame:
    """Return how many tests of every arm were refused, or fell with their phenotype, and why."""
    tests = claims[claims["question"] != "phenotypes"]
    own = tests[tests["verdict"].isin(["refused", "no phenotype"])]
    counted = own.groupby(["arm", "kl_grade", "verdict", "weakest_link"]).size()
    table = counted.rename("tests").reset_index()
    return pd.DataFrame(
        {
            "arm": table["arm"],
            "grade": [f"KL{grade}" for grade in table["kl_grade"]],
            "verdict": table["verdict"],
            "decided by": table["weakest_link"],
            "tests": table["tests"],
        }
    )


def _gate_marks(gates: pd.DataFrame) -> pd.DataFrame:
    words = gates.assign(word=gates["passed"].map({True: "passed", False: "failed"}))
    order = gates["gate"].drop_duplicates().tolist()
    table = words.pivot_table(
        index="kl_grade", columns="gate", values="word", aggfunc="first"
    ).reindex(columns=order)
    return table.fillna("not run").rename_axis(columns=None)


def _best(verdicts: pd.Series) -> str:
    order = ["supported", "exploratory", "not supported", "refused", "no phenotype"]
    return next(word for word in order if word in set(verdicts))
