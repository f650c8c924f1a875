"""Pipeline: a run depends on what it imports, and on nothing else."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from kneephen_utils import pipeline, tables
from kneephen_utils.pipeline import ingredient, stamps


def test_a_run_depends_on_the_modules_its_notebook_imports_and_no_other(root: Path) -> None:
    package = root / "kneephen_utils"
    needed = ingredient.modules_of(["images"], package=package)
    assert needed == [package / "__init__.py", package / "images.py"]
    found = ingredient.modules_of(["verdict"], package=package)
    names = {str(path.relative_to(package)) for path in found}
    assert {"verdict/__init__.py", "report.py", "figure.py"} <= names
    assert "pipeline/params.py" not in names


def test_an_import_inside_a_function_counts(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    (tmp_path / "a.py").write_text("def f():\n    from kneephen_utils import b\n    return b\n")
    (tmp_path / "b.py").write_text("import math\n")
    found = [path.name for path in ingredient.modules_of(["a"], package=tmp_path)]
    assert found == ["__init__.py", "a.py", "b.py"]


def test_every_artefact_with_a_schema_is_written_by_its_stage() -> None:
    written = {
        (name, path.split("/")[0].removesuffix(".parquet"))
        for name, stage in pipeline.STAGES.items()
        for path in stage.writes
        if path.endswith(".parquet")
    }
    declared = {(s.metadata["stage"], s.name) for s in tables.SCHEMAS.values()}
    declared = {each for each in declared if each[0] != "calibration"}  # no stage
    assert declared <= written
    assert {name for _, name in written} == {name for _, name in declared}


def test_the_makefile_knows_every_run_and_what_it_needs(root: Path) -> None:
    makefile = (root / "Makefile").read_text().replace("\\\n", " ")
    for run in pipeline.RUNS:
        stem = run.notebook.removesuffix(".ipynb")
        assert stem in makefile, f"the Makefile does not know {run.name}"
    rules = dict(re.findall(r"^(\$\(A\)/ran/\d\d.*?|\$\(PHENO.*?): (.*)$", makefile, re.MULTILINE))
    for targets, needs in rules.items():
        stage = "phenotype" if "PHENO" in targets else re.findall(r"\d\d_(\w+)", targets)[-1]
        for needed in pipeline.STAGES[stage].needs:
            number = pipeline.STAGES[needed].number
            word = "PHENO" if needed == "phenotype" else f"{number:02d}_{needed}"
            assert word in needs, f"{stage} needs {needed}, which the Makefile does not say"


def test_an_unknown_run_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match="00_cohort"):
        pipeline.run_called("05_phenotypes")


def test_a_stamp_is_rewritten_only_when_its_content_changes(tmp_path: Path) -> None:
    path = tmp_path / "stamps" / "x"
    stamps.update(path, "a")
    first = path.stat().st_mtime_ns
    stamps.update(path, "a")
    assert path.stat().st_mtime_ns == first
    stamps.update(path, "b")
    assert path.read_text() == "b"
    assert list(path.parent.iterdir()) == [path]


def test_a_parameter_or_a_film_that_changes_makes_the_run_stale(tmp_path: Path) -> None:
    cohort = pipeline.Run("cohort")
    (tmp_path / "table.txt").write_text("a|b\n")
    before = ingredient.stamp(cohort, {"seed": 1}, release=tmp_path)
    assert ingredient.stamp(cohort, {"seed": 1}, release=tmp_path) == before
    assert ingredient.stamp(cohort, {"seed": 2}, release=tmp_path) != before
    (tmp_path / "table.txt").write_text("a|c\n")
    assert ingredient.stamp(cohort, {"seed": 1}, release=tmp_path) != before


def test_other_weights_make_the_runs_that_use_them_stale(tmp_path: Path) -> None:
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"1")
    settings = {"weights": str(tmp_path)}
    before = ingredient.stamp(pipeline.Run("embedding"), settings, release=None)
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"12")
    assert ingredient.stamp(pipeline.Run("embedding"), settings, release=None) != before
    own = ingredient.stamp(pipeline.Run("embedding"), {"weights": "embedded"}, release=None)
    assert "weights model.safetensors" in own


def test_the_fingerprint_of_a_folder_sees_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = ingredient.fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert ingredient.fingerprint(tmp_path) != first


def test_a_harmed_artefact_is_noticed_and_made_again(tmp_path: Path) -> None:
    cohort, settings = pipeline.Run("cohort"), {"seed": 1}

    def refreshed() -> list[str]:
        return stamps.refresh(tmp_path, runs={cohort: settings}, twin=None, release=None)

    for path in cohort.writes:
        (tmp_path / path).write_text("whole")
    assert refreshed() == []
    stamp = tmp_path / "stamps" / cohort.name
    states = [f"{ingredient.fingerprint(tmp_path / path)}  {path}" for path in cohort.writes]
    stamps.replace(tmp_path / "outputs" / cohort.name, "\n".join(states) + "\n")
    stamps.replace(tmp_path / "ran" / cohort.name, stamp.read_text())
    untouched = stamp.stat().st_mtime_ns
    assert refreshed() == []
    assert stamp.stat().st_mtime_ns == untouched
    (tmp_path / "knees.parquet").write_text("whple")
    assert refreshed() == ["knees.parquet is not as 00_cohort left it; it is made again"]
    assert stamp.stat().st_mtime_ns > untouched


def test_after_the_clock_was_set_back_what_changes_is_still_newer_than_what_was(
    tmp_path: Path,
) -> None:
    now = time.time_ns()
    for hours, name in enumerate(["stamps/a", "ran/a", "outputs/a"]):
        stamps.replace(tmp_path / name, "before")
        later = now + hours * 3600 * 10**9
        os.utime(tmp_path / name, ns=(later, later))
    stamps.set_back(stamps.dated(tmp_path))
    ages = [(tmp_path / name).stat().st_mtime_ns for name in ("stamps/a", "ran/a", "outputs/a")]
    assert ages == sorted(ages)
    assert len(set(ages)) == 3
    stamps.update(tmp_path / "stamps" / "a", "after")
    assert (tmp_path / "stamps" / "a").stat().st_mtime_ns > max(ages)
