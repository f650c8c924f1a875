"""Lines: every row of a delimited text has as many cells as there are headings.

What stands alone on a line is no row of the table, such as `(4 rows affected)` of a database;
a row with fewer cells shows that the file was cut off, and one with more that it was spoilt.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from kneephen_utils.oai.raw import ReleaseError


def even(path: Path, body: bytes, mark: str, width: int, encoding: str) -> tuple[bytes, int]:
    """Return the rows below the headings, and how many lines that are no rows were left out.

    Cells beyond the headings are let go of where they are empty.

    Raises
    ------
    ReleaseError
        If a row has more or fewer cells than `width`.
    """
    body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    one, rows = mark.encode(), body.split(b"\n")
    if all(row.count(one) == width - 1 for row in rows if row.strip(b" \x0c")):
        return body, 0
    if mark == "|":
        cells = [row.split(one) for row in rows if row.strip(b" \x0c")]
        kept, stray = _rows(path, [[each.decode(encoding) for each in row] for row in cells], width)
        return "\n".join(mark.join(row) for row in kept).encode(encoding), stray
    kept, stray = _rows(path, _quoted(path, body.decode(encoding), mark), width)
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator="\n").writerows(kept)
    return out.getvalue().encode(encoding), stray


def _quoted(path: Path, body: str, mark: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(body), delimiter=mark))
    except csv.Error:
        raise ReleaseError(f"{path}: the quotes do not pair; expected a table") from None
    return [row for row in rows if "".join(row).strip()]


def _rows(path: Path, rows: list[list[str]], width: int) -> tuple[list[list[str]], int]:
    kept, stray = [], 0
    for at, row in enumerate(rows, start=1):
        if len(row) > width and any(cell.strip() for cell in row[width:]):
            raise ReleaseError(f"{path}: a row has {len(row)} cells under {width} headings")
        if len(row) == 1 and not row[0].strip().strip('"').isdigit():
            stray += 1
        elif len(row) < width:
            cut = "; it is the last, so the file seems to be cut off" if at == len(rows) else ""
            raise ReleaseError(
                f"{path}: a row has {len(row)} cells under {width} headings{cut}; expected a cell "
                "for each: fetch the file again"
            )
        else:
            kept.append(row[:width])
    return kept, stray
