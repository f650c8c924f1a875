"""Breaks a written release as real ones have been broken: in its files, not in memory.

Each break takes the folder of an ASCII release and rewrites some of its tables.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

PUBLISHED_CLOCK = {"03": 36, "05": 60, "06": 72, "08": 96, "10": 120}  # months, wrongly
TRUE_CLOCK = {"03": 24, "05": 36, "06": 48, "08": 72, "10": 96}
DAYS_PER_MONTH = 365.25 / 12
OTHER_SIDE = {"1": "2", "2": "1", "1: Right": "2: Left", "2: Left": "1: Right"}


def swap_sides(folder: Path) -> None:
    """Give every reading to the other knee of its person."""
    _rewrite(folder, "kxr_sq_bu??.txt", lambda table: _mapped(table, "SIDE", OTHER_SIDE))


def shift_clock(folder: Path) -> None:
    """Date the visits as if V03 were the 36-month visit, V05 the 60-month one and so on."""
    for digits, wrong in PUBLISHED_CLOCK.items():
        late = round((wrong - TRUE_CLOCK[digits]) * DAYS_PER_MONTH)
        _rewrite(folder, f"allclinical{digits}.txt", lambda table, late=late: _later(table, late))


def shuffle_grades(folder: Path) -> None:
    """Deal the grades of each visit out anew."""
    rng = np.random.default_rng(1)
    _rewrite(folder, "kxr_sq_bu??.txt", lambda table: _dealt(table, "XRKL", rng))


def mix_projects(folder: Path) -> None:
    """Deal the reading projects of each visit out anew, so that knees are read twice by one."""
    rng = np.random.default_rng(2)
    _rewrite(folder, "kxr_sq_bu??.txt", lambda table: _dealt(table, "READPRJ", rng))


def _rewrite(folder: Path, pattern: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    paths = [path for path in folder.rglob("*.txt") if Path(path.name.lower()).match(pattern)]
    assert paths, f"no {pattern} in {folder}"
    for path in paths:
        table = pd.read_csv(path, sep="|", dtype=str, keep_default_na=False)
        change(table).to_csv(path, sep="|", index=False, lineterminator="\n")


def _column(table: pd.DataFrame, ending: str) -> str:
    return next(name for name in table.columns if name.upper().endswith(ending))


def _mapped(table: pd.DataFrame, ending: str, other: dict[str, str]) -> pd.DataFrame:
    name = _column(table, ending)
    return table.assign(**{name: table[name].map(other)})


def _dealt(table: pd.DataFrame, ending: str, rng: np.random.Generator) -> pd.DataFrame:
    name = _column(table, ending)
    return table.assign(**{name: rng.permutation(table[name].to_numpy())})


def _later(table: pd.DataFrame, days: int) -> pd.DataFrame:
    name, dated = _column(table, "VISDYS"), _column(table, "FVDATE")
    counted = pd.to_numeric(table[name], errors="coerce") + days
    dates = pd.to_datetime(table[dated], format="%m/%d/%Y", errors="coerce")
    moved = (dates + pd.Timedelta(days=days)).dt.strftime("%m/%d/%Y")
    spelled = counted.map(lambda count: f"{count:.0f}").where(counted.notna(), " ")
    return table.assign(**{name: spelled, dated: moved.fillna(" ")})
