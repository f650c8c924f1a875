"""Compartment: on which side of a knee its joint space is followed.

A narrowed joint opens on its other side. Whoever follows the medial width alone sees laterally
narrowed knees keep it, or gain, and calls them protected.
"""

from __future__ import annotations

import pandas as pd

MEDIAL, LATERAL = "medial", "lateral"


def affected(knees: pd.DataFrame) -> pd.Series:
    """Return the affected compartment of each knee, by `knee_id`.

    Parameters
    ----------
    knees
        `knee_id`, and `jsn_medial`, `jsn_lateral` at baseline (0-3). No later reading is looked at.

    Returns
    -------
    `lateral` where the lateral score is the higher one; else `medial`, the compartment that
    narrows more often, so also in a knee that is not narrowed; missing where a score is.
    """
    scores = knees.drop_duplicates("knee_id").set_index("knee_id")
    medial, lateral = (scores[f"jsn_{each}"].astype("float64") for each in (MEDIAL, LATERAL))
    place = lateral.gt(medial).map({True: LATERAL, False: MEDIAL}).astype("object")
    return place.where(medial.notna() & lateral.notna())


def width(measured: pd.DataFrame, of: pd.Series) -> pd.Series:
    """Return the joint-space width of the affected compartment on each row, millimetres.

    Parameters
    ----------
    measured
        `knee_id`, `jsw_medial` (the minimum) and `jsw_lateral` (at a fixed place of the joint's
        width, since no lateral minimum is measured), mm.
    of
        From `affected`.

    Returns
    -------
    Series in the order of `measured`; missing where the compartment is not known or its width
    was not measured. Widths of the two compartments are not the same quantity: changes within a
    knee may be compared, levels between compartments may not.
    """
    place = measured["knee_id"].map(of)
    medial, lateral = (measured[f"jsw_{each}"].astype("float64") for each in (MEDIAL, LATERAL))
    return medial.where(place.eq(MEDIAL)).fillna(lateral.where(place.eq(LATERAL)))
