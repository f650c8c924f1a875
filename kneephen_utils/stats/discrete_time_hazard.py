"""Discrete-time hazard: progression that is seen only when a film is read.

A knee that has progressed is found so at a visit, not on the day. Between two visits the
chance follows 1 - exp(-exp(eta)), so a binomial model with a complementary log-log link has
the hazard ratio as its coefficient, whatever the hazard does within the interval.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import (
    DomainWarning,
    PerfectSeparationError,
    SpecificationWarning,
)

from kneephen_utils.stats.lmm import Fit


class NoSolutionError(ValueError):
    """The covariates leave nothing to estimate; the message names them."""


def censor(events: pd.DataFrame, *, horizon: float) -> pd.DataFrame:
    """Return the events of one outcome as they were known at `horizon` months.

    Parameters
    ----------
    events
        Rows of the `events` table, one per knee.
    horizon
        Follow-up is cut here; an event first known later counts as not seen.

    Returns
    -------
    The rows with `observed`, `left_months`, `right_months` cut at the horizon, and `months`,
    the time of the visit that showed the event, or the last time known free.
    """
    seen = events["observed"] & (events["right_months"] <= horizon)
    left = events["left_months"].clip(upper=horizon)
    right = events["right_months"].where(seen)
    months = right.where(seen, left)
    return events.assign(left_months=left, right_months=right, observed=seen, months=months)


def by_year(events: pd.DataFrame) -> pd.DataFrame:
    """Return dated events as if looked for once a year; `left_months`, `right_months`, `months`.

    A date says more than a proportional hazards model of tied visits can use; grouping by year
    loses little and lets one model serve every outcome.
    """
    seen = events["observed"]
    right = (np.ceil(events["right_months"] / 12) * 12).clip(lower=12.0).where(seen)
    left = (right - 12).where(seen, np.floor(events["left_months"] / 12) * 12)
    return events.assign(left_months=left, right_months=right, months=right.where(seen, left))


def periods(events: pd.DataFrame) -> pd.DataFrame:
    """Split each knee's follow-up at the visits; one row per knee and interval it was seen over.

    Parameters
    ----------
    events
        From `censor`, with any columns to be carried along.

    Returns
    -------
    The carried columns with `period` (visit at its end, months), `width` (months) and
    `progressed` (0 or 1). A knee read again only after a missed visit has one longer
    interval; its width says so. A knee never read again has no row.
    """
    visits = np.unique(np.r_[events["left_months"], events["right_months"].dropna()])
    visits = visits[visits > 0]
    starts = np.r_[0.0, visits[:-1]]
    free = events["left_months"].to_numpy()[:, None] >= visits[None, :]  # (knees, visits)
    knee, visit = np.nonzero(free)
    stayed = events.iloc[knee].assign(
        period=visits[visit], width=visits[visit] - starts[visit], progressed=0.0
    )
    moved = events[events["observed"]]
    ends = moved["right_months"].to_numpy(float)
    moved = moved.assign(
        period=ends, width=ends - moved["left_months"].to_numpy(float), progressed=1.0
    )
    return pd.concat([stayed, moved[moved["width"] > 0]], ignore_index=True)


def fit(
    rows: pd.DataFrame,
    columns: Sequence[str],
    *,
    weights: np.ndarray | None = None,
    strata: str = "",
) -> Fit:
    """Fit grouped-time proportional hazards with errors clustered by person.

    Parameters
    ----------
    rows
        From `periods`, with numeric `columns`.
    columns
        Covariates; their coefficients are log hazard ratios.
    weights
        One per row, such as the inverse chance of having been read; none if missing.
    strata
        Column whose values have hazards of their own over the periods; empty for one hazard.

    Returns
    -------
    Coefficients of `columns` alone. The degrees of freedom are people minus coefficients.

    Raises
    ------
    NoSolutionError
        If covariates or periods determine each other or the outcome, so that the information
        matrix cannot be inverted.

    References
    ----------
    Prentice & Gloeckler (1978), doi:10.2307/2529588.
    """
    design = baseline(rows, strata).join(rows[list(columns)].astype(float))
    codes = pd.factorize(rows["participant_id"])[0]
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise NoSolutionError(f"{', '.join(columns)}: they determine each other")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DomainWarning)
        warnings.simplefilter("ignore", SpecificationWarning)  # a test shows that weights are right
        model = sm.GLM(
            rows["progressed"].astype(float),
            design,
            family=sm.families.Binomial(link=sm.families.links.CLogLog()),
            offset=np.log(rows["width"].to_numpy(float)),
            var_weights=weights,
        )
        try:
            result = model.fit(cov_type="cluster", cov_kwds={"groups": codes})
        except (np.linalg.LinAlgError, PerfectSeparationError) as error:
            raise NoSolutionError(f"{', '.join(columns)}: {error}") from None
    names = list(columns)
    degrees = np.full(len(names), float(max(codes.max() + 1 - design.shape[1], 1)))
    covariance = result.cov_params().loc[names, names].to_numpy()
    if not (np.diag(covariance) > 0).all():
        raise NoSolutionError(f"{', '.join(columns)}: the variance of an estimate is not positive")
    return Fit(
        names, result.params[names].to_numpy(), covariance, degrees, np.zeros((2, 2)), 0.0, 1.0
    )


def working(rows: pd.DataFrame, design: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the score residual and the weight of each row under the model of `design`.

    A column's score is the sum of the column times the residual, and its information the sum of
    its square times the weight, beside the other columns.
    """
    family = sm.families.Binomial(link=sm.families.links.CLogLog())
    offset = np.log(rows["width"].to_numpy(float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DomainWarning)
        model = sm.GLM(rows["progressed"].astype(float), design, family=family, offset=offset)
        result = model.fit()
    chance = np.clip(np.asarray(result.fittedvalues), 1e-12, 1 - 1e-12)
    slope = -np.log1p(-chance) * (1 - chance)  # derivative of the chance by eta
    spread = chance * (1 - chance)
    return (rows["progressed"].to_numpy(float) - chance) * slope / spread, slope**2 / spread


def baseline(rows: pd.DataFrame, strata: str = "") -> pd.DataFrame:
    """Return one indicator per period, and stratum; a period without an event joins the last."""
    if strata:
        parts = [
            baseline(own).add_prefix(f"{strata}_{value}_") for value, own in rows.groupby(strata)
        ]
        return pd.concat(parts).fillna(0.0).loc[rows.index]
    ends = np.sort(rows["period"].unique())
    happened = rows.groupby("period")["progressed"].sum()
    with_event = [end for end in ends if happened[end] > 0] or [ends[0]]
    place = np.searchsorted(with_event, rows["period"], side="right") - 1
    label = np.clip(place, 0, None)
    names = [f"period_{end:g}" for end in with_event]
    marks = (label[:, None] == np.arange(len(names))[None, :]).astype(float)
    return pd.DataFrame(marks, columns=names, index=rows.index)
