"""Status: which runs are stale, and what made them so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kneephen_utils import pipeline

MOST = 4  # reasons named in one line
PARAMETER = "parameter "


def lines(artefacts: Path, fresh: Mapping[pipeline.Run, str]) -> list[str]:
    """Return one line per run: done, or why it will be run again.

    Parameters
    ----------
    artefacts
        Folder of the profile.
    fresh
        What each run depends on now, as `ingredient.stamp` returns, in the order of the stages.
    """
    waiting: set[str] = set()
    told = []
    for run, stamp in fresh.items():
        why = _why(run, stamp, artefacts)
        behind = sorted(waiting & set(pipeline.STAGES[run.stage].needs))
        if not why and behind:
            why = f"may change with {', '.join(behind)}"
        if why:
            waiting.add(run.stage)
        told.append(f"{run.name:<22} {why or 'done'}")
    return told


def changed(before: str, now: str) -> list[str]:
    """Return what differs between two stamps: parameters first, with both values, then files."""
    old, new = _states(before), _states(now)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    told = sorted(names, key=lambda name: not name.startswith(PARAMETER))
    return [_told(name, old.get(name), new.get(name)) for name in told]


def _told(name: str, old: str | None, new: str | None) -> str:
    if not name.startswith(PARAMETER):
        return name
    return f"{name} {'none' if old is None else old} -> {'none' if new is None else new}"


def _states(stamp: str) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in stamp.splitlines())
    return {name: state for state, name in pairs}


def _why(run: pipeline.Run, stamp: str, artefacts: Path) -> str:
    ran = artefacts / "ran" / run.name
    if not ran.exists():
        failed = (artefacts / "failed" / f"{run.name}.ipynb").exists()
        return "failed when it was run last" if failed else "has not been run"
    if missing := [path for path in run.writes if not (artefacts / path).exists()]:
        return f"is gone: {', '.join(missing[:MOST])}"
    names = changed(ran.read_text(), stamp)
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"changed: {', '.join(names[:MOST])}{more}" if names else ""
