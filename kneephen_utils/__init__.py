"""Kneephen: phenotypes of knee osteoarthritis within one radiographic grade.

Each stage of the study is a module named by its noun; every function takes tables
and settings and returns tables. Importing the package does nothing but give numba a place for
what it compiles where it would have none.
"""

import os

from kneephen_utils import scratch

__version__ = "0.1.0"

PACKAGES = (
    "kneephen_utils",
    "kneephen_report",
    "oai_twin",
    "studies",
    "workflow",
)  # of this project

scratch.settle_compiled(os.environ)  # noqa: TID251
