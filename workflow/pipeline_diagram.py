"""Pipeline diagram: the stages of the study as a picture, from the declaration that make uses too.

Most stages read tables of several others. An arrow is drawn only where no longer way leads
from one to the other, so that the picture can be read.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from workflow import STAGES, Stage

WIDE, HIGH, COLUMN, ROW = 150, 62, 174, 78  # a box, and the way from one to the next
LEFT, TOP = 20, 30
BELOW = TOP + HIGH + 45  # where the second row of boxes begins
INK, BOX, OUT = "#44546a", "#16324f", "#00694f"
GREEN = {"phenotype", "verdict"}  # where groups are made, and where they are judged
WORDS = {
    "cohort": "who was read, when",
    "radiograph": "films become knees",
    "embedding": "before any training",
    "grading": "learns the KL grade",
    "fusion": "pictures meet columns",
    "phenotype": "groups within a grade",
    "attention": "where it looks",
    "pain": "mixed models",
    "progression": "survival",
    "verdict": "what may be claimed",
    "multiverse": "all defensible paths",
}


def stages(known: Mapping[str, Stage] = STAGES) -> str:
    """Return the picture of the stages as SVG: a box each, an arrow where nothing lies between."""
    places = {name: _place(name, known) for name in known}
    width = max(x for x, _ in places.values()) + WIDE + LEFT
    height = max(y for _, y in places.values()) + HIGH + 15
    arrows = [_arrow(places[before], places[name]) for before, name in direct(known)]
    boxes = [_box(name, stage, *places[name]) for name, stage in known.items()]
    x, y = places["phenotype"]
    notes = [
        _text(LEFT, 20, "an OAI release, real or synthetic", anchor="start"),
        _text(x + WIDE / 2, y + HIGH + 20, "once per grade, KL0 to KL4"),
        _text(places["verdict"][0] + WIDE / 2, y + HIGH + 20, "the book"),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, DejaVu Sans, sans-serif" role="img" '
        'aria-label="The stages, from an OAI release to the verdict">'
    )
    tip = (
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>'
    )
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([head, ground, tip, *arrows, *boxes, *notes, "</svg>\n"])


def direct(known: Mapping[str, Stage] = STAGES) -> list[tuple[str, str]]:
    """Return the pairs of stages, the second in need of the first, with no stage between them."""
    found = before(known)
    return [
        (first, name)
        for name, stage in known.items()
        for first in stage.needs
        if not any(first in found[other] for other in stage.needs)
    ]


def before(known: Mapping[str, Stage] = STAGES) -> dict[str, set[str]]:
    """Return for each stage all stages that it rests on, directly or through others."""
    found: dict[str, set[str]] = {}
    for name, stage in known.items():  # a stage is listed after those it needs
        found[name] = set(stage.needs).union(*(found[first] for first in stage.needs))
    return found


def depths(known: Mapping[str, Stage] = STAGES) -> dict[str, int]:
    """Return for each stage how many stages come before it on the longest way."""
    found: dict[str, int] = {}
    for name, stage in known.items():  # a stage is listed after those it needs
        found[name] = max((found[first] + 1 for first in stage.needs), default=0)
    return found


def _place(name: str, known: Mapping[str, Stage]) -> tuple[int, int]:
    """Return the upper left corner of a box: first row to fusion, the rest below it."""
    found = depths(known)
    first = found["phenotype"]
    if found[name] < first:
        return LEFT + COLUMN * found[name], TOP
    beside = [other for other in known if found[other] == found[name]]
    most = max(list(found.values()).count(depth) for depth in found.values() if depth >= first)
    row = beside.index(name) + (most - len(beside)) / 2
    stretch = COLUMN * (first - 1) / (max(found.values()) - first)  # as wide as the first row
    return LEFT + round(stretch * (found[name] - first)), round(BELOW + ROW * row)


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = start, end
    middle, to_middle = y + HIGH / 2, to_y + HIGH / 2
    if to_x < x:  # on to the next row
        turn = y + HIGH + 25
        way = (
            f"M{x + WIDE / 2} {y + HIGH} V {turn} H {to_x + WIDE / 2} L{to_x + WIDE / 2} {to_y - 3}"
        )
    else:
        bend = (x + WIDE + to_x) / 2
        way = f"M{x + WIDE} {middle} H {bend} V {to_middle} L{to_x - 3} {to_middle}"
    return f'<path d="{way}" fill="none" stroke="{INK}" stroke-width="2" marker-end="url(#a)"/>'


def _box(name: str, stage: Stage, x: int, y: int) -> str:
    color = OUT if name in GREEN else BOX
    title = f"{stage.number} {name}"
    return (
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="8" fill="{color}"/>'
        f'<text x="{x + WIDE / 2}" y="{y + 26}" text-anchor="middle" font-size="15" '
        f'font-weight="600" fill="#fff">{html.escape(title)}</text>'
        f'<text x="{x + WIDE / 2}" y="{y + 46}" text-anchor="middle" font-size="12" '
        f'fill="#e8eef5">{html.escape(WORDS.get(name, ""))}</text>'
    )


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="12" fill="#333">{words}</text>'
