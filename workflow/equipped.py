"""Equipped: whether an environment that is already there has what the project needs.

    python -m workflow.equipped

Nothing but the standard library is needed, since anything else may be what is missing.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"[A-Za-z0-9_.-]+")


def missing(project: Path) -> list[str]:
    """Return the packages that `pyproject.toml` asks for and that are not installed."""
    told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    names = [found.group() for each in told if (found := NAMED.match(each))]
    return [name for name in names if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def main() -> int:
    """Return 0, or 1 after one sentence that says what is missing."""
    if not (lacks := missing(ROOT / "pyproject.toml")):
        return 0
    some = ", ".join(lacks[:5]) + (f" and {len(lacks) - 5} more" if len(lacks) > 5 else "")
    print(
        f"kneephen: the environment {sys.prefix} lacks {some}; install requirements.lock into it, "
        "or leave ENV= out and remove a linked .venv, and make installs one of its own",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
