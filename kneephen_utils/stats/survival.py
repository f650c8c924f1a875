"""Survival: the models and curves beside the primary one, each from the library that is right.

Visits tie many events. `lifelines` then gives right coefficients and parametric models, but not
the interval-censored curve or the test of proportional hazards; those come from `greenwood`. Errors
of the Cox model clustered by person are made here: libraries use scores that do not know how
Efron's ties share an event, and tell too small an error where both knees move at one visit.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import greenwood
import lifelines
import numpy as np
import pandas as pd
from lifelines.exceptions import ApproximationWarning, StatisticalWarning
from statsmodels.duration.hazard_regression import PHReg

from kneephen_utils.stats import cluster_resampling
from kneephen_utils.stats.lmm import Fit


def cox(events: pd.DataFrame, columns: Sequence[str], *, clustered: bool) -> Fit:
    """Fit a Cox model at the visit that showed the event; Efron's ties.

    Parameters
    ----------
    events
        From `discrete_time_hazard.censor`, with numeric `columns`.
    columns
        Covariates; their coefficients are log hazard ratios.
    clustered
        Errors clustered by person if true, else knees are taken as independent.

    References
    ----------
    Lin & Wei (1989), doi:10.1080/01621459.1989.10478874.
    """
    at_risk = events[events["months"] > 0]
    months, seen = at_risk["months"].to_numpy(float), at_risk["observed"].to_numpy(int)
    design = at_risk[list(columns)].astype(float)
    result = PHReg(months, design, status=seen, ties="efron").fit()
    codes = pd.factorize(at_risk["participant_id"])[0]
    estimate, covariance = np.asarray(result.params), np.asarray(result.cov_params())
    if clustered:
        parts = _efron_scores(months, seen, design.to_numpy(), estimate)
        people = pd.DataFrame(parts).groupby(codes).sum().to_numpy()
        covariance = covariance @ people.T @ people @ covariance
    names = list(columns)
    degrees = np.full(len(names), float(max(codes.max() + 1 - len(names), 1)))
    return Fit(names, estimate, covariance, degrees, np.zeros((2, 2)), 0.0, 1.0)


def _efron_scores(
    months: np.ndarray, seen: np.ndarray, design: np.ndarray, estimate: np.ndarray
) -> np.ndarray:
    """Return (knees, columns) what each knee adds to the score under Efron's ties.

    Of d knees that moved at one visit the k-th is compared with all at risk, those d counted as
    (d - k) / d, and each of the d bears its share of all d comparisons.
    """
    design = design - design.mean(axis=0)
    risk = np.exp(design @ estimate)
    parts = np.zeros_like(design)
    for month in np.unique(months[seen == 1]):
        here, tied = months >= month, (months == month) & (seen == 1)
        count = int(tied.sum())
        for left in np.arange(count) / count:
            share = np.where(tied, 1 - left, here) * risk
            mean = share @ design / share.sum()
            weight = np.where(tied, 1 - left, here)[:, None]
            parts -= weight * (risk / share.sum())[:, None] * (design - mean)
            parts += (tied / count)[:, None] * (design - mean)
    return parts


def proportional(events: pd.DataFrame, column: str) -> float:
    """Return the p value of proportional hazards for one column (Grambsch & Therneau 1994).

    Missing where events were seen at fewer than two visits: nothing can change between them.
    """
    at_risk = events[events["months"] > 0]
    if at_risk.loc[at_risk["observed"].astype(bool), "months"].nunique() < 2:
        return float("nan")
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
        From `discrete_time_hazard.censor`; the event lies between `left_months` and `right_months`.
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
        From `discrete_time_hazard.censor`; the event counts at the visit that showed it.
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
    drawn = cluster_resampling.bootstrap_people(participants, draws=draws, seed=seed)
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


def incidence(times: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Return the Aalen-Johansen cumulative incidence of the first kind of event.

    Parameters
    ----------
    times
        One row per knee: `participant_id`, `months`, and `kind` 0 censored, 1 the event, 2 a
        competing event.
    draws, seed
        Bootstrap of people for the 95 % interval, so that knees of one person stay together.

    Returns
    -------
    `months`, `estimate`, `low`, `high`, from month 0 on.

    References
    ----------
    Aalen & Johansen (1978), https://www.jstor.org/stable/4615704.
    """
    months, kind = times["months"].to_numpy(float), times["kind"].to_numpy(int)
    steps = np.unique(months[kind > 0])
    weights = person_weights(times["participant_id"], draws=draws, seed=seed)
    at_risk = weights @ (months[:, None] >= steps).astype(float)
    moved = [weights @ ((months[:, None] == steps) & (kind == k)[:, None]) for k in (1, 2)]
    at_risk = np.where(at_risk > 0, at_risk, 1.0)
    stay = np.cumprod(1 - (moved[0] + moved[1]) / at_risk, axis=1)
    before = np.column_stack([np.ones(len(weights)), stay[:, :-1]])
    curve = np.cumsum(before * moved[0] / at_risk, axis=1)
    curve = np.column_stack([np.zeros(len(weights)), curve])
    low, high = np.quantile(curve[1:], [0.025, 0.975], axis=0)
    return pd.DataFrame({"months": np.r_[0.0, steps], "estimate": curve[0]}).assign(
        low=low, high=high
    )


def _slope(point: np.ndarray, step: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the derivative of each knee's Weibull log-likelihood along `step`, by differences."""
    up, down = (_likelihood(point + sign * step, rows) for sign in (1, -1))
    return (up - down) / (2 * step.sum())


def _likelihood(point: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the log chance of each interval; rows hold left, right and the column."""
    scale, shape = np.exp(point[0] * rows[:, 2] + point[1]), np.exp(point[2])
    still = np.exp(-((rows[:, :2] / scale[:, None]) ** shape))  # free at left, free at right
    return np.log(np.clip(still[:, 0] - still[:, 1], 1e-300, None))
