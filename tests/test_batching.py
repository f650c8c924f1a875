"""Lesson: who is seen when is a function of seed, epoch and step, whoever does the work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kneephen_utils.encoder import batching

GRADES = np.repeat([0.0, 1, 2, 3, 4], [400, 250, 200, 100, 50])
PLAIN: dict[str, Any] = {
    "views": 3,
    "batch_size": 32,
    "epoch": 0,
    "seed": 1,
    "balance": "none",
    "patches": 49,
    "patch_dropout": 0.0,
}


def epoch(**changed: Any) -> list[batching.Batch]:
    return list(batching.batches(GRADES, **(PLAIN | changed)))


def same(first: list[batching.Batch], second: list[batching.Batch]) -> bool:
    return all(
        one.view == other.view and np.array_equal(one.rows, other.rows)
        for one, other in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("balance", ["none", "weights"])
def test_every_knee_comes_once_in_an_epoch(balance: str) -> None:
    made = epoch(balance=balance)
    assert sorted(np.concatenate([batch.rows for batch in made])) == list(range(len(GRADES)))
    assert {batch.view for batch in made} == {0, 1, 2}
    assert {len(batch.rows) for batch in made[:-1]} == {32}


def test_an_epoch_follows_from_seed_and_number() -> None:
    assert same(epoch(), epoch())
    assert not same(epoch(), epoch(epoch=1))
    assert not same(epoch(), epoch(seed=2))


def test_the_sampler_draws_each_grade_as_often_as_any_other() -> None:
    seen = np.concatenate(
        [batch.rows for number in range(20) for batch in epoch(balance="sampler", epoch=number)]
    )
    counts = np.bincount(GRADES[seen].astype(int))
    assert counts.sum() == 20 * len(GRADES)
    expected = counts.sum() / 5
    assert np.abs(counts - expected).max() < 4 * np.sqrt(expected)


def test_weights_give_every_grade_the_same_total_and_one_in_the_mean() -> None:
    weights = batching.weigh(GRADES)
    assert weights.mean() == pytest.approx(1)
    for grade in range(5):
        assert weights[grade == GRADES].sum() == pytest.approx(len(GRADES) / 5)


def test_patches_are_left_out_by_chance_each_as_often_as_any_other() -> None:
    made = epoch(patch_dropout=0.6)
    kept = np.concatenate([batch.kept for batch in made if batch.kept is not None])
    assert kept.shape == (len(GRADES), round(49 * 0.4))
    assert (np.diff(kept, axis=1) > 0).all()
    counts = np.bincount(kept.ravel(), minlength=49)
    expected = kept.size / 49
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
    assert epoch()[0].kept is None
    assert same(made, epoch())


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("accumulate", [1, 4])
def test_processes_and_passes_share_a_batch_without_loss(processes: int, accumulate: int) -> None:
    for batch in (epoch(patch_dropout=0.5)[0], epoch(patch_dropout=0.5)[-1]):
        given = [
            part
            for rank in range(processes)
            for part in batching.parts(batch, rank=rank, processes=processes, accumulate=accumulate)
        ]
        assert len(given) == processes * accumulate
        np.testing.assert_array_equal(np.concatenate([part.rows for part in given]), batch.rows)
        kept = [part.kept for part in given if part.kept is not None]
        np.testing.assert_array_equal(np.concatenate(kept), batch.kept)
