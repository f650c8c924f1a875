"""Contribution: whether the picture made these groups, or the columns beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import adjusted_rand_score
from sklearn.tree import DecisionTreeClassifier

from kneephen_utils import display_names, formatting
from kneephen_utils.phenotype import hdbscan_tree, readout, reduction, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

SAME = 0.5  # agreement at and above which groups are called unmoved
READ = 0.25  # agreement in other people from which groups are read off the picture
SHUFFLES = 5
TREES, FEWEST = 200, 5  # of the forest that asks what a plane owes to the other columns
MEASURES = ["image_share", "tree_ari", "shuffled_ari", "read_ari"]
COLUMNS = ["kl_grade", "arm", *MEASURES, "image_phenotype"]


def measure(
    cells: Sequence[Stratum], chosen: Mapping[str, Candidate], *, settings: Settings
) -> pd.DataFrame:
    """Return the `contribution` table.

    Four measures per cell: the picture's share of the variance of the space in which groups
    were looked for; the agreement (adjusted Rand index) of the groups with a tree of as many
    leaves that sees the columns beside the picture alone; the agreement of the groups before and
    after the pictures change places among the knees while everything else stays; and how well
    the groups are read off the picture in other people. An image phenotype moves with the
    pictures, which groups of noise do too, and is read off them in other people.

    References
    ----------
    Hubert & Arabie (1985), doi:10.1007/BF01908075.
    """
    rows = [_of(cell, chosen[cell.arm], settings=settings) for cell in cells if cell.arm in chosen]
    kinds = {"kl_grade": "int64", "image_phenotype": bool}
    kinds |= dict.fromkeys(MEASURES, "float64")
    return pd.DataFrame(rows, columns=[*COLUMNS, "sentence"]).astype(kinds)


def tree_agreement(columns: np.ndarray, labels: np.ndarray) -> float:
    """Return how well a tree on `columns` (knees, columns), a leaf a group, gives the groups."""
    leaves = len(set(labels))
    if not columns.shape[1] or leaves < 2:
        return float("nan")
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(columns, labels)
    return float(adjusted_rand_score(labels, tree.predict(columns)))


def picture_share(cell: Stratum, *, settings: Settings) -> float:
    """Return the picture's share (0-1) of the variance of the space of the groups.

    A principal component is a sum of what the picture and what the other columns give to it;
    the picture's share is the covariance of its part with the whole. A plane laid out from
    neighbours is no such sum: there it is the share of the variance which a random forest on
    the other columns cannot tell of knees that it has not seen.

    References
    ----------
    Breiman (2001), out-of-bag prediction, doi:10.1023/A:1010933404324.
    """
    if cell.picture.all() or not cell.picture.any():
        return float(cell.picture.all())
    low = sweep.reduced(cell, settings)
    if reduction.reducer_of(cell.arm, settings.reducer) == "umap":
        return untold(cell.points[:, ~cell.picture], low.points)
    axes = np.eye(cell.points.shape[1]) if low.model is None else low.model.components_
    part = cell.points[:, cell.picture] @ axes[:, cell.picture].T
    part, whole = part - part.mean(axis=0), low.points - low.points.mean(axis=0)
    return float(np.clip((part * whole).sum() / (whole**2).sum(), 0, 1))


def shuffled_agreement(cell: Stratum, found: Candidate, *, settings: Settings) -> float:
    """Return how well groups agree with those after the pictures changed places, mean of five."""
    return across(cell, [found], settings=settings)[0]


def across(cell: Stratum, tried: Sequence[Candidate], *, settings: Settings) -> list[float]:
    """Return `shuffled_agreement` of every setting; those of equal `min_samples` share a tree."""
    scores = np.zeros((SHUFFLES, len(tried)))
    for number in range(SHUFFLES):
        rng = np.random.default_rng([settings.seed, *cell.sequence(2, number)])
        points = cell.points.copy()
        points[:, cell.picture] = points[rng.permutation(len(points))][:, cell.picture]
        low = sweep.reduced(cell.with_points(points), settings).points
        trees = {
            k: hdbscan_tree.grow(low, min_samples=k) for k in {one.min_samples for one in tried}
        }
        for place, one in enumerate(tried):
            labels, _ = hdbscan_tree.cut(
                trees[one.min_samples], min_cluster_size=one.min_cluster_size
            )
            scores[number, place] = adjusted_rand_score(one.labels, labels)
    return [float(score) for score in scores.mean(axis=0)]


def _of(cell: Stratum, found: Candidate, *, settings: Settings) -> dict[str, object]:
    share = picture_share(cell, settings=settings)
    tree = shuffled = read = float("nan")
    if found.phenotypes > 1:
        tree = tree_agreement(cell.points[:, ~cell.picture], found.labels)
        shuffled = shuffled_agreement(cell, found, settings=settings)
        read = readout.agreement(cell, found, settings=settings)
    return {
        **cell.key,
        "image_share": share,
        "tree_ari": tree,
        "shuffled_ari": shuffled,
        "read_ari": read,
        "image_phenotype": shuffled < SAME and read >= READ,
        "sentence": _sentence(found, share, tree, shuffled, read),
    }


def untold(columns: np.ndarray, plane: np.ndarray) -> float:
    """Return the share of the variance of `plane` that a forest on `columns` cannot tell."""
    forest = RandomForestRegressor(
        TREES, min_samples_leaf=FEWEST, oob_score=True, random_state=0, n_jobs=1
    ).fit(columns, plane)
    missed = ((plane - forest.oob_prediction_) ** 2).sum()
    return float(np.clip(missed / ((plane - plane.mean(axis=0)) ** 2).sum(), 0, 1))


def _sentence(found: Candidate, share: float, tree: float, shuffled: float, read: float) -> str:
    if found.phenotypes < 2:
        return "There are no groups that the picture could have made."
    letters = " to ".join(
        display_names.phenotype_label(phenotype) for phenotype in (0, found.phenotypes - 1)
    )
    moved = "move" if shuffled < SAME else "stay where they are"
    agreed = formatting.number(shuffled)
    said = f"The groups {letters} {moved} when the pictures change places (agreement {agreed})"
    if not np.isnan(tree):
        said += (
            f"; a tree on the other columns, a leaf a group, gives them with agreement "
            f"{formatting.number(tree)}"
        )
    if not np.isnan(read):
        said += f"; read off the picture in other people, they agree by {formatting.number(read)}"
    where = "of the variance of the space in which they were looked for"
    return f"{said}. The picture holds {100 * share:.0f} % {where}."
