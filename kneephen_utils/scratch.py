"""Scratch: private places for what is needed for a while, wherever the machine has one.

Nothing but the standard library is imported: the package asks for a place before numba is loaded.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path

COMPILED = "NUMBA_CACHE_DIR"
SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # where most machines let everybody write


class ScratchError(OSError):
    """There is no folder that may be written, or none whose path is short enough."""


def places() -> Iterator[Path]:
    """Yield the folders for temporary files: the one that was asked for, then the usual ones."""
    try:
        asked = [tempfile.gettempdir()]
    except FileNotFoundError:  # none of those Python knows may be written
        asked = []
    yield from dict.fromkeys(Path(place) for place in [*asked, *SHORT])


def private(prefix: str, *, longest: int) -> Path:
    """Make an empty folder that only this user may enter, with a path of at most `longest` bytes.

    Raises
    ------
    ScratchError
        If no place will do; the message says what to set.
    """
    for place in places():
        if len(os.fsencode(place)) + len(prefix) + 10 > longest:
            continue
        try:
            return Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        except OSError:
            continue
    raise ScratchError(
        f"no folder for temporary files may be written and has a path of at most {longest} "
        "letters; set TMPDIR to one"
    )


def settle_compiled(environ: MutableMapping[str, str]) -> None:
    """See to it that numba has a place for what it compiles, or it stops at the first function.

    A place that was asked for, or that of the user, is taken where it may be written; otherwise a
    private folder among the temporary files, which later processes find again.
    """
    asked = environ.get(COMPILED)
    if _writable(Path(asked) if asked else _cache_of_user(environ)):
        return
    for place in places():
        folder = place / f"kneephen-{os.getuid()}"
        if _own(folder):
            environ[COMPILED] = str(folder / "numba")
            return


def _cache_of_user(environ: MutableMapping[str, str]) -> Path | None:
    if asked := environ.get("XDG_CACHE_HOME"):
        return Path(asked) / "numba"
    try:
        return Path.home() / ".cache" / "numba"
    except RuntimeError:  # a user without a home
        return None


def _writable(folder: Path | None) -> bool:
    """Say whether a folder may be written, or made where it is not there."""
    if folder is None:
        return False
    there = next((each for each in (folder, *folder.parents) if each.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _own(folder: Path) -> bool:
    """Make a folder that is this user's alone, or say that one of this name is not."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return mine and not found.st_mode & 0o077 and os.access(folder, os.W_OK | os.X_OK)
