"""Overlap: how far the groups of one clustering come back in another."""

from __future__ import annotations

import numpy as np


def jaccard(labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each group of `labels` its best Jaccard with a group of `others`.

    References
    ----------
    Hennig (2007), doi:10.1016/j.csda.2006.11.025.
    """
    rows, columns = labels.max(initial=-1) + 1, others.max(initial=-1) + 1
    if not columns:
        return np.zeros(rows)
    table = np.bincount(
        (labels + 1) * (columns + 1) + others + 1, minlength=(rows + 1) * (columns + 1)
    ).reshape(rows + 1, columns + 1)
    both = table[1:, 1:]
    either = table[1:].sum(1)[:, None] + table[:, 1:].sum(0)[None] - both
    return (both / np.maximum(either, 1)).max(axis=1)


def found_again(best: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the share of knees found again (draws,) from the `best` Jaccard of each group."""
    knees = np.bincount(labels[labels >= 0], minlength=best.shape[1])
    return best @ knees / len(labels)  # shares can sum to a hair more than 1, counts cannot
