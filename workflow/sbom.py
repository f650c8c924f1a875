"""SBOM: the packages of the lock, their licences and a bill of materials."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

import workflow
from kneephen_utils import __version__

PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Zlib",
}
SPELLED = {
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
FILE_BY_FILE = "MPL-2.0 binds changed files of the package alone; none is changed here"
EXCEPTIONS = {
    "axe-playwright-python": "names no licence in its metadata; MIT by its repository; tests only",
    "certifi": FILE_BY_FILE,
    "docutils": "public domain and BSD; the GPL is that of one Emacs file, which is not used",
    "fqdn": FILE_BY_FILE,
    "hdbscan": "its classifier says no more than approved; BSD-3-Clause by its licence file",
    "hypothesis": FILE_BY_FILE,
    "pathspec": FILE_BY_FILE,
    "tqdm": FILE_BY_FILE,
    "umap-learn": "its classifier says no more than approved; BSD-3-Clause by its licence file",
}


def locked(lock: Path) -> dict[str, str]:
    """Return the version of each package in a lock, by normalised name."""
    lines = [line.strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    pairs = [line.split("==") for line in lines if "==" in line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def normal(name: str) -> str:
    """Return the name of a package as indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences(lock: Path) -> pd.DataFrame:
    """Return the licence of each locked package as its own metadata state it.

    Returns
    -------
    Columns `package`, `version`, `licence` (SPDX where it can be known), `installed` and
    `note`, which says why a package is used although its licence is not in `PERMISSIVE`.
    """
    rows = [
        {
            "package": name,
            "version": version,
            "licence": _licence(name),
            "installed": _version(name),
            "note": EXCEPTIONS.get(name, ""),
        }
        for name, version in locked(lock).items()
    ]
    return pd.DataFrame(rows)


def permissive(licence: str) -> bool:
    """Say whether each part of a licence, or one of its alternatives, is permissive."""
    return any(
        all(part.strip(" ()") in PERMISSIVE for part in choice.split(" AND "))
        for choice in licence.split(" OR ")
    )


def bill(lock: Path) -> str:
    """Return the bill of materials in the CycloneDX format, version 1.5, as JSON.

    The same lock gives the same text: it holds neither a time nor a serial number.
    """
    parts = [
        {
            "type": "library",
            "name": row.package,
            "version": row.version,
            "purl": f"pkg:pypi/{row.package}@{row.version.replace('+', '%2B')}",
            "licenses": [{"expression": row.licence}]
            if permissive(row.licence)
            else [{"license": {"name": row.licence}}],
        }
        for row in licences(lock).sort_values("package").itertuples()
    ]
    whole = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "kneephen",
                "version": __version__,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": parts,
    }
    return json.dumps(whole, indent=1) + "\n"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _licence(name: str) -> str:
    try:
        known: Any = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed"
    if expression := known.get("License-Expression"):
        return str(expression)
    classes = [
        each.split("::")[-1].strip()
        for each in known.get_all("Classifier") or []
        if each.startswith("License")
    ]
    plain = classes or (known.get("License") or "none stated").strip().splitlines()[:1]
    return " AND ".join(SPELLED.get(each, each) for each in plain)


if __name__ == "__main__":
    print(bill(workflow.ROOT / "requirements.lock"), end="")
