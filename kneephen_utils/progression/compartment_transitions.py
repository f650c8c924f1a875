"""Compartment transitions: whether a knee is narrowed in the same compartment at two visits.

The published study called the share that stays the stability of its phenotypes. It is the
persistence of a narrowing side in one knee, and says nothing about groups.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import small_cells

SIDES = ["none", "medial", "lateral", "both"]
NARROWED = 1.0  # score from which a compartment counts as narrowed


def compartments(visits: pd.DataFrame, *, months: float) -> pd.DataFrame:
    """Count knees by the narrowed compartment at baseline and at the visit at `months`.

    Returns
    -------
    One row per compartment at baseline (`start`): `knees` read at both visits, and per cent of
    them `none`, `medial`, `lateral` and `both` later.
    """
    read = visits.dropna(subset=["jsn_medial", "jsn_lateral"])
    start, later = (side(read[read["months"] == each]) for each in (0.0, months))
    both = pd.concat([start, later], axis=1, keys=["start", "later"]).dropna()
    counts = pd.crosstab(both["start"], both["later"])
    counts = counts.reindex(index=SIDES, columns=SIDES, fill_value=0)
    sizes = counts.sum(axis=1)
    share = 100 * counts.div(sizes.where(sizes > 0), axis=0)
    table = share.rename_axis(columns=None).rename_axis("start").reset_index()
    table.insert(1, "knees", sizes.to_numpy())
    return table[table["knees"] > 0].reset_index(drop=True)


def table_transitions(table: pd.DataFrame, *, disclose: bool, fewest: int) -> pd.DataFrame:
    """Return the table for reading; rows of fewer than `fewest` knees go where knees may not show.

    There a share that stands for fewer knees than that is left out too.
    """
    if disclose:
        return table
    kept = table[table["knees"] >= fewest].copy()
    counted = kept.assign(**{each: (kept[each] * kept["knees"] / 100).round() for each in SIDES})
    told = small_cells.parts(counted, SIDES, disclose=False)
    knees = small_cells.counts(kept["knees"], disclose=False)
    percent = {each: (100 * told[each] / knees).astype("float64").clip(0, 100) for each in SIDES}
    return kept.assign(**percent, knees=knees)


def text_transitions(table: pd.DataFrame) -> str:
    """Say how many medially and laterally narrowed knees stay so."""
    own = table.set_index("start")
    said = [
        f"{own.loc[side, side]:.0f} % of the knees narrowed in the {side} compartment alone"
        for side in ("medial", "lateral")
        if side in own.index and np.isfinite(own.loc[side, side])
    ]
    if not said:
        return "No knee was narrowed in one compartment alone and read at both visits."
    return (
        f"{' and '.join(said)} are narrowed there alone at the later visit. This is how long a "
        "side of narrowing lasts in a knee; it does not show that a group of knees exists."
    )


def side(read: pd.DataFrame) -> pd.Series:
    """Return the narrowed compartment of each knee of one visit, by `knee_id`."""
    rows = read.drop_duplicates("knee_id").set_index("knee_id")
    medial, lateral = (rows[name] >= NARROWED for name in ("jsn_medial", "jsn_lateral"))
    place = medial.astype(int) + 2 * lateral.astype(int)
    return place.map(dict(enumerate(SIDES)))
