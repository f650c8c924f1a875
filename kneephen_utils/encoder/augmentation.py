"""Augmentation: what the frozen half of an encoder makes of a picture and of changed copies of it.

The frozen blocks give the same answer in every epoch, so their output is computed once per
view and kept in half precision, in memory or on a shelf.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from kneephen_utils.encoder import activation_cache as shelves
from kneephen_utils.encoder.finetune import tokens_of
from kneephen_utils.encoder.model import Encoder
from kneephen_utils.encoder.prefetch import ahead

BATCH = 64
RECIPE = 1  # to be raised with any change here that gives other activations
KINDS = {torch.float16: np.float16, torch.float32: np.float32}


class Change(NamedTuple):
    """How the pictures of a batch are changed: six numbers each, and noise."""

    draw: torch.Tensor
    noise: torch.Tensor


def frozen_part(encoder: Encoder, pictures: torch.Tensor, frozen_blocks: int) -> torch.Tensor:
    """Return activations (n, tokens, width) after the frozen blocks, without a gradient.

    The pictures themselves where nothing is frozen; the CLS token alone where all blocks are.
    """
    trunk = encoder.trunk
    if frozen_blocks == 0:
        return pictures
    with torch.no_grad():
        tokens = trunk.blocks[:frozen_blocks](tokens_of(trunk, pictures))
    return tokens[:, :1] if frozen_blocks == len(trunk.blocks) else tokens


def draw(shape: torch.Size, generator: torch.Generator) -> Change:
    """Draw a change for every picture of a batch of this shape."""
    six = torch.randn(shape[0], 6, generator=generator)
    return Change(six, torch.randn(shape, generator=generator))


def augment(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Turn (3 degrees), shift (3 %), scale (4 %), expose and roughen a little; never mirror."""
    return change(pictures, draw(pictures.shape, generator))


def change(pictures: torch.Tensor, drawn: Change) -> torch.Tensor:
    """Return the pictures of a batch, changed as drawn."""
    six = drawn.draw
    angle, scale = 0.05 * six[:, 0], 1 + 0.04 * six[:, 1]
    rows = [torch.cos(angle), -torch.sin(angle)], [torch.sin(angle), torch.cos(angle)]
    turn = torch.stack([torch.stack(row, 1) for row in rows], 1) * scale.view(-1, 1, 1)
    theta = torch.cat([turn, 0.03 * six[:, 2:4, None]], 2).to(pictures.device)
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    gain = (1 + 0.10 * six[:, 4]).view(-1, 1, 1, 1).to(pictures.device)
    offset = (0.10 * six[:, 5]).view(-1, 1, 1, 1).to(pictures.device)
    return moved * gain + offset + (0.04 * drawn.noise).to(pictures.device)


def cache(
    encoder: Encoder,
    images: Any,
    rows: np.ndarray,
    *,
    frozen_blocks: int,
    views: int,
    seed: int,
    precision: torch.dtype = torch.float16,
    shelf: shelves.ActivationCache | None = None,
) -> list[torch.Tensor]:
    """Return the frozen activations of pictures `rows`: as they are, then augmented views.

    Parameters
    ----------
    encoder, images
        Loaded encoder, and zarr array (n, pixels, pixels).
    rows
        Pictures wanted.
    frozen_blocks, views, seed
        As in the settings of the training.
    precision
        Type the activations are kept in.
    shelf
        Where they are kept for the next time, and the processes that share the work; None keeps
        them in memory alone.

    Returns
    -------
    1 + `views` tensors, each (n, tokens, width) in `precision`.

    Raises
    ------
    ValueError
        If they are larger than the shelf.
    """
    own = Work(encoder, images, rows, frozen_blocks, views, seed)
    with torch.no_grad():
        first = frozen_part(encoder, _read(own, rows[:1]), frozen_blocks)
    shape = (1 + views, len(rows), *first.shape[1:])
    if shelf is None:
        kept = np.empty(shape, KINDS[precision])
        _fill(kept, own, rank=0, processes=1)
        return list(torch.from_numpy(kept))
    key = _key(own, precision)
    fabric = shelf.fabric
    rank, processes = (fabric.global_rank, fabric.world_size) if fabric else (0, 1)
    if shelves.find(shelf, key) is None:
        _together(fabric)
        if rank == 0:
            shelves.begin(shelf, key, shape, KINDS[precision])
        _together(fabric)
        shared = shelves.share(shelf, key)
        _fill(shared, own, rank=rank, processes=processes)
        shared.flush()
        _together(fabric)
        if rank == 0:
            shelves.finish(shelf, key)
    _together(fabric)
    found = shelves.find(shelf, key)
    assert found is not None
    return list(torch.from_numpy(found))


class Work(NamedTuple):
    """What the views are of."""

    encoder: Encoder
    images: Any
    rows: np.ndarray
    frozen_blocks: int
    views: int
    seed: int


def stream(
    encoder: Encoder, images: Any, rows: np.ndarray, *, frozen_blocks: int
) -> Iterator[torch.Tensor]:
    """Yield the activations of pictures `rows` as they are, a batch at a time.

    They carry the rounding of `cache`, so that a grade does not depend on which was used.
    """
    own = Work(encoder, images, rows, frozen_blocks, 0, 0)
    for batch in ahead(lambda rows: _read(own, rows), _chunks(rows)):
        yield frozen_part(encoder, batch, frozen_blocks).half()


def _fill(kept: np.ndarray, own: Work, *, rank: int, processes: int) -> None:
    """Compute every batch that falls to this process; all draw alike, whoever computes."""
    generator = torch.Generator().manual_seed(own.seed)
    chunks = _chunks(own.rows)
    mine = iter(ahead(lambda rows: _read(own, rows), chunks[rank::processes]))
    size, channels = own.encoder.image_size, own.encoder.channels
    for number, chunk in enumerate(chunks):
        shape = torch.Size((len(chunk), channels, size, size))
        changes = [draw(shape, generator) for _ in range(own.views)]
        if number % processes != rank:
            continue
        batch, start = next(mine), number * BATCH
        for view in range(1 + own.views):
            pictures = change(batch, changes[view - 1]) if view else batch
            tokens = frozen_part(own.encoder, pictures, own.frozen_blocks)
            place = kept[view, start : start + len(chunk)]
            place[...] = tokens.to(torch.from_numpy(place).dtype).cpu().numpy()


def _key(own: Work, precision: torch.dtype) -> str:
    """Return what the activations are known by: weights, pictures, and how they are changed."""
    trunk = own.encoder.trunk
    before = [v for k, v in trunk.state_dict().items() if not k.startswith(("blocks.", "norm."))]
    frozen = [*before, *trunk.blocks[: own.frozen_blocks].state_dict().values()]
    pictures = (torch.from_numpy(np.asarray(own.images.oindex[rows])) for rows in _chunks(own.rows))
    seen = (own.encoder.image_size, own.encoder.channels, own.encoder.mean, own.encoder.std)
    known = (RECIPE, BATCH, own.frozen_blocks, own.views, own.seed, precision, seen)
    return shelves.digest(known, (tensor for part in (frozen, pictures) for tensor in part))


def _read(own: Work, rows: np.ndarray) -> torch.Tensor:
    return own.encoder.prepare(np.asarray(own.images.oindex[rows]))


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def _together(fabric: Any) -> None:
    if fabric is not None:
        fabric.barrier()
