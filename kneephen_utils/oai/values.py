"""Values: what one cell of a release table says.

A cell is a bare code (`2`), a code with its label (`2: Female`), a missing code (empty,
a space, `.`, `.A: Not Expected`, a bare letter) or, in text columns, anything at all.
"""

from __future__ import annotations

import pandas as pd

from kneephen_utils.oai import days

MISSING = r"\s*\.?[A-Z]?\s*(?::.*)?"
NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?::.*)?"
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


def barcode(cells: pd.Series) -> pd.Series:
    """Return film barcodes as twelve digits; lists that drop the leading zeros are filled up."""
    digits = cells.str.extract(r"^\s*(\d+)(?:\.0*)?\s*$", expand=False).str.lstrip("0")
    series = "0166" + digits.str.zfill(8)
    return series.where(digits.str.len() <= 8, digits.str.zfill(12))


KINDS = {"number": number, "whole": whole, "date": days.read}
KINDS |= {"text": text, "letter": letter, "barcode": barcode}
WORDS = {"number": "a number", "whole": "a whole number", "date": "a date", "text": "text"}
WORDS |= {"letter": "a letter", "barcode": "a barcode with all its digits"}


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
