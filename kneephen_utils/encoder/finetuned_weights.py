"""Finetuned weights: the trained upper half of an encoder, beside the weights it started from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from kneephen_utils.encoder import head as heads
from kneephen_utils.encoder.loading import load
from kneephen_utils.encoder.model import Encoder, WeightsError


def save_tuned(
    encoder: Encoder, path: str | Path, *, head: heads.Head | None, frozen_blocks: int
) -> None:
    """Write the blocks from `frozen_blocks` on, the norm, the projection and the head.

    Where no block is frozen, what comes before the blocks too. The file appears whole or not
    at all.
    """
    state = dict(_upper(encoder, frozen_blocks))
    noted = {"encoder": encoder.name, "frozen": str(frozen_blocks)}
    if head is not None:
        noted["head"] = head.kind
        state |= {f"head.{name}": value for name, value in head.state_dict().items()}
    kept = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    partial = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
    save_file(kept, partial, metadata=noted)
    partial.replace(path)


def load_tuned(weights: str, path: str | Path, *, frozen_blocks: int) -> Encoder:
    """Load `weights` and put the trained upper half from `path` in its place.

    Raises
    ------
    WeightsError
        If the file does not hold exactly the upper half of that encoder.
    """
    encoder = load(weights, text=False)
    state = {k: v for k, v in load_file(path).items() if not k.startswith("head.")}
    expected = _upper(encoder, frozen_blocks)
    if state.keys() != expected.keys():
        odd = sorted(state.keys() ^ expected.keys())[0]
        raise WeightsError(f"{Path(path).name}: {odd} does not fit encoder {weights}")
    with torch.no_grad():
        for name, value in state.items():
            expected[name].copy_(value)
    return encoder


def load_head(path: str | Path) -> heads.Head:
    """Return the head kept in `path`, ready to use.

    Raises
    ------
    WeightsError
        If the file holds no head, or one that does not fit.
    """
    state = {k.removeprefix("head."): v for k, v in load_file(path).items() if k[:5] == "head."}
    with safe_open(path, framework="pt") as file:
        kind = (file.metadata() or {}).get("head", heads.Head.kind)
    try:
        head = heads.make(kind, state["linear.weight"].shape[1], np.zeros(1))
        head.load_state_dict(state)
    except (RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(f"{Path(path).name}: no head that fits: {error}") from None
    return head.eval().requires_grad_(requires_grad=False)


def reinitialise(
    encoder: Encoder, *, head: nn.Module | None, frozen_blocks: int, seed: int
) -> None:
    """Draw the trained tensors anew in place, each with the mean and spread it had.

    Keeping the spread keeps the strength of signals: what is lost is only what was learned.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = [*_upper(encoder, frozen_blocks).values(), *(head.parameters() if head else ())]
    with torch.no_grad():
        for tensor in tensors:
            drawn = torch.randn(tensor.shape, generator=generator).to(tensor)
            tensor.copy_(tensor.mean() + tensor.std(correction=0) * drawn)


def _upper(encoder: Encoder, frozen_blocks: int) -> dict[str, torch.Tensor]:
    """Return the tensors of the upper half by name; they are those of the encoder itself."""
    state = {}
    if frozen_blocks == 0:
        for name, value in encoder.trunk.state_dict(keep_vars=True).items():
            state[f"trunk.{name}"] = value
    for number in range(frozen_blocks, len(encoder.trunk.blocks)):
        for name, value in encoder.trunk.blocks[number].state_dict(keep_vars=True).items():
            state[f"trunk.blocks.{number}.{name}"] = value
    for name, value in encoder.trunk.norm.state_dict(keep_vars=True).items():
        state[f"trunk.norm.{name}"] = value
    for name, value in encoder.projection.state_dict(keep_vars=True).items():
        state[f"projection.{name}"] = value
    return state
