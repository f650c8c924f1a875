"""Distributed: one training on one processor, many GPUs or many machines, by Lightning Fabric.

What is computed row by row is shared out by `share` and put together again by `together`.
Processes of a training run the same program; `fabric.launch()` starts the others, or finds
them where torchrun, Slurm or `fabric run` has started them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def fabric(*, devices: int = 1, nodes: int = 1, precision: str = "auto") -> Any:
    """Return a Lightning Fabric, on GPUs when there are any.

    Parameters
    ----------
    devices, nodes
        Processes on each machine, and machines.
    precision
        `fp32`; `bf16` or `fp16` for mixed precision, fp16 with a scaled loss and on a GPU alone;
        or `auto`: bf16 on a GPU that has it.

    Raises
    ------
    ValueError
        If there is no such precision, or fp16 is asked for without a GPU.
    """
    from lightning.fabric import Fabric  # seconds to import

    gpu = torch.cuda.is_available()
    if precision == "auto":
        precision = "bf16" if gpu and torch.cuda.is_bf16_supported() else "fp32"
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; expected auto, {', '.join(PRECISIONS)}")
    if precision == "fp16" and not gpu:
        raise ValueError("precision is 'fp16', which needs a GPU; expected auto, fp32 or bf16")
    return Fabric(
        accelerator="cuda" if gpu else "cpu",
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision=PRECISIONS[precision],  # type: ignore[arg-type]
    )


def share(fabric: Any, count: int) -> slice:
    """Return which of `count` rows fall to this process: a run of them, all if it is alone."""
    processes = fabric.world_size if fabric is not None else 1
    each = -(-count // processes)
    first = min(count, each * (fabric.global_rank if processes > 1 else 0))
    return slice(first, min(count, first + each))


def together(fabric: Any, values: np.ndarray, count: int) -> np.ndarray:
    """Return the rows of all processes, in every process, from what each has of its `share`.

    Parameters
    ----------
    fabric
        Launched; None for one process.
    values
        Rows (n, ...) of this process; n is the length of its share.
    count
        Rows of all processes.
    """
    if fabric is None or fabric.world_size == 1:
        return values
    each = -(-count // fabric.world_size)
    padded = np.zeros((each, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    found = fabric.all_gather(torch.from_numpy(padded)).cpu().numpy()
    return found.reshape(-1, *values.shape[1:])[:count]
