"""A release of four invented people, kept in `tiny_release` in the formats of the OAI.

9000001 is seen at every visit and rises on the right; 9000002 has a knee replaced;
9000003 had one replaced before and died; 9000004 was never graded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HOME = Path(__file__).parent / "tiny_release"
CRLF = ("Enrollees.txt",)
FILM = "00m/0.C.2/9000001/20050215/00839603/001"


def texts() -> dict[str, str]:
    """Return the tables of the release by their path inside it."""
    files = sorted(path for path in HOME.rglob("*") if path.is_file())
    return {path.relative_to(HOME).as_posix(): path.read_text("latin-1") for path in files}


def write(folder: Path, tables: Mapping[str, str] | None = None, *, flat: bool = False) -> Path:
    """Write the release, nested as it is unzipped or flat in one folder, with one film on disk."""
    for name, text in (texts() if tables is None else tables).items():
        path = folder / (Path(name).name if flat and not name.startswith("00m") else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        ends = "\r\n" if path.name in CRLF else "\n"
        path.write_bytes(text.replace("\n", ends).encode("latin-1"))
    film = folder / FILM
    film.parent.mkdir(parents=True, exist_ok=True)
    film.write_bytes(b"not a picture")
    return folder
