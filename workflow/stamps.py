"""Stamps: the small files by which make sees what has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import workflow
from workflow import dependencies, inputs, status
from workflow.declared import TWIN


def refresh(
    artefacts: Path,
    *,
    runs: Mapping[workflow.Run, Mapping[str, Any]],
    twin: Mapping[str, Any] | None,
) -> list[str]:
    """Rewrite the stamps of runs that are made by other things, and touch those of stale runs.

    Returns one sentence for each artefact that differs from what was noted when it was made.

    Parameters
    ----------
    artefacts
        Folder of the profile.
    runs
        Each run with its parameters.
    twin
        Parameters of the synthetic release, or None where the release is given.
    """
    folder, told = artefacts / "stamps", []
    if twin is not None:
        update(folder / TWIN, dependencies.twin_stamp(twin))
        if status.of_twin(artefacts, dependencies.twin_stamp(twin)):
            (folder / TWIN).touch()
    for run, settings in runs.items():
        update(folder / run.name, dependencies.stamp(run, settings))
        why = status.why(run, inputs.fresh(run, settings, artefacts), artefacts)
        if why:
            (folder / run.name).touch()
        if why.startswith(status.HARMED):
            harmed = inputs.damaged(artefacts, status.left_by(run))
            told += [f"{path} is not as {run.name} left it; it is made again" for path in harmed]
    return told


def note(artefacts: Path, states: Mapping[str, str]) -> None:
    """Note the state of artefacts; the time of a note tells when its artefact changed."""
    for path, state in states.items():
        update(inputs.note(artefacts, path), f"{state}\n")


def set_back(paths: Iterable[Path]) -> None:
    """Move the times of files back together, in their order, if one lies in the future.

    After the clock of a machine was set back, what is written next would seem older than what
    it replaces, and make would leave stale what is stale.
    """
    times = {path: path.stat().st_mtime_ns for path in paths if path.is_file()}
    ahead = max(times.values(), default=0) - time.time_ns()
    if ahead > 0:
        for path, then in times.items():
            os.utime(path, ns=(then - ahead, then - ahead))


def dated(artefacts: Path) -> list[Path]:
    """Return the files of a profile whose times make compares."""
    return [
        path
        for kind in ("stamps", "ran", "outputs")
        for path in (artefacts / kind).rglob("*")
        if path.is_file()
    ]


def replace(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def update(path: Path, text: str) -> None:
    """Write a text file only if its content changes, so its time tells when it changed."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace(path, text)
