"""Declared: the stages, and what each of them reads and writes, artefact by artefact.

This is the one place where it is written down. What makes a run stale, the rules that GNU make
is given, the table at the head of a page, the picture of the stages, `make status` and the
provenance of a page are made from it, and tests hold every notebook to it. Nothing but the
standard library is imported, since make asks before there is an environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GRADES = range(5)
OUTSIDE = {  # what a stage may open that no stage writes
    "tables": "the tables and lists of films of the release",
    "films": "the films of the release",
    "truth": "the planted truth, where there is one",
    "published": "the published study's own tables, where they are given",
}
TWIN = "twin"  # the run that writes a synthetic release
TWIN_WRITES = {"tables": "release/tables", "films": "release/films", "truth": "truth"}


def _tables(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.parquet" for name in names)


def _of_each_grade(*names: str) -> tuple[str, ...]:
    return _tables(*(f"{name}/grade_{{grade}}" for name in names))


def _other_embeddings(settings: Mapping[str, Any]) -> set[str]:
    """Return the embeddings fusion leaves alone: it opens those chosen and the other encoder's."""
    chosen = settings["embedding"]
    opened = {chosen, "zeroshot" if chosen == "finetuned" else "finetuned"}
    return {f"embeddings/{name}.parquet" for name in {"zeroshot", "block", "finetuned"} - opened}


@dataclass(frozen=True)
class Stage:
    """One stage of the study.

    Attributes
    ----------
    number
        Of its notebook and its chapter.
    question
        What it answers, for the first page.
    reads, writes
        Artefacts, as paths within the folder of a profile. `{grade}` stands for the grade of a
        run where the stage runs once per grade, and for every grade where it does not.
    opens
        What else is read: names of `OUTSIDE`.
    leaves
        Artefacts of `reads` that a run with the given settings does not open.
    per_grade
        Whether it runs once for each grade.
    """

    number: int
    question: str
    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    leaves: Callable[[Mapping[str, Any]], set[str]] | None = None
    per_grade: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Stages that write what this one reads, in their order."""
        return tuple(
            name for name, other in STAGES.items() if other is not self and _meet(self, other)
        )


STAGES: dict[str, Stage] = {
    "cohort": Stage(
        0,
        "Who was read, when, on which side, by which reading project?",
        opens=("tables",),
        writes=_tables(
            "participants", "knees", "visits", "events", "films", "ledger_cohort", "ingest"
        ),
    ),
    "radiograph": Stage(
        1,
        "Do films become aligned, quality-checked knee pictures?",
        reads=_tables("films", "knees", "participants"),
        opens=("films",),
        writes=(*_tables("crops"), "images.zarr"),
    ),
    "embedding": Stage(
        2,
        "What does the encoder see before any training?",
        reads=("images.zarr", *_tables("crops", "knees", "participants")),
        writes=_tables(
            "embeddings/zeroshot", "embeddings/block", "zeroshot_grades", "zeroshot_groups"
        ),
    ),
    "grading": Stage(
        3,
        "Can the upper half of the encoder learn the grade?",
        reads=(
            "images.zarr",
            *_tables("crops", "knees", "participants", "zeroshot_grades", "embeddings/zeroshot"),
        ),
        writes=(
            *_tables("history", "grades", "grading_scores", "grading_calibration"),
            *_tables("embeddings/finetuned"),
            "encoder.safetensors",
        ),
    ),
    "fusion": Stage(
        4,
        "How do pictures meet clinical columns, and who plays which role?",
        reads=_tables(
            *(f"embeddings/{name}" for name in ("zeroshot", "block", "finetuned")),
            *("grades", "crops", "knees", "participants"),
        ),
        leaves=_other_embeddings,
        writes=_tables(
            *(f"fused/{arm}" for arm in ("image", "context", "structure", "fused")),
            *("fused/other_image", "fused/other_context", "fused_blocks", "nuisance", "map"),
        ),
    ),
    "phenotype": Stage(
        5,
        "Are there groups within one grade: how many, how stable, more than noise?",
        per_grade=True,
        reads=(
            *_tables(*(f"fused/{arm}" for arm in ("image", "context", "structure", "fused"))),
            *_tables("fused/other_image", "fused/other_context"),
            *_tables("knees", "participants", "crops", "map"),
            "images.zarr",
        ),
        writes=_of_each_grade(
            *("phenotypes", "sweep", "stability", "pairs", "agreement", "null"),
            *("contribution", "gates", "profiles"),
        ),
    ),
    "attention": Stage(
        6,
        "Where does the encoder look, in numbers?",
        reads=(
            *("images.zarr", "encoder.safetensors"),
            *_tables("crops", "grades"),
            *_of_each_grade("phenotypes"),
        ),
        writes=_tables("attention", "attention_scores", "attention_checks"),
    ),
    "pain": Stage(
        7,
        "Does pain differ between phenotypes over the visits?",
        reads=(
            *_of_each_grade("phenotypes", "gates"),
            *_tables("knees", "visits", "participants"),
            *_tables("fused/context", "fused/image", "fused/fused"),
        ),
        writes=_tables("pain_effects", "pain_curves", "discordance"),
    ),
    "progression": Stage(
        8,
        "Does the disease progress differently between phenotypes?",
        reads=(
            *_of_each_grade("phenotypes", "gates"),
            *_tables("knees", "visits", "events", "participants"),
            *_tables("fused/context", "fused/image", "fused/fused"),
        ),
        writes=_tables("progression_effects", "progression_curves", "reading_design"),
    ),
    "verdict": Stage(
        9,
        "What may the whole study claim?",
        reads=(
            *_of_each_grade("gates", "null", "stability", "contribution", "sweep", "profiles"),
            *_of_each_grade("phenotypes"),
            *_tables("attention", "attention_scores", "attention_checks"),
            *_tables("pain_effects", "progression_effects", "reading_design"),
            *_tables("zeroshot_groups", "grading_scores", "crops"),
            *_tables("knees", "participants", "events", "ledger_cohort"),
            "images.zarr",
        ),
        opens=("truth", "published"),
        writes=(*_tables("claims", "cards", "truth"), "answer.md", "answer.svg", "checklists.md"),
    ),
    "multiverse": Stage(
        10,
        "How much hangs on the path taken?",
        reads=(
            *("images.zarr", "encoder.safetensors"),
            *_tables("embeddings/finetuned", "embeddings/zeroshot"),
            *_tables("crops", "grades", "knees", "participants", "events"),
            *_of_each_grade("sweep"),
        ),
        writes=_tables("multiverse"),
    ),
}
BOOK = (*_tables("participants", "knees"), "answer.md", "answer.svg", "checklists.md")


@dataclass(frozen=True)
class Run:
    """One execution of one notebook: a stage, and a grade where the stage runs per grade."""

    stage: str
    grade: int | None = None

    @property
    def notebook(self) -> str:
        """File name of the notebook, without folder."""
        return f"{STAGES[self.stage].number:02d}_{self.stage}.ipynb"

    @property
    def name(self) -> str:
        """Name of the run, such as `05_phenotype_grade_2`."""
        stem = self.notebook.removesuffix(".ipynb")
        return stem if self.grade is None else f"{stem}_grade_{self.grade}"

    @property
    def writes(self) -> list[str]:
        """Artefacts the run writes, relative to the folder of artefacts."""
        return [path.format(grade=self.grade) for path in STAGES[self.stage].writes]

    @property
    def reads(self) -> list[str]:
        """Artefacts the run may read, whatever its settings."""
        return list(_filled(STAGES[self.stage].reads, self.grade))

    @property
    def page(self) -> str:
        """The executed notebook, which the book shows, relative to the folder of artefacts."""
        return f"executed/{self.name}.ipynb"

    def opened(self, settings: Mapping[str, Any]) -> list[str]:
        """Return the artefacts the run reads with these settings."""
        leaves = STAGES[self.stage].leaves
        left = leaves(settings) if leaves else set()
        return [path for path in self.reads if path not in left]


def _filled(paths: Iterable[str], grade: int | None) -> Iterable[str]:
    """Fill in a grade, or every one of them."""
    for path in paths:
        if "{grade}" in path:
            grades = GRADES if grade is None else (grade,)
            yield from (path.format(grade=each) for each in grades)
        else:
            yield path


def _meet(reader: Stage, writer: Stage) -> bool:
    return bool(set(reader.reads) & set(writer.writes))


PER_GRADE = tuple(name for name, stage in STAGES.items() if stage.per_grade)
RUNS: list[Run] = [
    Run(name, grade)
    for name, stage in STAGES.items()
    for grade in (GRADES if stage.per_grade else (None,))
]


def run_called(name: str) -> Run:
    """Return the run called `name`.

    Raises
    ------
    KeyError
        If there is no such run.
    """
    for run in RUNS:
        if run.name == name:
            return run
    raise KeyError(f"no run is called {name!r}; known: {', '.join(run.name for run in RUNS)}")


def writer_of(path: str) -> Run:
    """Return the run that writes an artefact.

    Raises
    ------
    KeyError
        If no run does.
    """
    for run in RUNS:
        if path in run.writes:
            return run
    raise KeyError(f"no run writes {path!r}")
