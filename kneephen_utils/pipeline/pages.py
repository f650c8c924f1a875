"""Pages: what the book shows beside its prose - executed notebooks, and lists made from code."""

from __future__ import annotations

import shutil
from pathlib import Path

from kneephen_utils import measured, pipeline, tables
from kneephen_utils.calibration import counted
from kneephen_utils.calibration import page as calibration
from kneephen_utils.pipeline import claims, drawing, robust, speed, stamps

HANDED = ("answer.md", "answer.svg", "checklists.md")


def hand_over(artefacts: Path, pages: Path) -> None:
    """Copy the executed notebooks and the answer of one profile into the book.

    A page is touched only where its content differs, so the book is rebuilt no more than needed.

    Parameters
    ----------
    artefacts
        Folder of the profile.
    pages
        Folder of the book that holds generated pages.
    """
    pages.mkdir(parents=True, exist_ok=True)
    made = [artefacts / "executed" / f"{run.name}.ipynb" for run in pipeline.RUNS]
    for source in [*made, *(artefacts / name for name in HANDED)]:
        page = pages / source.name
        if not page.exists() or page.read_bytes() != source.read_bytes():
            shutil.copyfile(source, page)
    stamps.update(pages / "stages.md", stage_list())
    stamps.update(pages / "stages.svg", drawing.stages())
    stamps.update(pages / "origin.md", origin(artefacts))
    stamps.update(pages / "dictionary.md", dictionary())
    stamps.update(pages / "calibration.md", calibration.markdown(pipeline.CALIBRATION))
    stamps.update(pages / "claims.md", claims.markdown(measured.FOLDER))
    stamps.update(pages / "faults.md", robust.faults(measured.FOLDER))
    stamps.update(pages / "fuzzed.md", robust.fuzzed(measured.FOLDER))
    stamps.update(pages / "tests.md", robust.tests(measured.FOLDER))
    stamps.update(pages / "speed.md", speed.markdown(measured.FOLDER))
    stamps.update(pages / "twins.md", counted.markdown(measured.FOLDER / "twins.csv"))


def origin(artefacts: Path) -> str:
    """Return where the knees of this run came from, in one sentence, as Markdown."""
    people, knees = (len(tables.read(name, artefacts)) for name in ("participants", "knees"))
    said = f"This book was made from {people:,} people and {knees:,} knees"
    if (artefacts / "release").is_dir():  # the project wrote it
        return (
            f"{said} of a *synthetic* release: its films are rendered and its people drawn from "
            "published facts. The numbers test the method; they say nothing about patients.\n"
        )
    return f"{said} of the release it was given.\n"


def stage_list() -> str:
    """Return the table of stages as Markdown, with links to their pages."""
    lines = ["| | stage | question |", "|---|---|---|"]
    for name, stage in pipeline.STAGES.items():
        run = pipeline.Run(name)
        page = "phenotypes" if name == "phenotype" else f"executed/{run.name}"
        lines.append(f"| {stage.number} | {{doc}}`{name} <{page}>` | {stage.question} |")
    return "\n".join(lines) + "\n"


def dictionary() -> str:
    """Return the data dictionary as Markdown, one section per table, from the schemas."""
    parts = ["# Data dictionary\n\nEvery table that passes between stages, from its schema.\n"]
    for name, columns in tables.dictionary().groupby("table", sort=False):
        schema = tables.SCHEMAS[str(name)]
        parts.append(
            f"## {name}\n\n{schema.description} Written by stage {schema.metadata['stage']}.\n"
        )
        lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{_cell(row.column)}` | {row.type} | {row.unit} | {_cell(row.meaning)} |"
            for row in columns.itertuples()
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
