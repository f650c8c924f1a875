"""Devices: two processes teach what one teaches, and a kill changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from kneephen_utils.encoder import distributed

HERE = Path(__file__).parent
TOLERANCE = 2e-5  # between one process and two, in any weight


def start(folder: Path, count: int, *words: str) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(HERE / "together.py"), str(folder), str(count), *words]
    return subprocess.Popen(command, start_new_session=True, cwd=HERE)


def trained(folder: Path, count: int) -> tuple[pd.DataFrame, dict[str, torch.Tensor]]:
    assert start(folder, count).wait(timeout=300) == 0
    assert not list((folder / "checkpoints").iterdir())
    return pd.read_parquet(folder / "history.parquet"), load_file(folder / "weights")


@pytest.mark.parametrize(("count", "processes"), [(7, 3), (2, 4), (0, 2), (6, 2), (5, 1)])
def test_every_row_falls_to_one_process(count: int, processes: int) -> None:
    ranks = [SimpleNamespace(global_rank=k, world_size=processes) for k in range(processes)]
    shares = [list(range(count))[distributed.share(rank, count)] for rank in ranks]
    assert [row for own in shares for row in own] == list(range(count))
    each = -(-count // processes)

    def gather(padded: torch.Tensor) -> torch.Tensor:
        parts = [np.pad(np.array(own, int), (0, each - len(own))) for own in shares]
        assert any(np.array_equal(padded.numpy(), part) for part in parts)
        return torch.from_numpy(np.stack(parts))

    for rank, own in zip(ranks, shares, strict=True):
        rank.all_gather = gather
        assert distributed.together(rank, np.array(own, int), count).tolist() == list(range(count))
    assert distributed.share(None, count) == slice(0, count)


@pytest.mark.slow
def test_two_processes_equal_one_and_a_killed_training_an_undisturbed_one(tmp_path: Path) -> None:
    alone, weights_alone = trained(tmp_path / "one", 1)
    two, weights_two = trained(tmp_path / "two", 2)
    pd.testing.assert_frame_equal(alone, two, rtol=1e-4)
    for name, value in weights_alone.items():
        assert (weights_two[name] - value).abs().max() < TOLERANCE, name
    vectors = [pd.read_parquet(tmp_path / name / "embedded.parquet") for name in ("one", "two")]
    pd.testing.assert_frame_equal(*vectors, atol=1e-4)

    folder = tmp_path / "killed"
    running = start(folder, 2, "slow")
    deadline = time.monotonic() + 300
    while not (folder / "checkpoints" / "grading.safetensors").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert running.poll() is None
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    resumed, weights = trained(folder, 2)
    pd.testing.assert_frame_equal(resumed, two, check_exact=True)
    assert all(torch.equal(weights[name], value) for name, value in weights_two.items())
