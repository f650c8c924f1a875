"""Resample: people stay whole, seeds decide, and p values are never zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kneephen_utils.stats import cluster_resampling

PEOPLE = pd.Series(["a", "b", "a", "c", "b", "d"])


def test_a_bootstrap_draws_whole_people() -> None:
    for rows in cluster_resampling.bootstrap_people(PEOPLE, draws=20, seed=1):
        counts = pd.Series(rows).value_counts().reindex(range(6), fill_value=0)
        assert counts[0] == counts[2]
        assert counts[1] == counts[4]


def test_a_draw_depends_on_the_seed_and_its_number_alone() -> None:
    few = list(cluster_resampling.bootstrap_people(PEOPLE, draws=3, seed=1))
    many = list(cluster_resampling.bootstrap_people(PEOPLE, draws=9, seed=1))
    assert all(np.array_equal(one, other) for one, other in zip(few, many, strict=False))
    other_seed = list(cluster_resampling.bootstrap_people(PEOPLE, draws=9, seed=2))
    assert any(not np.array_equal(one, two) for one, two in zip(many, other_seed, strict=True))


def test_a_subsample_holds_the_share_of_people_without_repeats() -> None:
    for rows in cluster_resampling.subsample_people(PEOPLE, draws=60, share=0.5, seed=1):
        assert len(set(rows)) == len(rows)
        assert PEOPLE.iloc[rows].nunique() == 2
        assert len(rows) == PEOPLE.isin(PEOPLE.iloc[rows]).sum()


def test_the_interval_of_a_mean_over_people_covers_at_its_level() -> None:
    """Two equal knees a person: an interval that counts knees as independent covers too rarely."""
    rng = np.random.default_rng(0)
    covered = 0
    for repeat in range(60):
        value = np.repeat(rng.normal(size=40), 2)
        people = pd.Series(np.repeat(np.arange(40), 2))

        def mean(rows: np.ndarray, value: np.ndarray = value) -> float:
            return float(value[rows].mean())

        _, low, high = cluster_resampling.interval(mean, people, draws=200, seed=repeat)
        covered += low <= 0 <= high
    assert 50 <= covered <= 60


def test_an_interval_of_nothing_is_missing() -> None:
    estimate, low, high = cluster_resampling.interval(
        lambda _: float("nan"), PEOPLE, draws=5, seed=1
    )
    assert np.isnan([estimate, low, high]).all()


@pytest.mark.parametrize(("observed", "expected"), [(9.0, 1 / 5), (0.5, 4 / 5), (0.0, 1.0)])
def test_a_permutation_p_counts_the_observed_one(observed: float, expected: float) -> None:
    assert cluster_resampling.permutation_p(observed, np.array([-1.0, 0.2, 0.7, 2.0])) == expected
