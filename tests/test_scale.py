"""Scale: memory of a stage grows no faster than its knees, and not at all with the films."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PEOPLE = (600, 1200, 3600)
FEW = "40"  # people whose films are cut again and again
FLAT = 20.0  # MB; 280 pictures more are 14 MB as bytes, and 1,500 MB as films
SLACK, NOISE = 1.3, 10.0  # share and MB by which a straight line may be missed


@pytest.mark.slow
def test_memory_grows_no_faster_than_the_knees(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "studies" / "benchmarks"))
    import bench_scale

    names = ("00_cohort", "04_fusion")  # the others take minutes a size: `make bench`
    wanted = [run for run in bench_scale.runs() if run.name in names]
    monkeypatch.setattr(bench_scale, "runs", lambda: wanted)
    found = []
    for people in PEOPLE:
        folder = tmp_path / str(people)
        folder.mkdir()
        found.append(bench_scale.measure(people, folder))
    few, some, many = PEOPLE
    for name in names:
        small, middle, large = (each[name]["memory"] for each in found)
        line = (middle - small) * (many - few) / (some - few)
        assert large - small <= SLACK * max(line, 0.0) + NOISE * (many - few) / (some - few), name
        assert large < bench_scale.BOUND


@pytest.mark.slow
def test_more_films_take_no_more_memory(root: Path, tmp_path: Path) -> None:
    twin = [sys.executable, "-m", "oai_twin", "--out", str(tmp_path), "--seed", "20"]
    subprocess.run([*twin, "--participants", FEW], check=True, capture_output=True)
    peaks = []
    for count in (40, 320):
        words = [sys.executable, str(root / "studies" / "benchmarks" / "bench_films.py"), "--once"]
        words += ["--release", str(tmp_path / "release")]
        done = subprocess.run(
            [*words, "--films", str(count)], check=True, capture_output=True, text=True
        )
        peaks.append(json.loads(done.stdout.splitlines()[-1])["peak_mb"])
    assert peaks[1] < peaks[0] + FLAT, peaks
