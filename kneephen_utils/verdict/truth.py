"""Truth: what was planted in a synthetic release, beside what the study found.

Only stage verdict may look here; no other stage can know what was planted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score

from kneephen_utils import report
from kneephen_utils.inference import resample


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


BASELINE = "untrained groups"  # stands for an arm in the `truth` table


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


def ceiling(
    folder: str,
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    draws: int,
    seed: int,
) -> str:
    """Say how far a second simulated reader agrees with the release, and how far the grader does.

    Parameters
    ----------
    folder
        Folder of the planted truth; nothing is said without it.
    knees, participants
        Grades as read, and the split; people never trained on are compared.
    scores
        `grading_scores` table.
    draws, seed
        Bootstrap of people.

    References
    ----------
    Cohen (1968), weighted kappa, doi:10.1037/h0026256.
    """
    path = Path(folder) / "readers.parquet"
    if not folder or not path.exists():
        return ""
    both = knees[["knee_id", "participant_id", "kl_grade"]].dropna().merge(pd.read_parquet(path))
    split = participants.set_index("participant_id")["split"]
    both = both[both["participant_id"].map(split).isin(["discover", "confirm"])]
    first, other = both["kl_grade"].to_numpy(int), both["kl_second"].to_numpy(int)

    def kappa(rows: np.ndarray) -> float:
        return float(cohen_kappa_score(first[rows], other[rows], weights="quadratic"))

    people = both["participant_id"].reset_index(drop=True)
    readers = resample.interval(kappa, people, draws=draws, seed=seed)
    own = scores[(scores["predictor"] == "finetuned") & (scores["group"] == "all")]
    own = own[own["metric"] == "quadratic_weighted_kappa"].iloc[0]
    return (
        f"A second simulated reader agrees with the grades of the release at a weighted kappa of "
        f"{report.spread(*readers)}; the fine-tuned grader does at "
        f"{report.spread(own['estimate'], own['low'], own['high'])}. No grader can be asked for "
        "more than readers agree on."
    )


def shown(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison as a table for reading."""
    return pd.DataFrame(
        {
            "grade": [f"KL{grade}" for grade in compared["kl_grade"]],
            "arm": compared["arm"].to_numpy(),
            "groups planted": compared["planted"].astype("int64").to_numpy(),
            "adjusted Rand index": [
                report.spread(row.estimate, row.low, row.high) for row in compared.itertuples()
            ],
            "knees": compared["knees"].to_numpy(),
        }
    )


def note(compared: pd.DataFrame) -> str:
    """Say what the comparison rests on, or that there is nothing to compare with."""
    if compared.empty:
        return "This release is not synthetic: there is no planted truth."
    return "Confirm people only; unassigned knees count as a group; 95 % intervals by person."


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

    estimate, low, high = resample.interval(rand, knees["participant_id"], draws=draws, seed=seed)
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
        "sentence": f"{groups} group(s) planted, {claimed} found in KL{grade}, arm {arm}.",
    }
