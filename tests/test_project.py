"""Project: the ways to install it agree, and its layers hold."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from kneephen_utils import PACKAGES

REQUIRED = "jupyter jupyter-book papermill torch open_clip_torch hdbscan umap-learn scikit-learn"
REQUIRED += " statsmodels lifelines matplotlib"
TOP = "book notebooks environment.yml Makefile tests README.md"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(root: Path) -> dict[str, str]:
    lines = (root / "requirements.lock").read_text().splitlines()
    pairs = [line.split("==") for line in lines if "==" in line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def wanted(root: Path) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return [
        Requirement(line)
        for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    ]


def targets(root: Path) -> set[str]:
    """Return what the Makefile can be asked for by name."""
    declared = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
    return set(declared.group(1).split()) if declared else set()


def test_the_lock_pins_every_dependency_within_its_bounds(root: Path) -> None:
    pins = locked(root)
    for requirement in wanted(root):
        name = normal(requirement.name)
        assert name in pins, f"{name} is not in the lock"
        assert requirement.specifier.contains(Version(pins[name])), f"{name} {pins[name]}"


def test_conda_installs_what_the_lock_says(root: Path) -> None:
    conda = yaml.safe_load((root / "environment.yml").read_text())
    plain = [line for line in conda["dependencies"] if isinstance(line, str)]
    pip = next(line["pip"] for line in conda["dependencies"] if isinstance(line, dict))
    assert pip == ["-r requirements.lock", "-e ."], "versions belong in the lock alone"
    python = next(line.split("=")[1] for line in plain if line.startswith("python="))
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(Version(python))
    assert conda["name"] in (root / "Makefile").read_text()


def test_the_required_packages_and_folders_are_there(root: Path) -> None:
    names = {normal(requirement.name) for requirement in wanted(root)}
    assert {normal(name) for name in REQUIRED.split()} <= names
    assert all((root / name).exists() for name in [*TOP.split(), *PACKAGES])


def test_modules_and_functions_keep_to_one_screen(root: Path) -> None:
    long = {
        path.name: lines
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if "benchmarks" not in path.parts and (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_the_pages_workflow_calls_targets_that_there_are(root: Path) -> None:
    flow = yaml.safe_load((root / ".github" / "workflows" / "pages.yml").read_text())
    assert flow["jobs"]["deploy"]["needs"] == "build"
    steps = flow["jobs"]["build"]["steps"]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", s["uses"]) for s in steps if "uses" in s)
    uploaded = [s["with"]["path"] for s in steps if s.get("uses", "").startswith("actions/upload")]
    assert uploaded == ["book/_build/html"]
    commands = " ".join(s.get("run", "") for s in steps)
    assert set(re.findall(r"\bmake ([a-z-]+)", commands)) <= targets(root)
    python = next(s["with"] for s in steps if "setup-python" in s.get("uses", ""))
    assert (root / python["cache-dependency-path"]).exists()


def test_the_image_copies_what_there_is_and_installs_from_the_lock(root: Path) -> None:
    lines = (root / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert copied
    assert all((root / name).exists() for name in copied)
    ignored = (root / ".dockerignore").read_text().split()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert set(copied) <= let_in
    told = " ".join(line for line in lines if line.startswith(("RUN", "CMD", "ENTRYPOINT")))
    assert "requirements.lock" in copied
    assert set(re.findall(r"make ([a-z-]+) TORCH", told)) <= targets(root)
    python = next(line for line in lines if line.startswith("FROM python:"))
    assert re.search(r":3\.1[12]-", python)


def test_binder_installs_from_the_lock_and_makes_the_tables_of_the_bench(root: Path) -> None:
    binder = root / ".binder"
    wanted_files = re.findall(
        r"^-r (\S+)$", (binder / "requirements.txt").read_text(), re.MULTILINE
    )
    assert [(binder / name).resolve() for name in wanted_files] == [root / "requirements.lock"]
    assert (binder / "runtime.txt").read_text() == "python-3.11\n"
    script = binder / "postBuild"
    assert script.stat().st_mode & 0o111, "Binder runs it"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert set(re.findall(r"^make ([a-z-]+)", script.read_text(), re.MULTILINE)) <= targets(root)


def test_help_lists_every_target_a_user_may_call(root: Path) -> None:
    told = subprocess.run(
        ["make", "help"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    listed = {line.split()[0] for line in told.splitlines()[1:]}
    assert listed == targets(root) - {"stamps", "FORCE", "equipped"}
    assert all(len(line.split(maxsplit=1)) == 2 for line in told.splitlines())


def test_the_makefile_asks_for_nothing_that_a_mac_lacks(root: Path) -> None:
    text = (root / "Makefile").read_text()
    only_gnu = r"\bnproc\b|\bsed -i|\breadlink -f|\bcp -\w*[Tau]|\bdate -d|\btouch -d|\bmd5sum"
    only_gnu += r"|\bsha256sum|\bgrep -\w*P|\bxargs -\w*[rd]\b|\bstat -c|\bsort -V|\bsed .*\\t"
    assert re.findall(only_gnu, text) == []


def test_every_word_of_the_glossary_is_linked_from_a_chapter(root: Path) -> None:
    book = root / "book"
    listed = re.search(r"```\{glossary\}\n(.*?)```", (book / "glossary.md").read_text(), re.DOTALL)
    assert listed
    terms = set(re.findall(r"^(\S.*)$", listed.group(1), re.MULTILINE))
    prose = "".join(path.read_text() for path in book.glob("*.md"))
    links = re.findall(r"\{term\}`(?:[^`<]*<)?([^`<>]+)>?`", prose)
    assert terms - set(links) == set()
    assert set(links) - terms == set()


def test_the_pictures_of_the_readme_are_there_and_light(root: Path) -> None:
    told = (root / "README.md").read_text()
    shown = re.findall(r"!\[[^\]]{20,}\]\(([^)]+\.png)\)", told)
    assert len(shown) == 3
    assert told.count("](.github/pictures/") == 3
    assert all(0 < (root / name).stat().st_size < 300_000 for name in shown)
