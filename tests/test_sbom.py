"""Supply: every package of the lock may be used, is written down, and the wheel can be remade."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from kneephen_utils import PACKAGES
from workflow import sbom


def test_every_locked_package_is_permissive_or_excused_by_name(root: Path) -> None:
    table = sbom.licences(root / "requirements.lock").set_index("package")
    strange = table[~table["licence"].map(sbom.permissive)]
    there = strange[strange["licence"] != "not installed"]  # such as those of another system
    assert set(there.index) <= set(sbom.EXCEPTIONS), there["licence"].to_dict()
    assert set(sbom.EXCEPTIONS) <= set(table.index), "an excuse for a package that is gone"
    assert table["installed"].notna().mean() > 0.95


def test_every_locked_package_takes_the_oldest_python_that_is_promised(root: Path) -> None:
    promised = re.search(r'requires-python = ">=([\d.]+)', (root / "pyproject.toml").read_text())
    assert promised
    oldest = f"{promised[1]}.0"
    asked = {}
    for name in sbom.locked(root / "requirements.lock"):
        with suppress(metadata.PackageNotFoundError):  # such as those of another system
            asked[name] = metadata.metadata(name).get("Requires-Python") or ""
    assert len(asked) > 100
    assert not {name: it for name, it in asked.items() if not SpecifierSet(it).contains(oldest)}


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("none stated", False),
        ("GNU General Public License (GPL)", False),
    ],
)
def test_all_parts_of_a_licence_or_one_alternative_must_be_permissive(
    licence: str, *, allowed: bool
) -> None:
    assert sbom.permissive(licence) is allowed


def test_the_bill_names_every_package_of_the_lock_and_is_always_the_same(root: Path) -> None:
    lock = root / "requirements.lock"
    text = sbom.bill(lock)
    assert sbom.bill(lock) == text
    parts = json.loads(text)["components"]
    assert {part["name"]: part["version"] for part in parts} == sbom.locked(lock)
    assert all(part["purl"].startswith(f"pkg:pypi/{part['name']}@") for part in parts)
    assert all(part["licenses"] for part in parts)


def test_the_checksums_are_those_of_the_lock(root: Path) -> None:
    text = (root / "requirements.hashes").read_text().replace("\\\n", "")
    found = [
        re.fullmatch(r"(\S+)==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", line)
        for line in text.splitlines()
    ]
    assert all(found)
    pins = {sbom.normal(one[1]): one[2] for one in found if one}
    assert pins == sbom.locked(root / "requirements.lock")


@pytest.mark.slow
def test_the_wheel_is_the_same_to_the_last_byte_wherever_it_is_built(
    root: Path, tmp_path: Path
) -> None:
    sums = []
    for place in ("here", "there"):
        source = tmp_path / place / "kneephen"
        keep = shutil.ignore_patterns("__pycache__")
        for name in PACKAGES:
            shutil.copytree(root / name, source / name, ignore=keep)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copyfile(root / name, source / name)
        words = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
        words += ["--quiet", "--wheel-dir", str(source / "dist"), str(source)]
        subprocess.run(["env", "SOURCE_DATE_EPOCH=1700000000", *words], check=True)
        wheel = next((source / "dist").glob("*.whl"))
        sums.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert sums[0] == sums[1]
