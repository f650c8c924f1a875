"""Book pages: what the book shows beside its prose, executed notebooks and lists made from code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat

import workflow
from kneephen_report import (
    benchmark_results,
    end_to_end_report,
    false_claims_report,
    grader_benchmark,
    robustness_report,
    speed_report,
)
from kneephen_report import simulation_report as calibration
from kneephen_utils import tables
from workflow import declared, figure_provenance, pipeline_diagram, stamps
from workflow.count_masking import masked

FAMILY = re.compile(r"\\[dw](\{\d+\}|\+)?")  # what stands for the ends of many names in a schema
VERDICT = workflow.Run("verdict")
ENTERED = re.compile(r"^\| reads \| writes \|\n(\|.*\n?)*", re.MULTILINE)  # of a notebook's head
OF_A_GRADE = "/grade_{grade}"


def hand_over(artefacts: Path, pages: Path) -> None:
    """Write the executed notebooks and the answer of one profile into the book.

    Each figure and table receives the imprint of its run. A page is touched only where its
    content differs, so the book is rebuilt no more than needed.

    Parameters
    ----------
    artefacts
        Folder of the profile.
    pages
        Folder of the book that holds generated pages.
    """
    pages.mkdir(parents=True, exist_ok=True)
    for run in workflow.RUNS:
        executed = nbformat.read(artefacts / "executed" / f"{run.name}.ipynb", as_version=4)
        head = executed.cells[0]
        head.source = ENTERED.sub(read_and_written(run.stage), head.source, count=1)
        marked = figure_provenance.mark(executed, figure_provenance.of(run, artefacts))
        stamps.update(pages / f"{run.name}.ipynb", nbformat.writes(marked) + "\n")
    for name, text in answer(artefacts, figure_provenance.of(VERDICT, artefacts)).items():
        stamps.update(pages / name, text)
    stamps.update(pages / "stages.md", stage_list())
    stamps.update(pages / "stages.svg", pipeline_diagram.stages())
    stamps.update(pages / "origin.md", origin(artefacts))
    stamps.update(pages / "dictionary.md", dictionary())
    stamps.update(
        pages / "calibration.md", calibration.markdown(benchmark_results.FOLDER / "calibration.csv")
    )
    stamps.update(pages / "claims.md", false_claims_report.markdown(benchmark_results.FOLDER))
    stamps.update(pages / "graders.md", grader_benchmark.markdown(benchmark_results.FOLDER))
    stamps.update(pages / "faults.md", robustness_report.faults(benchmark_results.FOLDER))
    stamps.update(pages / "fuzzed.md", robustness_report.fuzzed(benchmark_results.FOLDER))
    stamps.update(pages / "tests.md", robustness_report.tests(benchmark_results.FOLDER))
    stamps.update(pages / "speed.md", speed_report.markdown(benchmark_results.FOLDER))
    stamps.update(
        pages / "twins.md", end_to_end_report.markdown(benchmark_results.FOLDER / "twins.csv")
    )


def answer(artefacts: Path, made: figure_provenance.Imprint) -> dict[str, str]:
    """Return the answer of the run, its figure and its checklists by file name, with imprints."""
    told, drawn, listed = (
        (artefacts / name).read_text(encoding="utf-8")
        for name in ("answer.md", "answer.svg", "checklists.md")
    )
    if _gated(artefacts):
        told, listed = masked(told), masked(listed)
    return {
        "answer.md": f"{told}\n{figure_provenance.line(made, page=f'executed/{made.run}.html')}\n",
        "answer.svg": figure_provenance.in_svg(drawn, made),
        "checklists.md": f"{listed}\n{figure_provenance.line(made, page=f'{made.run}.html')}\n",
    }


def origin(artefacts: Path) -> str:
    """Return where the knees of this run came from, in one sentence, as Markdown."""
    people, knees = (len(tables.read(name, artefacts)) for name in ("participants", "knees"))
    said = f"This book was made from {people:,} people and {knees:,} knees"
    if (artefacts / "release").is_dir():  # the project wrote it
        return (
            f"{said} of a *synthetic* release: its films are rendered and its people drawn from "
            "published facts. The numbers test the method; they say nothing about patients.\n"
        )
    return masked(f"{said} of the release it was given.\n")


def _gated(artefacts: Path) -> bool:
    """Say whether the verdict was made where single knees may not be shown."""
    path = artefacts / "records" / f"{VERDICT.name}.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return not record.get("parameters", {}).get("disclose", True)


def read_and_written(stage: str) -> str:
    """Return what a stage reads and writes as a table in Markdown, with links to the dictionary."""
    own = workflow.STAGES[stage]
    told = [_link(path) for path in own.reads]
    told += [declared.OUTSIDE[kind] for kind in own.opens]
    written = [_link(path) for path in own.writes]
    return f"| reads | writes |\n| --- | --- |\n| {', '.join(told)} | {', '.join(written)} |\n"


def stage_list() -> str:
    """Return the table of stages as Markdown, with links to their pages."""
    lines = ["| | stage | question |", "|---|---|---|"]
    for name, stage in workflow.STAGES.items():
        run = workflow.Run(name)
        page = "phenotypes" if name == "phenotype" else f"executed/{run.name}"
        lines.append(f"| {stage.number} | {{doc}}`{name} <{page}>` | {stage.question} |")
    return "\n".join(lines) + "\n"


def dictionary() -> str:
    """Return the data dictionary as Markdown, one folded section per table, from the schemas."""
    listed = tables.dictionary()
    parts = ["# Data dictionary", "Every table that passes between stages, from its schema."]
    stages = [*workflow.STAGES, *sorted(set(listed["stage"]) - set(workflow.STAGES))]
    for stage in stages:
        names = listed.loc[listed["stage"] == stage, "table"].drop_duplicates()
        links = [f"{{ref}}`{name} <table-{name}>`" for name in names]
        parts.append(f"*{stage}*: {', '.join(links)}")
    for name, columns in listed.groupby("table", sort=False):
        schema = tables.SCHEMAS[str(name)]
        heads = ["column", "type", *(["unit"] if columns["unit"].any() else []), "meaning"]
        told = columns[heads].assign(column=[f"`{_readable(one)}`" for one in columns["column"]])
        parts += [
            f"(table-{name})=\n## {name}",
            f"{schema.description} Written by {schema.metadata['stage']}{_readers(str(name))}.",
            f'<details class="kneephen-folded"><summary>{len(columns)} columns</summary>',
            benchmark_results.table_markdown(told),
            "</details>",
        ]
    return "\n\n".join(parts) + "\n"


def _readers(table: str) -> str:
    """Return the stages that read a table, in words that go on after the one that writes it."""
    reading = [
        name
        for name, stage in workflow.STAGES.items()
        if table in {_table(path) for path in stage.reads}
    ]
    return f", read by {', '.join(reading)}" if reading else ""


def _table(path: str) -> str:
    return path.removesuffix(".parquet").partition("/")[0] if path.endswith(".parquet") else ""


def _link(path: str) -> str:
    """Return the name of an artefact; that of a table leads to the dictionary."""
    shown = path.removesuffix(".parquet").removesuffix(OF_A_GRADE)
    if not path.endswith(".parquet"):
        return f"`{path}`"
    return f"{{ref}}`{shown} <table-{_table(path)}>`"


def _readable(column: str) -> str:
    """Return the name of a column, or of a family of columns, as a reader would write it."""
    name = FAMILY.sub("...", column)
    if not name.startswith("("):
        return name
    firsts, rest = name[1:].split(")", 1)
    return ", ".join(first + rest for first in firsts.split("|"))
