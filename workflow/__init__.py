"""Workflow: the runs that notebooks are made in, and what decides when one is made again.

Module `declared` says what each stage reads and writes. GNU make decides what to run, by
content: what the content of a run is say modules `dependencies` and `inputs`.
"""

from __future__ import annotations

from pathlib import Path

from kneephen_utils import PACKAGES
from workflow.declared import RUNS, STAGES, Run, Stage, run_called

__all__ = ["PACKAGES", "ROOT", "RUNS", "STAGES", "Run", "Stage", "run_called"]

ROOT = Path(__file__).parents[1]
