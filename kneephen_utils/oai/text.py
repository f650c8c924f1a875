"""Text: delimited text as programs on the way of a release write it.

Any line ending, UTF-8, UTF-16 with or without its mark, or Latin-1; a mark of the end of the
file, lines of a database below the table, headings that come again. A file that is cut off,
or is something else under the name of a table, is refused with what it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from kneephen_utils.oai import lines, raw
from kneephen_utils.oai.raw import ReleaseError, Sheet

MARKS = "|\t;,"  # between cells; the one asked for is tried first
BOMS = {
    b"\xff\xfe\x00\x00": "utf-32-le",
    b"\x00\x00\xfe\xff": "utf-32-be",
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
SAMPLE, ZEROS = 512, 0.3  # bytes looked at, and the share of zeros that shows UTF-16
OTHERS = {
    b"PK\x03\x04": "a packed file (zip or xlsx)",
    b"\x1f\x8b": "a packed file (gzip)",
    b"7z\xbc\xaf": "a packed file (7z)",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%PDF": "a PDF",
    b"PAR1": "a parquet file",
    b"version https://git-lfs": "a pointer of git-lfs",
}
WEB = re.compile(rb"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)
SEPARATOR_LINE = re.compile(rb"sep=.[\r\n]+", re.IGNORECASE)  # what a spreadsheet writes first
LINE_END = re.compile(rb"\r\n|\r|\n")
BELOW = re.compile(rb"[\r\n\x0c\x1a\x00]+$")


def read(path: Path, mark: str, wanted: Collection[str] | None, *, flavour: str = "") -> Sheet:
    """Read delimited text; `wanted` are the columns needed, None for all.

    Raises
    ------
    ReleaseError
        If the file cannot be read, is no text, has headings that no mark parts, a heading that
        is needed twice, or a row with more or fewer cells than headings.
    """
    content, encoding = _content(path)
    head, *rest = LINE_END.split(content, maxsplit=1)
    first = head.decode(encoding)
    mark = next((each for each in (mark, *MARKS) if each in first), mark)
    names = raw.headings(first.split(mark), path, wanted)
    if len(names) == 1:
        raise ReleaseError(f"{path}: no {mark!r} in the first line; expected headings between them")
    keep = [at for at, name in enumerate(names) if wanted is None or name in wanted]
    body = rest[0] if rest else b""
    if not body.strip():
        nothing = pd.DataFrame(columns=[names[at] for at in keep], dtype=str)
        return Sheet(nothing, path, flavour, len(names))
    clean, stray = lines.even(path, body, mark, len(names), encoding)
    kept, repeated = raw.without_headings(_cells(path, clean, mark, names, keep, encoding))
    notes = raw.notes(stray=stray, repeated=repeated)
    return Sheet(kept, path, flavour, len(names), notes=notes)


def _cells(
    path: Path, body: bytes, mark: str, names: list[str], keep: list[int], encoding: str
) -> pd.DataFrame:
    try:
        cells = pd.read_csv(
            io.BytesIO(body),
            sep=mark,
            header=None,
            names=range(len(names)),
            usecols=keep,
            dtype=str,
            keep_default_na=False,
            quoting=csv.QUOTE_NONE if mark == "|" else csv.QUOTE_MINIMAL,
            encoding=encoding,
        )
    except pd.errors.EmptyDataError:
        cells = pd.DataFrame(columns=keep, dtype=str)
    except pd.errors.ParserError:
        raise ReleaseError(
            f"{path}: the rows do not fit {len(names)} headings; expected a cell for each"
        ) from None
    return cells.fillna("").set_axis([names[at] for at in keep], axis=1)


def _content(path: Path) -> tuple[bytes, str]:
    """Return the bytes of a text file and how they are encoded, UTF-16 turned into UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read ({error.strerror})") from None
    what = next((name for start, name in OTHERS.items() if content.startswith(start)), None)
    if what or WEB.match(content[:SAMPLE]):
        raise ReleaseError(f"{path}: is {what or 'a page of the web'}; expected a table as text")
    bom = next((each for each in BOMS if content.startswith(each)), b"")
    wide = BOMS.get(bom) or _without_mark(content[:SAMPLE])
    content = content[len(bom) :]
    if wide.startswith(("utf-16", "utf-32")):
        try:
            content = content.decode(wide).encode()
        except UnicodeError:
            raise ReleaseError(
                f"{path}: begins as {wide.upper()} text and goes on as none; save it as plain text"
            ) from None
    content = BELOW.sub(b"", content).lstrip(b"\r\n")
    content = (
        SEPARATOR_LINE.sub(b"", content, count=1) if content[:4].lower() == b"sep=" else content
    )
    if b"\x00" in content:
        raise ReleaseError(f"{path}: holds bytes that are no text; the file seems to be damaged")
    return content, _encoding(content)


def _without_mark(start: bytes) -> str:
    """Tell UTF-16 without its mark by the zeros beside plain letters."""
    for at, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = start[at::2]
        if half and half.count(0) / len(half) > ZEROS and not start[1 - at :: 2].count(0):
            return encoding
    return ""


def _encoding(content: bytes) -> str:
    try:
        content.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
