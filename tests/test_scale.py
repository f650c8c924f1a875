"""Scale: memory of a stage grows no faster than the knees it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

PEOPLE = (600, 1200, 3600)
SLACK, NOISE = 1.3, 10.0  # share and MB by which a straight line may be missed


@pytest.mark.slow
def test_memory_grows_no_faster_than_the_knees(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import bench_scale

    names = ("00_cohort", "04_fusion", "05_phenotype_grade_0")
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
