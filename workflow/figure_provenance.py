"""Figure provenance: what made a figure or a table - its run, parameters, code version and inputs.

Each figure and table of a page carries a line with fingerprints, each picture carries the same
inside itself for programs, and the foot of the page spells them out. Two pages with the same
fingerprints were made from the same things; nothing in an imprint depends on when or where.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat

import workflow
from workflow.ro_crate import PLACES

SHORT = 12  # digits of a fingerprint that are shown
KINDS = {"parameter", "weights", "artefact", "release", "film", "truth", "published"}
AFTER_HEADER = 33  # bytes of the signature and the first chunk of a PNG
PICTURE = re.compile(r"data:image/(svg\+xml|png);base64,([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class Imprint:
    """What made the figures and tables of one run, line by line: a fingerprint and a name."""

    run: str
    profile: str
    version: str
    code: tuple[str, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]

    @property
    def fingerprints(self) -> dict[str, str]:
        """Short fingerprints of code, parameters and inputs."""
        parts = {"code": self.code, "parameters": self.parameters, "inputs": self.inputs}
        return {name: _digest(lines) for name, lines in parts.items()}

    @property
    def facts(self) -> dict[str, str]:
        """Everything that is told beside a figure, by name."""
        known = {"run": self.run, "profile": self.profile, "version": self.version}
        return known | self.fingerprints


def of(run: workflow.Run, artefacts: Path) -> Imprint:
    """Return what made the page of a run.

    Parameters
    ----------
    run
        A run that has finished; its inputs are the artefacts it read, and what else it opened.
    artefacts
        Folder of the profile.

    Raises
    ------
    FileNotFoundError
        If the run left no record.
    """
    record = json.loads((artefacts / "records" / f"{run.name}.json").read_text(encoding="utf-8"))
    kinds: dict[str, list[str]] = {}
    for entry in record["depends_on"]:
        kinds.setdefault(_kind(entry), []).append(entry)
    inputs = [line.replace("  artefact ", "  ", 1) for line in kinds.get("artefact", [])]
    inputs += [line for kind in ("truth", "published", "weights") for line in kinds.get(kind, [])]
    released = kinds.get("release", []) + kinds.get("film", [])
    if released:  # named as a whole: a name of a file may tell of a person
        inputs.append(f"{_digest(released)}  the release, as far as it was opened")
    settings = kinds.get("parameter", [])
    return Imprint(
        run=record["run"],
        profile=record["profile"],
        version=record["kneephen"],
        code=tuple(kinds.get("code", [])),
        parameters=tuple(line for line in settings if line.split()[-1] not in PLACES),
        inputs=tuple(inputs),
    )


def mark(page: nbformat.NotebookNode, made: Imprint) -> nbformat.NotebookNode:
    """Return an executed notebook with an imprint at each figure and table, and at its foot."""
    for cell in page.cells:
        for output in cell.get("outputs", []):
            for kind in {"text/html", "text/markdown"} & set(output.get("data", {})):
                if 'class="kneephen-' in output.data[kind]:
                    output.data[kind] = _marked(output.data[kind], made)
    page.cells.append(nbformat.v4.new_markdown_cell(foot(made), id=f"imprint-{made.run}"))
    return page


def line(made: Imprint, *, page: str = "") -> str:
    """Return the line under a figure or table as HTML; `page` is the page that holds the foot."""
    told = "".join(
        f" <span>{name} {value}</span>"
        for name, value in {"version": made.version, **made.fingerprints}.items()
    )
    data = "".join(
        f' data-{name}="{html.escape(value, quote=True)}"' for name, value in made.facts.items()
    )
    return (
        f'<p class="kneephen-imprint"{data}><a href="{page}#imprint-{made.run}">{made.run}</a> '
        f"<span>profile {made.profile}</span>{told}</p>"
    )


def foot(made: Imprint) -> str:
    """Return what is spelled out at the foot of the page, folded."""
    parts = {
        "Code, by file and package": made.code,
        "Parameters": made.parameters,
        "Inputs, as they were when this run read them": made.inputs,
    }
    listed = "".join(
        f"<h4>{name}</h4><pre>{html.escape(chr(10).join(map(_shortened, lines)) or 'none')}</pre>"
        for name, lines in parts.items()
    )
    return (
        f'<details class="kneephen-imprint" id="imprint-{made.run}"><summary>What made this page'
        f"</summary>{line(made)}{listed}</details>"
    )


def in_svg(drawn: str, made: Imprint) -> str:
    """Return an SVG with the imprint as JSON in an element of metadata."""
    told = html.escape(json.dumps(made.facts), quote=False)
    element = f'<metadata class="kneephen-imprint">{told}</metadata>'
    return re.sub(r"<svg\b[^>]*>", lambda opening: opening.group() + element, drawn, count=1)


def in_png(drawn: bytes, made: Imprint) -> bytes:
    """Return a PNG with the imprint as JSON in a chunk of text called kneephen."""
    body = b"tEXt" + b"kneephen\0" + json.dumps(made.facts).encode("ascii")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return drawn[:AFTER_HEADER] + chunk + drawn[AFTER_HEADER:]


def _marked(shown: str, made: Imprint) -> str:
    """Return one output with its pictures marked, and a line after it."""

    def picture(found: re.Match[str]) -> str:
        kind, content = found.group(1), base64.b64decode(found.group(2))
        told = (
            in_png(content, made)
            if kind == "png"
            else in_svg(content.decode("utf-8"), made).encode("utf-8")
        )
        return f"data:image/{kind};base64,{base64.b64encode(told).decode()}"

    if "kneephen-explorer" in shown:  # its pictures are parts of it
        return shown + line(made)
    return f"{PICTURE.sub(picture, shown)}\n\n{line(made)}"


def _kind(entry: str) -> str:
    """Return what a line of a record is about: the word before its name, or code."""
    word = entry.partition("  ")[2].partition(" ")[0]
    return word if word in KINDS else "code"


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:SHORT]


def _shortened(entry: str) -> str:
    """Shorten the fingerprint that a line begins with."""
    first, _, rest = entry.partition("  ")
    return f"{first[:SHORT] if re.fullmatch(r'[0-9a-f]{64}', first) else first}  {rest}"
