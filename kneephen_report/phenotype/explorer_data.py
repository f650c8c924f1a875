"""Explorer data: what every setting of the sweep gives, packed for the explorer of a page.

Settings that give the same groups share one partition. Pain is packed apart from the rest,
so a page can keep it covered; nothing that happened later is packed at all. Where single
knees may not be shown, no knee is packed: a density of cells of at least ten knees stands for
the map, counts are rounded, and values that rest on fewer than ten knees are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import display_names, firewall, small_cells
from kneephen_utils.phenotype import contribution, hdbscan_tree, null_models, sweep
from kneephen_utils.phenotype.stratum import Settings, Stratum
from kneephen_utils.phenotype.sweep import Candidate

FEWEST_CELLS, MOST_CELLS = 4, 18  # cells of the density along a side of the map
IN_A_CELL = 12  # knees in a cell if they lay evenly
LEVELS = 4  # shades of the density
SPAN = 1000  # map coordinates are whole numbers from 0 to this
NOBODY = "."  # stands for an unassigned knee among the letters of the groups
SHOWN = ["sex", "age", "bmi", "jsw_medial", "jsw_lateral", "womac_pain"]  # the last: covered
VARIABLES = {name: display_names.CLINICAL[name] for name in SHOWN}


def known(cells: Sequence[Stratum], *tables: pd.DataFrame) -> pd.DataFrame:
    """Return what is told of the discover knees of a grade, in the order of the cells.

    Parameters
    ----------
    cells
        As `stratum.gather` returns, not empty.
    tables
        `knees`, `participants` and `map`.

    Raises
    ------
    ValueError
        If two arms hold different knees.
    """
    knees, participants, laid_out = tables
    ids = cells[0].knees.loc[cells[0].discover, "knee_id"].tolist()
    for other in cells[1:]:
        if other.knees.loc[other.discover, "knee_id"].tolist() != ids:
            raise ValueError(f"the arms {cells[0].arm} and {other.arm} hold different knees")
    of = knees.merge(participants[["participant_id", "sex", "age", "bmi"]], on="participant_id")
    of = of.merge(laid_out, on="knee_id", how="left").set_index("knee_id").loc[ids]
    of["sex"] = of["sex"].map({"female": 100.0, "male": 0.0})
    return of[[*VARIABLES, "x", "y"]].reset_index()


def survey(
    cells: Sequence[Stratum],
    tried: Mapping[str, Sequence[Candidate]],
    swept: pd.DataFrame,
    of: pd.DataFrame,
    *,
    settings: Settings,
    disclose: bool,
) -> dict[str, Any]:
    """Return, for each arm, its axes, its settings and its partitions, ready for JSON.

    Parameters
    ----------
    cells
        As `stratum.gather` returns.
    tried
        As `sweep.widened` returns.
    swept
        `sweep` table of the run: the setting that was taken, and validity already measured.
    of
        As `known` returns.
    settings
        How groups are looked for.
    disclose
        Whether single knees may be shown.
    """
    arms = {}
    for cell in (cell for cell in cells if cell.arm in tried):
        own = swept[swept["arm"] == cell.arm].set_index(["min_cluster_size", "min_samples"])
        arms[cell.arm] = _arm(cell, tried[cell.arm], own, of, settings, disclose=disclose)
    return arms


def places(of: pd.DataFrame) -> dict[str, list[int]]:
    """Return the map coordinates of the knees as whole numbers from 0 to `SPAN`."""
    return {axis: (_unit(of[axis]) * SPAN).round().astype(int).tolist() for axis in ("x", "y")}


def shades(of: pd.DataFrame, inside: np.ndarray) -> list[list[int]]:
    """Return the cells of the map that hold at least ten knees of a group.

    Returns
    -------
    Column, row and shade (1 to 4) of each cell; a shade is no count.
    """
    cells = side(len(of))
    columns, rows = (np.minimum(_unit(of[a]) * cells, cells - 1).astype(int) for a in ("x", "y"))
    counts = np.zeros((cells, cells), dtype=int)
    np.add.at(counts, (columns[inside], rows[inside]), 1)
    most = max(int(counts.max()), 1)
    return [
        [int(x), int(y), int(np.ceil(LEVELS * counts[x, y] / most))]
        for x, y in np.argwhere(counts >= small_cells.FEW)
    ]


def side(knees: int) -> int:
    """Return how many cells of the density lie along a side of the map of so many knees."""
    return int(np.clip(round((knees / IN_A_CELL) ** 0.5), FEWEST_CELLS, MOST_CELLS))


def letters(labels: np.ndarray) -> str:
    """Write labels as one letter per knee."""
    return "".join(NOBODY if label < 0 else chr(ord("A") + int(label)) for label in labels)


def partition(labels: np.ndarray, of: pd.DataFrame, *, disclose: bool) -> dict[str, Any]:
    """Return the groups of one partition, largest first and the unassigned last, as told."""
    groups = [*range(hdbscan_tree.groups(labels)), hdbscan_tree.UNASSIGNED]
    none = int(np.sum(labels == hdbscan_tree.UNASSIGNED))
    told = small_cells.count(none, disclose=disclose)
    packed: dict[str, Any] = {
        "groups": [_group(of[labels == k], k, disclose=disclose) for k in groups],
        "noise": None if told is None else round(told / len(labels), 2),
    }
    if disclose:
        return packed | {"labels": letters(labels)}
    return packed | {"shades": [shades(of, labels == k) for k in groups]}


def _arm(
    cell: Stratum,
    tried: Sequence[Candidate],
    own: pd.DataFrame,
    of: pd.DataFrame,
    settings: Settings,
    *,
    disclose: bool,
) -> dict[str, Any]:
    points = sweep.reduced(cell, settings).points
    taken = set(own.index[own["chosen"]])
    seen: dict[str, tuple[int, float]] = {}  # place and validity of each partition
    partitions: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    in_order = sorted(tried, key=lambda one: (one.min_samples, one.min_cluster_size))
    stays = contribution.across(cell, in_order, settings=settings)
    for one, agreement in zip(in_order, stays, strict=True):
        place = (one.min_cluster_size, one.min_samples)
        written = letters(one.labels)
        if written not in seen:
            measured = own["dbcv"].get(place, np.nan)
            dbcv = measured if place in own.index else hdbscan_tree.dbcv(points, one.labels)
            seen[written] = len(partitions), dbcv
            partitions.append(
                {"dbcv": _number(dbcv, 2)} | partition(one.labels, of, disclose=disclose)
            )
        which, dbcv = seen[written]
        rows.append(
            {
                "partition": which,
                "again": _number(one.score, 3),
                "distinct": _number(null_models.distinct(one.score, dbcv), 4),
                "stays": _number(agreement, 2) if one.phenotypes > 1 else None,
                "taken": place in taken,
            }
        )
    return {
        "sizes": sorted({one.min_cluster_size for one in tried}),
        "samples": sorted({one.min_samples for one in tried}),
        "free": len(own) > 1,  # a setting given by hand stands alone, in the draws of the null too
        "inputs": [firewall.role(cell.arm, variable) == "input" for variable in VARIABLES],
        "settings": rows,
        "partitions": partitions,
    }


def _group(own: pd.DataFrame, group: int, *, disclose: bool) -> dict[str, Any]:
    fewest = 1 if disclose else small_cells.FEW
    values = []
    for variable in VARIABLES:
        numbers = own[variable].dropna()
        middle = numbers.mean() if variable == "sex" else numbers.median()
        values.append(_number(middle, 1) if len(numbers) >= fewest else None)
    return {
        "name": display_names.phenotype_label(group),
        "knees": small_cells.count(len(own), disclose=disclose),
        "values": values[:-1],
        "covered": values[-1],
    }


def _unit(values: pd.Series) -> np.ndarray:
    numbers = values.fillna(values.median()).to_numpy(float)
    return np.asarray((numbers - numbers.min()) / max(float(np.ptp(numbers)), 1e-9))


def _number(value: float, decimals: int) -> float | None:
    return None if pd.isna(value) else round(float(value), decimals)
