"""Relevance: where an encoder looks in a picture, as shares of its patches.

Four maps. `cls` is what the CLS token attends to in the last block, `rollout` what it
attends to through all of them. `relevance` weighs the attention of every block by what raises
the grade and `against` by what lowers it; they need a question, so an encoder without a head
has neither.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kneephen_utils import encoder as encoders
from kneephen_utils.encoder.head import Head

PATCH = "patch_"  # columns that hold a map, patch by patch, begin so
OUTLIERS = "outliers"
OUTLYING = 2.0  # times the median length of a picture's tokens; longer ones hold no place


@dataclass(frozen=True)
class GradingModel:
    """An encoder and, where it was trained to grade, the head that does.

    Attributes
    ----------
    name
        `zeroshot`, `finetuned` or `randomised`.
    encoder
        As `encoder.load` returns.
    head
        Grade from an embedding; None without training.
    """

    name: str
    encoder: encoders.Encoder
    head: Head | None

    def embed(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return unit-length embeddings (n, dimensions) of prepared pictures."""
        return self.encoder.project(self.encoder.trunk(pictures))

    def logit(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the grade on a scale without ends (n,); a higher value is a higher grade."""
        if self.head is None:
            raise ValueError(f"reader {self.name} has no head; it cannot grade")
        return self.head.logit(self.embed(pictures))

    def grade(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return grades (n,), 0 to 4, as stage grading gives them."""
        if self.head is None:
            raise ValueError(f"reader {self.name} has no head; it cannot grade")
        return self.head(self.embed(pictures))


def untrained(weights: str) -> GradingModel:
    """Load the encoder as it was before any training on knees of this study."""
    return GradingModel("zeroshot", encoders.load(weights, text=False), None)


def trained(weights: str, path: str | Path, *, frozen_blocks: int) -> GradingModel:
    """Load the encoder with the upper half and the head that stage grading kept in `path`."""
    encoder = encoders.load_tuned(weights, path, frozen_blocks=frozen_blocks)
    head = encoders.load_head(path)
    return GradingModel("finetuned", encoder, head.to(encoder.device))


def randomised(reader: GradingModel, *, frozen_blocks: int, seed: int) -> GradingModel:
    """Return a copy of a trained reader whose trained weights are drawn anew.

    References
    ----------
    Adebayo et al. (2018), sanity checks for saliency maps, doi:10.48550/arXiv.1810.03292.
    """
    copied = replace(copy.deepcopy(reader), name="randomised")
    encoders.reinitialise(copied.encoder, head=copied.head, frozen_blocks=frozen_blocks, seed=seed)
    return copied


def maps(reader: GradingModel, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return every map the reader has by its name, in one pass, and which patches are outliers.

    `cls` and `rollout`, with a head `relevance` and `against`: shares (n, patches). `outliers`
    are flags (n, patches), see `outlying`; the maps still hold what lies on them.
    """
    trunk = reader.encoder.trunk
    prefix = trunk.num_prefix_tokens
    lengths: list[torch.Tensor] = []
    hook = trunk.blocks[-1].register_forward_hook(
        lambda _module, _given, tokens: lengths.append(tokens.detach().norm(dim=-1)[:, prefix:])
    )
    try:
        if reader.head is None:
            with torch.no_grad(), watched(trunk.blocks) as seen:
                trunk(pictures)
            found = {}
        else:
            seen, slopes = _slopes(reader, pictures)
            opposite = tuple(-slope for slope in slopes)
            found = {
                "relevance": _followed(seen, slopes, prefix),
                "against": _followed(seen, opposite, prefix),
            }
    finally:
        hook.remove()
    first = {"cls": _gathered(seen[-1], prefix), "rollout": _rolled(seen, prefix)}
    return first | found | {OUTLIERS: outlying(lengths[0])}


def outlying(lengths: torch.Tensor) -> torch.Tensor:
    """Return which tokens (n, patches) are far longer than the others of their picture.

    Large transformers keep notes about the whole picture in a few tokens of the background;
    attention on them says nothing of the place they stand at. Registers, tokens made for such
    notes, are no patches and in no map.

    References
    ----------
    Darcet et al. (2024), vision transformers need registers, doi:10.48550/arXiv.2309.16588.
    """
    return lengths > OUTLYING * lengths.median(dim=1, keepdim=True).values


def without(weights: torch.Tensor, left_out: torch.Tensor) -> torch.Tensor:
    """Return shares (n, patches) of what is left when some patches are left out."""
    kept = weights * ~left_out
    return _shares(kept, 0, even=~left_out)


@contextmanager
def watched(blocks: Any) -> Iterator[list[torch.Tensor]]:
    """Collect the attention (n, heads, tokens, tokens) of blocks in the order they run.

    Fused attention never forms this matrix and is off meanwhile; the result is the same.
    """
    seen: list[torch.Tensor] = []

    def keep(_module: object, _given: object, attention: torch.Tensor) -> None:
        seen.append(attention)

    before = [block.attn.fused_attn for block in blocks]
    hooks = [block.attn.attn_drop.register_forward_hook(keep) for block in blocks]
    try:
        for block in blocks:
            block.attn.fused_attn = False
        yield seen
    finally:
        for block, fused, hook in zip(blocks, before, hooks, strict=True):
            block.attn.fused_attn = fused
            hook.remove()


def _slopes(
    reader: GradingModel, pictures: torch.Tensor
) -> tuple[list[torch.Tensor], tuple[torch.Tensor, ...]]:
    """Return the attention of each block and the slope of the logit along it."""
    with torch.enable_grad(), watched(reader.encoder.trunk.blocks) as seen:
        logit = reader.logit(pictures.detach().clone().requires_grad_())
        slopes = torch.autograd.grad(logit.sum(), seen)
    return [attention.detach() for attention in seen], slopes


def _gathered(attention: torch.Tensor, prefix: int) -> torch.Tensor:
    return _shares(attention[:, :, 0].mean(1), prefix)


def _rolled(seen: list[torch.Tensor], prefix: int) -> torch.Tensor:
    """Follow attention through all blocks, each token keeping half of itself in every one.

    Abnar & Zuidema (2020), attention rollout, doi:10.18653/v1/2020.acl-main.385.
    """
    row = torch.zeros_like(seen[0][:, 0, 0])  # (n, tokens)
    row[:, 0] = 1
    for attention in reversed(seen):
        row = (row + torch.einsum("nt,nts->ns", row, attention.mean(1))) / 2
    return _shares(row, prefix)


def _followed(
    seen: list[torch.Tensor], slopes: tuple[torch.Tensor, ...], prefix: int
) -> torch.Tensor:
    """Follow the attention that raises the grade through all blocks; shares (n, patches).

    In each block attention is multiplied by the slope of the grade's logit along it, negative
    parts are dropped and heads averaged; R <- R + A R from the first block to the last. Only the
    row of the CLS token is wanted, so the product is taken from the left, row by matrix. Shares
    are even where nothing raises the grade.

    References
    ----------
    Chefer, Gur & Wolf (2021), doi:10.1109/ICCV48922.2021.00045.
    """
    row = torch.zeros_like(seen[0][:, 0, 0])  # (n, tokens)
    row[:, 0] = 1
    for attention, slope in zip(reversed(seen), reversed(slopes), strict=True):
        flow = (attention * slope).clamp(min=0).mean(1)  # (n, tokens, tokens)
        row = row + torch.einsum("nt,nts->ns", row, flow)
    return _shares(row, prefix)


def _shares(weights: torch.Tensor, prefix: int, even: torch.Tensor | None = None) -> torch.Tensor:
    """Return weights (n, tokens) as shares of the patches (n, tokens - prefix).

    A row without weight is even, over the patches flagged in `even` if given.
    """
    patches = weights[:, prefix:].double()
    total = patches.sum(1, keepdim=True)
    flat = torch.ones_like(patches) if even is None else even.double()
    flat = flat / flat.sum(1, keepdim=True).clamp(min=1)
    return torch.where(total > 0, patches / total.clamp(min=1e-300), flat)
