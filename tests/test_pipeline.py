"""Pipeline: a run depends on what it imports and reads, and on nothing else."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import workflow
from kneephen_utils import tables
from workflow import dependencies, inputs, stamps, status


def test_a_run_depends_on_the_modules_its_notebook_imports_and_no_other(root: Path) -> None:
    package = root / "kneephen_utils"
    needed = dependencies.modules_of(["kneephen_utils.images"], root=root)
    assert needed == [package / name for name in ("__init__.py", "images.py", "scratch.py")]
    found = dependencies.modules_of(["kneephen_report.verdict.cards"], root=root)
    names = {path.relative_to(root).as_posix() for path in found}
    own = {"kneephen_report/verdict/__init__.py", "kneephen_report/verdict/exemplars.py"}
    assert own | {"kneephen_report/figure.py", "kneephen_utils/formatting.py"} <= names
    assert not [name for name in names if name.startswith("workflow/")]


def test_a_notebook_depends_on_modules_of_every_package_it_imports(root: Path) -> None:
    notebook = root / "notebooks" / workflow.Run("verdict").notebook
    found = dependencies.modules_of(dependencies.notebook_imports(notebook), root=root)
    packages = {path.relative_to(root).parts[0] for path in found}
    assert packages == {"kneephen_utils", "kneephen_report", "studies"}


def test_an_import_inside_a_function_counts(tmp_path: Path) -> None:
    package = tmp_path / "kneephen_utils"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.py").write_text("def f():\n    from kneephen_utils import b\n    return b\n")
    (package / "b.py").write_text("import math\n")
    found = [path.name for path in dependencies.modules_of(["kneephen_utils.a"], root=tmp_path)]
    assert found == ["__init__.py", "a.py", "b.py"]


def test_every_artefact_with_a_schema_is_written_by_its_stage() -> None:
    written = {
        (name, path.split("/")[0].removesuffix(".parquet"))
        for name, stage in workflow.STAGES.items()
        for path in stage.writes
        if path.endswith(".parquet")
    }
    declared = {(s.metadata["stage"], s.name) for s in tables.SCHEMAS.values()}
    declared = {each for each in declared if each[0] != "calibration"}  # no stage
    assert declared <= written
    assert {name for _, name in written} == {name for _, name in declared}


def test_an_unknown_run_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match="00_cohort"):
        workflow.run_called("05_phenotypes")


def test_a_stamp_is_rewritten_only_when_its_content_changes(tmp_path: Path) -> None:
    path = tmp_path / "stamps" / "x"
    stamps.update(path, "a")
    first = path.stat().st_mtime_ns
    stamps.update(path, "a")
    assert path.stat().st_mtime_ns == first
    stamps.update(path, "b")
    assert path.read_text() == "b"
    assert list(path.parent.iterdir()) == [path]


def test_another_version_of_a_package_makes_stale_the_runs_that_use_it_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [workflow.Run("cohort"), workflow.Run("progression")]
    before = [dependencies.stamp(run, {"seed": 1}) for run in runs]
    true = dependencies.metadata.version
    monkeypatch.setattr(
        dependencies.metadata, "version", lambda name: "9" if name == "lifelines" else true(name)
    )
    cohort, progression = (dependencies.stamp(run, {"seed": 1}) for run in runs)
    assert cohort == before[0]
    assert status.changed(before[1], progression) == [f"package lifelines {true('lifelines')} -> 9"]


def test_every_package_that_is_imported_is_known_by_the_name_it_is_installed_under(
    root: Path,
) -> None:
    paths = [path for name in workflow.PACKAGES for path in (root / name).rglob("*.py")]
    paths = [path for path in paths if "benchmarks" not in path.parts]
    sources = [path.read_text(encoding="utf-8") for path in paths]
    lines = dependencies.packages_of(sources)
    assert {"package numpy", "package scikit-learn"} <= {line.split("  ")[1] for line in lines}
    assert [line for line in lines if line.startswith("none")] == []


def opening(stage: str, release: Path, artefacts: Path) -> str:
    """Return what a stage reads that opens the release in a folder."""
    return inputs.lines(workflow.Run(stage), {"release": str(release)}, artefacts)


def test_a_parameter_that_changes_makes_the_run_stale() -> None:
    cohort = workflow.Run("cohort")
    before = dependencies.stamp(cohort, {"seed": 1})
    assert dependencies.stamp(cohort, {"seed": 1}) == before
    assert dependencies.stamp(cohort, {"seed": 2}) != before


def test_a_table_of_the_release_reaches_the_cohort_and_a_film_the_radiograph(
    tmp_path: Path,
) -> None:
    release = tmp_path / "OAI"
    for name, text in {"a/Clinical.txt": "a|b", "a/sq.sas7bdat": "1", "0.E.1/film": "x"}.items():
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text(text)

    def now() -> tuple[str, str]:
        return opening("cohort", release, tmp_path), opening("radiograph", release, tmp_path)

    tables_before, films_before = now()
    assert now() == (tables_before, films_before)
    for name in ("a/Clinical.txt", "a/sq.sas7bdat"):
        kept, times = (release / name).read_text(), (release / name).stat()
        (release / name).write_text("c|d")
        os.utime(release / name, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert now()[0] != tables_before
        assert now()[1] == films_before
        (release / name).write_text(kept)
    assert now() == (tables_before, films_before)
    for name in ("a/read me.pdf", ".DS_Store"):
        (release / name).write_text("nobody opens this")
    assert now() == (tables_before, films_before)
    (release / "0.E.1/film").write_text("yy")
    assert now()[0] == tables_before
    assert now()[1] != films_before
    (release / "0.E.1/another").write_text("z")  # a list may have named it: it is on disk now
    assert now()[0] != tables_before


def test_linked_folders_of_a_release_count_and_a_link_that_leads_back_ends(tmp_path: Path) -> None:
    release, elsewhere = tmp_path / "OAI", tmp_path / "disk"
    (release / "a").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "Clinical.txt").write_text("a|b")
    (release / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(release)
    before = opening("cohort", release, tmp_path)
    assert "release linked/Clinical.txt" in before
    (elsewhere / "Clinical.txt").write_text("a|c")
    assert opening("cohort", release, tmp_path) != before


def test_films_written_again_with_the_same_content_change_nothing(tmp_path: Path) -> None:
    for name in ("release/0.E.1/film", "release/a/Clinical.txt", "truth/planted.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    film = tmp_path / "release/0.E.1/film"
    stamps.note(tmp_path, dict(inputs.of_twin(tmp_path)))
    before = opening("radiograph", tmp_path / "release", tmp_path)
    assert len(before.splitlines()) == 4  # three artefacts, and all films together
    os.utime(film, (1, 1))
    assert opening("radiograph", tmp_path / "release", tmp_path) != before
    stamps.note(tmp_path, dict(inputs.of_twin(tmp_path)))
    assert opening("radiograph", tmp_path / "release", tmp_path) == before
    film.write_text("other")
    stamps.note(tmp_path, dict(inputs.of_twin(tmp_path)))
    assert opening("radiograph", tmp_path / "release", tmp_path) != before


def test_folders_that_the_verdict_is_given_count_by_content(tmp_path: Path) -> None:
    run = workflow.Run("verdict")
    nothing = inputs.lines(run, {"truth_folder": "", "published_tables": ""}, tmp_path)
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "wide.csv").write_text("a,b")
    given = {"truth_folder": "", "published_tables": str(tmp_path / "published")}
    before = inputs.lines(run, given, tmp_path)
    assert "published wide.csv" in before
    assert "published" not in nothing
    (tmp_path / "published" / "wide.csv").write_text("a,c")
    assert inputs.lines(run, given, tmp_path) != before


def test_other_weights_make_the_runs_that_use_them_stale(tmp_path: Path) -> None:
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"1")
    settings = {"weights": str(tmp_path)}
    before = dependencies.stamp(workflow.Run("embedding"), settings)
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"12")
    assert dependencies.stamp(workflow.Run("embedding"), settings) != before
    own = dependencies.stamp(workflow.Run("embedding"), {"weights": "embedded"})
    assert "weights model.safetensors" in own


def test_the_fingerprint_of_a_folder_sees_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = dependencies.fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert dependencies.fingerprint(tmp_path) != first


def test_the_book_depends_on_its_prose_and_not_on_what_programs_leave_there(
    tmp_path: Path, root: Path
) -> None:
    shutil.copytree(root / "workflow", tmp_path / "workflow")
    for name in ("intro.md", "_ext/offline.py"):
        (tmp_path / "book" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "book" / name).write_text("before")
    before = dependencies.book_stamp("demo", root=tmp_path)
    for name in ("_ext/__pycache__/offline.pyc", "_build/html/a.html", "executed/a.ipynb"):
        (tmp_path / "book" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "book" / name).write_text("made")
    assert dependencies.book_stamp("demo", root=tmp_path) == before
    assert "workflow/book_pages.py" in before
    for name in ("book/_ext/offline.py", "workflow/figure_provenance.py"):
        (tmp_path / name).write_text("# after\n")
        assert dependencies.book_stamp("demo", root=tmp_path) != before
        before = dependencies.book_stamp("demo", root=tmp_path)


def finish(artefacts: Path, run: workflow.Run, settings: dict[str, Any]) -> None:
    """Leave everything that a run leaves, as if it had just been executed."""
    for path in [*run.writes, run.page, f"records/{run.name}.json"]:
        (artefacts / path).parent.mkdir(parents=True, exist_ok=True)
        (artefacts / path).write_text(f"whole {path}")
    left = status.left_by(run)
    stamps.note(artefacts, {path: dependencies.fingerprint(artefacts / path) for path in left})
    made = dependencies.stamp(run, settings) + inputs.lines(run, settings, artefacts)
    stamps.replace(artefacts / "ran" / run.name, made)


@pytest.fixture
def cohort_done(tmp_path: Path) -> tuple[workflow.Run, dict[str, Any]]:
    cohort, settings = workflow.Run("cohort"), {"seed": 1, "release": str(tmp_path / "OAI")}
    finish(tmp_path, cohort, settings)
    return cohort, settings


def test_a_harmed_artefact_is_noticed_and_made_again(
    tmp_path: Path, cohort_done: tuple[workflow.Run, dict[str, Any]]
) -> None:
    cohort, settings = cohort_done

    def refreshed() -> list[str]:
        return stamps.refresh(tmp_path, runs={cohort: settings}, twin=None)

    assert refreshed() == []
    stamp = tmp_path / "stamps" / cohort.name
    untouched = stamp.stat().st_mtime_ns
    assert refreshed() == []
    assert stamp.stat().st_mtime_ns == untouched
    (tmp_path / "knees.parquet").write_text("whple")
    assert refreshed() == ["knees.parquet is not as 00_cohort left it; it is made again"]
    assert stamp.stat().st_mtime_ns > untouched


@pytest.mark.parametrize(
    "gone",
    [
        "knees.parquet",
        "executed/00_cohort.ipynb",
        "records/00_cohort.json",
        "ran/00_cohort",
        "outputs/knees.parquet",
    ],
)
def test_whatever_of_a_run_is_gone_it_is_made_again(
    tmp_path: Path, cohort_done: tuple[workflow.Run, dict[str, Any]], gone: str
) -> None:
    cohort, settings = cohort_done
    stamps.refresh(tmp_path, runs={cohort: settings}, twin=None)
    before = (tmp_path / "stamps" / cohort.name).stat().st_mtime_ns
    (tmp_path / gone).unlink()
    stamps.refresh(tmp_path, runs={cohort: settings}, twin=None)
    assert (tmp_path / "stamps" / cohort.name).stat().st_mtime_ns > before


def test_a_run_that_would_be_as_it_is_is_not_executed(
    tmp_path: Path,
    cohort_done: tuple[workflow.Run, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Times may say that it is stale, after a copy of the folder: content says that it is not."""
    from workflow import notebook_runner

    cohort, settings = cohort_done
    executed: list[str] = []
    monkeypatch.setattr(
        notebook_runner, "_execute", lambda run, *_: executed.append(run.name) or True
    )

    def ask() -> list[str]:
        stamps.refresh(tmp_path, runs={cohort: settings}, twin=None)
        folders = notebook_runner.Folders(tmp_path)
        assert notebook_runner.execute(cohort, settings, folders=folders, profile="demo")
        return [executed.pop()] if executed else []

    os.utime(tmp_path / "ran" / cohort.name, (1, 1))
    assert ask() == []
    assert (tmp_path / "ran" / cohort.name).stat().st_mtime > 1
    (tmp_path / "knees.parquet").write_text("whple")
    assert ask() == [cohort.name]
    (tmp_path / "knees.parquet").write_text("whole knees.parquet")
    assert ask() == []
    (tmp_path / "OAI").mkdir()
    (tmp_path / "OAI" / "Clinical.txt").write_text("a|b")
    assert ask() == [cohort.name]


@pytest.mark.parametrize("artefact", sorted({path for run in workflow.RUNS for path in run.writes}))
def test_an_artefact_that_changed_while_nobody_looked_makes_its_readers_stale(
    artefact: str, everything_done: tuple[Path, dict[workflow.Run, dict[str, Any]]]
) -> None:
    """Times play no part in it: a note is changed, and its time set back."""
    artefacts, runs = everything_done
    noted = inputs.note(artefacts, artefact)
    kept, times = noted.read_text(), noted.stat()
    noted.write_text("another\n")
    os.utime(noted, ns=(times.st_atime_ns, times.st_mtime_ns))
    fresh = {run: stamp_of(run, artefacts, runs) for run in runs}
    stale = {run for run, stamp in fresh.items() if status.changed(ran(run, artefacts), stamp)}
    noted.write_text(kept)
    assert stale == {run for run in runs if artefact in run.opened(runs[run])}


def stamp_of(run: workflow.Run, artefacts: Path, runs: dict[workflow.Run, dict[str, Any]]) -> str:
    return inputs.lines(run, runs[run], artefacts)


def ran(run: workflow.Run, artefacts: Path) -> str:
    return (artefacts / "ran" / run.name).read_text()


@pytest.fixture(scope="module")
def everything_done(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[workflow.Run, dict[str, Any]]]:
    artefacts = tmp_path_factory.mktemp("artefacts")
    settings = {"release": str(artefacts / "OAI"), "embedding": "finetuned"}
    runs = {run: dict(settings) for run in workflow.RUNS}
    for run in runs:
        for path in run.writes:
            stamps.replace(inputs.note(artefacts, path), "one\n")
    for run in runs:
        stamps.replace(artefacts / "ran" / run.name, stamp_of(run, artefacts, runs))
    return artefacts, runs


def test_after_the_clock_was_set_back_what_changes_is_still_newer_than_what_was(
    tmp_path: Path,
) -> None:
    now = time.time_ns()
    for hours, name in enumerate(["stamps/a", "ran/a", "outputs/in/a"]):
        stamps.replace(tmp_path / name, "before")
        later = now + hours * 3600 * 10**9
        os.utime(tmp_path / name, ns=(later, later))
    stamps.set_back(stamps.dated(tmp_path))
    ages = [(tmp_path / name).stat().st_mtime_ns for name in ("stamps/a", "ran/a", "outputs/in/a")]
    assert ages == sorted(ages)
    assert len(set(ages)) == 3
    stamps.update(tmp_path / "stamps" / "a", "after")
    assert (tmp_path / "stamps" / "a").stat().st_mtime_ns > max(ages)
