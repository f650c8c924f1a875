"""Status and doctor: they name what changed, what waits for it, and what is wanting."""

from __future__ import annotations

from pathlib import Path

from kneephen_utils import pipeline
from kneephen_utils.pipeline import doctor, status


def done(artefacts: Path, run: pipeline.Run, stamp: str) -> None:
    for path in [f"ran/{run.name}", *run.writes]:
        (artefacts / path).parent.mkdir(parents=True, exist_ok=True)
        (artefacts / path).write_text(stamp)


def test_a_changed_ingredient_is_named_and_what_follows_may_change(tmp_path: Path) -> None:
    first, second = pipeline.Run("cohort"), pipeline.Run("radiograph")
    for run in (first, second):
        done(tmp_path, run, "1  parameter seed\nab  kneephen_utils/images.py\n")
    now = "2  parameter seed\nab  kneephen_utils/images.py\n"
    told = status.lines(
        tmp_path, {first: now, second: (tmp_path / "ran" / second.name).read_text()}
    )
    assert told[0].endswith("changed: parameter seed 1 -> 2")
    assert told[1].endswith("may change with cohort")


def test_parameters_are_told_before_files_and_with_both_values() -> None:
    before = "ab  kneephen_utils/images.py\n0  parameter min_cluster_size\n"
    now = "cd  kneephen_utils/images.py\n40  parameter min_cluster_size\ntrue  parameter peeked\n"
    assert status.changed(before, now) == [
        "parameter min_cluster_size 0 -> 40",
        "parameter peeked none -> true",
        "kneephen_utils/images.py",
    ]


def test_done_missing_and_never_run_are_told_apart(tmp_path: Path) -> None:
    run = pipeline.Run("cohort")
    assert status.lines(tmp_path, {run: "1  x\n"})[0].endswith("has not been run")
    done(tmp_path, run, "1  x\n")
    assert status.lines(tmp_path, {run: "1  x\n"})[0].endswith("done")
    (tmp_path / "knees.parquet").unlink()
    assert status.lines(tmp_path, {run: "1  x\n"})[0].endswith("is gone: knees.parquet")


def test_the_doctor_looks_at_machine_packages_and_data(tmp_path: Path) -> None:
    (tmp_path / "Clinical.txt").touch()
    told = "\n".join(doctor.lines(tmp_path, oai=str(tmp_path)))
    for word in ("machine", "memory", "disk", "GPU", "packages", "1 tables"):
        assert word in told
    assert "there is no such folder" in "\n".join(doctor.lines(tmp_path, oai="/nowhere"))
