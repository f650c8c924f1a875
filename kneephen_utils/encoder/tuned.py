"""Tuned: the trained upper half of an encoder, kept beside the weights it started from."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from kneephen_utils.encoder.loading import load
from kneephen_utils.encoder.model import Encoder, WeightsError


def save_tuned(
    encoder: Encoder, path: str | Path, *, head: nn.Module | None, frozen_blocks: int
) -> None:
    """Write the blocks from `frozen_blocks` on, the norm, the projection and the head.

    The file appears whole or not at all.
    """
    state = {f"{name}": value for name, value in _upper(encoder, frozen_blocks).items()}
    if head is not None:
        state |= {f"head.{name}": value for name, value in head.state_dict().items()}
    kept = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    partial = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
    save_file(kept, partial, metadata={"encoder": encoder.name, "frozen": str(frozen_blocks)})
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


def _upper(encoder: Encoder, frozen_blocks: int) -> dict[str, torch.Tensor]:
    """Return the tensors of the upper half by name; they are those of the encoder itself."""
    state = {}
    for number in range(frozen_blocks, len(encoder.trunk.blocks)):
        for name, value in encoder.trunk.blocks[number].state_dict(keep_vars=True).items():
            state[f"trunk.blocks.{number}.{name}"] = value
    for name, value in encoder.trunk.norm.state_dict(keep_vars=True).items():
        state[f"trunk.norm.{name}"] = value
    for name, value in encoder.projection.state_dict(keep_vars=True).items():
        state[f"projection.{name}"] = value
    return state
