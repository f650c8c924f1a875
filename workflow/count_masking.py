"""Count masking: counts of people, knees or films are found, small ones covered, others rounded.

Tables and figures are made without small counts; this is the second line, and the alarm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from kneephen_utils import small_cells

THINGS = (
    r"knees?|people|persons?|participants?|patients?|women|men|films?|events?|deaths?|readings?"
)
HEADING = re.compile(rf"^(?:n|n at risk|at risk|number|count|(?:number of )?(?:{THINGS}))\b", re.I)
TABLE = re.compile(r"<table\b.*?</table>", re.S)
ROW = re.compile(r"<tr\b.*?</tr>", re.S)
CELL = re.compile(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", re.S)
NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
SAID = re.compile(
    rf"(?<![\w.,/-])(?:({NUMBER}) (?:of|from) )?({NUMBER})"
    rf"((?:\s+[a-z-]+){{0,2}}?\s+(?:{THINGS})\b)",
    re.I,
)


class _Tables(HTMLParser):
    """Collect the rows of every generated table, each a list of the texts of its cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = (dict(attrs).get("class") or "").split()
        if tag == "table" and {"gt_table", "dataframe"} & set(classes):
            self.tables.append([])
            self._inside = True
        elif tag == "tr" and self._inside:
            self.tables[-1].append([])
        elif tag in {"td", "th"} and self._inside and self.tables[-1]:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "table"

    def handle_data(self, data: str) -> None:
        if self._inside and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data


def small(text: str) -> Iterator[tuple[str, str]]:
    """Yield every count of fewer than `small_cells.FEW` in the tables of a page, with its heading.

    A count stands in a column whose heading names what is counted, or before such a word in
    any cell. Zero is told: it is nobody.
    """
    if "<table" not in text:
        return
    parser = _Tables()
    parser.feed(text)
    for rows in parser.tables:
        yield from _of_table(rows)


def masked(text: str) -> str:
    """Return what was printed with small counts covered and other counts rounded."""
    covered = TABLE.sub(lambda table: _masked_table(table.group()), text)
    return SAID.sub(_masked_words, covered)


def _masked_words(said: re.Match[str]) -> str:
    part, whole, things = said.groups()
    told = small_cells.written(_number(whole), disclose=False)
    before = f"{small_cells.written(_number(part), disclose=False)} of " if part else ""
    return f"{before}{told}{things}"


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _is_small(text: str) -> bool:
    return re.fullmatch(NUMBER, text) is not None and 0 < _number(text) < small_cells.FEW


def _masked_table(table: str) -> str:
    rows = [[_bare(cell) for cell in CELL.findall(row)] for row in ROW.findall(table)]
    width = max((len(row) for row in rows), default=0)
    head = next((row for row in rows if len(row) == width and width > 1), [])
    counts = {place for place, heading in enumerate(head) if HEADING.match(heading)}

    def row(found: re.Match[str]) -> str:
        place, whole = -1, len(CELL.findall(found.group())) == width

        def cell(one: re.Match[str]) -> str:
            nonlocal place
            place += 1
            bare = _bare(one.group(1))
            if not (whole and place in counts and re.fullmatch(NUMBER, bare)):
                return one.group()
            told = small_cells.count(_number(bare), disclose=False)
            shown = f"&lt; {small_cells.FEW}" if told is None else f"{told:,}"
            return one.group().replace(f">{one.group(1)}<", f">{shown}<")

        return CELL.sub(cell, found.group())

    return ROW.sub(row, table)


def _bare(cell: str) -> str:
    return re.sub(r"<[^>]*>", "", cell).strip()


def _of_table(rows: list[list[str]]) -> Iterator[tuple[str, str]]:
    width = max((len(row) for row in rows), default=0)
    head = next((row for row in rows if len(row) == width and width > 1), [])
    for row in rows:
        for place, cell in enumerate(row):
            value = cell.strip()
            heading = head[place].strip() if len(row) == width and place < len(head) else ""
            if HEADING.match(heading) and _is_small(value):
                yield "count", f"{heading} {value}"
            for match in SAID.finditer(value):
                if any(_is_small(number) for number in match.groups()[:2] if number):
                    yield "count", match.group()
