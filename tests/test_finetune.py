"""Half: what is trained, how fast, and what a patch left out leaves out."""

from __future__ import annotations

import dataclasses

import narrow
import numpy as np
import pytest
import torch

from kneephen_utils.encoder import augmentation, finetune, load_head, load_tuned, save_tuned

GRADES = np.array([0.0, 1, 2, 3, 4])
RATES = {"learning_rate": 1.0, "head_learning_rate": 7.0}


@pytest.fixture(scope="module")
def study() -> narrow.Study:
    return narrow.study(30)


def upper(frozen_blocks: int) -> finetune.TrainableTail:
    return finetune.upper_half(narrow.encoder(), grades=GRADES, frozen_blocks=frozen_blocks)


# --- rates


@pytest.mark.parametrize("frozen", [0, 6, 12])
def test_every_trained_tensor_has_one_rate_that_falls_from_layer_to_layer(frozen: int) -> None:
    made = upper(frozen)
    groups = finetune.param_groups(made, layer_decay=0.5, **RATES)
    rate = {id(p): group["base"] for group in groups for p in group["params"]}
    trained = [p for p in made.parameters() if p.requires_grad]
    assert sum(len(group["params"]) for group in groups) == len(rate) == len(trained)
    assert {rate[id(p)] for p in made.head.parameters()} == {7.0}
    for number, block in enumerate(made.blocks):
        expected = 0.5 ** (len(made.blocks) - number)
        assert {rate[id(p)] for p in block.parameters()} == {expected}
    if frozen < 12:
        assert rate[id(made.projection.weight)] == rate[id(made.norm.weight)] == 1.0
    if made.stem is not None:
        assert {rate[id(p)] for p in made.stem.parameters()} == {0.5**13}


def test_without_decay_all_layers_learn_at_one_rate() -> None:
    groups = finetune.param_groups(upper(6), layer_decay=1.0, **RATES)
    assert [group["base"] for group in groups] == [1.0, 7.0]


# --- policies


def changed(study: narrow.Study, frozen: int) -> set[str]:
    """Return the names of the tensors of the encoder that training changes."""
    settings = dataclasses.replace(narrow.SETTINGS, epochs=1, frozen_blocks=frozen)
    before = narrow.encoder()
    after, _, _ = narrow.trained(study, settings)
    both = [before.trunk.state_dict(), after.trunk.state_dict()]
    names = {name for name in both[0] if not torch.equal(both[0][name], both[1][name])}
    if not torch.equal(before.projection.weight, after.projection.weight):
        names.add("projection")
    return names


def test_a_linear_probe_trains_the_head_alone(study: narrow.Study) -> None:
    assert changed(study, 12) == set()


def test_a_full_fine_tune_trains_every_tensor(study: narrow.Study) -> None:
    assert changed(study, 0) == {*narrow.encoder().trunk.state_dict(), "projection"}


@pytest.mark.parametrize("frozen", [0, 12])
def test_either_policy_survives_the_disk(
    study: narrow.Study, tmp_path: object, monkeypatch: pytest.MonkeyPatch, frozen: int
) -> None:
    settings = dataclasses.replace(narrow.SETTINGS, epochs=1, frozen_blocks=frozen, head="corn")
    encoder, trained, _ = narrow.trained(study, settings)
    path = f"{tmp_path}/e.safetensors"
    save_tuned(encoder, path, head=trained.head, frozen_blocks=frozen)
    monkeypatch.setattr(
        "kneephen_utils.encoder.finetuned_weights.load", lambda *_, **__: narrow.encoder()
    )
    again, head = load_tuned("narrow", path, frozen_blocks=frozen), load_head(path)
    pictures = encoder.prepare(np.asarray(study.images[:5]))
    with torch.no_grad():
        expected = trained.grade(augmentation.frozen_part(encoder, pictures, frozen))
        found = head(again.project(again.trunk(pictures)))
    assert head.kind == "corn"
    assert torch.allclose(found, expected, atol=1e-5)


# --- patches left out


@pytest.mark.parametrize("frozen", [0, 6])
def test_a_patch_left_out_is_as_if_it_had_never_been_there(frozen: int) -> None:
    made, encoder = upper(frozen), narrow.encoder()
    torch.manual_seed(1)
    pictures = torch.randn(3, 1, narrow.SIZE, narrow.SIZE)
    kept = torch.tensor([[0, 5, 9], [1, 2, 15], [3, 4, 14]])
    with torch.no_grad():
        fast = made.embed(augmentation.frozen_part(encoder, pictures, frozen), kept)
        tokens = finetune.tokens_of(encoder.trunk, pictures)
        for block in encoder.trunk.blocks[:frozen]:
            tokens = block(tokens)
        for row in range(3):
            few = tokens[row, [0, *(1 + kept[row]).tolist()]][None]
            for block in encoder.trunk.blocks[frozen:]:
                few = block(few)
            slow = encoder.project(encoder.trunk.norm(few)[:, 0])
            assert torch.allclose(fast[row], slow[0], atol=1e-5)
