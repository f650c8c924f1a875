"""Disclosure: what must not leave the machine is looked for in the built book.

The gate reads everything the book is made of - pages, executed notebooks, sources, search
index, pictures and what is embedded in them - and lists what would tell of a single person:
identifiers, barcodes, dates and paths of the release, single knees of the explorer, films
and thumbnails, and counts from 1 to 9. It finds what has a pattern; what a picture shows it
cannot read, so a page that was made with `disclose = True` is a finding by itself.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from kneephen_utils import redaction
from workflow import count_masking

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff"}
FILMS = {".dcm", ".dicom"}
TEXTS = {".html", ".ipynb", ".js", ".json", ".md", ".txt", ".svg", ".csv", ".xml", ".inv", ".css"}
OF_THE_THEME = {"_sphinx_design_static", "vendor", "scripts", "styles", "locales", "webfonts"}
PATTERNS = {
    **redaction.PATTERNS,
    "thumbnails": re.compile(r"data:image/webp"),
    "single knees": re.compile(r"(?<![\w.])disclose = True\b"),
}
EMBEDDED = re.compile(r"data:image/([\w.+-]+);base64,([A-Za-z0-9+/=]+)")
EXPLORER = re.compile(
    r'class="kneephen-explorer".*?<script type="application/json">(.*?)</script>', re.DOTALL
)
PER_KNEE = ("x", "y", "sheet", "labels")


class Finding(NamedTuple):
    """What was found in which file; paths are relative to the folder that was scanned."""

    file: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}: {self.text}"

    def told(self) -> str:
        """Return the finding as a terminal or a log may show it: the form of what was found."""
        return f"{redaction.place(self.file)}: {self.what}: {redaction.form(self.text)}"


def scan(folders: Sequence[Path], *, places: Sequence[str] = ()) -> list[Finding]:
    """Return everything in the folders that would tell of a single person.

    Parameters
    ----------
    folders
        The built book and the executed notebooks.
    places
        Whole paths that must not be told, such as that of the release.
    """
    found: dict[Finding, None] = {}
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if not OF_THE_THEME & set(path.relative_to(folder).parts):
                name = f"{folder.name}/{path.relative_to(folder)}"
                found |= {Finding(name, *one): None for one in _file(path, places)}
    return list(found)


def _file(path: Path, places: Sequence[str]) -> Iterator[tuple[str, str]]:
    suffix = path.suffix.lower()
    yield from _told(path.name, places)
    content = path.read_bytes()
    if suffix in FILMS or content[128:132] == b"DICM":
        yield "film", path.name
    elif suffix in PICTURES:
        yield from _picture(content, places)
    elif suffix == ".ipynb":
        yield from _notebook(content.decode(), places)
    elif suffix in TEXTS:
        yield from _text(content.decode(errors="replace"), places)


def _notebook(content: str, places: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in _strings(json.loads(content)):
        yield from _text(text, places)


def _strings(node: object) -> Iterator[str]:
    """Yield every text of a parsed JSON file, names and values, lists of lines as one text."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name.startswith("image/") and isinstance(value, str) and "<svg" not in value:
                yield f"data:{name};base64,{''.join(value.split())}"
            else:
                yield from (name, *_strings(value))
    elif isinstance(node, list) and node and all(isinstance(each, str) for each in node):
        yield "".join(node)
    elif isinstance(node, list):
        for each in node:
            yield from _strings(each)
    elif isinstance(node, str):
        yield node


def _text(text: str, places: Sequence[str]) -> Iterator[tuple[str, str]]:
    for kind, data in EMBEDDED.findall(text):
        content = base64.b64decode(data + "=" * (-len(data) % 4))
        if kind == "svg+xml":
            yield from _told(content.decode(errors="replace"), places)
        elif kind != "webp":
            yield from _picture(content, places)
    bare = EMBEDDED.sub(lambda m: f"data:image/{m.group(1)}", text)
    yield from _told(bare, places)
    for data in EXPLORER.findall(bare):
        yield from _explorer(json.loads(data.replace("<\\/", "</")))
    yield from count_masking.small(bare)


def _told(text: str, places: Sequence[str]) -> Iterator[tuple[str, str]]:
    plain = html.unescape(re.sub(r"</?(?:span|code|em|strong)[^>]*>", "", text))
    for what, pattern in PATTERNS.items():
        for match in pattern.finditer(plain):
            yield what, match.group().strip()
    for place in places:
        if place and place in plain:
            yield "path", place


def _explorer(given: dict[str, object]) -> Iterator[tuple[str, str]]:
    arms = given.get("arms")
    parts = [
        p for own in (arms.values() if isinstance(arms, dict) else ()) for p in own["partitions"]
    ]
    for name in PER_KNEE:
        if name in given or any(name in part for part in parts):
            yield "single knees", f"the explorer was given {name}"


def _picture(content: bytes, places: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Look at what is written beside the pixels of a picture."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            notes = [
                str(value) for value in picture.info.values() if isinstance(value, str | bytes)
            ]
            notes += [str(value) for value in picture.getexif().values()]
    except OSError:
        yield "picture", "not readable, so not known to be harmless"
        return
    for note in notes:
        yield from _told(note, places)
