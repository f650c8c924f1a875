"""Medial versus lateral: two sides of narrowing, the published groups, by the right model.

The published study named its groups by a rule on the narrowing scores and compared whoever was
read at the end. The rule is the same in every grade, so its grades can be compared; that it uses
scores of the film the grade was read from makes it no discovery, and no claim is made from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import display_names, formatting, progression, small_cells
from kneephen_utils.progression.compartment_transitions import side
from kneephen_utils.progression.outcomes import COMPOSITE, LOSSES, PRIMARY
from kneephen_utils.stats import effects, hazard_ratios, interaction

GRADES = (1, 2, 3)  # grades with narrowed knees that can still rise
TREND = "ratio of the ratios of two neighbouring grades"
ALL = "all of these"
RISKS = ["age", "bmi", "female"]
NOTE = (
    "Hazard ratios, each grade with a hazard of its own; 95 % intervals and p values are from one "
    "procedure, a profile likelihood scaled for knees that share a person. "
    "The ratio of ratios is the factor by which the ratio changes per grade. All of these: the "
    "same given more, or for other outcomes; width is that of the narrowed compartment. A dash: "
    "not estimated."
)


def compare(
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    events: pd.DataFrame,
    *,
    horizon: float,
    least: progression.Least,
) -> pd.DataFrame:
    """Return the hazard ratio of a rise, lateral against medial narrowing, as a table to read.

    Parameters
    ----------
    knees, participants, events
        The tables of these names.
    horizon
        Follow-up is cut here, months.
    least
        Knees of each side, and events, without which nothing is estimated.

    Returns
    -------
    One row per grade, one for the ratio the grades share, one for how it changes per grade, and
    those of all grades given age, body mass index and sex, of a rise or a replacement, and of a
    loss of width: `what`, `estimate`, `low`, `high`, `p`, `knees`, `people`, `events`.
    """
    narrowed = _narrowed(knees, participants)
    seen = _followed(narrowed, events, PRIMARY, horizon)
    there = [grade for grade in GRADES if _enough(seen[seen["kl_grade"] == grade], least)]
    lines = []
    for grade in there:
        own = seen[seen["kl_grade"] == grade]
        lines.append(_line(f"KL{grade}", own, hazard_ratios.main(own, [])))
    some = seen[seen["kl_grade"].isin(there)]
    if len(there) > 1:
        name = f"KL{there[0]} to KL{there[-1]}, each with its own hazard"
        lines.append(_line(name, some, interaction.shared(some)))
        tilted = some.assign(upper=some["kl_grade"] - np.mean(there))
        lines.append(_line(TREND, some, interaction.ratio(tilted, [])))
    if there:
        own = narrowed[narrowed["kl_grade"].isin(there)]
        lines += _others(own, events, horizon, least)
    columns = ["what", "estimate", "low", "high", "p", "knees", "people", "events"]
    return pd.DataFrame(lines, columns=columns)


def table_ratios(compared: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Return the table for reading; counts below ten go where single knees may not be shown."""
    names = ("knees", "people", "events")
    kept = {name: small_cells.counts(compared[name], disclose=disclose) for name in names}
    return compared.assign(**kept, p=compared["p"].map(formatting.p_value))


def text_ratios(compared: pd.DataFrame, *, horizon: float) -> str:
    """Say what the grades share, or that too few knees are narrowed to one side."""
    if compared.empty:
        return "Too few knees are narrowed to one side alone to compare the sides."
    row = compared[compared["what"].str.startswith("KL")].iloc[-1]
    said = formatting.spread(row["estimate"], row["low"], row["high"])
    return (
        f"To {horizon:g} months laterally narrowed knees rise with a hazard {said} times that of "
        f"medially narrowed ones ({row['what']})."
    )


def _narrowed(knees: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    """Return knees narrowed to one side at baseline; `mark` 1 for the lateral side."""
    read = knees.dropna(subset=["kl_grade", "jsn_medial", "jsn_lateral"])
    read = read[["knee_id", "participant_id", "kl_grade", "jsn_medial", "jsn_lateral"]]
    where = read["knee_id"].map(side(read))
    own = read.assign(mark=(where == "lateral").astype(float))[where.isin(["medial", "lateral"])]
    people = participants[["participant_id", "age", "bmi"]]
    people = people.assign(female=effects.female(participants["sex"]))
    own = own.merge(people, on="participant_id", how="left", validate="many_to_one")
    return own.astype({"kl_grade": "int64"})


def _followed(
    narrowed: pd.DataFrame, events: pd.DataFrame, outcome: str, horizon: float
) -> pd.DataFrame:
    known = progression.known_at(events, outcome, horizon=horizon)
    return narrowed.merge(known, on="knee_id", validate="one_to_one")


def _others(
    narrowed: pd.DataFrame,
    events: pd.DataFrame,
    horizon: float,
    least: progression.Least,
) -> list[dict[str, Any]]:
    """Return the ratio of all grades given who the people are, and of the other outcomes."""
    asked = [(f"{ALL}, given age, BMI and sex", PRIMARY, RISKS)]
    asked += [
        (f"{ALL}, {display_names.OUTCOMES[each]}", each, list[str]())
        for each in (COMPOSITE, *LOSSES)
    ]
    lines = []
    for what, outcome, beside in asked:
        own = _followed(narrowed, events, outcome, horizon).dropna(subset=beside)
        differing = [each for each in beside if len(set(own[each])) > 1]
        found: dict[str, Any] = dict.fromkeys(["estimate", "low", "high", "p"], float("nan"))
        if _enough(own, least):
            found = interaction.shared(own, differing)
        lines.append(_line(what, own, found))
    return lines


def _enough(own: pd.DataFrame, least: progression.Least) -> bool:
    by_side = own.groupby("mark")["observed"].agg(["size", "sum"]).reindex([0.0, 1.0]).fillna(0)
    risen = by_side["sum"]
    return bool(
        by_side["size"].min() >= least.knees and risen.sum() >= least.events and risen.min() > 0
    )


def _line(what: str, own: pd.DataFrame, found: dict[str, Any]) -> dict[str, Any]:
    counts = {"knees": len(own), "people": own["participant_id"].nunique()}
    kept = {name: found[name] for name in ("estimate", "low", "high", "p")}
    return {"what": what, **kept, **counts, "events": int(own["observed"].sum())}
