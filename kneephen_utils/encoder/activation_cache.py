"""Activation cache: large arrays on a bounded part of the disk, keyed by what they were made of.

An array is read where it lies (memory-mapped), so memory follows the batch. When the shelf is
full, what was used longest ago makes room.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

PARTIAL = ".partial"


class ActivationCache(NamedTuple):
    """Where arrays are kept.

    Attributes
    ----------
    folder
        Folder for them alone; where several machines share a training, one that all reach.
    gigabytes
        What all of them together may take, in 10^9 bytes.
    fabric
        Lightning Fabric whose processes fill an array together; None for one process.
    """

    folder: Path
    gigabytes: float
    fabric: Any = None


def digest(settings: object, tensors: Iterable[torch.Tensor]) -> str:
    """Return what identifies a computation: its settings and every number it starts from."""
    known = hashlib.sha256(repr(settings).encode())
    for tensor in tensors:
        known.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        known.update(flat.numpy().data)
    return known.hexdigest()


def find(shelf: ActivationCache, key: str) -> np.ndarray | None:
    """Return the array known by `key`, mapped from disk; None where there is none."""
    path = shelf.folder / f"{key}.npy"
    if not path.exists():
        return None
    os.utime(path)
    return np.load(path, mmap_mode="c")  # a change would stay in memory


def begin(shelf: ActivationCache, key: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return a new array on disk, to be filled and then kept by `finish`.

    Raises
    ------
    ValueError
        If it is larger than the whole shelf.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    limit = shelf.gigabytes * 1e9
    if size > limit:
        raise ValueError(
            f"the cached views need {size / 1e9:.2f} GB, but cache_gb is {shelf.gigabytes}; "
            "raise it or lower views"
        )
    shelf.folder.mkdir(parents=True, exist_ok=True)
    _make_room(shelf, limit - size)
    path = _partial(shelf, key)
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def share(shelf: ActivationCache, key: str) -> np.memmap:
    """Return the array that another process has begun, to help to fill it."""
    return np.lib.format.open_memmap(_partial(shelf, key), mode="r+")


def finish(shelf: ActivationCache, key: str) -> None:
    """Keep the array begun under `key`, now that it is whole."""
    _partial(shelf, key).replace(shelf.folder / f"{key}.npy")


def _partial(shelf: ActivationCache, key: str) -> Path:
    return shelf.folder / f".{key}{PARTIAL}"


def _make_room(shelf: ActivationCache, limit: float) -> None:
    """Remove what is unfinished, then what was used longest ago, down to `limit` bytes."""
    for path in shelf.folder.glob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)
    kept = sorted(shelf.folder.glob("*.npy"), key=lambda path: path.stat().st_mtime_ns)
    total = sum(path.stat().st_size for path in kept)
    for path in kept:
        if total <= limit:
            return
        total -= path.stat().st_size
        path.unlink(missing_ok=True)
