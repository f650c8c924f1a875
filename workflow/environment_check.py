"""Environment check: what this machine has, and what a run would miss."""

from __future__ import annotations

import os
import platform
import shutil
from importlib import metadata
from pathlib import Path

import psutil

from workflow import pdf_export
from workflow.provenance import PACKAGES

DISK_GB, MEMORY_GB = 8, 4  # a demo with its environment; the largest stage
TABLES, FILMS = (".txt", ".csv"), (".dcm", "")


def lines(artefacts: Path, *, oai: str) -> list[str]:
    """Return one line per thing that was looked at; what is wanting begins with `!`."""
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    memory = psutil.virtual_memory().total / 2**30
    return [
        f"machine   {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        _line("memory", f"{memory:.0f} GB", good=memory >= MEMORY_GB, wanted=f"{MEMORY_GB} GB"),
        _line("disk", f"{free:.0f} GB free", good=free >= DISK_GB, wanted=f"{DISK_GB} GB"),
        f"GPU       {_gpu()}",
        _browser(),
        *_packages(),
        _release(oai) if oai else "data      no OAI= given: the synthetic release is used",
        f"results   {_results(artefacts)}",
    ]


def _line(name: str, text: str, *, good: bool, wanted: str) -> str:
    return f"{name:<9} {text}" if good else f"! {name} {text}; a run wants {wanted}"


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none; the demo needs none, fine-tuning BiomedCLIP on a whole release wants one"
    return ", ".join(torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count()))


def _browser() -> str:
    found = pdf_export.browser()
    name = Path(found).name if found else "none"
    return _line("browser", name, good=bool(found), wanted="Chromium to test and to print")


def _packages() -> list[str]:
    told, missing = [], []
    for name in PACKAGES:
        try:
            told.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    return [f"packages  {', '.join(told)}", *(f"! missing {name}" for name in missing)]


def _release(oai: str) -> str:
    folder = Path(oai).expanduser()
    if not folder.is_dir():
        return f"! data    {folder}: there is no such folder"
    files = [path for path in folder.rglob("*") if path.is_file()]
    tables = sum(path.suffix.lower() in TABLES for path in files)
    films = sum(path.suffix.lower() in FILMS for path in files)
    return f"data      {folder}: {tables} tables, {films} files that may be films"


def _results(artefacts: Path) -> str:
    done = len(list((artefacts / "ran").glob("[0-9]*"))) if (artefacts / "ran").is_dir() else 0
    return f"{artefacts.name}: {done} runs done"
