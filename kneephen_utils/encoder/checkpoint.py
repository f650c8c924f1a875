"""Checkpoint: a training that was stopped goes on where it was, to the last bit.

One safetensors file holds the weights, the best weights so far, the moments of the
optimiser, the scale of the loss and the history. The rate, the order of the knees and every
random draw of an epoch follow from its number, so the length of the history stands for scheduler,
sampler and random state. A checkpoint belongs to one training, known by a digest of everything
the training depends on; another training does not touch it but starts anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

Rows = list[dict[str, Any]]


def save(
    path: Path,
    *,
    key: str,
    model: nn.Module,
    best: dict[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    precision: Any,
    rows: Rows,
) -> None:
    """Write the state after an epoch; the file appears whole or not at all.

    `precision` is that of a Lightning Fabric's strategy: with fp16 it scales the loss.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"moment.{number}.{name}": value for name, value in moments.items()}
    kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    scale = json.dumps(precision.state_dict())
    save_file(kept, partial, metadata={"key": key, "rows": json.dumps(rows), "scale": scale})
    partial.replace(path)


def resume(
    path: Path, *, key: str, model: nn.Module, optimiser: torch.optim.Optimizer, precision: Any
) -> tuple[dict[str, torch.Tensor], Rows] | None:
    """Put the state kept in `path` into `model`, `optimiser` and `precision`.

    Returns
    -------
    The best weights so far and the history; None, with nothing touched, where the file is
    missing, damaged or of another training.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            noted = file.metadata() or {}
            if noted.get("key") != key:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        return None
    device = next(model.parameters()).device
    model.load_state_dict(_under("model.", tensors))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in _under("moment.", tensors).items():
        number, _, moment = name.partition(".")
        moments.setdefault(int(number), {})[moment] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})
    precision.load_state_dict(json.loads(noted["scale"]))
    best = {name: value.to(device) for name, value in _under("best.", tensors).items()}
    return best, json.loads(noted["rows"])


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
