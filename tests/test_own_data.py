"""Own data: the commands of `Real data`, typed with a release in a folder of the user's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kneephen_utils import PACKAGES, tables
from workflow import disclosure

ROOT = Path(__file__).parents[1]
COMMAND = re.compile(r"^make all (PROFILE=oai OAI=)/path/to/release$", re.MULTILINE)
QUICK = "embedding.draws=20 grading.epochs=1 grading.views=1 grading.draws=20"
PEOPLE = 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project, as it is cloned."""
    folder = tmp_path_factory.mktemp("project")
    made = shutil.ignore_patterns("__pycache__", "_build", "executed")
    for name in (*PACKAGES, "notebooks", "book"):
        shutil.copytree(ROOT / name, folder / name, ignore=made)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "README.md"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def written(folder: Path, *words: str) -> Path:
    """Write a release in OAI's formats where the project knows nothing of it."""
    out = folder / "my data"
    twin = [sys.executable, "-m", "oai_twin", "--out", str(out), "--seed", "7"]
    subprocess.run([*twin, "--participants", str(PEOPLE), *words], check=True, capture_output=True)
    shutil.rmtree(out / "truth")
    return out / "release"


def typed(copy: Path, target: str, release: Path) -> subprocess.CompletedProcess[str]:
    """Type the command of the README and of the book, with another target and folder."""
    pages = [(ROOT / name).read_text() for name in ("README.md", "book/data.md")]
    found = {match.group(1) for page in pages for match in COMMAND.finditer(page)}
    assert found == {"PROFILE=oai OAI="}, "the README and the book give another command"
    given = f'make {target} {found.pop()}"{release}" JOBS=1 SET="{QUICK}"'
    alone = [f"-u{name}" for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")]
    made = [f"PYTHONPATH={copy}", "CONDA_DEFAULT_ENV=kneephen", f"CONDA_PREFIX={sys.prefix}"]
    words = ["env", *alone, *made, "bash", "-c", given]
    return subprocess.run(
        words, cwd=copy, capture_output=True, text=True, timeout=1200, check=False
    )


def clean(copy: Path, release: Path) -> None:
    """Assert that what was executed holds no participant, no barcode, no date and no path."""
    executed = copy / "artefacts" / "oai" / "executed"
    assert list(executed.glob("*.ipynb"))
    assert disclosure.scan([executed], places=[str(release)]) == []


def test_a_release_as_text_is_read_and_reaches_the_fused_tables(copy: Path, tmp_path: Path) -> None:
    release = written(tmp_path)
    done = typed(copy, "tables", release)
    assert done.returncode == 0, done.stderr[-4000:]
    artefacts = copy / "artefacts" / "oai"
    crops = tables.read("crops", artefacts)
    assert crops["participant_id"].nunique() == PEOPLE
    assert crops["status"].eq("ok").mean() > 0.9
    assert len(tables.read("fused", artefacts, "context"))
    clean(copy, release)


def test_a_package_of_the_archive_is_read_and_cut(copy: Path, tmp_path: Path) -> None:
    release = written(tmp_path, "--flavour", "nda")
    done = typed(copy, "artefacts/oai/ran/01_radiograph", release)
    assert done.returncode == 0, done.stderr[-4000:]
    crops = tables.read("crops", copy / "artefacts" / "oai")
    assert crops["status"].eq("ok").mean() > 0.9
    clean(copy, release)


def test_a_release_without_films_stops_with_a_sentence(copy: Path, tmp_path: Path) -> None:
    release = written(tmp_path, "--tables-only")
    done = typed(copy, "tables", release)
    assert done.returncode != 0
    assert "no knee has a picture, most often because of: " in done.stderr
    assert "00m/contents.csv" in done.stderr
    assert not re.search("was destroyed|leaked", done.stderr), "noise of a kernel that was ended"
    table = next(release.rglob("[eE]nrollees.txt")).read_text(encoding="latin-1")
    people = {line.split("|")[0] for line in table.splitlines()[1:]}
    assert len(people) == PEOPLE
    assert not [each for each in people if each in done.stderr], "an error names a participant"


@pytest.mark.parametrize("made", [False, True], ids=["no folder", "an empty folder"])
def test_a_wrong_folder_is_named_before_anything_runs(
    copy: Path, tmp_path: Path, *, made: bool
) -> None:
    folder = tmp_path / "nowhere"
    if made:
        folder.mkdir()
    done = typed(copy, "tables", folder)
    assert done.returncode != 0
    assert str(folder) in done.stderr
    assert "Traceback" not in done.stderr
    assert "started" not in done.stderr
