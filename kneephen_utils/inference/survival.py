"""Survival: the models and curves beside the primary one, each from the library that is right.

Visits tie many events. `lifelines` then gives right coefficients, parametric models and
Aalen-Johansen curves, but not the interval-censored curve or the test of proportional hazards;
those come from `greenwood`, and errors clustered by person from `statsmodels`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import greenwood
import lifelines
import numpy as np
import pandas as pd
from lifelines.exceptions import ApproximationWarning, StatisticalWarning
from statsmodels.duration.hazard_regression import PHReg

from kneephen_utils.inference import resample
from kneephen_utils.inference.mixed import Fit


def cox(events: pd.DataFrame, columns: Sequence[str], *, clustered: bool) -> Fit:
    """Fit a Cox model at the visit that showed the event; Efron's ties.

    Parameters
    ----------
    events
        From `hazard.censor`, with numeric `columns`.
    columns
        Covariates; their coefficients are log hazard ratios.
    clustered
        Errors clustered by person if true, else knees are taken as independent.

    References
    ----------
    Lin & Wei (1989), doi:10.1080/01621459.1989.10478874.
    """
    at_risk = events[events["months"] > 0]
    model = PHReg(
        at_risk["months"].to_numpy(float),
        at_risk[list(columns)].astype(float),
        status=at_risk["observed"].to_numpy(int),
        ties="efron",
    )
    codes = pd.factorize(at_risk["participant_id"])[0]
    result = model.fit(groups=codes) if clustered else model.fit()
    names = list(columns)
    degrees = np.full(len(names), float(max(codes.max() + 1 - len(names), 1)))
    covariance = np.asarray(result.cov_params())
    return Fit(names, np.asarray(result.params), covariance, degrees, np.zeros((2, 2)), 0.0, 1.0)


def proportional(events: pd.DataFrame, column: str) -> float:
    """Return the p value of proportional hazards for one column (Grambsch & Therneau 1994)."""
    at_risk = events[events["months"] > 0]
    surv = greenwood.Surv(at_risk["months"].to_numpy(float), at_risk["observed"].to_numpy(int))
    model = greenwood.CoxPH().fit(surv, at_risk[[column]].astype(float))
    frame = model.cox_zph(transform="km").to_frame(format="pandas")
    return float(frame["p_value"].iloc[0])


def weibull(events: pd.DataFrame, column: str) -> tuple[float, float, float]:
    """Return log hazard ratio, and its 95 % interval, of a Weibull model of the intervals.

    lifelines has no errors clustered by person for intervals, so the sandwich is completed
    here from its inverse information and the score of each person.

    Parameters
    ----------
    events
        From `hazard.censor`; the event lies between `left_months` and `right_months`.
    column
        A column of zeros and ones.

    References
    ----------
    White (1982), doi:10.2307/1912526.
    """
    some = events[events["observed"] | (events["left_months"] > 0)]
    right = some["right_months"].astype(float).fillna(np.inf)
    rows = pd.DataFrame({"left": some["left_months"], "right": right, column: some[column]})
    distinct = rows.astype(float).value_counts().rename("weight").reset_index()
    fitter = lifelines.WeibullAFTFitter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StatisticalWarning)
        warnings.simplefilter("ignore", ApproximationWarning)
        fitter.fit_interval_censoring(distinct, "left", "right", weights_col="weight")
    order = [("lambda_", column), ("lambda_", "Intercept"), ("rho_", "Intercept")]
    point = fitter.params_[order].to_numpy(float)
    bread = fitter.variance_matrix_.loc[order, order].to_numpy(float)
    slopes = [_slope(point, each, rows.to_numpy(float)) for each in np.eye(3) * 1e-5]
    people = pd.DataFrame(np.column_stack(slopes)).groupby(some["participant_id"].to_numpy()).sum()
    covariance = bread @ (people.T @ people).to_numpy() @ bread
    shape = float(np.exp(point[2]))
    estimate = -float(point[0]) * shape
    gradient = np.array([-shape, 0.0, estimate])  # of -coefficient x shape
    variance = float(gradient @ covariance @ gradient)
    if not variance > 0:  # the intervals do not hold the answer
        return float("nan"), float("nan"), float("nan")
    reach = 1.96 * float(np.sqrt(variance))
    return estimate, estimate - reach, estimate + reach


def free(events: pd.DataFrame, times: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the Kaplan-Meier probability of being free of the event, for weighted knees.

    Parameters
    ----------
    events
        From `hazard.censor`; the event counts at the visit that showed it.
    times
        Months, ascending.
    weights
        (draws, knees) how often each knee counts; one row of ones is the curve itself.

    Returns
    -------
    (draws, times) probabilities.
    """
    months, seen = events["months"].to_numpy(float), events["observed"].to_numpy(bool)
    steps = np.unique(months[seen])
    at_risk = weights @ (months[:, None] >= steps).astype(float)
    moved = weights @ ((months[:, None] == steps) & seen[:, None]).astype(float)
    stay = 1 - np.divide(moved, at_risk, out=np.zeros_like(moved), where=at_risk > 0)
    curve = np.column_stack([np.ones(len(weights)), np.cumprod(stay, axis=1)])
    return curve[:, np.searchsorted(steps, times, side="right")]


def mean_free(events: pd.DataFrame, horizon: float, weights: np.ndarray) -> np.ndarray:
    """Return the mean months free of the event up to `horizon`, for weighted knees (draws,)."""
    steps = np.unique(events.loc[events["observed"], "months"].to_numpy(float))
    starts = np.r_[0.0, steps[steps < horizon]]
    widths = np.diff(np.r_[starts, horizon])
    return free(events, starts, weights) @ widths


def person_weights(participants: pd.Series, *, draws: int, seed: int) -> np.ndarray:
    """Return (draws + 1, knees) how often each knee is drawn; the first row is the data."""
    size = len(participants)
    drawn = resample.bootstrap_people(participants, draws=draws, seed=seed)
    return np.array([np.ones(size), *(np.bincount(rows, minlength=size) for rows in drawn)])


def turnbull(events: pd.DataFrame) -> pd.DataFrame:
    """Return the interval-censored curve at the ends of its intervals: `months`, `estimate`.

    References
    ----------
    Turnbull (1976), doi:10.1111/j.2517-6161.1976.tb01597.x.
    """
    right = events["right_months"].to_numpy(float, na_value=np.nan)
    surv = greenwood.Surv(events["left_months"].to_numpy(float), right, type="interval2")
    curve = greenwood.Turnbull().fit(surv)
    months = np.asarray(curve.interval_high_, dtype=float)
    estimate = np.asarray(curve.survival_, dtype=float)[: len(months)]
    return pd.DataFrame({"months": months, "estimate": estimate.clip(0, 1)})


def incidence(times: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return the Aalen-Johansen cumulative incidence of the first kind of event.

    Parameters
    ----------
    times
        One row per knee: `months`, and `kind` 0 censored, 1 the event, 2 a competing event.
    seed
        Ties are broken by a tiny jitter drawn from it.

    Returns
    -------
    `months`, `estimate`, `low`, `high`.
    """
    fitter = lifelines.AalenJohansenFitter(seed=seed, calculate_variance=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Warning)  # ties: jittered on purpose
        fitter.fit(times["months"], times["kind"], event_of_interest=1)
    curve: Any = fitter.cumulative_density_.join(fitter.confidence_interval_)
    curve.columns = ["estimate", "low", "high"]
    return curve.clip(0, 1).rename_axis("months").reset_index()


def _slope(point: np.ndarray, step: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the derivative of each knee's Weibull log-likelihood along `step`, by differences."""
    up, down = (_likelihood(point + sign * step, rows) for sign in (1, -1))
    return (up - down) / (2 * step.sum())


def _likelihood(point: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the log chance of each interval; rows hold left, right and the column."""
    scale, shape = np.exp(point[0] * rows[:, 2] + point[1]), np.exp(point[2])
    still = np.exp(-((rows[:, :2] / scale[:, None]) ** shape))  # free at left, free at right
    return np.log(np.clip(still[:, 0] - still[:, 1], 1e-300, None))
