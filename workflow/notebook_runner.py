"""Notebook runner: one notebook is run whole, or leaves nothing behind but its failure.

A notebook is executed into a temporary file and moved into place when every cell has
passed. What failed is kept apart and shown with its cell and traceback.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError

import workflow
from kneephen_utils import redaction
from workflow import count_masking, dependencies, eta, inputs, lock, provenance, stamps, status
from workflow.kernel import LocalKernelManager

ANSI = re.compile(r"\x1b\[[0-9;]*m")
PLACE = re.compile(r"File |Cell In|-+> \d")  # lines of a traceback that hold code alone
NOT_TOLD = "(not shown, since it may quote a cell; the notebook that failed holds it)"
QUIET = [  # that a kernel is ended is no error, nor what it was waiting for
    "--IPKernelApp.log_level=CRITICAL",
    "--IPKernelApp.logging_config={'loggers': {'asyncio': {'level': 'CRITICAL'}}}",
]


@dataclass(frozen=True)
class Folders:
    """Where the files of one profile's runs lie."""

    artefacts: Path

    @property
    def running(self) -> Path:
        """Folder of what is being executed, and of the locks of the runs."""
        return self.artefacts / "running"

    @property
    def executed(self) -> Path:
        """Folder of the executed notebooks."""
        return self.artefacts / "executed"

    @property
    def failed(self) -> Path:
        """Folder of notebooks that stopped at a failing cell."""
        return self.artefacts / "failed"

    @property
    def records(self) -> Path:
        """Folder of the records of all runs."""
        return self.artefacts / "records"

    def stamp(self, name: str) -> Path:
        """File that holds what a run depends on."""
        return self.artefacts / "stamps" / name

    def ran(self, name: str) -> Path:
        """File that is touched whenever a run has succeeded."""
        return self.artefacts / "ran" / name


def execute(
    run: workflow.Run, settings: Mapping[str, Any], *, folders: Folders, profile: str
) -> bool:
    """Execute one run, unless it would be as it is; return whether it succeeded.

    How it ended is printed.
    """
    before = _state(folders.ran(run.name))
    with lock.alone(folders.running / f"{run.name}.lock", name=run.name) as waited:
        if waited and _state(folders.ran(run.name)) != before:
            _say(f"{run.name}: done by the process that was waited for")
            return True
        stamp = folders.stamp(run.name).read_text(encoding="utf-8")
        stamp += inputs.lines(run, settings, folders.artefacts, now=True)
        if not status.why(run, stamp, folders.artefacts):
            folders.ran(run.name).touch()  # times had changed, and no content
            return True
        _clear(run, folders)
        return _execute(run, settings, folders, profile, stamp)


def _execute(
    run: workflow.Run, settings: Mapping[str, Any], folders: Folders, profile: str, stamp: str
) -> bool:
    notebook = workflow.ROOT / "notebooks" / run.notebook
    partial = folders.running / f"{run.name}.ipynb"
    whole = eta.expected(folders.records / f"{run.name}.json")
    took = f", {eta.spoken(whole)} last time" if whole else ""
    _say(f"{run.name}: started{took}")
    try:
        with provenance.Meter() as meter, eta.Countdown(run.name, whole, _say):
            papermill.execute_notebook(
                str(notebook),
                str(partial),
                parameters=dict(settings),
                cwd=str(notebook.parent),
                kernel_name="python3",
                kernel_manager_class=LocalKernelManager,
                progress_bar=False,
                extra_arguments=QUIET,
                autosave_cell_every=30,
            )
    except PapermillExecutionError:
        _keep_failure(run, partial, folders, text_failure(partial, disclose=settings["disclose"]))
        return False
    except (RuntimeError, OSError) as error:  # the kernel died or could not start
        _keep_failure(run, partial, folders, f"{type(error).__name__}: {error}")
        return False
    if missing := [path for path in run.writes if not (folders.artefacts / path).exists()]:
        _keep_failure(run, partial, folders, f"it did not write {', '.join(missing)}")
        return False
    try:
        _accept(run, partial, folders, settings)
    except OSError as error:  # a full disk
        _keep_failure(run, partial, folders, f"{type(error).__name__}: {error}")
        return False
    written = provenance.record(
        run=run.name, profile=profile, settings=settings, stamp=stamp, meter=meter
    )
    stamps.replace(folders.records / f"{run.name}.json", json.dumps(written, indent=1) + "\n")
    stamps.replace(folders.ran(run.name), stamp)
    _say(f"{run.name}: done in {meter.seconds:.0f} s, {meter.peak_memory_mb:,.0f} MB at most")
    return True


def text_failure(notebook: Path, *, disclose: bool = True) -> str:
    """Return the error of an executed notebook in one line, then its cell and traceback.

    Where single knees are closed, only a message that the project wrote is told: that of a
    library may quote a cell of a table. It stays in the notebook that failed.
    """
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (OSError, ValueError) as error:  # not there, or cut short by a full disk
        return f"the notebook could not be read: {type(error).__name__}: {error}"
    for number, cell in enumerate(cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = ANSI.sub("", "\n".join(output.traceback)).strip().splitlines()
                told = output.evalue if disclose or _written_here(trace) else NOT_TOLD
                trace = trace if disclose else [line for line in trace if PLACE.match(line)]
                lines = [f"{output.ename}: {told}", f"in cell {number}:"]
                lines += _indent(cell.source.splitlines())
                return "\n".join([*lines, "traceback:", *_indent(trace[-12:])])
    return "no cell reports an error; the kernel may have been killed (out of memory?)"


def _written_here(trace: list[str]) -> bool:
    """Say whether the last frame of a traceback is a `raise` of this project."""
    frames = [line for line in trace if PLACE.match(line)]
    if len(frames) < 2:
        return False
    place, statement = frames[-2:]
    ours = any(f"{workflow.ROOT.name}/{name}/" in place for name in workflow.PACKAGES)
    return ours and re.match(r"-+> \d+ +raise\b", statement) is not None


def tidy(notebook: nbformat.NotebookNode, grade: int | None = None) -> nbformat.NotebookNode:
    """Return an executed notebook as its page shows it.

    The default parameters give way to those of this run, folded; progress bars and
    warnings, which go to standard error, are left out. A page of one grade says so in its
    title.
    """
    if grade is not None:
        title = notebook.cells[0]
        title.source = re.sub(r"\A(# .*)", rf"\1: KL{grade}", title.source)
    injected = any("injected-parameters" in _tags(cell) for cell in notebook.cells)
    for cell in notebook.cells:
        if "injected-parameters" in _tags(cell):
            cell.metadata.tags = [*_tags(cell), "hide-input"]
        elif injected and "parameters" in _tags(cell):
            cell.metadata.tags = [*_tags(cell), "remove-cell"]
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    return notebook


def closed(notebook: nbformat.NotebookNode, settings: Mapping[str, Any]) -> nbformat.NotebookNode:
    """Return a notebook of gated data without their place on disk and without small counts.

    Cells that no page shows, such as the default parameters, are left out of the file too.
    """
    notebook.metadata.pop("papermill", None)
    notebook.cells = [cell for cell in notebook.cells if "remove-cell" not in _tags(cell)]
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        for output in cell.get("outputs", []):
            for kind in {"text/html", "text/markdown", "text/plain"} & set(output.get("data", {})):
                output.data[kind] = count_masking.masked(output.data[kind])
            if "text" in output:
                output.text = count_masking.masked(output.text)
    text = nbformat.writes(notebook)
    for name in ("release", "weights"):
        if Path(str(settings.get(name, ""))).is_absolute():
            text = text.replace(str(settings[name]), f"({name} on this machine)")
    return nbformat.reads(text, as_version=4)


def _accept(
    run: workflow.Run, partial: Path, folders: Folders, settings: Mapping[str, Any]
) -> None:
    notebook = tidy(nbformat.read(partial, as_version=4), run.grade)
    shown = notebook if settings["disclose"] else closed(notebook, settings)
    stamps.replace(folders.executed / f"{run.name}.ipynb", nbformat.writes(shown) + "\n")
    partial.unlink()
    (folders.failed / f"{run.name}.ipynb").unlink(missing_ok=True)
    left = {path: folders.artefacts / path for path in status.left_by(run)}
    stamps.note(
        folders.artefacts, {p: dependencies.fingerprint(there) for p, there in left.items()}
    )


def _state(path: Path) -> tuple[int, str] | None:
    return (path.stat().st_mtime_ns, path.read_text(encoding="utf-8")) if path.exists() else None


def _clear(run: workflow.Run, folders: Folders) -> None:
    """Remove the half-written artefacts of an execution that was killed."""
    for artefact in (folders.artefacts / path for path in run.writes):
        for partial in artefact.parent.glob(f".{artefact.name}.*"):
            partial.unlink()


def _keep_failure(run: workflow.Run, partial: Path, folders: Folders, why: str) -> None:
    """Say why a run failed, and keep its notebook if that can be done: the disk may be full."""
    kept = folders.failed / f"{run.name}.ipynb"
    folders.ran(run.name).unlink(missing_ok=True)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(partial, kept)  # `running` may be a disk of its own
        far = f"The notebook as far as it came: {kept}"
    except OSError as error:
        far = f"The notebook as far as it came could not be kept: {error}"
    _say(f"{run.name}: FAILED\n{why}\n{far}")


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _say(text: str) -> None:
    """Tell on standard error; what names a person stays in the notebook that failed."""
    print(redaction.hidden(text), file=sys.stderr, flush=True)
