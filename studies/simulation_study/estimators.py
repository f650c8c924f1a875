"""Estimators: one question answered by the models of this book, and as it is often answered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from kneephen_utils import pain, progression
from kneephen_utils.stats import hazard_ratios, lmm, lmm_contrasts, two_part_model
from studies.simulation_study.estimands import LATER, LEVEL, RATIO, SLOPE, Question
from studies.simulation_study.simulated_cohort import Seen

RISE_HORIZON, PAIN_HORIZON = 48.0, 96.0  # months, as in the parameters of stages 7 and 8
MISSING = dict.fromkeys(["estimate", "low", "high", "p"], float("nan"))
Answers = dict[str, dict[str, float]]  # of each contrast


def ours(pair: pd.DataFrame, seen: Seen, asked: Question, *, draws: int, seed: int) -> Answers:
    """Answer by the grouped-time or the mixed model, interval and p from one procedure."""
    if RATIO in asked.contrasts:
        return {RATIO: _ratio(pair, seen, asked)}
    rows = lmm_contrasts.at_visits(pair, seen.visits, asked.outcome, horizon=PAIN_HORIZON)
    beside = ["years", *lmm_contrasts.mode(rows)]
    if LATER in asked.contrasts:
        rows = rows[(rows["months"] > 0) & rows["baseline"].notna()]
        rows, beside = pain.given_baseline(rows)
    planned = lmm_contrasts.contrasts([0.0, 48.0])
    planned[LATER] = planned.pop("level at 48 months")
    wanted = {contrast: planned[contrast] for contrast in asked.contrasts}
    try:
        found = lmm_contrasts.compare(
            rows, beside, [1], wanted, robust="baseline" in beside, draws=draws, seed=seed
        )
    except lmm.MixedModelError:
        return dict.fromkeys(asked.contrasts, MISSING)
    return {contrast: _kept(found[1, contrast]) for contrast in asked.contrasts}


def published(pair: pd.DataFrame, seen: Seen, asked: Question, *, draws: int, seed: int) -> Answers:
    """Answer as the published study did: knees at the last visit, by Mann-Whitney.

    Whoever was read or asked then stands for everyone, and knees for people. The estimate is
    the ratio of the shares that rose, or the difference in pain, or in its change per year.
    """
    del draws, seed
    if RATIO in asked.contrasts:
        read = seen.visits.dropna(subset=["kl_grade", "kl_grade_start"])
        change = (read["kl_grade"] - read["kl_grade_start"]).astype(float)
        rows = _at(pair, read.assign(measure=change), read["months"].max())
        return {RATIO: {**_shares(rows), "p": _mann_whitney(rows)}}
    told = seen.visits[seen.visits[asked.outcome].notna()]
    told = told.assign(measure=told[asked.outcome])
    last = told["months"].max()
    end = _at(pair, told, last)
    change = (end["measure"] - end["baseline"]) / (last / 12)
    rows_of = {
        LEVEL: _at(pair, told, 0.0),
        LATER: end,
        SLOPE: end.assign(measure=change).dropna(subset=["measure"]),
    }
    found = {each: two_part_model.independent(rows_of[each], 1) for each in asked.contrasts}
    return {
        each: {**values, "p": _mann_whitney(rows_of[each])} if values else MISSING
        for each, values in found.items()
    }


def _ratio(pair: pd.DataFrame, seen: Seen, asked: Question) -> dict:
    known = progression.known_at(seen.events, asked.outcome, horizon=RISE_HORIZON)
    rows = pair.merge(known, on="knee_id", validate="one_to_one")
    rows = rows.assign(mark=rows["phenotype"].astype(float))
    if rows.groupby("mark")["observed"].any().sum() < 2:
        return MISSING
    return _kept(hazard_ratios.main(rows, []))


def _mann_whitney(rows: pd.DataFrame) -> float:
    one, other = (rows.loc[rows["phenotype"] == k, "measure"] for k in (1, 0))
    if min(len(one), len(other)) < 2:
        return float("nan")
    return float(stats.mannwhitneyu(one, other).pvalue)


def _at(pair: pd.DataFrame, visits: pd.DataFrame, months: float) -> pd.DataFrame:
    there = visits.loc[visits["months"] == months, ["knee_id", "measure"]]
    return pair.merge(there, on="knee_id", validate="one_to_one")


def _shares(rows: pd.DataFrame) -> dict:
    """Return the ratio of the shares that rose, with the interval for independent knees."""
    risen = rows["measure"].ge(1).groupby(rows["phenotype"]).agg(["sum", "size"])
    if len(risen) < 2 or risen["sum"].min() == 0:
        return MISSING
    share = risen["sum"] / risen["size"]
    log = float(np.log(share[1] / share[0]))
    reach = 1.96 * float(np.sqrt((1 / risen["sum"] - 1 / risen["size"]).sum()))
    low, high = np.exp([log - reach, log + reach])
    return {**MISSING, "estimate": float(np.exp(log)), "low": float(low), "high": float(high)}


def _kept(found: dict) -> dict:
    return {name: found.get(name, MISSING[name]) for name in MISSING}


APPROACHES: dict[str, Callable[..., Answers]] = {"this book": ours, "published": published}
