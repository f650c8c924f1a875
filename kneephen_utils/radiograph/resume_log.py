"""Resume log: what an interrupted cutting of films had already done, so that it can go on.

One line per batch of knees beside the pictures; a line that a kill cut short does not count.
A journal is only taken up again if films, settings and code are the same; it is removed when
all films are done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any


def fingerprint(settings: Iterable[object], modules: Iterable[ModuleType]) -> str:
    """Return a digest of the settings of a run and of the code that will act on them."""
    digest = hashlib.sha256(repr(tuple(settings)).encode())
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def resume(artefacts: str | Path, mark: str) -> list[dict[str, Any]]:
    """Return the rows of an interrupted run with this fingerprint; otherwise start afresh."""
    path = _path(artefacts)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    batches = _whole(lines[1:]) if lines and lines[0] == mark else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([mark, *map(json.dumps, batches)]) + "\n", encoding="utf-8")
    return [row for batch in batches for row in batch]


def append(artefacts: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note rows whose pictures are on disk: all of them or, after a kill, none."""
    with _path(artefacts).open("a", encoding="utf-8") as journal:
        journal.write(f"{json.dumps(list(rows))}\n")


def close(artefacts: str | Path) -> None:
    """Remove the journal of a run that is done."""
    _path(artefacts).unlink(missing_ok=True)


def _whole(lines: Iterable[str]) -> list[list[dict[str, Any]]]:
    """Return the batches up to the first line that cannot be read."""
    batches = []
    for line in lines:
        try:
            batches.append(json.loads(line))
        except ValueError:
            break
    return batches


def _path(artefacts: str | Path) -> Path:
    return Path(artefacts) / ".films.journal"
