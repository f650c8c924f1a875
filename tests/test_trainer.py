"""Tuning: only the upper half learns, and from cached activations."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import narrow
import numpy as np
import pytest
import torch
from pandas.testing import assert_frame_equal

from kneephen_utils import tables
from kneephen_utils.encoder import (
    Encoder,
    augmentation,
    batching,
    distributed,
    finetune,
    load_tuned,
    save_tuned,
    trainer,
)

GRADES = np.array([0.0, 1, 2, 3, 4])
SHORT = dataclasses.replace(narrow.SETTINGS, epochs=1)


@pytest.fixture(scope="module")
def study() -> narrow.Study:
    return narrow.study(60)


def chooses(study: narrow.Study) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures and grades of the knees that choose the epoch in `narrow.trained`."""
    grades = study.knees["kl_grade"].to_numpy(float)
    return study.crops["image"].to_numpy()[80:], grades[80:]


def grade(encoder: Encoder, upper: finetune.TrainableTail, pictures: torch.Tensor) -> torch.Tensor:
    """Grade the slow way: through the whole trunk, as if nothing was cached."""
    return upper.head(encoder.project(encoder.trunk(pictures)))


# --- what is trained


def test_training_changes_blocks_6_to_11_norm_projection_and_head_alone(
    study: narrow.Study,
) -> None:
    untrained = narrow.encoder()
    before, projection = untrained.trunk.state_dict(), untrained.projection.weight
    encoder, upper, _ = narrow.trained(study, SHORT)
    changed = {
        ".".join(name.split(".")[:2]) if name.startswith("blocks") else name.split(".")[0]
        for name, value in encoder.trunk.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {f"blocks.{number}" for number in range(6, 12)} | {"norm"}
    assert not torch.equal(encoder.projection.weight, projection)
    assert not torch.equal(upper.head.linear.weight, torch.zeros(1, narrow.DIMENSIONS))


def test_counts_add_up_to_the_whole_model() -> None:
    encoder = narrow.encoder()
    upper = finetune.upper_half(encoder, grades=GRADES, frozen_blocks=6)
    counted = finetune.count(encoder, upper).set_index("part")["parameters"]
    free = sum(p.numel() for p in upper.parameters())
    own = [*encoder.trunk.parameters(), *encoder.projection.parameters()]
    assert counted["trained"] == free
    assert counted["all"] == sum(p.numel() for p in own) + encoder.others + narrow.DIMENSIONS + 1
    assert counted["trained"] + counted["frozen"] == counted["all"]


@pytest.mark.parametrize("frozen", [-1, 13])
def test_a_number_of_frozen_blocks_there_are_not_is_refused(frozen: int) -> None:
    with pytest.raises(ValueError, match=f"frozen_blocks is {frozen}; expected 0 to 12"):
        finetune.upper_half(narrow.encoder(), grades=GRADES, frozen_blocks=frozen)


# --- cached activations


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 0.0), (torch.float16, 2e-3)])
@pytest.mark.parametrize("frozen", [0, 1, 6])
def test_cached_activations_give_the_grades_and_gradients_of_the_whole_forward(
    study: narrow.Study,
    precision: torch.dtype,
    tolerance: float,
    frozen: int,
) -> None:
    encoder, grades = narrow.encoder(), study.knees["kl_grade"].to_numpy(float)
    upper = finetune.upper_half(encoder, grades=GRADES, frozen_blocks=frozen)
    torch.nn.init.normal_(upper.head.linear.weight)
    rows, target = study.crops["image"].to_numpy()[:16], torch.tensor(grades[:16]).float()
    tokens = augmentation.cache(
        encoder,
        study.images,
        rows,
        frozen_blocks=frozen,
        views=0,
        seed=0,
        precision=precision,
    )[0]
    found = []
    for predicted in (
        upper.grade(tokens.float()),
        grade(encoder, upper, encoder.prepare(study.images.oindex[rows])),
    ):
        upper.zero_grad()
        torch.nn.functional.mse_loss(predicted, target).backward()
        found.append((predicted.detach(), [p.grad.clone() for p in upper.parameters()]))
    (fast, fast_gradients), (slow, slow_gradients) = found
    assert (fast - slow).abs().max() <= tolerance
    for one, other in zip(fast_gradients, slow_gradients, strict=True):
        assert (one - other).abs().max() <= tolerance * max(1.0, float(other.abs().max()))


def test_streamed_activations_are_those_of_the_cache(study: narrow.Study) -> None:
    encoder, rows = narrow.encoder(), study.crops["image"].to_numpy()
    streamed = torch.cat(list(augmentation.stream(encoder, study.images, rows, frozen_blocks=6)))
    kept = augmentation.cache(encoder, study.images, rows, frozen_blocks=6, views=2, seed=0)
    assert len(kept) == 3
    assert torch.equal(streamed, kept[0])
    assert not torch.equal(kept[1], kept[2])


def test_a_changed_view_is_turned_a_little_but_never_mirrored() -> None:
    side = torch.zeros(200, 1, 32, 32)
    side[..., 12:20, 22:26] = 1.0  # a mark on the medial side, right of the middle
    seen = augmentation.augment(side, torch.Generator().manual_seed(0))
    right, left = seen[..., 16:].mean((1, 2, 3)), seen[..., :16].mean((1, 2, 3))
    assert (right > left).all()
    assert (seen - side).abs().mean() > 0.01


# --- the loss and its schedule


def test_the_ranking_loss_equals_a_loop_over_pairs() -> None:
    rng = np.random.default_rng(0)
    predicted, read = rng.uniform(0, 4, 9), rng.integers(0, 5, 9).astype(float)
    lacking = [
        max(0.0, 0.5 - (predicted[i] - predicted[j]))
        for i in range(9)
        for j in range(9)
        if read[i] > read[j]
    ]
    both = torch.tensor(predicted), torch.tensor(read)
    assert batching.ranking(*both).item() == pytest.approx(np.mean(lacking))
    assert batching.ranking(both[0], torch.ones(9)).item() == 0


def test_the_rate_rises_in_a_line_and_falls_along_half_a_cosine() -> None:
    rates = [trainer._schedule(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10:] == pytest.approx(
        [0.5 + 0.5 * math.cos(math.pi * step / 90) for step in range(90)]
    )


# --- training


def test_a_planted_grade_is_learnt_better_than_any_constant(study: narrow.Study) -> None:
    _, _, history = narrow.trained(study)
    tables.check(history, "history")
    assert (history["validation_loss"] >= history["validation_mae"] ** 2 - 1e-6).all()
    grades = chooses(study)[1]
    constant = min(np.abs(grades - answer).mean() for answer in np.arange(0, 4.01, 0.1))
    assert history["validation_mae"].min() < 0.5 * constant
    assert (
        history.loc[history["chosen"], "validation_mae"].item() == history["validation_mae"].min()
    )


def test_the_chosen_epoch_is_the_one_kept(study: narrow.Study) -> None:
    rows, grades = chooses(study)
    encoder, upper, history = narrow.trained(study)
    tokens = augmentation.cache(encoder, study.images, rows, frozen_blocks=6, views=0, seed=0)[0]
    error = np.abs(trainer.predict(upper, tokens) - grades).mean()
    assert error == pytest.approx(history["validation_mae"].min())


def test_the_same_seed_gives_the_same_history_and_another_seed_another(study: narrow.Study) -> None:
    runs = [narrow.trained(study, SHORT)[2] for _ in range(2)]
    assert_frame_equal(*runs, check_exact=True)
    other = narrow.trained(study, dataclasses.replace(SHORT, seed=4))[2]
    assert not np.array_equal(other["train_loss"], runs[0]["train_loss"])


@pytest.mark.parametrize("errors", [[], [1.0, 2.0], [1.0, 2.0, 0.9], [1.0, 1.0]])
def test_training_goes_on_while_it_gains(errors: list[float]) -> None:
    assert not trainer._stalled([{"validation_mae": error} for error in errors], 2)


@pytest.mark.parametrize("errors", [[1.0, 2.0, 2.0], [1.0, 0.9, 0.9, 1.0]])
def test_training_stops_after_two_epochs_without_gain(errors: list[float]) -> None:
    assert trainer._stalled([{"validation_mae": error} for error in errors], 2)


def test_what_was_learnt_survives_the_disk(
    study: narrow.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, upper, _ = narrow.trained(study, SHORT)
    save_tuned(encoder, tmp_path / "e.safetensors", head=upper.head, frozen_blocks=6)
    monkeypatch.setattr(
        "kneephen_utils.encoder.finetuned_weights.load", lambda *_, **__: narrow.encoder()
    )
    again = load_tuned("narrow", tmp_path / "e.safetensors", frozen_blocks=6)
    for name, value in encoder.trunk.state_dict().items():
        assert torch.equal(again.trunk.state_dict()[name], value), name
    assert torch.equal(again.projection.weight, encoder.projection.weight)


# --- options


def test_weights_for_rare_grades_weigh_each_knee_in_the_loss(study: narrow.Study) -> None:
    settings = dataclasses.replace(narrow.SETTINGS, balance="weights", ranking_weight=0.3)
    encoder, grades = narrow.encoder(), np.array([0.0, 0, 0, 0, 1, 1, 4, 4])
    upper = finetune.upper_half(encoder, grades=grades, frozen_blocks=6)
    torch.nn.init.normal_(upper.head.linear.weight)
    rows = study.crops["image"].to_numpy()[:8]
    tokens = augmentation.cache(encoder, study.images, rows, frozen_blocks=6, views=0, seed=0)
    run = trainer._Run(upper, tokens, grades, settings, distributed.fabric(precision="fp32"))
    given = trainer.predict(upper, tokens[0])
    counts = {0.0: 4, 1.0: 2, 4.0: 2}
    slow = np.mean(
        [
            8 / (3 * counts[read]) * (one - read) ** 2
            for one, read in zip(given, grades, strict=True)
        ]
    )
    pairs = batching.ranking(torch.as_tensor(given), torch.as_tensor(grades)).item()
    found = trainer._loss(run, batching.Batch(0, np.arange(8), None), n=8)
    assert found.item() == pytest.approx(slow + 0.3 * pairs, rel=1e-5)


def test_a_batch_in_several_passes_teaches_what_it_teaches_in_one(study: narrow.Study) -> None:
    one, several = (
        narrow.trained(study, dataclasses.replace(SHORT, accumulate=passes, head="corn"))
        for passes in (1, 5)
    )
    np.testing.assert_allclose(one[2]["train_loss"], several[2]["train_loss"], rtol=1e-5)
    for name, value in one[1].state_dict().items():
        assert (several[1].state_dict()[name] - value).abs().max() < 2e-4, name


def test_a_batch_smaller_than_its_passes_is_no_harm(study: narrow.Study) -> None:
    tiny = dataclasses.replace(SHORT, batch_size=3)
    one, several = (
        narrow.trained(study, dataclasses.replace(tiny, accumulate=passes))[2] for passes in (1, 5)
    )
    np.testing.assert_allclose(one["train_loss"], several["train_loss"], rtol=1e-3)


@pytest.mark.parametrize(
    "option",
    [
        {"precision": "bf16"},
        {"patch_dropout": 0.5},
        {"balance": "sampler"},
        {"layer_decay": 0.8},
        {"frozen_blocks": 0},
    ],
    ids=str,
)
def test_a_planted_grade_is_learnt_with_every_option(
    study: narrow.Study, option: dict[str, Any]
) -> None:
    _, _, history = narrow.trained(study, dataclasses.replace(narrow.SETTINGS, **option))
    grades = chooses(study)[1]
    constant = min(np.abs(grades - answer).mean() for answer in np.arange(0, 4.01, 0.1))
    assert history["validation_mae"].min() < 0.5 * constant


@pytest.mark.parametrize("scale", [2.0**10, 2.0**20], ids=["as it is", "overflows at first"])
def test_a_planted_grade_is_learnt_in_fp16(
    monkeypatch: pytest.MonkeyPatch, study: narrow.Study, scale: float
) -> None:
    fabric = narrow.half_precision(scale=scale)
    monkeypatch.setattr(distributed, "fabric", lambda **_: fabric)
    history = narrow.trained(study, dataclasses.replace(narrow.SETTINGS, epochs=7))[2]
    grades = chooses(study)[1]
    constant = min(np.abs(grades - answer).mean() for answer in np.arange(0, 4.01, 0.1))
    assert history["validation_mae"].min() < 0.5 * constant
    assert (fabric.strategy.precision.state_dict()["scale"] < scale) == (scale > 2.0**10)


def test_gradients_of_fp16_are_clipped_at_their_own_size_not_at_the_scaled_one(
    monkeypatch: pytest.MonkeyPatch, study: narrow.Study
) -> None:
    full = narrow.trained(study, SHORT)[2]
    monkeypatch.setattr(distributed, "fabric", lambda **_: narrow.half_precision())
    half_way = narrow.trained(study, SHORT)[2]
    np.testing.assert_allclose(half_way["train_loss"], full["train_loss"], rtol=0.02)


def test_fp16_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="'fp16', which needs a GPU; expected auto, fp32 or bf16"):
        distributed.fabric(precision="fp16")


def test_a_compiled_training_is_the_same_training(study: narrow.Study) -> None:
    plain, compiled = (
        narrow.trained(study, dataclasses.replace(SHORT, compiler=compiler))[2]
        for compiler in ("none", "eager")
    )
    assert_frame_equal(plain, compiled, check_exact=True)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="precision is 'fp8'; expected auto, fp32, bf16"):
        distributed.fabric(precision="fp8")


@pytest.mark.parametrize(
    ("gpu", "has_bf16", "asked", "accelerator", "precision"),
    [
        (True, True, "auto", "cuda", "bf16-mixed"),
        (True, False, "auto", "cuda", "32-true"),
        (True, True, "fp32", "cuda", "32-true"),
        (True, False, "fp16", "cuda", "16-mixed"),
        (False, False, "auto", "cpu", "32-true"),
        (False, False, "bf16", "cpu", "bf16-mixed"),
    ],
)
def test_mixed_precision_is_for_gpus_that_have_it_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    gpu: bool,  # noqa: FBT001
    has_bf16: bool,  # noqa: FBT001
    asked: str,
    accelerator: str,
    precision: str,
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_bf16)
    monkeypatch.setattr("lightning.fabric.Fabric", lambda **how: given.update(how))
    distributed.fabric(devices=2, precision=asked)
    assert given["accelerator"] == accelerator
    assert given["precision"] == precision
    assert given["strategy"] == "ddp"


def test_the_compiler_is_given_the_trained_half_and_is_used(
    monkeypatch: pytest.MonkeyPatch, study: narrow.Study
) -> None:
    compiled: list[tuple[type, str]] = []

    def compile_it(module: torch.nn.Module, *, backend: str) -> torch.nn.Module:
        compiled.append((type(module), backend))
        return module

    monkeypatch.setattr(torch, "compile", compile_it)
    narrow.trained(study, dataclasses.replace(SHORT, compiler="inductor"))
    assert compiled == [(finetune.TrainableTail, "inductor")]
