"""Pipeline: the stages, what each reads and writes, and the runs they are made in.

GNU make decides what to run, by content; what the content of a run is says module
`ingredient`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kneephen_utils.pipeline import params as parameters

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parent


@dataclass(frozen=True)
class Stage:
    """One stage: its number, the stages it reads from and the artefacts it writes."""

    number: int
    needs: tuple[str, ...]
    writes: tuple[str, ...]
    question: str
    opens_release: bool = False


def _tables(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.parquet" for name in names)


STAGES: dict[str, Stage] = {
    "cohort": Stage(
        0,
        (),
        _tables("participants", "knees", "visits", "events", "films", "ledger_cohort", "ingest"),
        "Who was read, when, on which side, by which reading project?",
        opens_release=True,
    ),
    "radiograph": Stage(
        1,
        ("cohort",),
        (*_tables("crops"), "images.zarr"),
        "Do films become aligned, quality-checked knee pictures?",
        opens_release=True,
    ),
    "embedding": Stage(
        2,
        ("radiograph",),
        _tables("embeddings/zeroshot", "embeddings/block", "zeroshot_grades", "zeroshot_groups"),
        "What does the encoder see before any training?",
    ),
    "grading": Stage(
        3,
        ("embedding",),
        (
            *_tables("history", "grades", "grading_scores", "grading_calibration"),
            *_tables("embeddings/finetuned"),
            "encoder.safetensors",
        ),
        "Can the upper half of the encoder learn the grade?",
    ),
    "fusion": Stage(
        4,
        ("grading",),
        _tables(
            "fused/image",
            "fused/context",
            "fused/structure",
            "fused/fused",
            "fused/other_image",
            "fused/other_context",
            "fused_blocks",
            "nuisance",
            "map",
        ),
        "How do pictures meet clinical columns, and who plays which role?",
    ),
    "phenotype": Stage(
        5,
        ("fusion",),
        _tables(
            *(
                f"{name}/grade_{{grade}}"
                for name in (
                    "phenotypes",
                    "sweep",
                    "stability",
                    "pairs",
                    "agreement",
                    "null",
                    "contribution",
                    "gates",
                    "profiles",
                )
            )
        ),
        "Are there groups within one grade: how many, how stable, more than noise?",
    ),
    "attention": Stage(
        6,
        ("phenotype",),
        _tables("attention", "attention_scores", "attention_checks"),
        "Where does the encoder look, in numbers?",
    ),
    "pain": Stage(
        7,
        ("phenotype",),
        _tables("pain_effects", "pain_curves", "discordance"),
        "Does pain differ between phenotypes over the visits?",
    ),
    "progression": Stage(
        8,
        ("phenotype",),
        _tables("progression_effects", "progression_curves", "reading_design"),
        "Does the disease progress differently between phenotypes?",
    ),
    "verdict": Stage(
        9,
        ("attention", "pain", "progression"),
        (*_tables("claims", "cards", "truth"), "answer.md", "answer.svg", "checklists.md"),
        "What may the whole study claim?",
    ),
    "multiverse": Stage(
        10,
        ("verdict",),
        _tables("multiverse"),
        "How much hangs on the path taken?",
    ),
}


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


RUNS: list[Run] = [
    Run(stage, grade)
    for stage in STAGES
    for grade in (parameters.GRADES if stage in parameters.PER_GRADE else (None,))
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
