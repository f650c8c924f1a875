"""Status: which runs are stale, and what made them so.

What is told here is what decides: a run is made again if `why` names a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import workflow
from workflow import declared, inputs

MOST = 4  # reasons named in one line
CHANGED = "changed: "
HARMED = "is not as it was left: "
PARAMETER = "parameter "


def lines(
    artefacts: Path, fresh: Mapping[workflow.Run, str], *, twin: str = "", book: str = ""
) -> list[str]:
    """Return one line per run, and one for the book: done, or why it will be made again.

    Parameters
    ----------
    artefacts
        Folder of the profile.
    fresh
        What each run is made by and what it reads now, in the order of the stages.
    twin, book
        Why the synthetic release is written again, and the book built again, if they are.
    """
    waiting: set[str] = {declared.TWIN} if twin else set()
    told = [f"{declared.TWIN:<22} {twin}"] if twin else []
    for run, stamp in fresh.items():
        behind = sorted(waiting & _before(run))
        reason = why(run, stamp, artefacts)
        if not reason and behind:
            reason = f"may change with {some(behind)}"
        if reason:
            waiting.add(run.stage)
        told.append(f"{run.name:<22} {reason or 'done'}")
    if waiting and not book:
        book = "will change with its pages"
    return [*told, f"{'the book':<22} {book or 'done'}"]


def why(run: workflow.Run, stamp: str, artefacts: Path) -> str:
    """Return why a run is stale, or nothing.

    Parameters
    ----------
    run
        The run.
    stamp
        What it is made by and what it reads now.
    artefacts
        Folder of the profile.
    """
    ran = artefacts / "ran" / run.name
    if not ran.exists():
        failed = (artefacts / "failed" / f"{run.name}.ipynb").exists()
        return "failed when it was run last" if failed else "has not been run"
    left = left_by(run)
    noted = [f"outputs/{path}" for path in left]
    kept = [*left, f"records/{run.name}.json", *noted]
    if missing := [path for path in kept if not (artefacts / path).exists()]:
        return f"is gone: {some(missing)}"
    if names := changed(ran.read_text(encoding="utf-8"), stamp):
        return f"{CHANGED}{some(names)}"
    harmed = inputs.damaged(artefacts, left)
    return f"{HARMED}{some(harmed)}" if harmed else ""


def of_twin(artefacts: Path, stamp: str) -> str:
    """Return why the synthetic release is written again, or nothing."""
    ran = artefacts / "ran" / declared.TWIN
    if not ran.exists():
        return "has not been written"
    noted = [f"outputs/{path}" for path in declared.TWIN_WRITES.values()]
    if missing := [p for p in ("release", "truth", *noted) if not (artefacts / p).exists()]:
        return f"is gone: {some(missing)}"
    names = changed(ran.read_text(encoding="utf-8"), stamp)
    return f"{CHANGED}{some(names)}" if names else ""


def left_by(run: workflow.Run) -> list[str]:
    """Return what a run leaves and make takes note of: its artefacts and its page."""
    return [*run.writes, run.page]


def changed(before: str, now: str) -> list[str]:
    """Return what differs between two stamps: parameters with both values, artefacts, files."""
    old, new = _states(before), _states(now)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    films = [name for name in names if name.startswith("film ")]
    kinds = [PARAMETER, "artefact "]
    told = sorted(
        (name for name in names if name not in films),
        key=lambda name: [not name.startswith(kind) for kind in kinds],
    )
    said = [_told(name, old.get(name), new.get(name)) for name in told]
    return said + ([f"{len(films)} film(s) of the release"] if films else [])


def some(names: Iterable[str]) -> str:
    """Name the first few of many, and say how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - MOST} more" if len(listed) > MOST else ""
    return f"{', '.join(listed[:MOST])}{more}"


def _told(name: str, old: str | None, new: str | None) -> str:
    if not name.startswith((PARAMETER, "package ")):
        return name.removeprefix("artefact ")
    return f"{name} {'none' if old is None else old} -> {'none' if new is None else new}"


def _states(stamp: str) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in stamp.splitlines())
    return {pair[1]: pair[0] for pair in pairs if len(pair) > 1}


def _before(run: workflow.Run) -> set[str]:
    """Return the stages, and the twin, that write what a run reads."""
    opens = set(workflow.STAGES[run.stage].opens) & set(declared.TWIN_WRITES)
    return {*workflow.STAGES[run.stage].needs, *({declared.TWIN} if opens else ())}
