"""Redaction: text without what would tell of a single person.

An error, a log and a report say where something is wrong and what it looks like, never what
stands there: a cell is told by its form, and identifiers, barcodes and dates that slipped into
a text are left out of it.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from pathlib import PurePath

from kneephen_utils import PACKAGES

LONGEST = 24  # characters of a form
EXAMPLES = 3  # forms that stand for many

_YEAR = r"20(?:0[3-9]|1[0-9])"  # of the visits of the initiative, and of deaths after them
_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_TWO = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d"
_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sep(?:t|tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_BEFORE, _AFTER = r"(?<![A-Za-z0-9./-])", r"(?![A-SU-Za-z0-9/]|[-.]\d|T(?!\d))"
_DATES = (
    rf"{_BEFORE}{_MONTH}/{_DAY}/(?:{_YEAR}|{_YEAR[2:]}){_AFTER}",  # 01/31/2009, 01/31/09
    rf"{_BEFORE}{_YEAR}(?:-\d\d?-|/\d\d?/|\.\d\d?\.)\d\d?{_AFTER}",  # 2009-01-31
    rf"{_BEFORE}{_DAY}\.{_MONTH}\.{_YEAR}{_AFTER}",  # 31.01.2009
    rf"(?:{_BEFORE}|(?<=[\d)]/)){_YEAR}{_TWO}(?:\.0+|{_TIME}(?:\.\d+)?)?(?![A-Za-z0-9-]|\.\d)",
    rf"(?i:{_BEFORE}{_DAY}[- ]?{_NAME}[-, ]{{0,2}}(?:{_YEAR}|{_YEAR[2:]})(?![a-z0-9]))",  # 31JAN09
    rf"(?i:{_BEFORE}{_NAME}\.? {_DAY},? {_YEAR}(?!\d))",  # January 31, 2009
)
PATTERNS = {
    "participant": re.compile(
        r"(?:(?<![A-Za-z0-9.])|(?<=knee)|(?<=id)|(?<=ID)|(?<=subject)|(?<=participant))"
        r"9\d{6}(?:\.0+(?!\d))?(?i:[-_ ]?(?:right|left|[rl]))?(?![A-Za-z0-9]|\.\d)"
    ),
    "barcode": re.compile(
        r"(?<![A-Za-z0-9.])(?:0?166\d{8}(?:\.0+)?|1\.66\d{0,10}[eE]\+?1[01])(?![A-Za-z0-9]|\.\d)"
    ),
    "date": re.compile("|".join(_DATES)),
}


def hidden(text: str) -> str:
    """Return text with participants, barcodes and dates left out, as logs and errors show it."""
    for name, pattern in PATTERNS.items():
        text = pattern.sub(f"({name} not shown)", text)
    return text


def place(path: PurePath | str) -> str:
    """Return a path with forward slashes, told without what names a person.

    The folders of the films are named by participant, date and series.
    """
    text = path.as_posix() if isinstance(path, PurePath) else str(path).replace("\\", "/")
    return hidden(text)


def form(value: object) -> str:
    """Return what a cell looks like: `a` for a letter, `9` for a digit, `?` for the unprintable.

    A date such as the last day of a month is told as `99/99/9999`.
    """
    text = str(value).strip()
    told = "".join(_sign(sign) for sign in text[:LONGEST])
    return told + ("..." if len(text) > LONGEST else "")


def forms(values: Iterable[object]) -> str:
    """Return the distinct forms of some cells in quotes, the first few of them."""
    seen = dict.fromkeys(form(value) for value in values)
    told = ", ".join(repr(each) for each in list(seen)[:EXAMPLES])
    more = len(seen) - EXAMPLES
    return told + (f" and {more} more" if more > 0 else "")


def message(error: BaseException) -> str:
    """Return what an error says if this project wrote it, else where it was raised.

    The message of a library may quote a cell of a table.
    """
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    if last is None or (_is_ours(last) and (last.line or "").startswith("raise")):
        return hidden(str(error.args[0] if error.args else error))
    inner = [frame for frame in frames if _is_ours(frame)]
    where = f" in {PurePath(inner[-1].filename).name}, line {inner[-1].lineno}" if inner else ""
    return f"{type(error).__name__}{where}; its message is not shown, since it may quote a cell"


def _is_ours(frame: traceback.FrameSummary) -> bool:
    above = PurePath(__file__).parents[1]
    return any(PurePath(frame.filename).is_relative_to(above / name) for name in PACKAGES)


def _sign(sign: str) -> str:
    if sign.isalpha():
        return "a"
    if sign.isdigit():
        return "9"
    return sign if sign.isascii() and sign.isprintable() else "?"
