"""Value format: values spelled as the release spells them.

The release has two styles: bare codes with blanks for missing values, and codes with
labels (`2: Female`) with labelled missing codes (`.: Missing Form/Incomplete Workbook`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

EMPTY, SPACE = "", " "
NO_FORM, NOT_EXPECTED = ".: Missing Form/Incomplete Workbook", ".A: Not Expected"
YES_NO = {0: "No", 1: "Yes"}
LF, CRLF = "\n", "\r\n"

Columns = Mapping[str, Any]


def whole(values: Any, missing: str, *, ending: str = "") -> np.ndarray:
    """Spell whole numbers; `ending` is `.0` where the release writes codes as decimals."""
    numbers = np.asarray(values, dtype=float)
    known = np.isfinite(numbers)
    spelled = np.where(known, numbers, 0).astype(int).astype(str).astype(object)
    return np.where(known, spelled + ending, missing)


def decimal(values: Any, missing: str, *, digits: int, dot_first: bool = False) -> np.ndarray:
    """Spell decimals without needless zeros; `dot_first` writes `.5` for 0.5."""
    numbers = np.round(np.asarray(values, dtype=float), digits) + 0.0  # no minus zero
    unique, at = np.unique(numbers, return_inverse=True)
    spelled = np.array([_short(value, digits, missing) for value in unique], dtype=object)
    if dot_first:
        spelled = np.array([text.removeprefix("0") if "." in text else text for text in spelled])
    return spelled[at].reshape(numbers.shape)


def _short(value: float, digits: int, missing: str) -> str:
    if not np.isfinite(value):
        return missing
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def labelled(codes: Any, labels: Mapping[int, str], missing: str) -> np.ndarray:
    """Spell codes with their labels, `1: Right`."""
    spelled = {code: f"{code}: {label}" for code, label in labels.items()}
    found = pd.Series(np.asarray(codes, dtype=float)).map(spelled)
    return found.fillna(missing).to_numpy(dtype=object)


def dates(days: Any, missing: str, *, short: bool = False) -> np.ndarray:
    """Spell dates, given as days since 1970-01-01, as month/day/year; `short` cuts the century."""
    numbers = np.asarray(days, dtype=float)
    known = np.isfinite(numbers)
    stamps = pd.to_datetime(np.where(known, numbers, 0), unit="D")
    return np.where(
        known, stamps.strftime("%m/%d/%y" if short else "%m/%d/%Y").to_numpy(dtype=object), missing
    )


def write(columns: Columns, path: Path, *, line: str) -> None:
    """Write columns between pipes, without quotes, in the order given."""
    table = pd.DataFrame(dict(columns)).astype(str)
    rows = table.agg("|".join, axis=1) if len(table) else []
    text = line.join(["|".join(columns), *rows]) + line
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("latin-1"))
