"""Multiverse: one contrast over every defensible path through the analysis.

Here the groups are found; module `contrast` compares them. The contrast is the same on every path:
knees of the group with most lateral narrowing against those of the group with most medial
narrowing, within their grade, KL1 to KL3 together. What varies is how the groups were found and
how the ratio was estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from kneephen_utils import fusion
from kneephen_utils.fusion import nuisance
from kneephen_utils.phenotype import assignment, density, sweep
from kneephen_utils.phenotype.cell import Cell, Settings, gather

GRADES = (1, 2, 3)  # grades with narrowing to tell apart and room to rise
STEPS = ("chosen", "smaller groups", "larger groups", "denser groups")
PUBLISHED_ARM = "fused"
KEY = ["embedding", "arm", "reducer", "setting"]


class Grouping(NamedTuple):
    """How groups were found."""

    embedding: str
    arm: str
    reducer: str
    setting: str


def groupings(
    *, embeddings: Sequence[str], arms: Sequence[str], reducers: Sequence[str]
) -> list[Grouping]:
    """Return every way to find groups, the published one (its own arm and reducer) at the end."""
    own = [Grouping(*each) for each in product(embeddings, arms, reducers, STEPS)]
    return [*own, Grouping("finetuned", PUBLISHED_ARM, "umap", "chosen")]


def fuse(
    embeddings: pd.DataFrame, known: Mapping[str, pd.DataFrame], *, shares: Mapping[str, float]
) -> dict[str, pd.DataFrame]:
    """Return the fused features of every arm from one embedding, as stage fusion makes them.

    `known` holds the tables crops, knees, participants and grades; `shares` the weights.
    """
    names = ("crops", "knees", "participants", "grades")
    of = fusion.known(embeddings, *(known[name] for name in names))
    raw = fusion.pictures(embeddings, of)
    adjusted = nuisance.adjust(raw, of, (of["split"] == "discover").to_numpy())
    return fusion.fuse(raw, adjusted, of, **shares)


def fuse_all(
    embeddings: Mapping[str, pd.DataFrame],
    known: Mapping[str, pd.DataFrame],
    *,
    shares: Mapping[str, float],
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return `fuse` of each embedding by its name."""
    return {name: fuse(table, known, shares=shares) for name, table in embeddings.items()}


def find(
    fused: Mapping[str, Mapping[str, pd.DataFrame]],
    chosen: pd.DataFrame,
    known: Mapping[str, pd.DataFrame],
    ways: Iterable[Grouping],
    *,
    settings: Settings,
) -> pd.DataFrame:
    """Find the groups of every way in every grade.

    Parameters
    ----------
    fused
        For each embedding the fused table of each arm.
    chosen
        The `sweep` table of the run: its chosen setting is where every way starts.
    known
        The tables knees and participants.
    ways
        From `groupings`.
    settings
        How groups are looked for; `workers` share the cells.

    Returns
    -------
    `KEY`, `kl_grade`, `knee_id`, `split` and `phenotype` of every knee in a group.
    """
    cells = {
        (embedding, cell.arm, grade): cell
        for embedding, tables in fused.items()
        for grade in GRADES
        for cell in gather(tables, known["knees"], known["participants"], kl_grade=grade)
    }
    by_cell: dict[tuple[str, str, int, str], list[str]] = {}
    for way, grade in product(ways, GRADES):
        by_cell.setdefault((way.embedding, way.arm, grade, way.reducer), []).append(way.setting)
    jobs = (
        delayed(_cell)(cells[key[:3]], key, steps, chosen, settings)
        for key, steps in by_cell.items()
        if cells[key[:3]].enough
    )
    parts = [part for found in Parallel(n_jobs=settings.workers)(jobs) for part in found]
    columns = [*KEY, "kl_grade", "knee_id", "split", "phenotype"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def step(swept: pd.DataFrame, name: str) -> tuple[int, int] | None:
    """Return size and samples one step from the chosen setting; None where the grid ends."""
    at = swept[swept["chosen"]].iloc[0]
    size, samples = int(at["min_cluster_size"]), int(at["min_samples"])
    sizes = sorted({int(each) for each in swept["min_cluster_size"]})
    denser = sorted({int(each) for each in swept["min_samples"]})
    wanted: dict[str, tuple[list[int], list[int]]] = {
        "chosen": ([size], [samples]),
        "smaller groups": ([each for each in sizes if each < size][-1:], [samples]),
        "larger groups": ([each for each in sizes if each > size][:1], [samples]),
        "denser groups": ([size], [each for each in denser if each > samples][:1]),
    }
    these, those = wanted[name]
    return (these[0], those[0]) if these and those else None


def _cell(
    cell: Cell,
    key: tuple[str, str, int, str],
    steps: Sequence[str],
    chosen: pd.DataFrame,
    settings: Settings,
) -> list[pd.DataFrame]:
    """Group one cell in every setting, one tree for those that share it."""
    embedding, arm, grade, reducer = key
    swept = chosen[(chosen["kl_grade"] == grade) & (chosen["arm"] == arm)]
    if swept.empty:
        return []
    low = sweep.reduced(cell, replace(settings, reducer=reducer))
    others = low.place(cell.features.to_numpy()[~cell.discover])
    parts = []
    for name in steps:
        at = step(swept, name)
        if at is None:
            continue
        tree = density.grow(low.points, min_samples=at[1])
        labels, membership = density.cut(tree, min_cluster_size=at[0])
        phenotype = np.full(len(cell.knees), density.UNASSIGNED)
        phenotype[cell.discover] = labels
        phenotype[~cell.discover], _, _ = assignment.vote(low, labels, membership, others)
        own = cell.knees[["knee_id", "split"]].assign(phenotype=phenotype, kl_grade=grade)
        own = own.assign(embedding=embedding, arm=arm, reducer=reducer, setting=name)
        parts.append(own[own["phenotype"] != density.UNASSIGNED])
    return parts
