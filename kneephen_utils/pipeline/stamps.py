"""Stamps: the small files by which make sees what has changed."""

from __future__ import annotations

from collections.abc import Mapping
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
) -> None:
    """Rewrite the stamps whose content changed, and those of runs whose artefacts are gone.

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
    folder = artefacts / "stamps"
    if twin is not None:
        update(folder / "twin", ingredient.twin_stamp(twin))
        _renew_if_gone(folder / "twin", [artefacts / "release"])
    for run, settings in runs.items():
        update(folder / run.name, ingredient.stamp(run, settings, release=release))
        _renew_if_gone(folder / run.name, [artefacts / path for path in run.writes])


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
