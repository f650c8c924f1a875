"""Stamps: the small files by which make sees what has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kneephen_utils import pipeline
from kneephen_utils.pipeline import ingredient


def refresh(
    artefacts: Path,
    *,
    runs: Mapping[pipeline.Run, Mapping[str, Any]],
    twin: Mapping[str, Any] | None,
    release: Path | None,
) -> list[str]:
    """Rewrite the stamps whose content changed, and those of runs whose artefacts are not whole.

    Returns one sentence for each artefact that differs from what was noted when it was made.

    Parameters
    ----------
    artefacts
        Folder of the profile.
    runs
        Each run with its parameters.
    twin
        Parameters of the synthetic release, or None where the release is given.
    release
        Folder of the release, or None where it is synthetic.
    """
    folder, told = artefacts / "stamps", []
    if twin is not None:
        update(folder / "twin", ingredient.twin_stamp(twin))
        _renew_if_gone(folder / "twin", [artefacts / "release"])
    for run, settings in runs.items():
        update(folder / run.name, ingredient.stamp(run, settings, release=release))
        _renew_if_gone(folder / run.name, [artefacts / path for path in run.writes])
        if harmed := damaged(artefacts, run.name):
            (folder / run.name).touch()
            told += [f"{path} is not as {run.name} left it; it is made again" for path in harmed]
    return told


def damaged(artefacts: Path, run: str) -> list[str]:
    """Return the artefacts whose checksum differs from the one noted when the run was done.

    Those of a run that is stale anyway are not compared.
    """
    ran, stamp, noted = (artefacts / kind / run for kind in ("ran", "stamps", "outputs"))
    if not (ran.exists() and noted.exists()) or ran.read_text() != stamp.read_text():
        return []
    pairs = (line.partition("  ") for line in noted.read_text().splitlines())
    there = [(state, path) for state, _, path in pairs if (artefacts / path).exists()]
    return [path for state, path in there if ingredient.fingerprint(artefacts / path) != state]


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
    return [path for kind in ("stamps", "ran", "outputs") for path in (artefacts / kind).glob("*")]


def replace(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


def update(path: Path, text: str) -> None:
    """Write a text file only if its content changes, so its time tells when it changed."""
    if not path.exists() or path.read_text() != text:
        replace(path, text)


def _renew_if_gone(stamp: Path, artefacts: list[Path]) -> None:
    if not all(path.exists() for path in artefacts):
        stamp.touch()
