"""Hazard ratios: progression of one phenotype beside another, estimated in several ways.

The first is the one to believe; the others show how much hangs on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils.stats import discrete_time_hazard, interaction, ipcw, profile, survival

Found = dict[str, Any]

RATIO = "hazard ratio"
CHANGE = "change of the hazard ratio per year"
CONSTANT = "proportional hazards"
RISK, MEAN = "difference in risk", "difference in mean time free"
GROUPED = "grouped-time proportional hazards"
TURNED = "scores of people, signs turned"
WEIGHTED = f"{GROUPED}, weighted for attrition"
WORDS = {"female": "sex"}  # columns that a reader calls otherwise


def main(pair: pd.DataFrame, beside: list[str]) -> Found:
    """Return the hazard ratio of the marked knees by the grouped-time model.

    Parameters
    ----------
    pair
        From `discrete_time_hazard.censor`: the knees of two phenotypes, `mark` 1 for the one
        compared.
    beside
        Baseline covariates without missing values; empty for the plain ratio.

    Returns
    -------
    `estimate`, `low`, `high`, `p` and `procedure` of `profile.ratio`, and the name of the model;
    `contrast` too without covariates. All missing if the data are too thin; `sentence` then says
    why.
    """
    named = {"model": GROUPED, **({} if beside else {"contrast": RATIO})}
    return {**named, **profile.ratio(discrete_time_hazard.periods(pair), "mark", beside)}


def checks(pair: pd.DataFrame, *, horizon: float, draws: int, seed: int) -> list[Found]:
    """Return what stands beside the main ratio; each says its role.

    A Cox model and a test that turns the signs of people's scores (cross-check), knees taken as
    independent (naive), the change of the ratio over time, a test that it is constant, and risk
    and mean time free at the `horizon` with intervals from a bootstrap of people (sensitivity).
    """
    mark = {"mark": 1.0}
    cox = survival.cox(pair, ["mark"], clustered=True).contrast(mark)
    alone = survival.cox(pair, ["mark"], clustered=False).contrast(mark)
    turned = interaction.turned(pair.assign(kl_grade=0), draws=draws, seed=seed)
    return [
        _named("Cox model", RATIO, "cross-check", _ratio(cox)),
        {**_named(TURNED, RATIO, "cross-check", {"p": turned}), "unit": ""},
        _named("knees as if independent", RATIO, "naive", _ratio(alone)),
        *_constancy(pair),
        *_at_horizon(pair, horizon, draws, seed),
    ]


def intervals(pair: pd.DataFrame) -> Found:
    """Return the hazard ratio of a Weibull model of the intervals, a sensitivity analysis."""
    values = (*survival.weibull(pair, "mark"), float("nan"))
    return _named("Weibull model of intervals", RATIO, "sensitivity", _ratio(values))


def weighted(pair: pd.DataFrame, beside: list[str]) -> Found:
    """Return the hazard ratio with knees weighted for those that were lost (sensitivity).

    Parameters
    ----------
    pair
        From `discrete_time_hazard.censor`, knees never read again included, `mark` 1 for the one
        compared.
    beside
        Baseline columns the chance of being read again may depend on.
    """
    empty = [WORDS.get(name, name) for name in beside if pair[name].isna().all()]
    if empty:
        why = f"Not estimated: no knee has a known {' or '.join(empty)}."
        return _named(WEIGHTED, RATIO, "sensitivity", {"sentence": why, "unit": "ratio"})
    known = pair.dropna(subset=beside).reset_index(drop=True)
    spells = discrete_time_hazard.periods(known)
    own = ipcw.weights(known, [*beside, "mark"])
    spells = spells.merge(own, on=["knee_id", "period"], how="left")
    each = spells["weight"].fillna(1.0).to_numpy()
    return _named(WEIGHTED, RATIO, "sensitivity", profile.ratio(spells, "mark", weights=each))


def _constancy(pair: pd.DataFrame) -> list[Found]:
    """Ask whether the ratio changes: by its yearly change, and by Schoenfeld residuals."""
    found = []
    spells = discrete_time_hazard.periods(pair)
    centred = (spells["period"] - spells["period"].mean()) / 12
    spells = spells.assign(trend=spells["mark"] * centred)
    found.append(_named(GROUPED, CHANGE, "sensitivity", profile.ratio(spells, "trend", ["mark"])))
    p = survival.proportional(pair, "mark")
    return [*found, {**_named("Cox model", CONSTANT, "sensitivity", {"p": p}), "unit": ""}]


def _at_horizon(pair: pd.DataFrame, horizon: float, draws: int, seed: int) -> list[Found]:
    """Compare risk and mean time free at the horizon, from Kaplan-Meier curves."""
    weights = survival.person_weights(pair["participant_id"], draws=draws, seed=seed)
    sides = [(pair["mark"] == each).to_numpy() for each in (1.0, 0.0)]
    times = np.array([horizon])
    risk = [1 - survival.free(pair[s], times, weights[:, s])[:, 0] for s in sides]
    mean = [survival.mean_free(pair[s], horizon, weights[:, s]) for s in sides]
    name = f"{RISK} at {horizon:g} months"
    risks = _named("Kaplan-Meier", name, "sensitivity", _spread(risk[0] - risk[1]))
    name = f"{MEAN} within {horizon:g} months"
    means = _named("Kaplan-Meier", name, "sensitivity", _spread(mean[0] - mean[1]))
    return [{**risks, "unit": "share"}, {**means, "unit": "months"}]


def _spread(values: np.ndarray) -> Found:
    """Return the first value with the percentile interval of the others."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return {"estimate": float(values[0]), "low": float(low), "high": float(high)}


def _ratio(values: tuple[float, float, float, float]) -> Found:
    estimate, low, high = np.exp(values[:3])
    found = {"estimate": float(estimate), "low": float(low), "high": float(high)}
    return {**found, "p": float(values[3]), "unit": "ratio"}


def _named(model: str, contrast: str, role: str, values: Found) -> Found:
    return {"model": model, "contrast": contrast, "role": role, **values}
