"""Checkpoint: a training that was killed ends as if nothing had happened."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import narrow
import pytest
import torch
from pandas.testing import assert_frame_equal
from safetensors import safe_open

from kneephen_utils.encoder import checkpoint, distributed, trainer

SHORT = dataclasses.replace(narrow.SETTINGS, epochs=3)
CHANCE = dataclasses.replace(  # as much chance as a training can have
    SHORT, balance="sampler", patch_dropout=0.5, layer_decay=0.7, head="corn", accumulate=2
)


class KilledError(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def study() -> narrow.Study:
    return narrow.study(30)


def kill_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the training when the state of so many epochs is on disk."""
    original = checkpoint.save

    def save(path: Path, **state: Any) -> None:
        original(path, **state)
        if len(state["rows"]) == epochs:
            raise KilledError

    monkeypatch.setattr(checkpoint, "save", save)


def begun(
    study: narrow.Study, path: Path, *, epochs: int, settings: trainer.Settings = SHORT
) -> None:
    """Leave in `path` what a training killed after so many epochs leaves."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_after(epochs, monkeypatch)
        with pytest.raises(KilledError):
            narrow.trained(study, settings, path, dropout=dropout(settings))


def dropout(settings: trainer.Settings) -> float:
    """Return the dropout of the encoder that goes with the settings."""
    return 0.3 if settings is CHANCE else 0.0


@pytest.mark.parametrize(
    ("epochs", "settings"), [(1, SHORT), (2, SHORT), (3, SHORT), (1, CHANCE), (2, CHANCE)]
)
def test_going_on_equals_never_having_stopped_to_the_last_bit(
    study: narrow.Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    epochs: int,
    settings: trainer.Settings,
) -> None:
    how = {"dropout": dropout(settings)}
    _, undisturbed, expected = narrow.trained(study, settings, **how)
    path = tmp_path / "kept" / "grading.safetensors"
    begun(study, path, epochs=epochs, settings=settings)
    passed: list[int] = []
    original = trainer._epoch

    def epoch(run: Any, *, number: int) -> float:
        passed.append(number)
        return original(run, number=number)

    monkeypatch.setattr(trainer, "_epoch", epoch)
    _, resumed, history = narrow.trained(study, settings, path, **how)
    assert passed == list(range(epochs, 3))
    assert_frame_equal(history, expected, check_exact=True)
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    assert list(path.parent.iterdir()) == []


def test_the_scale_of_the_loss_goes_on_where_it_was(
    study: narrow.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "fabric", lambda **_: narrow.half_precision(growth=4))
    _, undisturbed, expected = narrow.trained(study, SHORT)
    path = tmp_path / "grading.safetensors"
    begun(study, path, epochs=2)
    with safe_open(path, framework="pt") as file:
        kept = json.loads(file.metadata()["scale"])
    assert kept["scale"] > narrow.half_precision().strategy.precision.state_dict()["scale"]
    _, resumed, history = narrow.trained(study, SHORT, path)
    assert_frame_equal(history, expected, check_exact=True)
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


@pytest.mark.parametrize("change", ["seed", "grades", "damage"])
def test_the_state_of_another_training_or_a_damaged_one_is_not_used(
    study: narrow.Study, tmp_path: Path, change: str
) -> None:
    path = tmp_path / "grading.safetensors"
    begun(study, path, epochs=1)
    settings = SHORT
    if change == "damage":
        path.write_bytes(path.read_bytes()[:1000])
    elif change == "seed":
        settings = dataclasses.replace(SHORT, seed=5)
    else:
        reversed_grades = study.knees["kl_grade"].to_numpy()[::-1]
        study = study._replace(knees=study.knees.assign(kl_grade=reversed_grades))
    _, _, history = narrow.trained(study, settings, path)
    assert_frame_equal(history, narrow.trained(study, settings)[2], check_exact=True)
