"""Pipeline: the runs that notebooks are made in, and what decides when one is made again.

Module `declared` says what each stage reads and writes. GNU make decides what to run, by
content: what the content of a run is say modules `ingredient` and `inputs`.
"""

from __future__ import annotations

from pathlib import Path

from kneephen_utils.pipeline.declared import RUNS, STAGES, Run, Stage, run_called

__all__ = ["PACKAGE", "ROOT", "RUNS", "STAGES", "Run", "Stage", "run_called"]

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parent
