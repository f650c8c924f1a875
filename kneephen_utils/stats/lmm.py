"""LMM: linear mixed models of a measure that knees repeat over the visits.

Every person has an own level and an own slope, and every knee of a person an own level.
`mixedlm` estimates the model as lme4 does; statsmodels and estimating equations check it.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mixedlm
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning

INTERCEPT = "(Intercept)"
GEE = "estimating equations"
AGREED = ["coefficient", "estimate", "standard_error", "second_optimiser", "maximum_likelihood"]
AGREED += ["statsmodels", "error_ratio", "note"]
FIRST, SECOND = "auto", "Nelder-Mead"


class MixedModelError(RuntimeError):
    """A mixed model has no trustworthy solution; the message says what is wrong."""


@dataclass(frozen=True)
class Fit:
    """A fitted model: coefficients by name and the variances they rest on.

    `person` is the 2 x 2 covariance of a person's level and yearly slope, `knee` and
    `residual` are variances; the unit is that of the measure, squared.
    """

    names: list[str]
    estimate: np.ndarray
    covariance: np.ndarray
    degrees: np.ndarray
    person: np.ndarray
    knee: float
    residual: float

    def contrast(self, weights: Mapping[str, float]) -> tuple[float, float, float, float]:
        """Return estimate, 95 % interval and Wald p of a weighted sum of coefficients.

        The degrees of freedom are the smallest Satterthwaite ones among the coefficients
        involved, which is on the careful side. All are missing where the variance is not positive.
        """
        vector = np.array([weights.get(name, 0.0) for name in self.names])
        estimate = float(vector @ self.estimate)
        variance = float(vector @ self.covariance @ vector)
        if not (np.isfinite(estimate) and variance > 0):  # the data do not hold the answer
            return float("nan"), float("nan"), float("nan"), float("nan")
        error = float(np.sqrt(variance))
        degrees = float(self.degrees[vector != 0].min())
        reach = float(stats.t.ppf(0.975, degrees)) * error
        p = float(2 * stats.t.sf(abs(estimate) / error, degrees))
        return estimate, estimate - reach, estimate + reach, p


def formula(rows: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return the model in lme4 notation; a random term the rows cannot carry is left out.

    A person's slope needs three visit times, and a knee's level needs a person with two knees.
    """
    slope = "1 + years" if rows["years"].nunique() > 2 else "1"
    terms = [*columns, f"({slope} | participant_id)"]
    if rows["knee_id"].nunique() > rows["participant_id"].nunique():
        terms.append("(1 | knee_id)")
    return "measure ~ " + " + ".join(terms)


def fit(rows: pd.DataFrame, columns: Sequence[str], *, optimizer: str, reml: bool) -> Fit:
    """Fit the mixed model of `measure`.

    Parameters
    ----------
    rows
        One row per knee and visit: `participant_id`, `knee_id`, `years` since baseline,
        `measure` and the fixed effects.
    columns
        Names of the fixed effects beside the intercept.
    optimizer
        Method by which `mixedlm` searches, such as `FIRST` or `SECOND`.
    reml
        Restricted maximum likelihood if true.

    Raises
    ------
    MixedModelError
        If there is nothing to fit (see `refuse_thin`), a column repeats others, the optimiser
        does not converge, a standard error is not a positive number, or a coefficient is exactly
        0.0, which is how a stuck fit looks.

    References
    ----------
    Bates et al. (2015), lme4, doi:10.18637/jss.v067.i01.
    """
    refuse_thin(rows, columns)
    told = io.StringIO()  # what is dropped is an error below, not a line on the page
    control = mixedlm.lmerControl(optimizer=optimizer)
    with warnings.catch_warnings(), contextlib.redirect_stdout(told):
        warnings.simplefilter("ignore", UserWarning)  # a variance of zero is a result, not a fault
        try:
            model = mixedlm.lmer(formula(rows, columns), rows, REML=reml, control=control)
        except Exception as error:  # the library raises of many kinds where nothing can be fitted
            raise MixedModelError(f"no solution was found ({type(error).__name__})") from error
    names = list(model.fixef())
    if lost := sorted(set(columns) - set(names)):
        raise MixedModelError(f"{lost[0]}: the column repeats what the others say")
    estimate = np.array([float(value) for value in model.fixef().values()])
    covariance = np.asarray(model.vcov())
    _refuse_stuck(names, estimate, covariance, converged=bool(model.converged))
    parts = model.VarCorr()
    person = np.zeros((2, 2))
    found = parts.groups["participant_id"].cov
    person[: len(found), : len(found)] = found
    knee = parts.groups["knee_id"].cov[0, 0] if "knee_id" in parts.groups else 0.0
    return Fit(
        names,
        estimate,
        covariance,
        np.clip(np.asarray(mixedlm.satterthwaite_df(model).df), 1, None),
        person,
        float(knee),
        float(model.sigma) ** 2,
    )


def refuse_thin(rows: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse rows in which nothing can be estimated, and say why.

    Raises
    ------
    MixedModelError
        If fewer than two people have every column, the measure is the same everywhere, or years
        are asked about and it was measured at one visit.
    """
    if rows["participant_id"].nunique() < 2:
        raise MixedModelError("fewer than two people have what the model asks for")
    if rows["measure"].nunique() < 2:
        raise MixedModelError("the measure is the same for every knee at every visit")
    if "years" in columns and rows["years"].nunique() < 2:
        raise MixedModelError("it was measured at one visit alone")


def reference(rows: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.Series, pd.Series]:
    """Fit the same model by statsmodels; return coefficients and standard errors by name.

    Raises
    ------
    MixedModelError
        As `fit`; statsmodels can return a between-group effect of exactly 0.0 as converged.
    """
    slope = "1 + years" if rows["years"].nunique() > 2 else "1"
    two_knees = rows["knee_id"].nunique() > rows["participant_id"].nunique()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = sm.MixedLM.from_formula(
            "measure ~ " + " + ".join(columns),
            rows,
            groups="participant_id",
            re_formula=slope,
            vc_formula={"knee": "0 + C(knee_id)"} if two_knees else None,
        ).fit(reml=True, method="lbfgs")
    names = ["Intercept", *columns]
    estimate, error = model.fe_params[names], model.bse_fe[names]
    covariance = np.diag(error.to_numpy() ** 2)
    _refuse_stuck(names, estimate.to_numpy(), covariance, converged=bool(model.converged))
    return estimate.rename({"Intercept": INTERCEPT}), error.rename({"Intercept": INTERCEPT})


def equations(rows: pd.DataFrame, columns: Sequence[str]) -> Fit:
    """Fit the means by generalised estimating equations, exchangeable within a person.

    The sandwich errors do not rest on the random effects being right.

    Raises
    ------
    MixedModelError
        If there is nothing to fit, see `refuse_thin`, or the equations have no solution.

    References
    ----------
    Liang & Zeger (1986), doi:10.1093/biomet/73.1.13.
    """
    refuse_thin(rows, columns)
    design = rows[list(columns)].astype(float)
    design.insert(0, INTERCEPT, 1.0)
    model = sm.GEE(
        rows["measure"].astype(float),
        design,
        groups=rows["participant_id"],
        cov_struct=sm.cov_struct.Exchangeable(),
    )
    try:
        result = model.fit()
    except (ValueError, np.linalg.LinAlgError) as error:
        raise MixedModelError("the equations have no solution") from error
    names = list(design.columns)
    degrees = np.full(len(names), float(max(rows["participant_id"].nunique() - len(names), 1)))
    return Fit(
        names,
        result.params.to_numpy(),
        np.asarray(result.cov_params()),
        degrees,
        np.zeros((2, 2)),
        0.0,
        float(result.scale),
    )


def agreement(
    rows: pd.DataFrame, columns: Sequence[str], *, people: int, seed: int
) -> pd.DataFrame:
    """Fit one model in four ways on the same people and return the numbers side by side.

    Parameters
    ----------
    rows
        As for `fit`.
    columns
        Fixed effects beside the intercept.
    people
        People drawn for the comparison; all of them if there are fewer.
    seed
        Of the draw.

    Returns
    -------
    One row per coefficient: the estimate by `mixedlm`, its difference from a second optimiser,
    from maximum likelihood, from statsmodels, and the ratio of the standard errors. `note`
    says why statsmodels has no result, if so.
    """
    everyone = np.sort(rows["participant_id"].unique())
    drawn = np.random.default_rng([seed]).permutation(everyone)[:people]
    some = rows[rows["participant_id"].isin(drawn)]
    ours = fit(some, columns, optimizer=FIRST, reml=True)
    second = fit(some, columns, optimizer=SECOND, reml=True)
    likelihood = fit(some, columns, optimizer=FIRST, reml=False)
    errors = np.sqrt(np.diag(ours.covariance))
    try:
        estimate, error = reference(some, columns)
        note = ""
    except MixedModelError as stuck:
        estimate = error = pd.Series(np.nan, index=ours.names)
        note = f"statsmodels: {stuck}"
    return pd.DataFrame(
        {
            "coefficient": ours.names,
            "estimate": ours.estimate,
            "standard_error": errors,
            "second_optimiser": second.estimate - ours.estimate,
            "maximum_likelihood": likelihood.estimate - ours.estimate,
            "statsmodels": estimate[ours.names].to_numpy() - ours.estimate,
            "error_ratio": error[ours.names].to_numpy() / errors,
            "note": note,
        }
    )


def _refuse_stuck(
    names: Sequence[str], estimate: np.ndarray, covariance: np.ndarray, *, converged: bool
) -> None:
    if not converged:
        raise MixedModelError("the optimiser did not converge")
    errors = np.sqrt(np.diag(covariance))
    for name, value, error in zip(names, estimate, errors, strict=True):
        if not np.isfinite(error) or error <= 0:
            raise MixedModelError(f"{name}: the standard error is {error}; expected a positive one")
        if value == 0.0:
            raise MixedModelError(f"{name}: the effect is exactly 0.0, so the fit is stuck")
