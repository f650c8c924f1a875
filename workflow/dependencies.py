"""Dependencies: what each run is made by - notebook, modules, packages, parameters, weights.

A fingerprint of each makes the stamp of a run, so that only what changed is run again. What a
run reads says module `inputs`.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from workflow import PACKAGES, ROOT, Run

TRACELESS = ("workers", "dask")  # parameters that change where work is done, never what comes out
OF_READERS = ("artefacts", "disclose")  # shared parameters that play no part in a release
CALLED = {"PIL": "pillow", "sklearn": "scikit-learn", "umap": "umap-learn", "yaml": "PyYAML"}
CALLED |= {
    "open_clip": "open_clip_torch",
    "gdcm": "python-gdcm",
}  # packages that are imported by another name
DATA = (".csv", ".yml")  # tables and lists of a module, in a file of its name
LEFT = {"__pycache__", ".ipynb_checkpoints"}  # folders that programs leave beside what they read
MADE = {"executed", "_build"}  # folders of the book that hold what is made


def stamp(run: Run, settings: Mapping[str, Any], *, root: Path = ROOT) -> str:
    """Return what the run is made by, one line per ingredient: a fingerprint and its name.

    Parameters
    ----------
    run, settings
        The run and its parameters.
    root
        Folder of the project.
    """
    notebook = root / "notebooks" / run.notebook
    sources = modules_of(notebook_imports(notebook), root=root)
    lines = _ingredients([notebook, *sources], settings, root)
    lines += packages_of(
        [*_code(notebook), *(path.read_text(encoding="utf-8") for path in sources)]
    )
    lines += [f"{state}  weights {name}" for name, state in weights_state(settings, root)]
    return "\n".join(lines) + "\n"


def twin_stamp(settings: Mapping[str, Any], *, root: Path = ROOT) -> str:
    """Return what the synthetic release depends on: its modules and its parameters."""
    sources = modules_of(["oai_twin.__main__"], root=root)
    own = {name: value for name, value in settings.items() if name not in OF_READERS}
    lines = _ingredients(sources, own, root)
    lines += packages_of([path.read_text(encoding="utf-8") for path in sources])
    return "\n".join(lines) + "\n"


def book_stamp(profile: str, *, root: Path = ROOT) -> str:
    """Return what the book depends on beside the runs: its prose and tables, and the profile.

    The modules that make its lists and its imprints count too.
    """
    book = root / "book"
    files = [path for path in sorted(book.rglob("*")) if path.is_file()]
    own = [path for path in files if not (MADE | LEFT) & set(path.relative_to(book).parts)]
    own += modules_of(["workflow.book_pages"], root=root)
    return "\n".join(_ingredients(own, {"profile": profile}, root)) + "\n"


def weights_state(settings: Mapping[str, Any], root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Yield the files of the encoder a run starts from: its own by content, a folder's by size."""
    weights = settings.get("weights")
    if weights == "embedded":
        for path in sorted((root / "kneephen_utils" / "encoder" / "tiny_clip").glob("*.*")):
            yield path.name, fingerprint(path)
    elif weights and Path(weights).is_dir():
        for path in sorted(path for path in Path(weights).iterdir() if path.is_file()):
            yield path.name, f"{path.stat().st_size}-{path.stat().st_mtime_ns}"


def notebook_imports(notebook: Path) -> list[str]:
    """Return the modules of the project that a notebook imports."""
    return sorted({name for source in _code(notebook) for name in _imported(source)})


def packages_of(sources: Sequence[str]) -> list[str]:
    """Return the packages that sources import by name, one line each: its version and its name."""
    names = {CALLED.get(name, name) for source in sources for name in _installed(source)}
    return [f"{_version(name)}  package {name}" for name in sorted(names)]


def modules_of(names: Sequence[str], *, root: Path) -> list[Path]:
    """Return the files of the named modules and of all modules of the project they import."""
    found: set[Path] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        for path in _files(name, root):
            if path not in found:
                found.add(path)
                waiting += _imported(path.read_text(encoding="utf-8"))
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
    """Return a line for each file, the data that a module keeps beside it, and each parameter."""
    beside = [path.with_suffix(kind) for path in files for kind in DATA if path.suffix == ".py"]
    there = [*files, *(path for path in beside if path.is_file())]
    lines = [f"{fingerprint(path)}  {path.relative_to(root)}" for path in there]
    told = {name: value for name, value in settings.items() if name not in TRACELESS}
    return lines + [f"{json.dumps(value)}  parameter {name}" for name, value in told.items()]


@functools.cache
def _imported(source: str) -> frozenset[str]:
    """Return the modules of this project that a source imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(name for name in names if name.partition(".")[0] in PACKAGES)


def _code(notebook: Path) -> list[str]:
    """Return the code of a notebook, cell by cell."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@functools.cache
def _installed(source: str) -> frozenset[str]:
    """Return what a source imports from neither this project nor the standard library."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    known = {*sys.stdlib_module_names, *PACKAGES, ""}
    return frozenset({name.partition(".")[0] for name in names} - known)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _files(name: str, root: Path) -> list[Path]:
    """Return the file of a module, and of the packages around it, if it is one."""
    parts = name.split(".")
    around = [root.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
    own = root.joinpath(*parts).with_suffix(".py")
    return [path for path in (*around, own) if path.is_file()]
