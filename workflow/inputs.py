"""Inputs: the state of everything a run reads, told by content, one line each.

Artefacts are told by the notes that runs leave in `outputs`, a release and the folders that a
parameter names by what lies there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kneephen_utils.oai import folders
from workflow import ROOT, STAGES, Run
from workflow.declared import TWIN, TWIN_WRITES
from workflow.dependencies import fingerprint, stamp

TABLES = {".txt", ".csv", ".tsv", ".sas7bdat", ".xpt", ".xlsx", ".xls"}
PAPERS = {".pdf", ".doc", ".docx", ".rtf", ".md", ".htm", ".html", ".zip"}  # all else may be a film
FOLDERS = {"truth": "truth_folder", "published": "published_tables"}  # parameters that name one
NONE = "none"


def note(artefacts: Path, path: str) -> Path:
    """Return the file that holds the fingerprint of an artefact."""
    return artefacts / "outputs" / path


def noted(artefacts: Path, path: str) -> str:
    """Return the fingerprint of an artefact as it was noted when it was made."""
    kept = note(artefacts, path)
    return kept.read_text(encoding="utf-8").strip() if kept.is_file() else NONE


def lines(
    run: Run,
    settings: Mapping[str, Any],
    artefacts: Path,
    *,
    root: Path = ROOT,
    now: bool = False,
) -> str:
    """Return what a run reads, one line each: a fingerprint, its kind and its name.

    Parameters
    ----------
    run, settings
        The run and its parameters.
    artefacts
        Folder of the profile.
    root
        Folder of the project.
    now
        Whether artefacts are told by what lies there, as a run finds them, rather than by what
        was noted when they were made.
    """
    state = _found if now else _noted_or_found
    found = [f"{state(artefacts, path)}  artefact {path}" for path in run.opened(settings)]
    for kind in STAGES[run.stage].opens:
        found += _outside(kind, settings, artefacts, root)
    return "".join(f"{line}\n" for line in found)


def fresh(run: Run, settings: Mapping[str, Any], artefacts: Path) -> str:
    """Return what a run is made by and what it reads, as all of it is now."""
    return stamp(run, settings) + lines(run, settings, artefacts)


def damaged(artefacts: Path, paths: Iterable[str]) -> list[str]:
    """Return the artefacts that are there and are not as they were noted."""
    there = [path for path in paths if note(artefacts, path).exists()]
    there = [path for path in there if (artefacts / path).exists()]
    return [p for p in there if fingerprint(artefacts / p) != noted(artefacts, p)]


def of_twin(artefacts: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the state of each part of a synthetic release that was just written.

    The state of its films ends with their sizes and times, by which they are known again
    without being read.
    """
    release = artefacts / "release"
    there = files(release)
    tables = [path for path in there if is_table(path)]
    films = [path for path in there if is_film(path)]
    yield TWIN_WRITES["tables"], _digest(f"{_name(p, release)} {fingerprint(p)}" for p in tables)
    contents = _digest(f"{_name(path, release)} {fingerprint(path)}" for path in films)
    yield TWIN_WRITES["films"], f"{contents} {_digest(_sizes(release))}"
    yield TWIN_WRITES["truth"], fingerprint(artefacts / "truth")


def files(folder: Path) -> list[Path]:
    """Return every file below a folder in order; a link is followed, but not in a circle."""
    return sorted(path for path in folders.files(folder, films=True) if path.is_file())


def is_table(path: Path) -> bool:
    """Say whether a file of a release is told by content: a table, or a list of films."""
    return path.suffix.lower() in TABLES


def is_film(path: Path) -> bool:
    """Say whether a file of a release may be a film, whatever it is called."""
    return path.suffix.lower() not in TABLES | PAPERS and not path.name.startswith(".")


def _outside(kind: str, settings: Mapping[str, Any], artefacts: Path, root: Path) -> Iterator[str]:
    if kind in FOLDERS:
        name = settings.get(FOLDERS[kind], "")
        folder = root / "notebooks" / name
        for path in files(folder) if name else ():
            yield f"{fingerprint(path)}  {kind} {_name(path, folder)}"
        return
    release = root / "notebooks" / settings["release"]
    if kind == "tables":
        there = files(release)
        for path in filter(is_table, there):
            yield f"{fingerprint(path)}  release {_name(path, release)}"
        films = (_name(path, release) for path in there if is_film(path))
        yield f"{_digest(films)}  release (names of its films)"
    else:
        yield from _films(release, artefacts)


def _films(release: Path, artefacts: Path) -> Iterator[str]:
    """Yield the films of a release: in one line if they are those that were noted when written."""
    sizes = list(_sizes(release))
    contents, _, known = noted(artefacts, TWIN_WRITES["films"]).partition(" ")
    if known == _digest(sizes):
        yield f"{contents}  film (all, as {TWIN} left them)"
    else:
        yield from sizes


def _sizes(release: Path) -> Iterator[str]:
    for path in files(release):
        if is_film(path):
            state = path.stat()
            yield f"{state.st_size}-{state.st_mtime_ns}  film {_name(path, release)}"


def _noted_or_found(artefacts: Path, path: str) -> str:
    known = noted(artefacts, path)
    return _found(artefacts, path) if known == NONE else known


def _found(artefacts: Path, path: str) -> str:
    there = artefacts / path
    return fingerprint(there) if there.exists() else NONE


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
