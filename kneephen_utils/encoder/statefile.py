"""State file: the weights of a file, by name, in whatever form they were saved.

Safetensors, and `torch.save` in its new and its old format; bare, or under `state_dict` as
training scripts save them; with `module.` before each name, as parallel training leaves it.
A file that is something else is refused with what it is, and nothing in it is ever run.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from kneephen_utils.encoder.model import WeightsError

WITHIN = ("state_dict", "model_state_dict", "model")  # where training scripts put the weights
PREFIX = "module."
EXPECTED = "expected tensors by name, as safetensors or as torch.save writes them"
OTHERS = {
    b"version https://git-lfs": "a pointer of git-lfs, not the file; `git lfs pull` fetches it",
    b"\x1f\x8b": "packed (gzip); unpack it",
    b"<!DOCTYPE": "a page of the web, not the file",
    b"<html": "a page of the web, not the file",
}


def read(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file of weights, on the CPU, by name.

    Raises
    ------
    WeightsError
        If the file is something else, damaged, or holds objects that would have to be run.
    """
    if what := other(path):
        raise WeightsError(f"{path.name} is {what}")
    saved = _safe(path) if path.suffix == ".safetensors" else _pickled(path)
    inner = next((saved[name] for name in WITHIN if _named(saved, name)), saved)
    if not isinstance(inner, Mapping) or not inner:
        raise WeightsError(f"{path.name} holds no weights; {EXPECTED}")
    if not all(isinstance(value, torch.Tensor) for value in inner.values()):
        raise WeightsError(f"{path.name} holds things that are no tensors; {EXPECTED}")
    names = [str(name) for name in inner]
    if all(name.startswith(PREFIX) for name in names):
        names = [name.removeprefix(PREFIX) for name in names]
    return dict(zip(names, inner.values(), strict=True))


def other(path: Path) -> str:
    """Return what a file is that is no file of weights, as its first bytes tell; else nothing."""
    with path.open("rb") as stream:
        start = stream.read(64)
    if not start:
        return "empty"
    return next((what for mark, what in OTHERS.items() if start.startswith(mark)), "")


def _named(saved: Any, name: str) -> bool:
    return isinstance(saved, Mapping) and isinstance(saved.get(name), Mapping)


def _safe(path: Path) -> Any:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is damaged or no safetensors file ({error})") from None


def _pickled(path: Path) -> Any:
    """Load what `torch.save` wrote, tensors alone; the old format cannot be mapped into memory."""
    mapped = zipfile.is_zipfile(path)
    try:
        return torch.load(path, map_location="cpu", mmap=mapped, weights_only=True)
    except Exception as error:  # a damaged archive raises of every kind
        kind, said = type(error).__name__, str(error)
        if kind == "UnpicklingError" and re.search("Unsupported (global|class)", said):
            raise WeightsError(
                f"{path.name} holds pickled objects beside tensors, which loading would have to "
                "run; save its state_dict alone"
            ) from None
        raise WeightsError(f"{path.name} is damaged or no file of torch ({kind})") from None
