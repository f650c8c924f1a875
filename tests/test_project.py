"""Project: the ways to install it agree, and its layers hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

REQUIRED = "jupyter jupyter-book papermill torch open_clip_torch hdbscan umap-learn scikit-learn"
REQUIRED += " statsmodels lifelines matplotlib"
TOP = "book notebooks kneephen_utils environment.yml Makefile tests README.md"


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
    assert all((root / name).exists() for name in TOP.split())


def test_modules_and_functions_keep_to_one_screen(root: Path) -> None:
    long = {
        path.name: lines
        for path in (root / "kneephen_utils").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}
