"""Missing codes: what one cell of a release table says.

A cell is a bare code (`2`), a code with its label (`2: Female`), a missing code (empty,
a space, `.`, `.A: Not Expected`, a bare letter) or, in text columns, anything at all.
"""

from __future__ import annotations

import pandas as pd

from kneephen_utils.oai import days

MISSING = r"\s*\.?[A-Z]?\s*(?::.*)?"
NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?::.*)?"
SCIENTIFIC = r"(?P<before>\d)\.?(?P<after>\d*)[eE]\+?(?P<places>\d{1,3})"
QUOTED = r"""^[='"]+|["']+$"""  # marks by which a spreadsheet is told that a number is text
REASON = r"^\s*\.?([A-Z])\s*(?::.*)?$"


def number(cells: pd.Series) -> pd.Series:
    """Return the number or code in each cell; a missing code and an unknown value are missing."""
    found = cells.str.extract(f"^{NUMBER}$", expand=False)
    return pd.to_numeric(found, errors="coerce").astype("float64")


def whole(cells: pd.Series) -> pd.Series:
    """Return whole numbers; a half grade is no grade."""
    numbers = number(cells)
    return numbers.where(numbers.mod(1).eq(0))


def reason(cells: pd.Series) -> pd.Series:
    """Return the letter of each missing code, such as `P` for a prosthesis, else missing."""
    return cells.str.extract(REASON, expand=False)


def text(cells: pd.Series) -> pd.Series:
    """Return cells without outer spaces, otherwise untouched; an empty cell is missing."""
    stripped = cells.str.strip()
    return stripped.where(stripped.ne(""))


def letter(cells: pd.Series) -> pd.Series:
    """Return the code in front of a label where codes are letters, such as the site."""
    bare = text(cells).str.replace(r"\s*:.*$", "", regex=True)
    return bare.where(~bare.str.startswith(".", na=True))


def person(cells: pd.Series) -> pd.Series:
    """Return identifiers of people, whole again where a spreadsheet made numbers of them."""
    bare = text(cells)
    rounded = bare.str.fullmatch(SCIENTIFIC, na=False)
    return digits(cells).fillna(bare.mask(rounded))


def barcode(cells: pd.Series) -> pd.Series:
    """Return film barcodes as twelve digits; lists that drop the leading zeros are filled up.

    A barcode in scientific notation is read only if all its digits are there.
    """
    found = digits(cells).str.lstrip("0")
    series = "0166" + found.str.zfill(8)
    return series.where(found.str.len() <= 8, found.str.zfill(12))


def digits(cells: pd.Series) -> pd.Series:
    """Return the digits of whole numbers, as they are spelled or as a spreadsheet spells them.

    Scientific notation that has lost digits is missing: `1.66001E+11` may be any of a million
    barcodes.
    """
    trimmed = cells.str.strip().str.replace(QUOTED, "", regex=True)
    plain = trimmed.str.extract(r"^([0-9]+)(?:\.0*)?$", expand=False)
    parts = trimmed.str.extract(f"^{SCIENTIFIC}$")
    places = pd.to_numeric(parts["places"], errors="coerce")
    exact = [
        before + after[: int(count)]
        if len(after) >= count and not after[int(count) :].strip("0")
        else None
        for before, after, count in zip(parts["before"], parts["after"], places, strict=True)
        if isinstance(before, str)
    ]
    return plain.mask(
        places.notna(), pd.Series(exact, index=parts.index[places.notna()], dtype=str)
    )


KINDS = {"number": number, "whole": whole, "date": days.read}
KINDS |= {"text": text, "letter": letter, "person": person, "barcode": barcode}
WORDS = {"number": "a number", "whole": "a whole number", "date": "a date", "text": "text"}
WORDS |= {"letter": "a letter", "person": "an identifier with all its digits"}
WORDS |= {"barcode": "a barcode with all its digits"}


def expected(kind: str, span: tuple[float, float] | None) -> str:
    """Say in words what a cell of a kind and span holds."""
    limits = "" if span is None else f" from {span[0]:g} to {span[1]:g}"
    return WORDS[kind] + limits


def read(cells: pd.Series, kind: str, span: tuple[float, float] | None) -> pd.Series:
    """Return cells as values of a kind; numbers outside `span` are missing."""
    found = KINDS[kind](cells)
    return found if span is None else found.where(found.between(*span))


def unknown(cells: pd.Series, kind: str, span: tuple[float, float] | None) -> pd.Series:
    """Return the cells that are neither a value of this kind and span nor a missing code."""
    if kind in {"text", "letter"}:
        return cells.iloc[:0]
    return cells[read(cells, kind, span).isna() & ~cells.str.fullmatch(MISSING, na=True)]
