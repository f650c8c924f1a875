"""Devices: two processes teach what one teaches, and a kill changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

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


@pytest.mark.slow
def test_two_processes_equal_one_and_a_killed_training_an_undisturbed_one(tmp_path: Path) -> None:
    alone, weights_alone = trained(tmp_path / "one", 1)
    two, weights_two = trained(tmp_path / "two", 2)
    pd.testing.assert_frame_equal(alone, two, rtol=1e-4)
    for name, value in weights_alone.items():
        assert (weights_two[name] - value).abs().max() < TOLERANCE, name

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
