"""Outcomes: what counts as progression, who can have it, and what stands for it at baseline."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from kneephen_utils.stats import discrete_time_hazard

PRIMARY = "kl_rise_1"
COMPOSITE = "rise_or_replacement"
DATED = "replacement"
LOSSES = ["jsw_loss_0.5", "jsw_loss_0.7"]
OUTCOMES = [PRIMARY, COMPOSITE, "kl_rise_2", "jsn_rise", *LOSSES, DATED]
COPRIMARY = [PRIMARY, COMPOSITE]  # claims rest on both
HIGHEST = {PRIMARY: 3, COMPOSITE: 3, "kl_rise_2": 2}  # highest grade that can still have it
GIVEN, GRADED = " given baseline narrowing", ["jsn_medial", "jsn_lateral"]
BASELINES = {  # outcomes that something beside narrowing stands for
    DATED: (" given baseline pain", ["baseline"]),
    COMPOSITE: (f"{GIVEN} and pain", [*GRADED, "baseline"]),
}


class Least(NamedTuple):
    """Fewest knees in each of two phenotypes, and fewest events in both together."""

    knees: int
    events: int


def known_at(events: pd.DataFrame, outcome: str, *, horizon: float) -> pd.DataFrame:
    """Return one outcome as it was known at `horizon` months, for knees seen again at all."""
    own = discrete_time_hazard.censor(events[events["outcome"] == outcome], horizon=horizon)
    own = discrete_time_hazard.by_year(own) if outcome == DATED else own
    return own[own["months"] > 0].drop(columns="participant_id")


def baseline_of(outcome: str) -> tuple[str, list[str]]:
    """Return how a contrast given the baseline is called, and the columns it is given."""
    return BASELINES.get(outcome, (GIVEN, GRADED))
