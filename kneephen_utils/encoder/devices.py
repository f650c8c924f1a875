"""Devices: one training on one processor, many GPUs or many machines, by Lightning Fabric.

Processes of a training run the same program; `fabric.launch()` starts the others, or finds
them where torchrun, Slurm or `fabric run` has started them.
"""

from __future__ import annotations

from typing import Any

import torch

PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}


def fabric(*, devices: int = 1, nodes: int = 1, precision: str = "auto") -> Any:
    """Return a Lightning Fabric, on GPUs when there are any.

    Parameters
    ----------
    devices, nodes
        Processes on each machine, and machines.
    precision
        `fp32`, `bf16` for mixed precision, or `auto`: bf16 on a GPU that has it.

    Raises
    ------
    ValueError
        If there is no such precision.
    """
    from lightning.fabric import Fabric  # seconds to import

    gpu = torch.cuda.is_available()
    if precision == "auto":
        precision = "bf16" if gpu and torch.cuda.is_bf16_supported() else "fp32"
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; expected auto, {', '.join(PRECISIONS)}")
    return Fabric(
        accelerator="cuda" if gpu else "cpu",
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision=PRECISIONS[precision],  # type: ignore[arg-type]
    )
