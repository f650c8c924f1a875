"""Separation: covariates that tell the outcome of some knees for certain.

Where a combination of columns never points the wrong way, the likelihood grows without end and a
coefficient has no finite estimate. Knees whose outcome is told for certain then say nothing about
the rest, so they are set aside and what remains is asked again.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

CERTAIN = 1e-6  # a direction this small, beside one that may be as large as 1, is none


def direction(design: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Return a direction along which the likelihood of a binary outcome grows without end.

    Parameters
    ----------
    design
        (rows, columns) of any binomial model whose link grows from 0 to 1.
    outcome
        (rows,) zeros and ones.

    Returns
    -------
    (columns,) weights of at most one, all zero if every coefficient is finite. Rows with an
    outcome of 1 never lie below zero along it, and rows with 0 never above.

    References
    ----------
    Albert & Anderson (1984), doi:10.1093/biomet/71.1.1; the linear programme is that of Konis
    (2007), https://ora.ox.ac.uk/objects/uuid:8f9ee0d0-d78e-4101-9ab4-f9cbceed2a2a.
    """
    scale = np.abs(design).max(axis=0, initial=0.0)
    signed = np.where(outcome > 0, 1.0, -1.0)[:, None] * (design / np.where(scale > 0, scale, 1.0))
    signed = np.unique(signed, axis=0)
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    weights = found.x if found.success else np.zeros(design.shape[1])
    grows = float((signed @ weights).max(initial=0.0)) > CERTAIN
    return weights / np.where(scale > 0, scale, 1.0) if grows else np.zeros(design.shape[1])


def undecided(design: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Return (rows,) whether each row's outcome is not told for certain by the columns.

    References
    ----------
    Geyer (2009), likelihood inference where the estimate is at infinity, doi:10.1214/08-EJS349.
    """
    left = np.ones(len(design), dtype=bool)
    while left.any():
        along = np.abs(design @ direction(design[left], outcome[left]))
        certain = left & (along > CERTAIN * max(along[left].max(), CERTAIN))
        if not along[left].max() > CERTAIN:
            break
        left &= ~certain
    return left
