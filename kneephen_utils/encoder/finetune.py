"""Finetune: the part of an encoder that is trained, and how fast each layer of it may change.

Frozen are the first blocks with all that comes before them. Where no block is frozen, the
patch embedding, positions and CLS token are trained too; where all are, only the head is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from kneephen_utils.encoder import head as heads
from kneephen_utils.encoder.model import Encoder

COUNT_NOTE = "Of the whole model: the text tower counts too, though grading does not load it."


class TrainableTail(nn.Module):
    """The trained part: later blocks, norm, projection and head, on cached activations."""

    def __init__(self, encoder: Encoder, head: heads.Head, frozen_blocks: int) -> None:
        super().__init__()
        trunk = encoder.trunk
        self.blocks = trunk.blocks[frozen_blocks:]
        self.norm, self.projection, self.head = trunk.norm, encoder.projection, head
        self.stem = Stem(trunk) if frozen_blocks == 0 else None
        self.patches = trunk.patch_embed.num_patches if len(self.blocks) else 0

    def embed(self, tokens: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Return unit-length embeddings (n, dimensions).

        Parameters
        ----------
        tokens
            As `augmentation.frozen_part` gives: activations (n, tokens, width), or prepared
            pictures where nothing is frozen.
        kept
            Numbers (n, patches kept) of the patches to go on with; None keeps all.

        References
        ----------
        Liu et al. (2023), PatchDropout, doi:10.48550/arXiv.2208.07220.
        """
        tokens = self.stem(tokens) if self.stem is not None else tokens
        if kept is not None:
            place = kept.unsqueeze(-1).expand(-1, -1, tokens.shape[-1])
            tokens = torch.cat([tokens[:, :1], tokens[:, 1:].gather(1, place)], 1)
        if not len(self.blocks):
            tokens = tokens[:, :1]  # nothing mixes tokens any more, and only CLS is read
        return functional.normalize(self.projection(self.norm(self.blocks(tokens))[:, 0]), dim=-1)

    def forward(self, tokens: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Return the scores (n, outputs) from which the head makes grade and loss."""
        return self.head.scores(self.embed(tokens, kept))

    def grade(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return grades (n,)."""
        return self.head(self.embed(tokens))


class Stem(nn.Module):
    """What comes before the blocks of a trunk, from pictures to tokens; trained with it."""

    def __init__(self, trunk: Any) -> None:
        super().__init__()
        self.patch_embed, self.norm_pre = trunk.patch_embed, trunk.norm_pre
        self.pos_embed, self.cls_token = trunk.pos_embed, trunk.cls_token
        self.steps = [trunk]  # in a list, for its weights are not this module's own

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return tokens (n, 1 + patches, width)."""
        return tokens_of(self.steps[0], pictures)


def tokens_of(trunk: Any, pictures: torch.Tensor) -> torch.Tensor:
    """Return what the first block of a trunk is given (n, 1 + patches, width)."""
    return trunk.norm_pre(trunk.patch_drop(trunk._pos_embed(trunk.patch_embed(pictures))))


def upper_half(
    encoder: Encoder, *, grades: np.ndarray, frozen_blocks: int, head: str = "sigmoid"
) -> TrainableTail:
    """Return the part to be trained, its parameters free and all others frozen.

    Parameters
    ----------
    encoder
        Loaded encoder; its own tensors are trained, not copies.
    grades
        Grades to start from: an untrained head answers their mean.
    frozen_blocks
        First blocks that stay as they were: none is a full fine-tune, all a linear probe.
    head
        `sigmoid`, `corn` or `coral`.

    Raises
    ------
    ValueError
        If the encoder has fewer blocks, or there is no such head.
    """
    blocks = len(encoder.trunk.blocks)
    if not 0 <= frozen_blocks <= blocks:
        raise ValueError(f"frozen_blocks is {frozen_blocks}; expected 0 to {blocks}")
    for module in (encoder.trunk, encoder.projection):
        module.requires_grad_(requires_grad=False)
    made = heads.make(head, encoder.dimensions, grades)
    upper = TrainableTail(encoder, made, frozen_blocks).to(encoder.device)
    (upper.head if frozen_blocks == blocks else upper).requires_grad_(requires_grad=True)
    return upper


def count(encoder: Encoder, upper: TrainableTail) -> pd.DataFrame:
    """Count the parameters of the whole model, its text tower too where it is not loaded.

    Returns
    -------
    Columns `part` (trained, frozen, all), `parameters`, `share`.
    """
    modules = [encoder.trunk, encoder.projection, upper.head]
    every = {id(p): p for module in modules for p in module.parameters()}.values()
    total = sum(p.numel() for p in every) + encoder.others
    trained = sum(p.numel() for p in every if p.requires_grad)
    counts = {"trained": trained, "frozen": total - trained, "all": total}
    return pd.DataFrame(
        [{"part": part, "parameters": n, "share": n / total} for part, n in counts.items()]
    )


def param_groups(
    upper: TrainableTail, *, learning_rate: float, head_learning_rate: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Return parameter groups for an optimiser, each with its full rate as `lr` and `base`.

    Norm and projection learn at `learning_rate`, and every block below at `layer_decay` times
    the rate of the one above it; what comes before the blocks is one more layer. The group of
    the head is the last.

    References
    ----------
    Clark et al. (2020), layer-wise rates in ELECTRA, doi:10.48550/arXiv.2003.10555.
    """
    depth = len(upper.blocks)
    below = {f"blocks.{n}.": depth - i for i, (n, _) in enumerate(upper.blocks.named_children())}
    layers: dict[int, list[nn.Parameter]] = {}
    for name, parameter in upper.named_parameters():
        if parameter.requires_grad and not name.startswith("head."):
            place = depth + 1 if name.startswith("stem.") else 0
            place = next((n for layer, n in below.items() if name.startswith(layer)), place)
            layers.setdefault(place, []).append(parameter)
    rates: dict[float, list[nn.Parameter]] = {}
    for below_top, parameters in sorted(layers.items()):
        rates.setdefault(learning_rate * layer_decay**below_top, []).extend(parameters)
    made = list(rates.items())
    made.append((head_learning_rate, list(upper.head.parameters())))
    return [{"params": parameters, "lr": rate, "base": rate} for rate, parameters in made]
