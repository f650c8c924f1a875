"""Agreement: whether the groups are the same by another road, and in a person's other knee."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score

from kneephen_utils import small_cells
from kneephen_utils.stats import cluster_resampling

DRAWS = 100  # resamples of people behind an interval
COLUMNS = ["kl_grade", "arm", "compared", "other", "measure", "estimate", "low", "high", "knees"]
SIDES = ["right", "left"]


def measure(
    phenotypes: pd.DataFrame, rivals: pd.DataFrame, knees: pd.DataFrame, *, seed: int
) -> pd.DataFrame:
    """Return the `agreement` table of one grade.

    The adjusted Rand index of the groups of each arm with those of the other arms and of the
    rivals, on discover knees, knees in no group being a group of their own; and the kappa of
    the two knees of a person, over people with both knees in a phenotype. Kappa is missing
    below ten such people. Intervals come from resampling people.

    Parameters
    ----------
    phenotypes, knees
        The tables of these names.
    rivals
        As `alternative_clusterings.gather` returns.
    seed
        Of the resamples.

    References
    ----------
    Hubert & Arabie (1985), doi:10.1007/BF01908075; Cohen (1960),
    doi:10.1177/001316446002000104.
    """
    known = phenotypes.merge(
        knees[["knee_id", "participant_id", "side"]], on="knee_id", validate="many_to_one"
    )
    found = known[known["split"] == "discover"]
    arms = found.rename(columns={"arm": "other"}).assign(compared="arm")
    rows: list[dict[str, Any]] = []
    for (grade, arm), own in found.groupby(["kl_grade", "arm"], sort=False):
        if (own["phenotype"] < 0).all():
            continue
        told = {"kl_grade": int(grade), "arm": arm}
        others = pd.concat([arms[arms["other"] != arm], rivals[rivals["arm"] == arm]])
        for (compared, other), theirs in others.groupby(["compared", "other"], sort=False):
            joined = own.merge(theirs[["knee_id", "phenotype"]], on="knee_id", suffixes=("", "_2"))
            values = rand(joined, seed=seed)
            rows.append({**told, "compared": compared, "other": other, **values})
        both = known[(known["arm"] == arm) & (known["kl_grade"] == grade)]
        values = kappa(both, seed=seed)
        rows.append({**told, "compared": "knees", "other": "the other knee", **values})
    kinds = {"kl_grade": "int64", "knees": "int64"}
    kinds |= dict.fromkeys(["estimate", "low", "high"], "float64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def rand(joined: pd.DataFrame, *, seed: int) -> dict[str, Any]:
    """Return the adjusted Rand index of `phenotype` and `phenotype_2`, one row per knee."""
    one, two = joined["phenotype"].to_numpy(), joined["phenotype_2"].to_numpy()

    def score(rows: np.ndarray) -> float:
        return float(adjusted_rand_score(one[rows], two[rows]))

    people = joined["participant_id"].reset_index(drop=True)
    estimate, low, high = cluster_resampling.interval(score, people, draws=DRAWS, seed=seed)
    told = {"estimate": estimate, "low": low, "high": high}
    return {"measure": "ari", **told, "knees": len(joined)}


def kappa(own: pd.DataFrame, *, seed: int) -> dict[str, Any]:
    """Return the kappa of right and left knees of the people with both in a phenotype."""
    wide = own[own["phenotype"] >= 0].pivot_table(
        index="participant_id", columns="side", values="phenotype", aggfunc="first"
    )
    wide = wide.reindex(columns=SIDES).dropna()
    told: dict[str, Any] = {"measure": "kappa", "knees": 2 * len(wide)}
    if len(wide) < small_cells.FEW:
        return told | dict.fromkeys(["estimate", "low", "high"], float("nan"))
    right, left = (wide[side].to_numpy(int) for side in SIDES)
    if len({*right, *left}) < 2:  # one phenotype: nothing to agree on
        return told | dict.fromkeys(["estimate", "low", "high"], float("nan"))
    every = np.unique([*right, *left])

    def score(rows: np.ndarray) -> float:
        if len({*right[rows], *left[rows]}) < 2:
            return float("nan")
        return float(cohen_kappa_score(right[rows], left[rows], labels=every))

    people = pd.Series(wide.index)
    values = cluster_resampling.interval(score, people, draws=DRAWS, seed=seed)
    return told | dict(zip(["estimate", "low", "high"], values, strict=True))
