"""Rules: what GNU make is told, made from the declaration.

    python3 -m workflow.rules

Each artefact has a note in `outputs`, which is rewritten when the content of the artefact
changes. A run waits for the notes of what it reads, and leaves those of what it wrote. Nothing
but the standard library is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from workflow import declared
from workflow.declared import RUNS, STAGES, TWIN, TWIN_WRITES

HEAD = "# Made by workflow.rules from the declaration of the stages."
NOTHING = "\t$(NOTHING)"  # a recipe, or make would not look again whether a note has changed


def text() -> str:
    """Return the rules, which hold for every profile."""
    return "\n".join([HEAD, *_names(), *_edges(), *_of_twin(), *_notes(), ""])


def _names() -> Iterator[str]:
    yield f"RUNS := {' '.join(run.name for run in RUNS)}"
    grouped = [run.name for run in RUNS if STAGES[run.stage].per_grade]
    yield f"PHENO := {' '.join(grouped)}"
    yield f"SHOWN := {_noted([*declared.BOOK, *(run.page for run in RUNS)])}"


def _edges() -> Iterator[str]:
    for run in RUNS:
        yield f"{_ran(run.name)}: {_noted(run.reads)}"


def _of_twin() -> Iterator[str]:
    """Yield what waits for the synthetic release, where the release is not given."""
    yield "ifneq ($(P),oai)"
    yield f"{_noted(TWIN_WRITES.values())}: {_ran(TWIN)}\n{NOTHING}"
    for run in RUNS:
        opened = [TWIN_WRITES[kind] for kind in STAGES[run.stage].opens if kind in TWIN_WRITES]
        if opened:
            yield f"{_ran(run.name)}: {_noted(opened)}"
    yield "endif"


def _notes() -> Iterator[str]:
    for run in RUNS:
        yield f"{_noted([*run.writes, run.page])}: {_ran(run.name)}\n{NOTHING}"


def _ran(name: str) -> str:
    return f"$(A)/ran/{name}"


def _noted(paths: Iterable[str]) -> str:
    return " ".join(f"$(A)/outputs/{path}" for path in paths)


if __name__ == "__main__":
    sys.stdout.write(text())
