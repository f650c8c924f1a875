"""Batch size finder: how many pictures at a time, in which memory layout, are embedded fastest."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

SIZES = (16, 32, 64, 128, 256)  # pictures at a time that are tried
LAYOUTS = (torch.contiguous_format, torch.channels_last)
REPEATS = 2  # after one run that warms up


class Pace(NamedTuple):
    """Pictures at a time, and how their channels lie in memory."""

    batch_size: int
    layout: torch.memory_format


def choose(
    run: Callable[[torch.Tensor], object],
    pictures: torch.Tensor,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """Return the pace at which `run` takes least time per picture.

    Parameters
    ----------
    run
        What is to be fast, of a batch (n, channels, size, size).
    pictures
        As many as are there, up to the largest of `SIZES`; sizes that need more are not tried.
    clock
        Seconds.

    Raises
    ------
    torch.OutOfMemoryError
        If there is not even room for the smallest batch.
    """
    sizes = [size for size in SIZES if size <= len(pictures)] or [max(1, len(pictures))]
    best, least = Pace(sizes[0], LAYOUTS[0]), float("inf")
    for layout in LAYOUTS:
        for size in sizes:
            batch = pictures[:size].contiguous(memory_format=layout)
            try:
                taken = _seconds(run, batch, clock) / size
            except torch.OutOfMemoryError:
                if size == sizes[0]:
                    raise
                break
            if taken < least:
                best, least = Pace(size, layout), taken
    return best


def _seconds(
    run: Callable[[torch.Tensor], object], batch: torch.Tensor, clock: Callable[[], float]
) -> float:
    """Return the least seconds of a few runs, a GPU having come to its end each time."""
    taken = []
    for _ in range(1 + REPEATS):
        start = clock()
        run(batch)
        if batch.is_cuda:
            torch.cuda.synchronize()
        taken.append(clock() - start)
    return min(taken[1:])
