"""Contrast: the hazard ratio of lateral against medial narrowing on every path.

References
----------
Simonsohn, Simmons & Nelson (2020), specification curves, doi:10.1038/s41562-020-0912-z; Steegen
et al. (2016), multiverse analysis, doi:10.1177/1745691616658637.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import firewall, parallel
from kneephen_utils.multiverse import KEY, PUBLISHED_ARM, Grouping
from kneephen_utils.stats import discrete_time_hazard, effects, hazard_ratios

APART = 0.25  # grades of narrowing by which the two groups must differ
ADJUSTMENTS: dict[str, list[str]] = {
    "none": [],
    "age, BMI, sex": ["age", "bmi", "female"],
    "also baseline pain": ["age", "bmi", "female", "womac_pain"],
}
SAMPLES = ("confirm", "both")
DEFAULT = {"crop": "as cut", "weight": "as set"}
DEFAULT |= {"setting": "chosen", "adjustment": "none"}
COLUMNS = [*KEY, "outcome", "adjustment", "sample", "path", "estimate", "low", "high", "knees"]
COLUMNS += ["participants", "events", "firewall", "sentence"]


def poles(groups: pd.DataFrame, knees: pd.DataFrame) -> pd.DataFrame:
    """Return the knees of the most lateral and the most medial group of each grade and way.

    Which groups those are is told by the readers' narrowing scores of discover people, which are
    no input of the image and context arms; no outcome is looked at.

    Returns
    -------
    The rows of `groups` in one of the two groups, with `mark` 1 for the lateral one. A grade whose
    groups differ by less than a quarter of a grade of narrowing has no rows.
    """
    scores = knees[["knee_id", "jsn_lateral", "jsn_medial"]].astype(
        {"jsn_lateral": "float64", "jsn_medial": "float64"}
    )
    side = groups.merge(scores, on="knee_id", validate="many_to_one")
    side["lateral"] = side["jsn_lateral"] - side["jsn_medial"]
    cell = [*KEY, "kl_grade"]
    means = (
        side[side["split"] == "discover"]
        .groupby([*cell, "phenotype"])["lateral"].mean().dropna()
        .reset_index()
    )  # fmt: skip
    if means.empty:
        return groups.iloc[:0].assign(mark=pd.Series(dtype="float64"))
    by_cell = means.groupby(cell)["lateral"]
    ends = pd.DataFrame({"least": by_cell.min(), "most": by_cell.max()}).reset_index()
    ends = ends[ends["most"] - ends["least"] >= APART]
    marked = means.merge(ends, on=cell)
    marked["mark"] = np.select(
        [marked["lateral"] == marked["most"], marked["lateral"] == marked["least"]], [1.0, 0.0],
        np.nan,
    )  # fmt: skip
    marked = marked.dropna(subset=["mark"])[[*cell, "phenotype", "mark"]]
    return groups.merge(marked, on=[*cell, "phenotype"], how="inner")


def estimate(  # noqa: PLR0913
    marked: pd.DataFrame,
    ways: Sequence[Grouping],
    known: dict[str, pd.DataFrame],
    *,
    outcomes: Sequence[str],
    default: dict[str, str],
    horizon: float,
    min_events: int,
    workers: int,
    dask: str,
) -> pd.DataFrame:
    """Return the `multiverse` table: one row per path.

    Parameters
    ----------
    marked
        From `poles`.
    ways
        From `multiverse.groupings`; a way without two poles has rows without an estimate.
    known
        The tables knees, participants and events.
    outcomes
        Outcomes of the `events` table; the first is the default one.
    default
        `embedding`, `arm` and `reducer` of the path this book claims from.
    horizon
        Follow-up is cut here, months.
    min_events
        Fewest events for which a ratio is estimated.
    workers, dask
        Processes, or the address of a Dask scheduler; the table does not depend on them.
    """
    people = known["participants"][["participant_id", "age", "bmi", "sex"]]
    people = people.assign(female=effects.female(people["sex"]))
    pain = known["knees"][["knee_id", "participant_id", "womac_pain"]]
    covariates = pain.merge(people.drop(columns="sex"), on="participant_id")
    cut = {name: _known_at(known["events"], name, horizon) for name in outcomes}
    by_way = dict(list(marked.groupby(KEY)))
    jobs = []
    for way in ways:
        own = by_way.get(tuple(way), marked.iloc[:0]).drop(columns=KEY)
        own = own.merge(covariates, on="knee_id", validate="one_to_one")
        for outcome, adjustment, sample in product(outcomes, ADJUSTMENTS, SAMPLES):
            if way.arm == PUBLISHED_ARM and (outcome, adjustment) != (outcomes[0], "none"):
                continue
            path = dict(zip(KEY, way, strict=True))
            path |= {"outcome": outcome, "adjustment": adjustment, "sample": sample}
            path["path"] = _kind(path, default, outcomes[0])
            some = own[own["split"] == "confirm"] if sample == "confirm" else own
            jobs.append((path, some.merge(cut[outcome], on="knee_id"), min_events))
    made = list(parallel.each(_one, jobs, workers=workers, dask=dask))
    table = pd.DataFrame(made, columns=COLUMNS)
    return table.astype(dict.fromkeys(["estimate", "low", "high"], "float64"))


def _known_at(events: pd.DataFrame, outcome: str, horizon: float) -> pd.DataFrame:
    own = discrete_time_hazard.censor(events[events["outcome"] == outcome], horizon=horizon)
    return own[own["months"] > 0].drop(columns="participant_id")


def _kind(path: dict[str, str], default: dict[str, str], outcome: str) -> str:
    if path["arm"] == PUBLISHED_ARM and path["weight"] != DEFAULT["weight"]:
        return "published, other weight"
    if path["arm"] == PUBLISHED_ARM:
        return "published" if path["sample"] == "both" else "published, confirm people"
    ours = {**DEFAULT, **default, "outcome": outcome, "sample": "confirm"}
    return "default" if all(path[name] == value for name, value in ours.items()) else "other"


def _one(path: dict[str, str], pair: pd.DataFrame, min_events: int) -> dict[str, Any]:
    """Estimate one path, grade as a covariate; say why where that cannot be done."""
    beside = ADJUSTMENTS[path["adjustment"]]
    whole, pair = len(pair), pair.dropna(subset=beside)
    rose = pair.groupby("mark")["observed"].sum()
    judged = firewall.judge(path["arm"], path["outcome"])
    row: dict[str, Any] = {**path, "estimate": np.nan, "low": np.nan, "high": np.nan}
    row |= {"knees": len(pair), "participants": pair["participant_id"].nunique()}
    row |= {"events": int(rose.sum()), "firewall": judged.answer, "sentence": ""}
    if len(pair) == 0 < whole:
        return row | {"sentence": f"Not estimated: no knee has a known {path['adjustment']}."}
    if len(rose) < 2:
        return row | {"sentence": "No two groups differ in the side of their narrowing."}
    if rose.min() < 1 or rose.sum() < min_events:
        return row | {"sentence": "Too few events."}
    grades = sorted(pair["kl_grade"].unique())[1:]
    pair = pair.assign(**{f"grade_{g}": (pair["kl_grade"] == g).astype(float) for g in grades})
    columns = [*beside, *(f"grade_{grade}" for grade in grades)]
    found = hazard_ratios.main(pair, columns)
    return row | {name: found[name] for name in ("estimate", "low", "high")}
