"""Pipeline: which run reads what, and what has changed since it was last made.

GNU make decides what to run; this module tells it what each run depends on, by content:
the notebook, the modules it imports, its parameters and the release. A stamp is a small
file that is rewritten only when its content changes.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kneephen_utils import params as parameters

PACKAGE = Path(__file__).parent
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
        _tables("embeddings/zeroshot", "zeroshot_grades"),
        "What does the encoder see before any training?",
    ),
    "grading": Stage(
        3,
        ("embedding",),
        (
            *_tables("history", "grades", "grading_scores", "embeddings/finetuned"),
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
        _tables("pain_effects", "pain_curves"),
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
        (*_tables("claims", "cards", "truth"), "answer.md", "answer.svg"),
        "What may the whole study claim?",
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


def stamp(run: Run, settings: Mapping[str, Any], *, release: Path | None, root: Path = ROOT) -> str:
    """Return what the run depends on, one line per ingredient: a fingerprint and its name.

    Parameters
    ----------
    run, settings
        The run and its parameters.
    release
        Folder of a release that was given; None where the project makes its own.
    root
        Folder of the project.
    """
    notebook = root / "notebooks" / run.notebook
    sources = modules_of(notebook_imports(notebook), package=root / PACKAGE.name)
    lines = _ingredients([notebook, *sources], settings, root)
    if release is not None and STAGES[run.stage].opens_release:
        lines += [f"{state}  release {name}" for name, state in release_state(release)]
    return "\n".join(lines) + "\n"


def twin_stamp(settings: Mapping[str, Any], *, root: Path = ROOT) -> str:
    """Return what the synthetic release depends on: its modules and its parameters."""
    sources = modules_of(["twin.__main__"], package=root / PACKAGE.name)
    return "\n".join(_ingredients(sources, settings, root)) + "\n"


def book_stamp(profile: str, *, root: Path = ROOT) -> str:
    """Return what the book depends on beside its pages of results: its prose and the profile."""
    made = {"executed", "_build"}
    files = [path for path in sorted((root / "book").rglob("*")) if path.is_file()]
    own = [path for path in files if not made & set(path.relative_to(root / "book").parts)]
    return "\n".join(_ingredients(own, {"profile": profile}, root)) + "\n"


def release_state(release: Path) -> Iterator[tuple[str, str]]:
    """Yield each file of a release with its state: text by content, films by size and time."""
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        if path.suffix.lower() in {".txt", ".csv"}:
            state = fingerprint(path)
        else:
            state = f"{path.stat().st_size}-{path.stat().st_mtime_ns}"
        yield str(path.relative_to(release)), state


def notebook_imports(notebook: Path) -> list[str]:
    """Return the modules of the package that a notebook imports, by name within the package."""
    cells = json.loads(notebook.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return sorted({name for source in code for name in _imported(source)})


def modules_of(names: Sequence[str], *, package: Path) -> list[Path]:
    """Return the files of the named modules and of all modules of the package they import."""
    found: set[Path] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        for path in _files(name, package):
            if path not in found:
                found.add(path)
                waiting += _imported(path.read_text())
    return sorted(found)


def fingerprint(path: Path) -> str:
    """Return the sha256 of a file, or of every file of a folder with its name."""
    digest = hashlib.sha256()
    inner = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in (file for file in inner if file.is_file()):
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _ingredients(files: Sequence[Path], settings: Mapping[str, Any], root: Path) -> list[str]:
    lines = [f"{fingerprint(path)}  {path.relative_to(root)}" for path in files]
    return lines + [f"{json.dumps(value)}  parameter {name}" for name, value in settings.items()]


def _imported(source: str) -> set[str]:
    """Return the modules of this package that a source imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name):
            base = (node.module or "").removeprefix(PACKAGE.name).lstrip(".")
            names.add(base)
            names |= {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {
                alias.name.removeprefix(PACKAGE.name).lstrip(".")
                for alias in node.names
                if alias.name.startswith(PACKAGE.name)
            }
    return names - {""}


def _files(name: str, package: Path) -> list[Path]:
    """Return the file of a module, and of the packages around it, if it is one."""
    parts = name.split(".")
    around = [package.joinpath(*parts[:n], "__init__.py") for n in range(len(parts) + 1)]
    own = package.joinpath(*parts).with_suffix(".py")
    return [path for path in (*around, own) if path.is_file()]
