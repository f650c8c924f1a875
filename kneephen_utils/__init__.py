"""Kneephen: phenotypes of knee osteoarthritis within one radiographic grade.

Each stage of the study is a module named by its noun; every function takes tables
and settings and returns tables. Importing the package does nothing.
"""

__version__ = "0.1.0"
