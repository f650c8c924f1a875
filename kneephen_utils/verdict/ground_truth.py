"""Ground truth: what was planted in a synthetic release, beside what the study found.

Only stage verdict may look here; no other stage can know what was planted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from kneephen_utils import display_names, formatting
from kneephen_utils.stats import cluster_resampling
from kneephen_utils.verdict import expected_effects as planting

COLUMNS = ["quantity", "arm", "kl_grade", "planted", "estimate", "low", "high", "knees"]
COLUMNS += ["sentence"]
DIFFERENCES_NOTE = (
    "Planted: the mean hazards, levels or slopes planted in the knees of the two found groups. "
    "Pain, in points of 0 to 20 and points a year, was planted before the floor of the "
    "questionnaire, which pulls levels together. Confirm: people who did not help to find the "
    "groups; both: discover people too."
)


def read(folder: str | Path) -> pd.DataFrame:
    """Read what was planted, one row per knee.

    Raises
    ------
    FileNotFoundError
        If the folder holds no `planted.parquet`; only a synthetic release has one.
    """
    path = Path(folder) / "planted.parquet"
    if not path.exists():
        raise FileNotFoundError(f"{path}: not there; only a synthetic release has a planted truth")
    return pd.read_parquet(path)


BASELINE = "k-means"  # of the vectors before fine-tuning; stands for an arm in the `truth` table


def baseline(groups: pd.DataFrame) -> pd.DataFrame:
    """Return the groups of the untrained vectors within each grade, as `phenotypes` has them.

    Parameters
    ----------
    groups
        `zeroshot_groups` table.
    """
    own = groups.rename(columns={"within": "phenotype"})
    return own[["knee_id", "split", "kl_grade", "phenotype"]].assign(arm=BASELINE)


def compare(folder: str, phenotypes: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Return the `truth` table of a run: that of `agreement`, empty without a planted truth."""
    if not folder:
        return agreement(
            pd.DataFrame(columns=["knee_id", "participant_id", "phenotype"], dtype=object),
            phenotypes.iloc[:0],
            draws=draws,
            seed=seed,
        )
    return agreement(read(folder), phenotypes, draws=draws, seed=seed)


def differences(folder: str, phenotypes: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Return hazard ratios and pain of found groups beside what the planted ones would give.

    Parameters
    ----------
    folder
        Folder of the planted truth; empty where there is none.
    phenotypes
        `phenotypes` table of all grades and arms.
    effects
        As `verdict.primary` returns.

    Returns
    -------
    Rows of the `truth` table, one per contrast whose right answer is known; see
    `expected_effects.expected` for what that is.
    """
    numbers = dict.fromkeys(["planted", "estimate", "low", "high"], "float64")
    kinds = {"kl_grade": "Int64", "knees": "int64"} | numbers
    if not folder or effects.empty:
        return pd.DataFrame(columns=COLUMNS).astype(kinds)
    right = planting.expected(read(folder), phenotypes, effects)
    own = effects.assign(planted=right)
    own = own[own["estimate"].notna() & own["planted"].notna()]
    rows = [_difference(row) for row in own.to_dict("records")]
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def table_differences(compared: pd.DataFrame, *, arm: str) -> pd.DataFrame:
    """Return the differences of one arm as a table for reading."""
    own = compared[compared["arm"] == arm]
    held = (own["low"] <= own["planted"]) & (own["planted"] <= own["high"])
    return pd.DataFrame(
        {
            "grade": [f"KL{grade}" for grade in own["kl_grade"]],
            "difference": own["quantity"].map(display_names.in_words).to_numpy(),
            "planted": own["planted"].to_numpy(),
            "found": [
                formatting.spread(row.estimate, row.low, row.high) for row in own.itertuples()
            ],
            "interval holds it": held.to_numpy(),
            "knees": own["knees"].to_numpy(),
        }
    )


def together(groups: pd.DataFrame, differing: pd.DataFrame) -> pd.DataFrame:
    """Return the whole `truth` table: agreement of groups, then differences."""
    if groups.empty or differing.empty:
        return groups if differing.empty else differing
    return pd.concat([groups, differing], ignore_index=True)


def text_differences(compared: pd.DataFrame) -> str:
    """Count the intervals that hold the planted value, over all arms, or say that none can."""
    if compared.empty:
        return "No difference was estimated whose planted value is known."
    held = (compared["low"] <= compared["planted"]) & (compared["planted"] <= compared["high"])
    return (
        f"Of {len(held):,} intervals, all arms together, {int(held.sum()):,} hold what was "
        "planted. "
        "They share knees, so this measures no coverage; the page on calibration does."
    )


def table_truth(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the agreement of the groups as a table for reading: grades down, arms across."""
    told = compared.assign(
        told=[formatting.spread(row.estimate, row.low, row.high) for row in compared.itertuples()]
    )
    by_grade = told.groupby("kl_grade")
    first = pd.DataFrame(
        {
            "grade": [f"KL{grade}" for grade in by_grade.groups],
            "groups planted": by_grade["planted"].max().astype("int64").to_numpy(),
            "knees": by_grade["knees"].max().to_numpy(),
        }
    )
    wide = told.pivot_table(index="kl_grade", columns="arm", values="told", aggfunc="first")
    arms = sorted(wide, key=lambda arm: arm == BASELINE)  # the baseline last
    wide = wide.reindex(columns=arms).rename_axis(columns=None)
    return pd.concat([first, wide.reset_index(drop=True)], axis=1)


def text_truth(compared: pd.DataFrame, *, arm: str) -> str:
    """Say in which grades the baseline lies nearer to what was planted than the groups of an arm.

    Parameters
    ----------
    compared
        As `agreement` returns, the baseline among the arms.
    arm
        The arm claims are made from.
    """
    by_grade = compared.set_index("kl_grade")
    own, base = (by_grade[by_grade["arm"] == each] for each in (arm, BASELINE))
    both = own.join(base, how="inner", rsuffix="_base")
    if both.empty:
        return ""
    chance = ~(both["low_base"] > 0)
    better = both[~chance & (both["estimate_base"] > both["estimate"])]
    caveat = "k-means makes groups where there are none and passed no gate: it claims nothing."
    if better.empty:
        return f"In no grade does k-means lie nearer to what was planted than arm {arm}; {caveat}"
    told = ", ".join(
        f"KL{grade} ({row['estimate_base']:.2f} against {row['estimate']:.2f})"
        for grade, row in better.iterrows()
    )
    said = f"**k-means lies nearer to what was planted than arm {arm} in {told}.**"
    apart = better[better["low_base"] > better["high"].fillna(better["estimate"])]
    if len(apart):
        grades = ", ".join(f"KL{grade}" for grade in apart.index)
        said += (
            f" In {grades} the intervals lie apart: fine-tuning, what is taken out of the picture "
            "or the search for dense groups loses something that the picture holds."
        )
    return f"{said} But {caveat}"


def note(compared: pd.DataFrame) -> str:
    """Say what the comparison rests on, or that there is nothing to compare with."""
    if compared.empty:
        return "This release is not synthetic: there is no planted truth."
    return (
        "Adjusted Rand index in confirm people, 95 % intervals by person. Unassigned knees count "
        "as a group: a planted group left out as a whole counts as found, and a grade that was "
        "not searched is one group, without an interval. Where one group was planted, 1 says that "
        "the knees were left together, 0 that they were divided."
    )


def agreement(
    planted: pd.DataFrame, phenotypes: pd.DataFrame, *, draws: int, seed: int
) -> pd.DataFrame:
    """Compare the found groups with the planted ones in people who did not help to find them.

    Parameters
    ----------
    planted
        One row per knee with `knee_id`, `participant_id` and the planted `phenotype`.
    phenotypes
        `phenotypes` table of all grades and arms.
    draws, seed
        Bootstrap of people for the intervals.

    Returns
    -------
    `truth` table: the adjusted Rand index per grade and arm in `confirm` knees, unassigned
    knees counted as a group of their own; 0 is chance, 1 is the planted partition.

    References
    ----------
    Hubert & Arabie (1985), doi:10.1007/BF01908075.
    """
    known = planted[["knee_id", "participant_id", "phenotype"]]
    known = known.rename(columns={"phenotype": "planted"})
    joined = phenotypes.merge(known, on="knee_id", validate="many_to_one")
    joined = joined[joined["split"] == "confirm"]
    rows = [
        _one(knees.reset_index(drop=True), int(grade), str(arm), draws, seed)
        for (grade, arm), knees in joined.groupby(["kl_grade", "arm"])
    ]
    columns = ["quantity", "arm", "kl_grade", "planted", "estimate", "low", "high", "knees"]
    table = pd.DataFrame(rows, columns=[*columns, "sentence"])
    kinds = {"kl_grade": "Int64", "planted": "float64", "knees": "int64"}
    return table.astype(kinds | dict.fromkeys(["estimate", "low", "high"], "float64"))


def _one(knees: pd.DataFrame, grade: int, arm: str, draws: int, seed: int) -> dict[str, object]:
    found, planted = knees["phenotype"].to_numpy(), knees["planted"].to_numpy()

    def rand(rows: np.ndarray) -> float:
        return float(adjusted_rand_score(planted[rows], found[rows]))

    estimate, low, high = cluster_resampling.interval(
        rand, knees["participant_id"], draws=draws, seed=seed
    )
    if len(set(found)) == 1:  # nothing was divided: the index is 0 or 1 by definition
        low = high = float("nan")
    groups = len(set(planted))
    claimed = len(set(found) - {-1})
    return {
        "quantity": "adjusted Rand index of phenotypes",
        "arm": arm,
        "kl_grade": grade,
        "planted": float(groups),
        "estimate": estimate,
        "low": low,
        "high": high,
        "knees": len(knees),
        "sentence": f"Groups planted: {groups}, found: {claimed}, in KL{grade}, arm {arm}.",
    }


def _difference(row: dict) -> dict[str, object]:
    one, other = (display_names.phenotype_label(row[each]) for each in ("phenotype", "reference"))
    what = f"{row['outcome']}: {row['contrast']}, {one} against {other}, {row['sample']}"
    known = {name: row[name] for name in ("arm", "kl_grade", "planted", "estimate", "low", "high")}
    said = f"In KL{row['kl_grade']}, {what}: {row['planted']:.2f} would be right."
    return {"quantity": what, **known, "knees": row["knees"], "sentence": said}
