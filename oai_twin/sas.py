"""SAS: a table of the release as a `.sas7bdat` file, uncompressed, 32-bit, little-endian.

Written after the description of the format by Shotwell and Cummins (2013), which was worked
out from files and is not official. Two unrelated readers, ReadStat and pandas, read these
files back; SAS itself has not been asked.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oai_twin import value_format

MAGIC = bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")
HEADER, PAGE_HEADER, POINTER = 1024, 24, 12  # bytes
META, DATA = 0x0000, 0x0100  # kinds of page
NUMERIC, TEXT = 1, 2
ROW_SIZE, COLUMN_SIZE, COLUMN_TEXT = 0xF7F7F7F7, 0xF6F6F6F6, 0xFFFFFFFD
COLUMN_NAME, COLUMN_ATTRIBUTES, COLUMN_FORMAT = 0xFFFFFFFF, 0xFFFFFFFC, 0xFFFFFBFE
NAMES_START = 28  # bytes kept free before the first name
UTF8 = 20
EPOCH_1970 = 3653  # days from 1960-01-01, where SAS counts from
AS_TEXT = re.compile(r"ID|VERSION|\w*BARCD\w*|\w*SITE", re.IGNORECASE)
CODE = re.compile(r"\s*(-?\d*\.?\d+)(?:: .*)?\s*")
MISSING = re.compile(r"\s*\.?([A-Z]?)(?:: .*)?\s*")
DATE = re.compile(r"(\d\d)/(\d\d)/((?:20)?\d\d)")


class Variable(NamedTuple):
    """One column: its name, `NUMERIC` or `TEXT`, its bytes row by row, and its format."""

    name: str
    kind: int
    raw: list[bytes]
    form: str = ""


def write(columns: value_format.Columns, path: Path) -> None:
    """Write columns, given as cells of the ASCII flavour, with the types SAS would give them.

    Codes lose their labels. A missing code keeps its letter; an empty cell is `.`. Columns
    of dates count days from 1960; what is neither number nor date is text.
    """
    variables = [variable(name, list(column)) for name, column in columns.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_file(variables, path.stem))


def variable(name: str, spelled: list[str]) -> Variable:
    """Return a column of cells as SAS would hold it."""
    known = [cell for cell in map(str, spelled) if not MISSING.fullmatch(cell)]
    if AS_TEXT.fullmatch(name):
        return _text(name, spelled)
    if known and all(DATE.fullmatch(cell) for cell in known):
        return Variable(name, NUMERIC, [_date(cell) for cell in spelled], "MMDDYY")
    if all(CODE.fullmatch(cell) for cell in known):
        return Variable(name, NUMERIC, [_number(cell) for cell in spelled])
    return _text(name, spelled)


def _text(name: str, spelled: list[str]) -> Variable:
    raw = [str(cell).encode() for cell in spelled]
    width = max((len(each) for each in raw), default=1) or 1
    return Variable(name, TEXT, [each.ljust(width) for each in raw])


def _number(cell: str) -> bytes:
    found = CODE.fullmatch(cell)
    return struct.pack("<d", float(found[1])) if found else missing(cell)


def _date(cell: str) -> bytes:
    found = DATE.fullmatch(cell)
    if not found:
        return missing(cell)
    day = np.datetime64(f"20{found[3][-2:]}-{found[1]}-{found[2]}", "D").astype(int)
    return struct.pack("<d", float(day + EPOCH_1970))


def missing(cell: str) -> bytes:
    """Return the bytes of a missing number: a NaN whose third byte tells the letter."""
    found = MISSING.fullmatch(cell)
    letter = found[1] if found else ""
    mark = 0xFE if not letter else 0xFD - (ord(letter) - ord("A"))
    return bytes([0, 0, 0, 0, 0, mark, 0xFF, 0xFF])


def _file(variables: list[Variable], name: str) -> bytes:
    rows = [b"".join(row) for row in zip(*(each.raw for each in variables), strict=True)]
    width = sum(_width(each) for each in variables)
    need = PAGE_HEADER + sum(len(each) + POINTER for each in _subheaders(variables, 0, 0))
    page = 1 << max((max(need, PAGE_HEADER + width) - 1).bit_length(), 13)
    room = (page - PAGE_HEADER) // width
    pages = [_meta_page(_subheaders(variables, len(rows), page), page)]
    pages += [_data_page(rows[at : at + room], page) for at in range(0, len(rows), room)]
    return _header(name, page, len(pages)) + b"".join(pages)


def _width(column: Variable) -> int:
    return len(column.raw[0]) if column.raw else 8


def _header(name: str, page: int, pages: int) -> bytes:
    """Return the file header; what has no known meaning stays zero."""
    head = bytearray(HEADER)
    head[:32] = MAGIC
    head[32] = head[35] = 0x22  # 32-bit, nothing shifted
    head[37], head[39], head[70] = 1, ord("1"), UTF8  # little-endian, Unix
    head[84:92] = b"SAS FILE"
    head[92:156] = name.encode()[:64].ljust(64)
    head[156:164] = b"DATA    "
    struct.pack_into("<III", head, 196, HEADER, page, pages)
    head[216:224] = b"9.0401M1"
    head[224:240] = b"Linux".ljust(16, b"\0")
    return bytes(head)


def _meta_page(subheaders: list[bytes], page: int) -> bytes:
    """Return the page that describes the table: pointers in front, what they point to behind."""
    block = bytearray(page)
    struct.pack_into("<HHH", block, 16, META, len(subheaders), len(subheaders))
    end = page
    for number, part in enumerate(subheaders):
        end -= len(part)
        block[end : end + len(part)] = part
        listed = struct.unpack_from("<I", part)[0] in {COLUMN_TEXT, COLUMN_NAME, COLUMN_ATTRIBUTES}
        at = PAGE_HEADER + POINTER * number
        struct.pack_into("<IIBB", block, at, end, len(part), 0, int(listed))
    return bytes(block)


def _data_page(rows: list[bytes], page: int) -> bytes:
    head = bytes(16) + struct.pack("<HHHH", DATA, len(rows), 0, 0)
    return (head + b"".join(rows)).ljust(page, b"\0")


def _subheaders(variables: list[Variable], rows: int, page: int) -> list[bytes]:
    """Return size, texts, names, places and formats of the columns."""
    texts = [each.name for each in variables]
    texts += sorted({each.form for each in variables if each.form})
    places, at = {}, NAMES_START
    for each in texts:
        places[each] = (0, at, len(each))
        at += -(-len(each) // 4) * 4
    text = b"".join(each.encode().ljust(-(-len(each) // 4) * 4, b"\0") for each in texts) + bytes(8)
    size = bytearray(480)
    struct.pack_into("<I", size, 0, ROW_SIZE)
    struct.pack_into("<II", size, 20, sum(map(_width, variables)), rows)
    struct.pack_into("<II", size, 36, len(variables), 0)
    struct.pack_into("<I", size, 52, page)
    names = [struct.pack("<HHHH", *places[each.name], 0) for each in variables]
    body = struct.pack("<H", NAMES_START - 8 + len(text)).ljust(NAMES_START, b"\0") + text
    return [
        bytes(size),
        struct.pack("<III", COLUMN_SIZE, len(variables), 0),
        struct.pack("<I", COLUMN_TEXT) + body,
        _listing(COLUMN_NAME, names),
        _listing(COLUMN_ATTRIBUTES, _attributes(variables)),
        *(_format(each, places) for each in variables),
    ]


def _listing(signature: int, entries: list[bytes]) -> bytes:
    body = b"".join(entries)
    return struct.pack("<IHHI", signature, 8 + len(body), 0, 0) + body + bytes(8)


def _attributes(variables: list[Variable]) -> list[bytes]:
    starts = np.cumsum([0, *map(_width, variables)])
    return [
        struct.pack("<IIHBB", start, _width(each), 4 if len(each.name) <= 8 else 2048, each.kind, 0)
        for start, each in zip(starts.tolist(), variables, strict=False)
    ]


def _format(column: Variable, places: dict[str, tuple[int, int, int]]) -> bytes:
    part = bytearray(52)
    struct.pack_into("<I", part, 0, COLUMN_FORMAT)
    struct.pack_into("<HHH", part, 34, *places.get(column.form, (0, 0, 0)))
    return bytes(part)
