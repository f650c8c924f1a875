"""Spine: one command runs every stage, only what changed runs again, and bad input is told."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

import workflow
from kneephen_utils import tables, verdict
from workflow import dependencies, params, stamps

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
ALONE = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS"]  # not a part of another make


def small() -> str:
    """Return the settings of the smoke profile as a user would give them to another profile."""
    declared = params.load(ROOT / "notebooks" / "params.yml")["profiles"]["smoke"]
    words = []
    for stage, settings in declared.items():
        for name, value in settings.items():
            listed = f"[{','.join(value)}]" if isinstance(value, list) else value
            words += [f"{stage}.{name}={listed}"] if stage not in {"twin", "verdict"} else []
    return " ".join(words)


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ALONE, "make", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )


def started(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the runs that make executed."""
    assert done.returncode == 0, done.stderr[-4000:]
    lines = done.stderr.splitlines()
    return {line.split(":")[0] for line in lines if re.match(r"\d\d_\w+: started", line)}


def states(artefacts: Path) -> dict[str, str]:
    """Return the fingerprint of every artefact."""
    paths = [path for run in workflow.RUNS for path in run.writes]
    return {path: dependencies.fingerprint(artefacts / path) for path in paths}


def readers(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the runs that read an artefact which is no longer what it was."""
    changed = {path for path in after if before[path] != after[path]}
    return {run.name for run in workflow.RUNS if changed & set(run.reads)}


def every_table() -> list[tuple[str, str | None]]:
    """Return the name and the part of every table that any run writes."""
    paths = [path for run in workflow.RUNS for path in run.writes if path.endswith(".parquet")]
    stems = [path.removesuffix(".parquet").split("/") for path in paths]
    return [(name, part[0] if part else None) for name, *part in stems]


def written_by_a_stage() -> set[str]:
    return {
        name for name, spec in tables.SCHEMAS.items() if spec.metadata["stage"] in workflow.STAGES
    }


@pytest.fixture(scope="module")
def smoke() -> Path:
    done = make("run", "PROFILE=smoke")
    assert done.returncode == 0, done.stderr[-4000:]
    return ROOT / "artefacts" / "smoke"


@pytest.fixture(scope="module")
def release(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the release somewhere else, as a user's own would be."""
    copy = tmp_path_factory.mktemp("elsewhere") / "OAI"
    shutil.copytree(smoke / "release", copy)
    return copy


def test_every_artefact_is_there_and_follows_its_schema(smoke: Path) -> None:
    assert {name for name, _ in every_table()} == written_by_a_stage()
    for name, part in every_table():
        tables.read(name, smoke, part)
    records = sorted((smoke / "records").glob("*.json"))
    assert [path.stem for path in records] == [run.name for run in workflow.RUNS]
    assert all(json.loads(path.read_text())["seconds"] > 0 for path in records)


def test_nothing_runs_twice(smoke: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (smoke / "executed").iterdir()}
    again = make("run", "PROFILE=smoke")
    assert again.returncode == 0
    assert "started" not in again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_touched_notebook_runs_nothing_and_an_edited_one_only_itself(smoke: Path) -> None:
    notebook = ROOT / "notebooks" / "07_pain.ipynb"
    original = notebook.read_text()
    notebook.touch()
    assert "started" not in make("run", "PROFILE=smoke").stderr
    try:
        notebook.write_text(original.replace('"# ', '"#  ', 1))
        edited = make("run", "PROFILE=smoke")
    finally:
        notebook.write_text(original)
    started = [line.split(":")[0] for line in edited.stderr.splitlines() if "started" in line]
    assert started == ["07_pain"]
    assert make("run", "PROFILE=smoke").returncode == 0
    assert (smoke / "executed" / "07_pain.ipynb").exists()


@pytest.mark.parametrize(
    ("setting", "runs"),
    [
        ("phenotype.min_cluster_size=14@2", {"05_phenotype_grade_2"}),
        ("cohort.projects=15_only", {"00_cohort"}),
    ],
)
def test_a_setting_reaches_whatever_reads_what_it_changed_and_nothing_else(
    smoke: Path, setting: str, runs: set[str]
) -> None:
    """The twin is not written again, and the verdict is that of the rule on the tables as told."""
    before, twin = states(smoke), (smoke / "ran" / "twin").stat().st_mtime_ns
    done = make("run", "PROFILE=smoke", f"SET={setting}")
    after = states(smoke)
    assert before != after
    assert "09_verdict" in readers(before, after)
    assert started(done) == runs | readers(before, after)
    read = functools.partial(tables.read, artefacts=smoke)
    effects = verdict.primary(read("pain_effects"), read("progression_effects"))
    gates = [read(name) for name in ("gates", "null", "stability", "contribution", "sweep")]
    judged = verdict.judge(*gates, effects, alpha=0.05)
    assert_frame_equal(read("claims"), judged.reset_index(drop=True))
    assert started(make("run", "PROFILE=smoke", f"SET={setting}")) == set()
    back = make("run", "PROFILE=smoke")
    assert started(back) == runs | readers(after, before)
    assert states(smoke) == before
    assert (smoke / "ran" / "twin").stat().st_mtime_ns == twin


def test_a_copy_of_the_folder_runs_nothing_whatever_the_times(smoke: Path) -> None:
    """As after a copy, every file is dated anew, in another order than they were made."""
    for place, path in enumerate(sorted(stamps.dated(smoke), reverse=True)):
        os.utime(path, (1e9 + place, 1e9 + place))
    assert started(make("run", "PROFILE=smoke")) == set()


def test_a_copy_of_the_release_gives_the_same_numbers_as_a_user_would_get(
    smoke: Path, release: Path
) -> None:
    """Small settings of the smoke profile, given by hand to the profile for real data."""
    done = make("run", "PROFILE=oai", f"OAI={release}", f"SET={small()}")
    assert done.returncode == 0, done.stderr[-4000:]
    for name, part in every_table():
        if name != "truth":  # planted, so only known of the synthetic release
            theirs = tables.read(name, ROOT / "artefacts" / "oai", part)
            assert_frame_equal(tables.read(name, smoke, part), theirs, obj=f"{name} {part}")


def test_a_corrected_table_of_the_release_reaches_every_number_that_rests_on_it(
    smoke: Path, release: Path
) -> None:
    """Somebody's pain at 24 months was typed wrongly; no film is opened for that."""
    assert smoke.is_dir()
    words = ("run", "PROFILE=oai", f"OAI={release}", f"SET={small()}")
    assert make(*words).returncode == 0
    oai = ROOT / "artefacts" / "oai"
    before, table = states(oai), release_table(release, "allclinical03.txt")
    kept, times = table.read_bytes(), table.stat()
    frame = pd.read_csv(table, sep="|", dtype=str, keep_default_na=False, encoding="latin-1")
    row = frame.index[frame["V03WOMKPR"].isin([str(pain) for pain in range(10)])][0]
    frame.loc[row, "V03WOMKPR"] = "19"
    try:
        frame.to_csv(table, sep="|", index=False, encoding="latin-1")
        os.utime(table, ns=(times.st_atime_ns, times.st_mtime_ns))
        done = make(*words)
    finally:
        table.write_bytes(kept)
    after = states(oai)
    assert before["visits.parquet"] != after["visits.parquet"]
    assert before["pain_effects.parquet"] != after["pain_effects.parquet"]
    assert started(done) == {"00_cohort"} | readers(before, after)
    assert "01_radiograph" not in started(done)


def release_table(release: Path, name: str) -> Path:
    return next(path for path in release.rglob("*") if path.name.lower() == name)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["PROFILE=oai"], "PROFILE=oai needs OAI="),
        (["PROFILE=oai", "OAI=/nowhere/at/all"], "there is no such folder"),
        (["SET=phenotype.min_clutser_size=3"], "parameter 'min_clutser_size' is unknown"),
        (["SET=phenotypes.draws=3"], "stage 'phenotypes' is unknown"),
        (["WEIGHTS=/nowhere/at/all"], "expected embedded, a folder or hf-hub:owner/name"),
        (["PROFILE=night"], "profile 'night' is unknown"),
    ],
)
def test_a_wrong_command_is_one_clear_sentence(words: list[str], says: str) -> None:
    failed = make("all", *words)
    assert failed.returncode != 0
    told = [line for line in failed.stderr.splitlines() if line.startswith("kneephen:")]
    assert len(told) == 1
    assert says in told[0]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    failed = make("all", "PROFILE=oai", f"OAI={tmp_path}")
    assert failed.returncode != 0
    assert "the folder is empty; expected an OAI release" in failed.stderr


def test_a_missing_table_is_named_and_nothing_is_left(release: Path) -> None:
    table = next(release.rglob("[eE]nrollees.txt"))
    kept = table.read_bytes()
    table.unlink()
    try:
        failed = make("run", "PROFILE=oai", f"OAI={release}")
    finally:
        table.write_bytes(kept)
    assert failed.returncode != 0
    assert "nrollees" in failed.stderr
    assert not (ROOT / "artefacts" / "oai" / "ran" / "00_cohort").exists()


def test_a_missing_column_is_named(release: Path) -> None:
    table = next(p for p in release.rglob("*") if p.name.lower() == "allclinical00.txt")
    kept = table.read_bytes()
    frame = pd.read_csv(table, sep="|", dtype=str, keep_default_na=False, encoding="latin-1")
    frame.drop(columns="V00WOMKPR").to_csv(table, sep="|", index=False, encoding="latin-1")
    try:
        failed = make("run", "PROFILE=oai", f"OAI={release}")
    finally:
        table.write_bytes(kept)
    assert failed.returncode != 0
    assert "V00WOMKPR" in failed.stderr
    assert "llclinical00" in failed.stderr.lower()


def test_a_release_that_is_assigned_receives_the_groups_its_own_run_found(
    smoke: Path, release: Path
) -> None:
    done = make("assign", "PROFILE=smoke", f"RELEASE={release}")
    assert done.returncode == 0, done.stderr[-4000:]
    key = ["kl_grade", "arm", "knee_id"]
    found = tables.read("phenotypes", smoke).set_index(key)["phenotype"]
    assigned = pd.read_parquet(smoke / "assigned" / "assigned.parquet").set_index(key)["phenotype"]
    assert_series_equal(assigned[found.index], found)
