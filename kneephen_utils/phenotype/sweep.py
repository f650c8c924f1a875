"""Sweep: which clustering setting, chosen by written rule before any outcome is opened.

Every setting is scored by the share of knees that lie in a group which comes back when
people are left out. The rule: smooth the score over neighbouring sizes, so that a cliff
does not win; among settings as good as the best within its own spread take the one with
most groups, then with least noise, then the larger size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kneephen_utils import parallel
from kneephen_utils.phenotype import hdbscan_tree, overlap, reduction
from kneephen_utils.phenotype.stratum import FEWEST, Settings, Stratum
from kneephen_utils.stats import cluster_resampling

SHARES = (0.05, 0.07, 0.10, 0.13, 0.17, 0.22, 0.28, 0.36)  # of the knees, as least size
SAMPLES = (1, 3, 5, 10)
SUBSAMPLE_SHARE = 0.8  # share of the people a subsample keeps


@dataclass(frozen=True)
class Candidate:
    """One setting and what it gave.

    `again` holds, for each subsample, the share of knees found again (draws,).
    """

    min_cluster_size: int
    min_samples: int
    labels: np.ndarray
    membership: np.ndarray
    again: np.ndarray
    jaccard: np.ndarray  # (draws, groups): best Jaccard of each group in each subsample

    @property
    def phenotypes(self) -> int:
        """Number of groups."""
        return hdbscan_tree.groups(self.labels)

    @property
    def noise(self) -> float:
        """Share of knees in no group."""
        return float(np.mean(self.labels == hdbscan_tree.UNASSIGNED))

    @property
    def score(self) -> float:
        """Share of knees that lie in a group which comes back; 0 with fewer than two groups."""
        return float(self.again.mean()) if self.phenotypes > 1 else 0.0


def grid(n: int, settings: Settings) -> tuple[list[int], list[int]]:
    """Return the sizes and the samples to try for `n` knees; a choice by hand stands alone."""
    sizes = sorted({max(FEWEST, round(share * n)) for share in SHARES})
    if settings.min_cluster_size:
        sizes = [settings.min_cluster_size]
    samples = [settings.min_samples] if settings.min_samples else list(SAMPLES)
    return sizes, samples


def by_hand(settings: Settings) -> bool:
    """Say whether the user had a hand in the setting: gave it, or looked at pain before."""
    return bool(settings.min_cluster_size or settings.min_samples or settings.peeked)


def attempt(
    points: np.ndarray,
    people: pd.Series,
    *,
    settings: Settings,
    draws: int,
    axes: tuple[Sequence[int], Sequence[int]] | None = None,
) -> list[Candidate]:
    """Try every setting on reduced points and on subsamples of the people.

    Parameters
    ----------
    points
        Array (knees, dimensions).
    people
        Participant of each row.
    settings
        How groups are looked for.
    draws
        Subsamples of people.
    axes
        Sizes and samples to try; None for those of `grid`.
    """
    sizes, samples = axes or grid(len(points), settings)
    kept = list(
        cluster_resampling.subsample_people(
            people, draws=draws, share=SUBSAMPLE_SHARE, seed=settings.seed
        )
    )
    fits, tried = [fitting(size) for size in sizes], []
    for min_samples in samples:
        tree = hdbscan_tree.grow(points, min_samples=min_samples)
        parts = [hdbscan_tree.grow(points[rows], min_samples=min_samples) for rows in kept]
        smaller = [hdbscan_tree.cuts(part, sizes=fits) for part in parts]
        for place, size in enumerate(sizes):
            labels, membership = hdbscan_tree.cut(tree, min_cluster_size=size)
            best = np.array(
                [
                    overlap.jaccard(labels[r], each[place])
                    for r, each in zip(kept, smaller, strict=True)
                ]
            ).reshape(draws, hdbscan_tree.groups(labels))
            again = overlap.found_again(best, labels)
            tried.append(Candidate(size, min_samples, labels, membership, again, best))
    return tried


def choose(tried: Sequence[Candidate]) -> Candidate:
    """Return the setting the rule takes."""
    smooth = _plateau(tried)
    best = int(np.argmax(smooth))
    spread = float(tried[best].again.std()) if tried[best].phenotypes > 1 else 0.0
    good = [one for one, score in zip(tried, smooth, strict=True) if score >= smooth[best] - spread]
    grouped = [one for one in good if one.phenotypes > 1] or good
    return max(grouped, key=lambda one: (one.phenotypes, -one.noise, one.min_cluster_size))


def taken(points: np.ndarray, people: pd.Series, *, settings: Settings) -> Candidate:
    """Try every setting on reduced points, and return the one the rule takes."""
    return choose(attempt(points, people, settings=settings, draws=settings.draws))


def run(
    cells: Sequence[Stratum], *, settings: Settings
) -> tuple[pd.DataFrame, dict[str, Candidate]]:
    """Sweep every cell and take a setting: `decide` upon what `trials` found."""
    return decide(cells, trials(cells, settings=settings), settings=settings)


def trials(cells: Sequence[Stratum], *, settings: Settings) -> dict[str, list[Candidate]]:
    """Try every setting in each arm that has enough knees, one job per `min_samples`."""
    jobs, arms = [], []
    for cell in (cell for cell in cells if cell.enough):
        points = reduced(cell, settings).points
        sizes, samples = grid(len(points), settings)
        jobs += [(points, cell.people, settings, (sizes, [each])) for each in samples]
        arms += [cell.arm] * len(samples)
    found = parallel.each(_job, jobs, workers=settings.workers, dask=settings.dask)
    tried: dict[str, list[Candidate]] = {}
    for arm, some in zip(arms, found, strict=True):
        tried.setdefault(arm, []).extend(some)
    return tried


def widened(
    cells: Sequence[Stratum], tried: Mapping[str, list[Candidate]], *, settings: Settings
) -> dict[str, list[Candidate]]:
    """Return the whole grid of each arm, also where a setting given by hand stood alone."""
    size, samples = settings.min_cluster_size, settings.min_samples
    if not (size or samples):
        return dict(tried)
    free = replace(settings, min_cluster_size=0, min_samples=0)
    wide = {}
    for cell in (cell for cell in cells if cell.arm in tried):
        points = reduced(cell, settings).points
        given = [{size}, {samples}]
        axes = [sorted({*a, *b} - {0}) for a, b in zip(grid(len(points), free), given, strict=True)]
        wide[cell.arm] = attempt(
            points, cell.people, settings=free, draws=settings.draws, axes=(axes[0], axes[1])
        )
    return wide


def around(
    cells: Sequence[Stratum],
    wide: Mapping[str, Sequence[Candidate]],
    swept: pd.DataFrame,
    *,
    settings: Settings,
) -> pd.DataFrame:
    """Return the `sweep` rows of the whole grid, what the rule takes marked as well.

    Both are `best`; the setting that was taken is `chosen`.

    Parameters
    ----------
    cells, wide
        As `stratum.gather` and `widened` return.
    swept
        As `decide` returns for the settings that were searched.
    """
    if not (settings.min_cluster_size or settings.min_samples):
        return swept
    table, _ = decide(cells, wide, settings=settings)
    place = ["arm", "min_cluster_size", "min_samples"]
    taken = pd.MultiIndex.from_frame(swept.loc[swept["chosen"], place])
    chosen = pd.MultiIndex.from_frame(table[place]).isin(taken)
    return table.assign(chosen=chosen, best=table["best"] | chosen)


def decide(
    cells: Sequence[Stratum], tried: Mapping[str, Sequence[Candidate]], *, settings: Settings
) -> tuple[pd.DataFrame, dict[str, Candidate]]:
    """Take one setting in each arm by the written rule.

    Returns
    -------
    The `sweep` table, and for each arm with enough knees the setting that was chosen.
    """
    rows: list[dict[str, object]] = []
    chosen: dict[str, Candidate] = {}
    for cell in (cell for cell in cells if cell.arm in tried):
        chosen[cell.arm] = choose(tried[cell.arm])
        points = reduced(cell, settings).points
        rows += [_row(cell, one, chosen[cell.arm], points, settings) for one in tried[cell.arm]]
    return _typed(rows), chosen


def fitting(size: int) -> int:
    """Return the least size in a subsample that `size` is in the whole."""
    return max(2, round(SUBSAMPLE_SHARE * size))


def reduced(cell: Stratum, settings: Settings) -> reduction.Reduction:
    """Return the discover knees of a cell in the space where groups are looked for."""
    reducer = reduction.reducer_of(cell.arm, settings.reducer)
    how = reducer, settings.components, settings.seed
    if how not in cell.reductions:
        cell.reductions[how] = reduction.reduce(
            cell.points, reducer=reducer, components=settings.components, seed=settings.seed
        )
    return cell.reductions[how]


def _job(
    points: np.ndarray,
    people: pd.Series,
    settings: Settings,
    axes: tuple[Sequence[int], Sequence[int]],
) -> list[Candidate]:
    return attempt(points, people, settings=settings, draws=settings.draws, axes=axes)


def _plateau(tried: Sequence[Candidate]) -> np.ndarray:
    """Return each score averaged with those of the neighbouring sizes, which weigh half."""
    scores = np.array([one.score for one in tried])
    smooth = np.empty_like(scores)
    samples = np.array([one.min_samples for one in tried])
    for value in np.unique(samples):
        rows = np.flatnonzero(samples == value)  # in the order of size
        own = scores[rows]
        before = np.concatenate([own[1:2], own[:-1]]) if len(own) > 1 else own
        after = np.concatenate([own[1:], own[-2:-1]]) if len(own) > 1 else own
        smooth[rows] = 0.5 * own + 0.25 * (before + after)
    return smooth


def _row(
    cell: Stratum, one: Candidate, chosen: Candidate, points: np.ndarray, settings: Settings
) -> dict[str, object]:
    return {
        **cell.key,
        "reducer": reduction.reducer_of(cell.arm, settings.reducer),
        "min_cluster_size": one.min_cluster_size,
        "min_samples": one.min_samples,
        "phenotypes": one.phenotypes,
        "noise_share": one.noise,
        "stability": one.score if one.phenotypes > 1 else float("nan"),
        "dbcv": hdbscan_tree.dbcv(points, one.labels),
        "best": one is chosen,
        "chosen": one is chosen,
        "by_hand": by_hand(settings),
    }


def _typed(rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = ["kl_grade", "arm", "reducer", "min_cluster_size", "min_samples", "phenotypes"]
    columns += ["noise_share", "stability", "dbcv", "best", "chosen", "by_hand"]
    wholes = ["kl_grade", "min_cluster_size", "min_samples", "phenotypes"]
    kinds = dict.fromkeys(wholes, "int64") | dict.fromkeys(["best", "chosen", "by_hand"], bool)
    kinds |= dict.fromkeys(["noise_share", "stability", "dbcv"], "float64")
    return pd.DataFrame(rows, columns=columns).astype(kinds)
