"""Views: what the frozen half of an encoder makes of a picture and of changed copies of it.

The frozen blocks give the same answer in every epoch, so their output is computed once per
view and kept in half precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from kneephen_utils.encoder import Encoder

BATCH = 64


def frozen_part(encoder: Encoder, pictures: torch.Tensor, frozen_blocks: int) -> torch.Tensor:
    """Return activations (n, tokens, width) after the frozen blocks, without a gradient."""
    trunk = encoder.trunk
    with torch.no_grad():
        tokens = trunk.norm_pre(trunk.patch_drop(trunk._pos_embed(trunk.patch_embed(pictures))))
        return trunk.blocks[:frozen_blocks](tokens)


def augment(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Turn (3 degrees), shift (3 %), scale (4 %), expose and roughen a little; never mirror."""
    n = len(pictures)
    draw = torch.randn(n, 6, generator=generator)
    angle, scale = 0.05 * draw[:, 0], 1 + 0.04 * draw[:, 1]
    rows = [torch.cos(angle), -torch.sin(angle)], [torch.sin(angle), torch.cos(angle)]
    turn = torch.stack([torch.stack(row, 1) for row in rows], 1) * scale.view(-1, 1, 1)
    theta = torch.cat([turn, 0.03 * draw[:, 2:4, None]], 2).to(pictures.device)
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    gain = (1 + 0.10 * draw[:, 4]).view(-1, 1, 1, 1).to(pictures.device)
    offset = (0.10 * draw[:, 5]).view(-1, 1, 1, 1).to(pictures.device)
    noise = 0.04 * torch.randn(moved.shape, generator=generator).to(pictures.device)
    return moved * gain + offset + noise


def cache(
    encoder: Encoder,
    images: Any,
    rows: np.ndarray,
    *,
    frozen_blocks: int,
    views: int,
    seed: int,
    precision: torch.dtype = torch.float16,
) -> list[torch.Tensor]:
    """Return the frozen activations of pictures `rows`: as they are, then augmented views.

    Each is (n, tokens, width) in `precision`; 1 + `views` of them.
    """
    generator = torch.Generator().manual_seed(seed)
    kept: list[list[torch.Tensor]] = [[] for _ in range(1 + views)]
    for batch in _prepared(encoder, images, rows):
        for view in range(1 + views):
            seen = batch if view == 0 else augment(batch, generator)
            kept[view].append(frozen_part(encoder, seen, frozen_blocks).to(precision).cpu())
    return [torch.cat(parts) for parts in kept]


def stream(
    encoder: Encoder, images: Any, rows: np.ndarray, *, frozen_blocks: int
) -> Iterator[torch.Tensor]:
    """Yield the activations of pictures `rows` as they are, a batch at a time.

    They carry the rounding of `cache`, so that a grade does not depend on which was used.
    """
    for batch in _prepared(encoder, images, rows):
        yield frozen_part(encoder, batch, frozen_blocks).half()


def _prepared(encoder: Encoder, images: Any, rows: np.ndarray) -> Iterator[torch.Tensor]:
    for start in range(0, len(rows), BATCH):
        yield encoder.prepare(np.asarray(images.oindex[rows[start : start + BATCH]]))
