"""Provenance: what made an artefact - parameters, code, versions, inputs, time and memory."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
import psutil

from kneephen_utils import __version__
from workflow.ticker import Ticker

PACKAGES = ["torch", "open_clip_torch", "numpy", "pandas", "scikit-learn", "hdbscan", "umap-learn"]
PACKAGES += ["statsmodels", "mixedlm", "lifelines", "papermill", "jupyter-book"]


class Meter:
    """Measure seconds and peak memory of this process and its children: `with Meter() as m`."""

    def __init__(self, every: float = 0.2) -> None:
        self.seconds = 0.0
        self.peak_memory_mb = 0.0
        self._this = psutil.Process(os.getpid())
        self._ticker = Ticker(self._watch, every)

    def __enter__(self) -> Meter:
        self._started = time.monotonic()
        self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ticker.stop()
        self.seconds = time.monotonic() - self._started

    def _watch(self) -> None:
        self.peak_memory_mb = max(self.peak_memory_mb, _memory_mb(self._this))


def record(
    *, run: str, profile: str, settings: Mapping[str, Any], stamp: str, meter: Meter
) -> dict[str, Any]:
    """Return the record of one run, ready to be written as JSON beside its notebook."""
    return {
        "run": run,
        "profile": profile,
        "kneephen": __version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(meter.seconds, 1),
        "peak_memory_mb": round(meter.peak_memory_mb),
        "parameters": dict(settings),
        "depends_on": stamp.splitlines(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def timings(records: Path) -> pd.DataFrame:
    """Return time and memory of each run, in the order of the stages.

    Returns
    -------
    Columns `run`, `seconds`, `peak_memory_mb`.
    """
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(records.glob("*.json"))]
    return pd.DataFrame(read, columns=["run", "seconds", "peak_memory_mb"])


def text_timings(artefacts: Path) -> list[str]:
    """Return time and memory of each run and their sum in lines; keep them in `timings.json`."""
    table = timings(artefacts / "records")
    rows = json.dumps(table.to_dict(orient="records"), indent=1)
    (artefacts / "timings.json").write_text(f"{rows}\n", encoding="utf-8")
    most = f"peak {table['peak_memory_mb'].max():,} MB"
    return [table.to_string(index=False), f"sum {table['seconds'].sum():.0f} s, {most}"]


def _memory_mb(process: psutil.Process) -> float:
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss / 2**20
        except psutil.NoSuchProcess:
            continue
    return total
