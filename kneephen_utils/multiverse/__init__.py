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

from kneephen_utils import fusion, parallel
from kneephen_utils.fusion import nuisance
from kneephen_utils.phenotype import assignment, hdbscan_tree, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum, gather

GRADES = (1, 2, 3)  # grades with narrowing to tell apart and room to rise
STEPS = ("chosen", "smaller groups", "larger groups", "denser groups")
PUBLISHED_ARM = "fused"
WEIGHTS = {"as set": 1.0, "half": 0.5, "double": 2.0}  # of the clinical columns, times the set one
CROPS = ("as cut", "closer")
KEY = ["embedding", "crop", "arm", "weight", "reducer", "setting"]
Pictures = tuple[str, str]  # encoder and crop


class Grouping(NamedTuple):
    """How groups were found."""

    embedding: str
    crop: str
    arm: str
    weight: str
    reducer: str
    setting: str


def groupings(
    *, embeddings: Sequence[str], arms: Sequence[str], reducers: Sequence[str], reducer: str
) -> list[Grouping]:
    """Return every way to find groups, those of the published arm at the end.

    Encoder, arm, reducer and setting are crossed. A closer crop, and half or double the weight of
    the clinical columns, are crossed with encoder and arm alone, under `reducer`, that of the
    default path, and the setting of the rule: they need embeddings and trees of their own.
    """
    as_cut, as_set, chosen = CROPS[0], "as set", STEPS[0]
    crossed = [
        Grouping(embedding, as_cut, arm, as_set, each, step)
        for embedding, arm, each, step in product(embeddings, arms, reducers, STEPS)
    ]
    closer = [
        Grouping(embedding, CROPS[1], arm, as_set, reducer, chosen)
        for embedding, arm in product(embeddings, arms)
    ]
    weighed = [
        Grouping(embedding, as_cut, arm, weight, reducer, chosen)
        for embedding, arm, weight in product(embeddings, arms, WEIGHTS)
        if weight != as_set and arm != "image"
    ]
    published = [
        Grouping("finetuned", as_cut, PUBLISHED_ARM, weight, "umap", chosen) for weight in WEIGHTS
    ]
    return [*crossed, *closer, *weighed, *published]


def fuse(
    embeddings: pd.DataFrame, known: Mapping[str, pd.DataFrame], *, shares: Mapping[str, float]
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the fused features of every arm by weight, from one embedding, as stage fusion does.

    `known` holds the tables crops, knees, participants and grades; `shares` the weights as set.
    """
    names = ("crops", "knees", "participants", "grades")
    of = fusion.known(embeddings, *(known[name] for name in names))
    raw = fusion.pictures(embeddings, of)
    adjusted = nuisance.adjust(raw, of, (of["split"] == "discover").to_numpy())
    made = {}
    for weight, factor in WEIGHTS.items():
        turned = {name: shares[name] * factor for name in ("context_share", "fused_weight")}
        made[weight] = fusion.fuse(raw, adjusted, of, **{**shares, **turned})
    return made


def fuse_all(
    embeddings: Mapping[Pictures, pd.DataFrame],
    known: Mapping[str, pd.DataFrame],
    *,
    shares: Mapping[str, float],
) -> dict[tuple[str, str, str], dict[str, pd.DataFrame]]:
    """Return the fused table of each arm, by encoder, crop and weight."""
    return {
        (*pictures, weight): arms
        for pictures, table in embeddings.items()
        for weight, arms in fuse(table, known, shares=shares).items()
    }


def find(
    fused: Mapping[tuple[str, str, str], Mapping[str, pd.DataFrame]],
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
        From `fuse_all`.
    chosen
        The `sweep` table of the run: its chosen setting is where every way starts.
    known
        The tables knees and participants.
    ways
        From `groupings`.
    settings
        How groups are looked for; `workers`, or a Dask scheduler, share the cells.

    Returns
    -------
    `KEY`, `kl_grade`, `knee_id`, `split` and `phenotype` of every knee in a group.
    """
    ways = list(ways)
    asked = {(way.embedding, way.crop, way.weight) for way in ways}
    cells = {
        (*source, cell.arm, grade): cell
        for source in asked
        for grade in GRADES
        for cell in gather(fused[source], known["knees"], known["participants"], kl_grade=grade)
    }
    by_cell: dict[tuple[Grouping, int], list[str]] = {}
    for way, grade in product(ways, GRADES):
        by_cell.setdefault((way._replace(setting=""), grade), []).append(way.setting)
    jobs = []
    for (way, grade), steps in by_cell.items():
        cell = cells[way.embedding, way.crop, way.weight, way.arm, grade]
        if cell.enough:
            jobs.append((cell, way, steps, chosen, settings))
    made = parallel.each(_cell, jobs, workers=settings.workers, dask=settings.dask)
    parts = [part for found in made for part in found]
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
    cell: Stratum,
    way: Grouping,
    steps: Sequence[str],
    chosen: pd.DataFrame,
    settings: Settings,
) -> list[pd.DataFrame]:
    """Group one cell in every setting, one tree for those that share it."""
    grade = cell.kl_grade
    swept = chosen[(chosen["kl_grade"] == grade) & (chosen["arm"] == cell.arm)]
    if swept.empty:
        return []
    low = sweep.reduced(cell, replace(settings, reducer=way.reducer))
    others = low.place(cell.features.to_numpy()[~cell.discover])
    parts = []
    for name in steps:
        at = step(swept, name)
        if at is None:
            continue
        tree = hdbscan_tree.grow(low.points, min_samples=at[1])
        labels, membership = hdbscan_tree.cut(tree, min_cluster_size=at[0])
        phenotype = np.full(len(cell.knees), hdbscan_tree.UNASSIGNED)
        phenotype[cell.discover] = labels
        phenotype[~cell.discover], _, _ = assignment.vote(low, labels, membership, others)
        own = cell.knees[["knee_id", "split"]].assign(phenotype=phenotype, kl_grade=grade)
        own = own.assign(**way._replace(setting=name)._asdict())
        parts.append(own[own["phenotype"] != hdbscan_tree.UNASSIGNED])
    return parts
