"""Quantization: weights in 8 bits, activations quantised per batch (dynamic int8), for CPUs.

Weights of the linear layers are rounded once, and what they are multiplied with as it comes;
everything else stays as it was. Vectors change a little, so it is a choice and no default.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from typing import TypeVar

import torch
from torch import nn

from kneephen_utils.encoder.finetune import TrainableTail
from kneephen_utils.encoder.model import Encoder

Module = TypeVar("Module", bound=nn.Module)


def rounded(encoder: Encoder) -> Encoder:
    """Return the encoder with a picture tower of 8-bit weights; the one given stays as it was.

    Raises
    ------
    ValueError
        If the encoder lies on a GPU, where 8 bits are not faster.
    """
    _refuse_gpu(encoder.device)
    return dataclasses.replace(encoder, trunk=_rounded(encoder.trunk))


def rounded_half(upper: TrainableTail) -> TrainableTail:
    """Return a trained half with blocks of 8-bit weights; the head keeps its own.

    Raises
    ------
    ValueError
        If it lies on a GPU.
    """
    _refuse_gpu(next(upper.parameters()).device)
    small = copy.deepcopy(upper)
    small.blocks = _rounded(small.blocks)
    return small


def _refuse_gpu(device: torch.device) -> None:
    if device.type != "cpu":
        raise ValueError(f"8-bit weights are for the CPU; the encoder lies on {device}")


def _rounded(module: Module) -> Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is to give this up in favour of torchao
        made: Module = torch.ao.quantization.quantize_dynamic(
            copy.deepcopy(module), {nn.Linear}, dtype=torch.qint8
        )
    return made
