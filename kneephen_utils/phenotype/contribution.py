"""Contribution: whether the picture made these groups, or the columns beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score
from sklearn.tree import DecisionTreeClassifier

from kneephen_utils import figure, report
from kneephen_utils.phenotype import density, sweep
from kneephen_utils.phenotype.cell import Cell, Settings
from kneephen_utils.phenotype.sweep import Tried

SAME = 0.5  # agreement at and above which groups are called unmoved
LEAVES = 3
SHUFFLES = 5
COLUMNS = ["kl_grade", "arm", "image_share", "tree_ari", "shuffled_ari", "image_phenotype"]


def measure(
    cells: Sequence[Cell], chosen: Mapping[str, Tried], *, settings: Settings
) -> pd.DataFrame:
    """Return the `contribution` table.

    Three measures per cell: the picture's share of the fused variance; the agreement (adjusted
    Rand index) of the groups with a tree of three leaves that sees the columns beside the
    picture alone; and the agreement of the groups before and after the pictures change
    places among the knees while everything else stays. Groups that stay are not made of pictures.

    References
    ----------
    Hubert & Arabie (1985), doi:10.1007/BF01908075.
    """
    rows = [_of(cell, chosen[cell.arm], settings=settings) for cell in cells if cell.arm in chosen]
    kinds = {"kl_grade": "int64", "image_phenotype": bool}
    kinds |= dict.fromkeys(["image_share", "tree_ari", "shuffled_ari"], "float64")
    return pd.DataFrame(rows, columns=[*COLUMNS, "sentence"]).astype(kinds)


def tree_agreement(columns: np.ndarray, labels: np.ndarray) -> float:
    """Return how well a tree of three leaves on `columns` (knees, columns) gives the groups."""
    if not columns.shape[1] or len(set(labels)) < 2:
        return float("nan")
    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, random_state=0).fit(columns, labels)
    return float(adjusted_rand_score(labels, tree.predict(columns)))


def shuffled_agreement(cell: Cell, found: Tried, *, settings: Settings) -> float:
    """Return how well groups agree with those after the pictures changed places, mean of five."""
    return across(cell, [found], settings=settings)[0]


def across(cell: Cell, tried: Sequence[Tried], *, settings: Settings) -> list[float]:
    """Return `shuffled_agreement` of every setting; those of equal `min_samples` share a tree."""
    scores = np.zeros((SHUFFLES, len(tried)))
    for number in range(SHUFFLES):
        rng = np.random.default_rng([settings.seed, *cell.sequence(2, number)])
        points = cell.points.copy()
        points[:, cell.picture] = points[rng.permutation(len(points))][:, cell.picture]
        low = sweep.reduced(cell.with_points(points), settings).points
        trees = {k: density.grow(low, min_samples=k) for k in {one.min_samples for one in tried}}
        for place, one in enumerate(tried):
            labels, _ = density.cut(trees[one.min_samples], min_cluster_size=one.min_cluster_size)
            scores[number, place] = adjusted_rand_score(one.labels, labels)
    return [float(score) for score in scores.mean(axis=0)]


def _of(cell: Cell, found: Tried, *, settings: Settings) -> dict[str, object]:
    variance = cell.points.var(axis=0)
    share = float(variance[cell.picture].sum() / variance.sum())
    beside = cell.points[:, ~cell.picture]
    tree = tree_agreement(beside, found.labels)
    grouped = found.phenotypes > 1
    shuffled = shuffled_agreement(cell, found, settings=settings) if grouped else float("nan")
    return {
        **cell.key,
        "image_share": share,
        "tree_ari": tree if grouped else float("nan"),
        "shuffled_ari": shuffled,
        "image_phenotype": grouped and shuffled < SAME,
        "sentence": _sentence(found, share, tree, shuffled),
    }


def _sentence(found: Tried, share: float, tree: float, shuffled: float) -> str:
    if found.phenotypes < 2:
        return "There are no groups that the picture could have made."
    letters = f"{figure.phenotype_label(0)} to {figure.phenotype_label(found.phenotypes - 1)}"
    moved = "move" if shuffled < SAME else "stay where they are"
    agreed = report.number(shuffled)
    said = f"The groups {letters} {moved} when the pictures change places (agreement {agreed})"
    if not np.isnan(tree):
        said += (
            f"; three leaves on the other columns give them with agreement {report.number(tree)}"
        )
    return f"{said}. The picture holds {100 * share:.0f} % of the variance."
