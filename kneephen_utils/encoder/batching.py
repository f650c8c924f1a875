"""Batching: which knees are seen together in a step, in which view, and what each counts.

All of it is a function of seed, epoch and step, so that a training that was stopped, or that
is shared by several processes, sees the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

BALANCES = ("none", "weights", "sampler")
APART = 0.5  # grades by which a pair of unlike grade is to differ


class Batch(NamedTuple):
    """Knees of one step.

    Attributes
    ----------
    view
        Number of the view all of them are seen in.
    rows
        Rows of the knees (n,).
    kept
        Numbers of the patches kept (n, patches kept); None keeps all.
    """

    view: int
    rows: np.ndarray
    kept: np.ndarray | None


def batches(
    grades: np.ndarray,
    *,
    views: int,
    batch_size: int,
    epoch: int,
    seed: int,
    balance: str,
    patches: int,
    patch_dropout: float,
) -> Iterator[Batch]:
    """Yield the batches of an epoch; they depend on seed and epoch alone.

    Every knee comes once; with `balance` sampler as many are drawn anew, each grade as often as
    any other. `patch_dropout` is the share of the `patches` left out of each picture.
    """
    rng = np.random.default_rng([seed, epoch])
    n = len(grades)
    order = rng.choice(n, n, p=weigh(grades) / n) if balance == "sampler" else rng.permutation(n)
    whole = round(patches * (1 - patch_dropout))
    for step, start in enumerate(range(0, n, batch_size)):
        view = int(rng.integers(views))
        rows, kept = order[start : start + batch_size], None
        if whole < patches:
            chance = np.random.default_rng([seed, epoch, step]).random((len(rows), patches))
            kept = np.sort(np.argpartition(chance, whole - 1, axis=1)[:, :whole], axis=1)
        yield Batch(view, rows, kept)


def weigh(grades: np.ndarray) -> np.ndarray:
    """Return a weight for each knee (n,), inverse to how common its grade is, 1 in the mean."""
    names, place, counts = np.unique(grades, return_inverse=True, return_counts=True)
    return len(grades) / (len(names) * counts[place])


def parts(batch: Batch, *, rank: int, processes: int, accumulate: int) -> list[Batch]:
    """Return what one of several processes does of a batch, in `accumulate` passes.

    Together the processes do each knee once. A pass with no knee left is an empty batch, so
    that all processes make as many passes.
    """
    cut = np.array_split(np.arange(len(batch.rows)), processes * accumulate)
    own = cut[rank * accumulate : (rank + 1) * accumulate]
    kept = batch.kept
    return [Batch(batch.view, batch.rows[i], None if kept is None else kept[i]) for i in own]


def ranking(predicted: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
    """Return what pairs of unlike grade lack, in the mean, to stand 0.5 apart in order."""
    higher = read[:, None] > read[None]
    behind = functional.relu(APART - (predicted[:, None] - predicted[None]))
    return (behind * higher).sum() / higher.sum().clamp(min=1)
