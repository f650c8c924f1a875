"""Folders: which files a release holds, also where its folders are links to another disk.

A folder is entered once, from its own place before any link that leads to it; a link that
leads back, or to a folder above the release, is not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

Place = tuple[int, int]  # device and number of a folder: the same however it is reached


def files(folder: Path, *, films: bool = False) -> Iterator[Path]:
    """Yield every file below a folder; image releases such as `0.E.1` only with `films`."""
    seen = {_place(each) for each in folder.resolve().parents}
    starts = [folder]
    while starts:
        links: list[Path] = []
        for start in starts:
            yield from _below(start, seen, links, films=films)
        starts = links


def broken(folder: Path) -> dict[Path, str]:
    """Return the links that lead nowhere and the folders that cannot be opened, and why."""
    found: dict[Path, str] = {}
    for path in files(folder):
        if not path.exists():
            found[path] = "is a link that leads nowhere"
    for root, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(root) / name
            if not os.access(path, os.R_OK | os.X_OK):
                found[path] = "cannot be opened"
    return found


def _below(start: Path, seen: set[Place], links: list[Path], *, films: bool) -> Iterator[Path]:
    if _known(start, seen):
        return
    for root, folders, names in os.walk(start):
        here = Path(root)
        inside = sorted(name for name in folders if films or not _of_films(here / name))
        links += [here / name for name in inside if (here / name).is_symlink()]
        folders[:] = [
            name
            for name in inside
            if not (here / name).is_symlink() and not _known(here / name, seen)
        ]
        yield from (here / name for name in sorted(names))


def _of_films(folder: Path) -> bool:
    return holds_films(folder.name) or (folder.is_symlink() and holds_films(folder.resolve().name))


def holds_films(name: str) -> bool:
    """Say whether a folder is named like an image release, such as `0.E.1`."""
    parts = name.split(".")
    return len(parts) == 3 and parts[0].isdigit() and parts[1].isalpha() and parts[2].isdigit()


def _known(folder: Path, seen: set[Place]) -> bool:
    """Say whether a folder has been entered, or leads to no folder; note it if not."""
    try:
        place = _place(folder)
    except OSError:
        return True
    if place in seen:
        return True
    seen.add(place)
    return False


def _place(path: Path) -> Place:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
