"""Profile: a hazard ratio with its interval and its p value, all from one procedure.

The likelihood of the grouped-time model is profiled over the ratio, and divided by how much more
the scores of people scatter than the model says, because knees of a person are alike. A ratio is
inside the interval if and only if it is not rejected, so interval and p value cannot contradict
each other; neither needs the estimate to be normal, which matters where a group has few events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from kneephen_utils.stats import discrete_time_hazard, separation

LEVEL = 0.95
VAST = 1e4  # an interval that reaches so far says that the model has no solution
FEW = 3.0  # a contrast that rests on fewer people than this is not estimated
MANY = 20.0  # from so many people on, knees of a person may also scatter less than the model says
CERTAIN = 10.0  # log hazards so far from the mean are looked into: they may be without end
PROCEDURE = "profile likelihood, scaled for knees that share a person"
NONE = dict.fromkeys(["estimate", "low", "high", "p"], float("nan"))


class Data(NamedTuple):
    """Rows of a model with one column tested: n rows, q columns beside it, weights of the rows."""

    outcome: np.ndarray
    tested: np.ndarray
    known: np.ndarray
    offset: np.ndarray
    weight: np.ndarray
    person: np.ndarray


class Solved(NamedTuple):
    """Coefficients, log-likelihood, and the score residual and information of each row."""

    coefficients: np.ndarray
    likelihood: float
    residual: np.ndarray
    information: np.ndarray


def ratio(
    rows: pd.DataFrame,
    tested: str = "mark",
    beside: Sequence[str] = (),
    *,
    weights: np.ndarray | None = None,
    strata: str = "",
) -> dict[str, Any]:
    """Return a hazard ratio of the grouped-time model with its interval and p value.

    Call it as `profile.ratio(hazard.periods(events), "mark", ["age", "bmi"])`; it never raises for
    data that are too thin, and says why there is no number instead.

    Parameters
    ----------
    rows
        From `discrete_time_hazard.periods`, with numeric `tested` and `beside` without missing
        values.
    tested
        Column whose hazard ratio per unit is wanted.
    beside
        Columns held equal. They may repeat each other.
    weights
        One per row, such as the inverse chance of having been read; none if missing.
    strata
        Column whose values have hazards of their own over the periods; empty for one hazard.

    Returns
    -------
    `estimate`, `low`, `high` (95 %), `p`, `unit`, and `procedure`, which made them. Where nothing
    can be estimated these are missing and `sentence` says why: the columns leave nothing to
    compare, they tell the outcome for certain (separation), or the comparison rests on too few
    people.

    References
    ----------
    Prentice & Gloeckler (1978), doi:10.2307/2529588; Chandler & Bate (2007), likelihood adjusted
    for clusters, doi:10.1093/biomet/asm015; Bell & McCaffrey (2002), errors of few clusters.
    """
    blank = {**NONE, "unit": "ratio", "procedure": PROCEDURE}
    data = _data(rows, tested, list(beside), weights, strata)
    if why := _nothing(data, beside):
        return {**blank, "sentence": why}
    whole = _solve(data, beside_only=False)
    if _runs_away(data, whole):
        left = separation.undecided(np.column_stack([data.tested, data.known]), data.outcome)
        data = _basis(Data(*(each[left] for each in data)))
        if _nothing(data, beside):
            return {**blank, "sentence": _separated(rows, tested, beside)}
        whole = _solve(data, beside_only=False)
    scale, people, error = _scatter(data, whole)
    if people < FEW:
        return {**blank, "sentence": f"Not estimable: {_given(beside)}it rests on too few people."}
    found = _profiled(data, whole, scale, error)
    if not np.isfinite([found["low"], found["high"]]).all():
        return {**blank, "sentence": "Not estimable: the data leave the ratio without a bound."}
    return {**blank, **found}


def _profiled(data: Data, whole: Solved, scale: float, error: float) -> dict[str, float]:
    """Return the ratio, its interval and the p value of one, from the scaled likelihood ratio."""
    degrees = max(len(np.unique(data.person)) - data.known.shape[1] - 1, 1)
    bound = float(stats.f.ppf(LEVEL, 1, degrees))
    start = whole.coefficients[1:]

    def excess(log: float) -> float:
        fitted = _solve(data, beside_only=True, log=log, start=start)
        return 2 * (whole.likelihood - fitted.likelihood) / scale - bound

    log = float(whole.coefficients[0])
    p = float(stats.f.sf(max(excess(0.0) + bound, 0.0), 1, degrees))
    low, high = (_end(excess, log, sign * error) for sign in (-1, 1))
    estimate, low, high = np.exp([log, low, high])
    return {"estimate": float(estimate), "low": float(low), "high": float(high), "p": p}


def _end(excess: Callable[[float], float], log: float, step: float) -> float:
    """Return where `excess` crosses zero on the side of `step`; missing if it never does."""
    near, far = log, log + 2 * step
    while excess(far) < 0:
        if abs(far) >= np.log(VAST):
            return float("nan")
        near, far = far, float(np.clip(far + (far - log), -np.log(VAST), np.log(VAST)))
    return float(optimize.brentq(excess, near, far, xtol=1e-7))


def _scatter(data: Data, whole: Solved) -> tuple[float, float, float]:
    """Return how people scatter beside the model, on how many the contrast rests, and its error.

    Each person's part of the effective score is squared and divided by one minus the person's
    share of the information, which it pulled the fit towards itself by.
    """
    root = np.sqrt(whole.information)
    base = np.linalg.qr(data.known * root[:, None])[0]
    left = root * data.tested
    left -= base @ (base.T @ left)
    scores = np.bincount(data.person, left / np.where(root > 0, root, 1.0) * whole.residual)
    shares = np.bincount(data.person, left**2) / (left @ left)
    people = 1.0 / float((shares**2).sum())
    scale = float((scores**2 / np.clip(1 - shares, 0.05, None)).sum() / (left @ left))
    scale = scale if people >= MANY else max(scale, 1.0)
    return scale, people, float(np.sqrt(scale / (left @ left)))


def _solve(
    data: Data, *, beside_only: bool, log: float = 0.0, start: np.ndarray | None = None
) -> Solved:
    """Fit by Fisher scoring with halved steps; the tested column enters as `log` times itself."""
    columns = [data.known] if beside_only else [data.tested[:, None], data.known]
    design = np.column_stack(columns)
    offset = data.offset + log * data.tested if beside_only else data.offset
    at = np.zeros(design.shape[1]) if start is None else start.copy()
    value, residual, information = _likelihood(data, design @ at + offset)
    for _ in range(60):
        score = design.T @ residual
        bread = (design * information[:, None]).T @ design
        step = np.linalg.lstsq(bread, score, rcond=1e-12)[0]
        step *= min(1.0, 5.0 / max(np.abs(design @ step).max(initial=0.0), 1e-300))
        if step @ score < 1e-12:
            break
        for _ in range(30):
            trial = _likelihood(data, design @ (at + step) + offset)
            if trial[0] >= value:
                break
            step = step / 2
        at, (value, residual, information) = at + step, trial
    return Solved(at, value, residual, information)


def _runs_away(data: Data, whole: Solved) -> bool:
    """Say whether some rows are fitted as if their outcome were certain, as separation does."""
    apart = np.column_stack([data.tested, data.known]) @ whole.coefficients
    return bool(np.abs(apart).max(initial=0.0) > CERTAIN)


def _likelihood(data: Data, eta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the log-likelihood, and its derivative by `eta` and expected information per row."""
    chance = np.exp(np.clip(eta, -700.0, 6.0))  # expected events
    seen = data.outcome > 0
    pull = chance / np.maximum(np.expm1(chance), 1e-300)
    with np.errstate(divide="ignore"):
        logs = np.where(seen, np.log(-np.expm1(-chance)), -chance)
    residual = np.where(seen, pull, -chance)
    return float(data.weight @ logs), data.weight * residual, data.weight * chance * pull


def _data(
    rows: pd.DataFrame,
    tested: str,
    beside: list[str],
    weights: np.ndarray | None,
    strata: str,
) -> Data:
    known = (
        discrete_time_hazard.baseline(rows, strata).join(rows[beside].astype(float)).to_numpy(float)
    )
    offset = np.log(rows["width"].to_numpy(float))
    rate = rows["progressed"].sum() / max(rows["width"].sum(), 1e-300)
    weight = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=float)
    return _basis(
        Data(
            rows["progressed"].to_numpy(float),
            rows[tested].to_numpy(float),
            known,
            offset + np.log(max(rate, 1e-12)),
            weight,
            pd.factorize(rows["participant_id"])[0],
        )
    )


def _basis(data: Data) -> Data:
    """Return the data with an orthonormal basis of the columns beside the tested one."""
    person = pd.factorize(data.person)[0]
    if not len(data.known):
        return data._replace(person=person)
    left, size, _ = np.linalg.svd(data.known, full_matrices=False)
    held = size > 1e-9 * size.max(initial=1e-300)
    return data._replace(known=left[:, held] * np.sqrt(len(left)), person=person)


def _nothing(data: Data, beside: Sequence[str]) -> str:
    """Say that the tested column is told by the others, or that nothing happened."""
    if not len(data.outcome) or data.outcome.min() == data.outcome.max():
        return "Not estimable: no knee had the event, or every one."
    fitted = data.known @ np.linalg.lstsq(data.known, data.tested, rcond=None)[0]
    apart = np.abs(data.tested - fitted).max() > 1e-7 * max(np.abs(data.tested).max(), 1e-300)
    return "" if apart else f"Not estimable: {_given(beside)}nothing is left to compare."


def _separated(rows: pd.DataFrame, tested: str, beside: Sequence[str]) -> str:
    """Name the columns that tell the outcome for certain together."""
    columns = [tested, *beside]
    design = discrete_time_hazard.baseline(rows).join(rows[columns].astype(float))
    along = separation.direction(design.to_numpy(), rows["progressed"].to_numpy(float))
    moved = np.abs(along * np.abs(design.to_numpy()).max(axis=0)) > separation.CERTAIN
    named = [name for name, each in zip(design.columns, moved, strict=True) if each]
    named = [name for name in beside if name in named]
    if not named:
        return "Not estimable: separation: one of the groups had no event, or nothing else."
    return (
        f"Not estimable: separation: the groups with {', '.join(named)} tell for certain which of "
        "the knees that could be compared had the event."
    )


def _given(beside: Sequence[str]) -> str:
    return f"given {', '.join(beside)} " if beside else ""
