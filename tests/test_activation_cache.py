"""Shelf: cached views are those computed anew, found again by content, and bounded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import narrow
import numpy as np
import pytest
import torch

from kneephen_utils.encoder import Encoder, activation_cache, augmentation
from kneephen_utils.encoder.activation_cache import ActivationCache


@pytest.fixture(scope="module")
def study() -> narrow.Study:
    return narrow.study(40)


def cached(
    study: narrow.Study, reader: Encoder, place: ActivationCache | None, **changed: Any
) -> Any:
    asked: dict[str, Any] = {"frozen_blocks": 6, "views": 2, "seed": 0} | changed
    rows = asked.pop("rows", study.crops["image"].to_numpy())
    return augmentation.cache(reader, study.images, rows, shelf=place, **asked)


def test_views_from_the_shelf_are_those_in_memory_and_not_computed_again(
    study: narrow.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, place = narrow.encoder(), ActivationCache(tmp_path, 1.0)
    expected = cached(study, reader, None)
    first = cached(study, reader, place)
    monkeypatch.setattr(augmentation, "_fill", None)  # cannot be called
    again = cached(study, narrow.encoder(), place)
    assert len(list(tmp_path.iterdir())) == 1
    for one, two, three in zip(expected, first, again, strict=True):
        assert one.dtype == torch.float16
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@pytest.mark.parametrize("change", ["weights", "pictures", "seed", "views", "frozen_blocks"])
def test_whatever_the_views_depend_on_makes_other_views(
    study: narrow.Study, tmp_path: Path, change: str
) -> None:
    place, rows = ActivationCache(tmp_path, 1.0), study.crops["image"].to_numpy()[:4]
    cached(study, narrow.encoder(), place, rows=rows)
    reader, asked = narrow.encoder(), {"rows": rows}
    if change == "weights":
        with torch.no_grad():
            reader.trunk.blocks[5].mlp.fc2.bias += 1e-3
    elif change == "pictures":
        asked = {"rows": rows[::-1].copy()}
    else:
        asked |= {change: 1}
    cached(study, reader, place, **asked)
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_of_trained_blocks_make_no_other_views(study: narrow.Study, tmp_path: Path) -> None:
    place, rows = ActivationCache(tmp_path, 1.0), study.crops["image"].to_numpy()[:4]
    for change in (0.0, 1.0):
        reader = narrow.encoder()
        with torch.no_grad():
            reader.trunk.blocks[6].mlp.fc2.bias += change
        cached(study, reader, place, rows=rows)
    assert len(list(tmp_path.iterdir())) == 1


def test_processes_that_share_the_work_make_the_same_views(study: narrow.Study) -> None:
    reader, rows = narrow.encoder(), np.tile(study.crops["image"].to_numpy(), 3)  # four batches
    expected = torch.stack(cached(study, reader, None, rows=rows)).numpy()
    shared = np.full_like(expected, np.nan)
    own = augmentation.Work(reader, study.images, rows, 6, 2, 0)
    for rank in (2, 0, 1):
        augmentation._fill(shared, own, rank=rank, processes=3)
    np.testing.assert_array_equal(shared, expected)


def test_views_larger_than_the_shelf_are_refused(study: narrow.Study, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="but cache_gb is 1e-05; raise it or lower views"):
        cached(study, narrow.encoder(), ActivationCache(tmp_path, 1e-5))


def test_what_was_used_longest_ago_makes_room_and_what_was_unfinished_goes(tmp_path: Path) -> None:
    place = ActivationCache(tmp_path, 3000 / 1e9)
    for age, key in enumerate(["old", "older", "new"]):
        activation_cache.begin(place, key, (100,), np.float64)[:] = age
        activation_cache.finish(place, key)
        os.utime(tmp_path / f"{key}.npy", (age, age))
    activation_cache.begin(place, "killed", (2,), np.float64)
    found = activation_cache.find(place, "old")  # used again, so no longer the oldest
    assert found is not None
    assert (found == 0).all()
    activation_cache.begin(place, "newest", (100,), np.float64)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".newest.partial",
        "new.npy",
        "old.npy",
    ]


def test_a_digest_tells_bits_shapes_and_settings_apart() -> None:
    one = torch.arange(6.0)
    others = [one.view(2, 3), one.half(), one + 1e-7, -one]
    keys = {activation_cache.digest("a", [each]) for each in [one, *others]} | {
        activation_cache.digest("b", [one])
    }
    assert len(keys) == 6
    assert activation_cache.digest("a", [one]) == activation_cache.digest("a", [one.clone()])
