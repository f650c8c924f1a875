"""Fuzz tables: releases with one table spoilt and some cells marked are read, or refused in words.

    python studies/benchmarks/fuzz_tables.py [--count 100000] [--seed 1] [--keep]

Each table is a small one of the release with headings, separators, encodings, rows, cells or
bytes changed, and with identifiers, dates and words planted that stand nowhere else. It is read
as a run reads it. A fault is any error but the refusal of the reader, a hang, and any planted
cell that comes back in an error, in the ingest report, in the ledger or in what was printed.
"""

from __future__ import annotations

import argparse
import calendar
import contextlib
import io
import logging
import random
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

import workflow
from kneephen_report import benchmark_results
from kneephen_utils import cohort, oai
from kneephen_utils.cohort import data_checks, reading_selection
from kneephen_utils.oai import catalog, image_index, table_reader

sys.path.insert(0, str(workflow.ROOT / "tests"))
import tiny

WHOLE = 200  # of so many tables, one is read with its whole release and put to the ledger
SECONDS = 10  # a table that takes longer hangs
KEPT = 20  # faults that are told in full
XRAYS = pd.DataFrame(
    {name: [] for name in ("participant_id", "film_id", "view", "date")}, dtype=str
)
Rows = list[list[str]]


class Planted(NamedTuple):
    """Cells that stand nowhere else in the release."""

    words: list[str]

    def found_in(self, text: str) -> list[str]:
        """Return the planted cells that a text quotes."""
        return [word for word in self.words if word in text]


def plant(draw: random.Random) -> Planted:
    """Draw identifiers, dates, barcodes and words, none of which the release holds."""
    number = draw.randrange(10**6)
    year, month, day = draw.randrange(2004, 2016), draw.randrange(1, 13), draw.randrange(13, 29)
    name = calendar.month_abbr[month].upper()
    short = f"{month:02d}/{day:02d}/{year % 100:02d}"
    return Planted(
        [
            f"Zq{number:06d}xK",
            f"95{number % 10**5:05d}",
            f"95{number % 10**5:05d}-R",
            f"{month:02d}/{day:02d}/{year}",
            short,
            f"{day}{name}{year}",
            f"01665{number:06d}7",
            f"{number}.{number:06d}",
        ]
    )


WILD = [
    *(
        "",
        " ",
        ".",
        ".A: Missing Form",
        ".P",
        "P",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e309",
        "-0",
        "0x1F",
    ),
    *("1_000", "3.5", "-1", "99999999999999999999", "9" * 400, "1E400", "1.66001E+11", "\u0663"),
    *(
        "\uff11",
        "\u00bd",
        "1:",
        ": 2",
        "1: Right: 2",
        '"',
        "'",
        '""',
        "a\tb",
        "\x00",
        "\x1a",
        "\\",
        "N/A",
    ),
    *(
        "None",
        "True",
        "=1+1",
        "31/31/2009",
        "02/30/2008",
        "01/01/0001",
        "12/31/9999",
        "1/1/1",
        "99999",
    ),
    *(
        "-99999",
        "2009-13-01",
        "31FEB2009",
        "00000000",
        "x" * 3000,
        "V00",
        "\ud7ff",
        "\u202e9",
        "1,5",
        "1 2",
    ),
]


def spoil_cells(draw: random.Random, rows: Rows, _: Planted) -> Rows:
    """Put wild values into cells."""
    for _each in range(draw.randint(1, 12)):
        row = draw.choice(rows[1:] or rows)
        if row:
            row[draw.randrange(len(row))] = draw.choice(WILD)
    return rows


def spoil_column(draw: random.Random, rows: Rows, planted: Planted) -> Rows:
    """Put one planted or wild value into a whole column."""
    at, value = draw.randrange(len(rows[0]) or 1), draw.choice([*planted.words, *WILD])
    return [rows[0], *([*row[:at], value, *row[at + 1 :]] for row in rows[1:])]


def spoil_headings(draw: random.Random, rows: Rows, planted: Planted) -> Rows:
    """Drop, double, blank, shuffle, quote or rename headings, or drop their line."""
    head, kind = list(rows[0]), draw.randrange(7)
    at = draw.randrange(len(head) or 1)
    if kind == 0:
        return rows[1:] or rows
    if kind == 1:
        return [row[:at] + row[at + 1 :] for row in rows]
    if kind == 2:
        head.insert(at, draw.choice(head))
    elif kind == 3:
        draw.shuffle(head)
    elif kind == 4:
        head[at] = draw.choice([*planted.words, *WILD])
    elif kind == 5:
        head = [draw.choice([name.lower(), f' "{name}" ', f"{name} "]) for name in head]
    else:
        head = head[:at]
    return [head, *rows[1:]]


def spoil_rows(draw: random.Random, rows: Rows, planted: Planted) -> Rows:
    """Drop, double, lengthen or cut rows, or leave none."""
    kind, body = draw.randrange(6), [list(row) for row in rows[1:]]
    if kind == 0 or not body:
        return rows[:1]
    at = draw.randrange(len(body))
    if kind == 1:
        body += body[at:]
    elif kind == 2:
        body[at] = body[at] + [draw.choice(planted.words)] * draw.randint(1, 5)
    elif kind == 3:
        body[at] = body[at][: draw.randrange(len(body[at]) + 1)]
    elif kind == 4:
        body.insert(at, [])
    else:
        body.append([f"({draw.choice(planted.words)} rows affected)"])
    return [rows[0], *body]


SPOILS: list[Callable[[random.Random, Rows, Planted], Rows]] = [
    spoil_cells,
    spoil_cells,
    spoil_column,
    spoil_headings,
    spoil_rows,
]
CODES = ["latin-1"] * 8 + ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def spoilt(draw: random.Random, text: str, mark: str, planted: Planted) -> bytes:
    """Return a table changed in a few ways, with planted cells, as bytes."""
    rows = [line.split(mark) for line in text.splitlines()]
    for _ in range(draw.randint(1, 6)):
        row = draw.choice(rows[1:] or rows)
        row[draw.randrange(len(row))] = draw.choice(planted.words)
    for _ in range(draw.randint(0, 3)):
        rows = draw.choice(SPOILS)(draw, rows or [[""]], planted) or [[""]]
        rows = [row or [""] for row in rows]
    between = draw.choice([mark] * 12 + [",", "\t", ";", "||", "| "])
    end = draw.choice(["\n"] * 6 + ["\r\n", "\r", "\n\n", "\n\r"])
    whole = end.join(between.join(row) for row in rows) + draw.choice(
        ["", end, "\x1a", end + "\x1a"]
    )
    content = whole.encode(draw.choice(CODES), "replace")
    return changed(draw, content) if draw.random() < 0.35 else content


def changed(draw: random.Random, content: bytes) -> bytes:
    """Change, add, drop or cut bytes."""
    for _ in range(draw.randint(1, 8)):
        at = draw.randrange(len(content) + 1)
        put = bytes(draw.randrange(256) for _ in range(draw.randrange(5)))
        content = content[:at] + put + content[at + draw.choice([0, 1, 2, 40]) :]
    return content[: draw.randrange(len(content) + 1)] if draw.random() < 0.1 else content


def read_alone(folder: Path, *, table: catalog.Table | None, visit: str) -> str:
    """Read one table of the release; return everything that was told of it."""
    library = table_reader.library(folder)
    if table is None:
        return str(image_index.listed(folder, XRAYS, [])[1])
    library.open(table, visit)
    return pd.DataFrame(library.report).to_csv()


def read_whole(folder: Path) -> str:
    """Read the release and put it to the ledger; return everything that was told of it."""
    source = oai.read(folder)
    chosen = reading_selection.choose(source.readings, projects="by_design")
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    films = cohort.films(source)
    evidence = data_checks.Evidence(source, chosen, knees, visits, films)
    checks = data_checks.check(evidence, accept=[])
    return source.ingest.to_csv() + oai.text_ingest(source.ingest) + checks.to_csv()


def attempt(folder: Path, read: Callable[[Path], str]) -> tuple[str, str]:
    """Return what was told, and the fault if there was any error but a refusal."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    logging.getLogger().addHandler(handler)
    try:
        with (
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("always")
            told.write(read(folder))
    except (oai.ReleaseError, data_checks.LedgerError) as error:
        told.write(str(error))
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        inner = [each for each in frames if "kneephen_utils" in each.filename][-1]
        place = f"{Path(inner.filename).name}:{inner.lineno} {inner.name}"
        return told.getvalue(), f"{type(error).__name__} at {place}"
    finally:
        logging.getLogger().removeHandler(handler)
    return told.getvalue(), ""


def known_tables() -> dict[str, tuple[catalog.Table, str]]:
    """Return the tables of the catalogue by lower-case file name."""
    return {
        table.name(visit).lower(): (table, visit)
        for table in catalog.TABLES
        for visit in table.visits
    }


def fuzz(numbers: range, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Try so many tables; return how they ended and the first faults in words."""
    texts, known = tiny.texts(), known_tables()
    tiny.write(folder)
    names = [name for name in texts if Path(name).stem.lower() in known or "contents" in name]
    ended: Counter[str] = Counter()
    faults: dict[str, str] = {}
    for number in numbers:
        draw = random.Random(f"{seed} {number}")
        name, planted = draw.choice(names), plant(draw)
        table, visit = known.get(Path(name).stem.lower(), (None, ""))
        mark = "|" if table else ","
        whole = number % WHOLE == 0
        (folder / name).write_bytes(spoilt(draw, texts[name], mark, planted))
        start = time.process_time()
        read = read_whole if whole else partial(read_alone, table=table, visit=visit)
        told, fault = attempt(folder, read)
        if time.process_time() - start > SECONDS:
            fault = fault or "a hang"
        if quoted := planted.found_in(told):
            kinds = sorted({re.sub(r"\d", "9", word) for word in quoted})
            fault = fault or f"quotes {kinds}"
        ended["crashed" if fault else "refused or read"] += 1
        if fault and fault not in faults:
            faults[fault] = f"{number} {name}: {fault}"
            print(faults[fault], file=sys.stderr, flush=True)
        ended[fault] += bool(fault)
        (folder / name).write_bytes(texts[name].encode("latin-1"))
        if number % 1000 == 999:
            print(
                f"{number + 1 - numbers.start:,} tried, {ended['crashed']} faults",
                file=sys.stderr,
                flush=True,
            )
    return ended, list(faults.values())[:KEPT]


def main() -> int:
    """Try the tables; return how many faults there were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    code = benchmark_results.state()
    with tempfile.TemporaryDirectory() as folder:
        ended, faults = fuzz(
            range(given.start, given.start + given.count), given.seed, Path(folder)
        )
    print(f"{given.count:,} tried: {dict(ended)}", *faults, sep="\n")
    if given.keep:
        rows = [{"input": "spoilt tables of a release", "tried": given.count}]
        rows[0]["crashed"] = ended["crashed"]
        command = (
            f"python studies/benchmarks/fuzz_tables.py --start {given.start} --count {given.count}"
        )
        command += f" --seed {given.seed}"
        path = benchmark_results.FOLDER / "fuzz_tables.csv"
        benchmark_results.write(pd.DataFrame(rows), path, command=command, code=code)
    return min(ended["crashed"], 1)


if __name__ == "__main__":
    sys.exit(main())
