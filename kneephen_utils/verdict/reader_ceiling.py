"""How far any grader could get: two simulated readers of the same films, and the grader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from kneephen_utils import formatting
from kneephen_utils.stats import cluster_resampling


def text_ceiling(
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

    people = both["participant_id"].reset_index(drop=True)

    def agreed(other: np.ndarray) -> str:
        def kappa(rows: np.ndarray) -> float:
            return float(cohen_kappa_score(first[rows], other[rows], weights="quadratic"))

        return formatting.spread(
            *cluster_resampling.interval(kappa, people, draws=draws, seed=seed)
        )

    own = scores[(scores["predictor"] == "finetuned") & (scores["group"] == "all")]
    own = own[own["metric"] == "quadratic_weighted_kappa"].iloc[0]
    said = (
        f"A second simulated reader agrees with the grades of the release at a weighted kappa of "
        f"{agreed(other)}; the fine-tuned grader does at "
        f"{formatting.spread(own['estimate'], own['low'], own['high'])}."
    )
    planted = Path(folder) / "planted.parquet"
    if not planted.exists():
        return said
    true = both[["knee_id"]].merge(pd.read_parquet(planted)[["knee_id", "kl_true"]], how="left")
    return (
        f"{said} Two readers bring two errors: the true grade itself agrees at "
        f"{agreed(true['kl_true'].to_numpy(int))}, and no grader can be asked for more."
    )
