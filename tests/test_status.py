"""Status and doctor: they name what changed, what waits for it, and what is wanting."""

from __future__ import annotations

from pathlib import Path

import workflow
from workflow import dependencies, environment_check, stamps, status


def done(artefacts: Path, run: workflow.Run, stamp: str) -> None:
    for path in [f"ran/{run.name}", *status.left_by(run), f"records/{run.name}.json"]:
        (artefacts / path).parent.mkdir(parents=True, exist_ok=True)
        (artefacts / path).write_text(stamp)
    left = status.left_by(run)
    stamps.note(artefacts, {path: dependencies.fingerprint(artefacts / path) for path in left})


def test_a_changed_ingredient_is_named_and_what_follows_may_change(tmp_path: Path) -> None:
    first, second = workflow.Run("cohort"), workflow.Run("radiograph")
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


def test_a_run_waits_for_the_stages_whose_tables_it_reads_and_for_no_other(tmp_path: Path) -> None:
    fresh = {run: f"1  {run.name}\n" for run in workflow.RUNS}
    for run, stamp in fresh.items():
        done(tmp_path, run, stamp)
    fresh[workflow.Run("attention")] += "2  parameter draws\n"
    told = {line[:22].strip(): line[23:] for line in status.lines(tmp_path, fresh)}
    assert told["06_attention"] == "changed: parameter draws none -> 2"
    assert told["09_verdict"] == "may change with attention"
    assert told["the book"] == "will change with its pages"
    others = [name for name in told if name not in {"06_attention", "09_verdict", "the book"}]
    assert {told[name] for name in others} == {"done"}


def test_artefacts_are_told_by_name_and_films_are_only_counted() -> None:
    before = "1  artefact visits.parquet\n1-2  film 0.E.1/9000001/film\n"
    now = "2  artefact visits.parquet\n1-3  film 0.E.1/9000001/film\n"
    assert status.changed(before, now) == ["visits.parquet", "1 film(s) of the release"]


def test_a_release_that_is_written_again_is_told_with_those_who_open_it(tmp_path: Path) -> None:
    fresh = {workflow.Run(stage): "1  x\n" for stage in ("cohort", "pain")}
    for run, stamp in fresh.items():
        done(tmp_path, run, stamp)
    assert status.of_twin(tmp_path, "1  x\n") == "has not been written"
    told = status.lines(tmp_path, fresh, twin="changed: parameter seed 1 -> 2")
    assert told[0].split(maxsplit=1) == ["twin", "changed: parameter seed 1 -> 2"]
    assert told[1].endswith("may change with twin")
    assert told[2].endswith("may change with cohort")


def test_done_missing_and_never_run_are_told_apart(tmp_path: Path) -> None:
    run = workflow.Run("cohort")
    assert status.lines(tmp_path, {run: "1  x\n"})[0].endswith("has not been run")
    done(tmp_path, run, "1  x\n")
    assert status.lines(tmp_path, {run: "1  x\n"})[0].endswith("done")
    (tmp_path / "knees.parquet").write_text("2  x\n")
    assert status.lines(tmp_path, {run: "1  x\n"})[0].endswith("not as it was left: knees.parquet")
    (tmp_path / "knees.parquet").unlink()
    assert status.lines(tmp_path, {run: "1  x\n"})[0].endswith("is gone: knees.parquet")


def test_the_doctor_looks_at_machine_packages_and_data(tmp_path: Path) -> None:
    (tmp_path / "Clinical.txt").touch()
    told = "\n".join(environment_check.lines(tmp_path, oai=str(tmp_path)))
    for word in ("machine", "memory", "disk", "GPU", "packages", "1 tables"):
        assert word in told
    assert "there is no such folder" in "\n".join(environment_check.lines(tmp_path, oai="/nowhere"))
