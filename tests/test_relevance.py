"""Relevance: fast maps equal slow ones, and checks move only what they should."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from kneephen_utils import encoder
from kneephen_utils.attention import faithfulness, relevance
from kneephen_utils.encoder import WeightsError, finetune
from kneephen_utils.encoder import head as heads

GRID = 4


def small_reader(
    name: str = "finetuned", *, seed: int = 0, blocks: int = 3
) -> relevance.GradingModel:
    """Return a random transformer of the kind BiomedCLIP is: colour input, square patches."""
    torch.manual_seed(seed)
    trunk = VisionTransformer(
        img_size=8 * GRID, patch_size=8, embed_dim=24, depth=blocks, num_heads=3, num_classes=0
    )
    for weight in trunk.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=0.15)
    projection = nn.Linear(24, 6, bias=False)
    for module in (trunk.eval(), projection):
        module.requires_grad_(requires_grad=False)
    made = replace(
        encoder.load("embedded", text=False),
        trunk=trunk,
        projection=projection,
        image_size=8 * GRID,
        grid=GRID,
        dimensions=6,
        channels=3,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
    )
    head = heads.Head(6, np.full(1, 2.0))
    nn.init.normal_(head.linear.weight)
    return relevance.GradingModel(name, made, head.requires_grad_(requires_grad=False))


def pictures(n: int = 4, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 3, 8 * GRID, 8 * GRID, generator=torch.Generator().manual_seed(seed))


def plain_attention(block: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Compute the attention of a block from its weights alone, head by head."""
    attention, given = block.attn, block.norm1(tokens)
    width = attention.head_dim
    both = given @ attention.qkv.weight.T
    both = both if attention.qkv.bias is None else both + attention.qkv.bias
    query, key, _ = both.chunk(3, dim=-1)
    heads = []
    for head in range(attention.num_heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(width)
        heads.append(torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True))
    return torch.stack(heads, 1)


@pytest.mark.parametrize("kind", ["embedded", "as BiomedCLIP"])
def test_the_attention_seen_is_that_of_a_plain_computation(kind: str) -> None:
    reader = small_reader() if kind != "embedded" else relevance.untrained("embedded")
    trunk, size = reader.encoder.trunk, reader.encoder.image_size
    given = torch.randn(3, reader.encoder.channels, size, size)
    tokens: list[torch.Tensor] = []
    hook = trunk.blocks[-1].register_forward_pre_hook(lambda _, args: tokens.append(args[0]))
    with torch.no_grad():
        trunk(given)
    hook.remove()
    slow = plain_attention(trunk.blocks[-1], tokens[0])[:, :, 0, 1:].mean(1)
    seen = relevance.maps(reader, given)["cls"]
    np.testing.assert_allclose(seen, slow / slow.sum(1, keepdim=True), rtol=1e-4)


def test_watching_changes_nothing_and_leaves_nothing_behind() -> None:
    reader = small_reader()
    trunk = reader.encoder.trunk
    fused = [block.attn.fused_attn for block in trunk.blocks]
    before = reader.grade(pictures())
    with relevance.watched(trunk.blocks) as seen:
        during = reader.grade(pictures())
    assert len(seen) == len(trunk.blocks)
    np.testing.assert_allclose(before, during, atol=1e-5)
    assert [block.attn.fused_attn for block in trunk.blocks] == fused
    assert not any(block.attn.attn_drop._forward_hooks for block in trunk.blocks)


def test_relevance_is_the_row_of_the_full_product_of_matrices() -> None:
    reader, given = small_reader(), pictures()
    with relevance.watched(reader.encoder.trunk.blocks) as seen:
        logit = reader.logit(given.clone().requires_grad_())
        for attention in seen:
            attention.retain_grad()
        logit.sum().backward()
    for place in range(len(given)):
        whole = torch.eye(1 + GRID * GRID)
        for attention in seen:
            one = (attention[place] * attention.grad[place]).clamp(min=0).mean(0).detach()
            whole = whole + one @ whole
        expected = whole[0, 1:] / whole[0, 1:].sum()
        found = relevance.maps(reader, given)["relevance"][place]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-7)


def test_rollout_is_the_row_of_the_full_product_of_matrices() -> None:
    reader, given = small_reader(), pictures()
    with torch.no_grad(), relevance.watched(reader.encoder.trunk.blocks) as seen:
        reader.encoder.trunk(given)
    found = relevance.maps(reader, given)["rollout"]
    for place in range(len(given)):
        whole = torch.eye(1 + GRID * GRID)
        for attention in seen:
            kept = 0.5 * attention[place].mean(0) + 0.5 * torch.eye(1 + GRID * GRID)
            whole = kept / kept.sum(-1, keepdim=True) @ whole
        expected = whole[0, 1:] / whole[0, 1:].sum()
        np.testing.assert_allclose(found[place], expected, rtol=1e-3, atol=1e-7)


def test_what_lowers_a_grade_is_what_raises_its_opposite() -> None:
    reader, given = small_reader(), pictures()
    lowers = relevance.maps(reader, given)["against"]
    reader.head.linear.weight.neg_()
    reader.head.linear.bias.neg_()
    np.testing.assert_allclose(lowers, relevance.maps(reader, given)["relevance"], atol=1e-9)


def test_a_token_far_longer_than_the_others_is_an_outlier_and_left_out() -> None:
    reader, given = small_reader(), pictures()
    plain = relevance.maps(reader, given)
    assert not plain["outliers"].any()

    def lengthen(_module: object, _given: object, tokens: torch.Tensor) -> torch.Tensor:
        longer = tokens.clone()
        longer[:, 1 + 5] *= 10
        return longer

    last = reader.encoder.trunk.blocks[-1]
    hook = last.register_forward_hook(lengthen)
    seen = relevance.maps(reader, given)
    hook.remove()
    assert seen["outliers"].nonzero()[:, 1].tolist() == [5] * len(given)
    left = relevance.without(seen["cls"], seen["outliers"])
    expected = seen["cls"].clone()
    expected[:, 5] = 0
    np.testing.assert_allclose(left, expected / expected.sum(1, keepdim=True))
    even = relevance.without(torch.zeros(1, 4), torch.tensor([[True, False, False, True]]))
    assert even.tolist() == [[0, 0.5, 0.5, 0]]


class Shown:
    """Pictures read as a zarr array is."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.oindex = pixels


def test_all_patches_taken_away_are_the_mean_knee_and_all_shown_alone_the_whole_picture() -> None:
    reader = small_reader()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 8 * GRID, 8 * GRID), dtype=np.uint8)
    known = pd.DataFrame({"knee_id": list("abcdef"), "image": range(6)})
    maps = pd.DataFrame(rng.random((6, GRID * GRID))).rename(columns=lambda p: f"patch_{p:03d}")
    maps = maps.assign(encoder="finetuned", method="cls", knee_id=known["knee_id"])
    prior = np.full(GRID * GRID, 1 / GRID**2)
    values = faithfulness.deletion(
        reader, Shown(pixels), known, maps, prior=prior, covered=1.0, seed=0, batch_size=4
    )
    whole = reader.encoder.prepare(pixels)
    with torch.no_grad():
        far = (reader.grade(whole) - reader.grade(whole.mean(0, keepdim=True))).abs()
    own = values[(values["method"] == "cls") & (values["unit"] == "grades")]
    for check in ("deletion", "insertion"):
        found = own[own["check"] == check].set_index("knee_id")["value"]
        np.testing.assert_allclose(found, far, atol=1e-5)
    assert (own[own["check"].str.contains("over_")]["value"].abs() < 1e-9).all()


@pytest.mark.parametrize("method", ["cls", "rollout", "relevance", "against"])
def test_without_positions_patches_that_move_take_their_share_along(method: str) -> None:
    reader = small_reader()
    reader.encoder.trunk.pos_embed.zero_()
    given = pictures()
    patches = given.unfold(2, 8, 8).unfold(3, 8, 8)  # (n, 3, GRID, GRID, 8, 8)
    mirrored = patches.flip(3).permute(0, 1, 2, 4, 3, 5).reshape(given.shape)
    first, second = (
        relevance.maps(reader, each)[method].view(-1, GRID, GRID) for each in (given, mirrored)
    )
    np.testing.assert_allclose(first.flip(2), second, rtol=1e-3, atol=1e-6)


def test_a_reader_without_a_head_has_no_relevance() -> None:
    reader = relevance.untrained("embedded")
    found = relevance.maps(reader, torch.zeros(1, 1, 112, 112))
    assert list(found) == ["cls", "rollout", "outliers"]
    with pytest.raises(ValueError, match="reader zeroshot has no head"):
        reader.logit(torch.zeros(1, 1, 112, 112))


def test_a_head_that_listens_to_nothing_gives_an_even_map() -> None:
    reader = small_reader()
    reader.head.linear.weight.zero_()
    np.testing.assert_allclose(relevance.maps(reader, pictures())["relevance"], 1 / GRID**2)


@pytest.mark.parametrize("kind", ["sigmoid", "corn", "coral"])
def test_the_kept_encoder_grades_as_it_did_when_it_was_trained(tmp_path: Path, kind: str) -> None:
    tuned = encoder.load("embedded", text=False)
    upper = finetune.upper_half(tuned, grades=np.array([1.0, 2.0]), frozen_blocks=6, head=kind)
    torch.manual_seed(0)
    nn.init.normal_(upper.head.linear.weight)
    encoder.save_tuned(tuned, tmp_path / "e.safetensors", head=upper.head, frozen_blocks=6)
    given, tokens = torch.randn(3, 1, 112, 112), []
    tuned.trunk.blocks[6].register_forward_pre_hook(lambda _, args: tokens.append(args[0]))
    with torch.no_grad():
        tuned.trunk(given)
        expected = upper.grade(tokens[0])
    reader = relevance.trained("embedded", tmp_path / "e.safetensors", frozen_blocks=6)
    np.testing.assert_allclose(reader.grade(given), expected, rtol=1e-4)
    encoder.save_tuned(tuned, tmp_path / "none.safetensors", head=None, frozen_blocks=6)
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        relevance.trained("embedded", tmp_path / "none.safetensors", frozen_blocks=6)


def test_redrawn_weights_keep_the_lower_half_and_their_spread_and_follow_the_seed() -> None:
    reader = small_reader()
    one, same, other = (
        relevance.randomised(reader, frozen_blocks=2, seed=seed) for seed in (1, 1, 2)
    )
    own, drawn = (each.encoder.trunk.blocks for each in (reader, one))
    for before, after in zip(own[:2].parameters(), drawn[:2].parameters(), strict=True):
        assert torch.equal(before, after)
    weight, redrawn = own[2].attn.qkv.weight, drawn[2].attn.qkv.weight
    assert not torch.allclose(weight, redrawn)
    assert redrawn.std() == pytest.approx(float(weight.std()), rel=0.1)
    maps = [relevance.maps(each, pictures())["cls"] for each in (one, same, other)]
    assert torch.equal(maps[0], maps[1])
    assert not torch.allclose(maps[0], maps[2])


def test_replacing_touches_the_chosen_patches_alone() -> None:
    given = pictures()
    mean = given.mean(0, keepdim=True)
    chosen = np.zeros((4, GRID * GRID), dtype=bool)
    chosen[:, 6] = True  # second row, third column
    after = faithfulness.replace(given, mean, chosen)
    inside = torch.zeros(8 * GRID, 8 * GRID, dtype=torch.bool)
    inside[8:16, 16:24] = True
    assert torch.equal(after[..., ~inside], given[..., ~inside])
    assert torch.equal(after[..., inside], mean.expand_as(given)[..., inside])


def test_most_takes_the_share_that_was_asked_for() -> None:
    weights = np.random.default_rng(0).random((5, 196))
    chosen = faithfulness.most(weights, 0.1)
    assert (chosen.sum(axis=1) == 20).all()
    assert (np.where(chosen, weights, 2).min(1) >= np.where(chosen, 0, weights).max(1)).all()


def test_rank_correlation_is_that_of_spearman_and_another_knee_is_of_another_person() -> None:
    rng = np.random.default_rng(0)
    people = pd.Series(["a", "a", "b", "c", "c"])
    known = pd.DataFrame({"knee_id": list("12345"), "participant_id": people})
    weights = pd.DataFrame(rng.random((10, 16))).rename(columns=lambda p: f"patch_{p:03d}")
    key = pd.DataFrame({"encoder": ["finetuned"] * 5 + ["randomised"] * 5, "method": "cls"})
    maps = pd.concat([key.assign(knee_id=list("12345") * 2), weights], axis=1)
    values = faithfulness.likeness(maps, known, seed=0)
    found = values[values["check"] == "randomised"]["value"].to_numpy()
    expected = [
        weights.iloc[place].corr(weights.iloc[5 + place], method="spearman") for place in range(5)
    ]
    np.testing.assert_allclose(found, expected)
    other = faithfulness._of_another(people, 0)
    assert (people.to_numpy() != people[other].to_numpy()).all()
