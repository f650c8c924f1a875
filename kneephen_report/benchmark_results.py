"""Benchmark results: what long simulations gave, as small tables with their command."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "book" / "measured"
MARK = "# "
Key = Callable[[pd.DataFrame], pd.Series]
TOGETHER = re.compile(r" ± |(?<=\d) (?:to (?=-?\d)|(?=%))")  # stays on one line of a table


def write(table: pd.DataFrame, path: Path, *, command: str, code: str) -> None:
    """Write a table as CSV, headed by the command that made it and the state of the code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = table.to_csv(index=False, float_format="%.4g")
    path.write_text(f"{MARK}{command}\n{MARK}{code}\n{body}", encoding="utf-8")


def state() -> str:
    """Return the commit of the code, if there is one; to be asked before a run, not after."""
    told = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%h of %cs"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return f"commit {told.stdout.strip()}" if told.returncode == 0 else "no commit known"


def read(path: Path) -> tuple[pd.DataFrame, str, str]:
    """Return a table that `write` wrote, its command, and the state of the code.

    Raises
    ------
    ValueError
        If the file does not begin with a command.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) < 3 or not (lines[0].startswith(MARK) and lines[1].startswith(MARK)):
        raise ValueError(
            f"{path}: the first two lines hold no command; expected '{MARK}python ...'"
        )
    return pd.read_csv(path, skiprows=2), lines[0][len(MARK) :], lines[1][len(MARK) :]


def renewed(table: pd.DataFrame, path: Path, *, by: Key) -> pd.DataFrame:
    """Return the rows of a kept table that are not measured anew, then those of `table`.

    `by` tells of each row what was measured; where `table` has it, the kept rows of it go.
    """
    if not path.exists():
        return table
    old, *_ = read(path)
    return pd.concat([old[~by(old).isin(by(table))], table], ignore_index=True)


def made(command: str, code: str, *, name: str = "") -> str:
    """Say which command made a kept table, by which state of the code, and its `name` if given."""
    place = f", kept in `book/measured/{name}`" if name else ""
    return f"Made by `{command}` at {code}{place}."


def table_markdown(table: pd.DataFrame) -> str:
    """Return a table whose cells are text as a Markdown table."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * table.shape[1]]
    cells = table.astype(str).map(lambda text: text.replace("|", "\\|"))
    cells = cells.map(lambda text: TOGETHER.sub(_unbroken, text))
    lines += ["| " + " | ".join(row) + " |" for row in cells.itertuples(index=False)]
    return "\n".join(lines)


def _unbroken(found: re.Match[str]) -> str:
    return found[0].replace(" ", "\N{NO-BREAK SPACE}")
