"""Aggregation: who is averaged with whom, and how sure the average is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kneephen_utils import small_cells
from kneephen_utils.stats import cluster_resampling

FEWEST = (
    small_cells.FEW
)  # a mean over fewer knees is neither shown nor written, whatever the release
ALL_GRADES, ALL_KNEES = -1, -2
GROUP = ["kl_grade", "phenotype"]


def gather(known: pd.DataFrame) -> pd.DataFrame:
    """Return who is averaged with whom: `known`, once for every group a knee belongs to.

    All knees together (grade -1, phenotype -2), each grade (phenotype -2), each phenotype.
    Groups of fewer than `FEWEST` knees are left out.
    """
    every = known.assign(kl_grade=ALL_GRADES, phenotype=ALL_KNEES)
    parts = pd.concat([every, known.assign(phenotype=ALL_KNEES), known], ignore_index=True)
    size = parts.groupby(GROUP)["knee_id"].transform("size")
    return parts[size >= FEWEST].reset_index(drop=True)


def sample(known: pd.DataFrame, *, knees: int, seed: int) -> pd.DataFrame:
    """Return whole people drawn at random, until there are at least that many knees."""
    people = np.random.default_rng([seed, 4]).permutation(known["participant_id"].unique())
    counts = known["participant_id"].value_counts().reindex(people).cumsum().to_numpy()
    drawn = people[: np.searchsorted(counts, knees) + 1]
    return known[known["participant_id"].isin(drawn)].reset_index(drop=True)


def summarise(
    values: pd.DataFrame, members: pd.DataFrame, by: Sequence[str], *, draws: int, seed: int
) -> pd.DataFrame:
    """Average a value per knee over each group, with intervals from a bootstrap of people.

    Parameters
    ----------
    values
        Long table: columns `by`, `knee_id`, `value`.
    members
        As `gather` returns; only knees with a value count.
    by
        Columns that tell one kind of value from another.
    draws, seed
        Resamples of people.

    Returns
    -------
    One row per group and kind: `arm`, `kl_grade`, `phenotype`, `by`, `estimate`, `low`, `high`,
    `knees`, `participants`. Without a second person there is no interval.
    """
    wide = values.pivot_table(index="knee_id", columns=list(by), values="value")
    parts = []
    for (arm, grade, phenotype), rows in members.groupby(["arm", *GROUP]):
        table = wide.loc[rows["knee_id"]]
        numbers, people = table.to_numpy(), rows["participant_id"]
        resampled = cluster_resampling.bootstrap_people(people, draws=draws, seed=seed)
        means = np.array([numbers[chosen].mean(axis=0) for chosen in resampled])
        low, high = np.quantile(means, [0.025, 0.975], axis=0)
        alone = people.nunique() < 2
        made = pd.DataFrame(index=table.columns).assign(
            estimate=numbers.mean(axis=0),
            low=np.nan if alone else low,
            high=np.nan if alone else high,
        )
        count = {"knees": len(rows), "participants": people.nunique()}
        group = {"arm": arm, "kl_grade": grade, "phenotype": phenotype}
        parts.append(made.reset_index().assign(**group, **count))
    return pd.concat(parts, ignore_index=True)
