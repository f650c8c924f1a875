"""LMM contrasts: level and yearly change of a measure, compared between phenotypes of one grade.

Pain and joint-space width are asked the same question: where does a phenotype start beside
the largest one, and does it change faster?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import display_names
from kneephen_utils.stats import cluster_robust, lmm

LARGEST = 0
SLOPE = "slope"
NAMES = ("estimate", "low", "high", "p")
UNBOUNDED: dict[str, Any] = {
    "sentence": "Not estimable: too few people, or too few turns of their signs."
}


def at_visits(
    grouped: pd.DataFrame, visits: pd.DataFrame, column: str, *, horizon: float
) -> pd.DataFrame:
    """Return `column` at each visit of each knee as `measure`, with `months` and `years`.

    Visits after `horizon` months, without a value, or after the knee was replaced are left out.
    `phone` is 1 where the person was asked by telephone, else 0. The other columns are those of
    `grouped`.
    """
    seen = visits[column].notna() & ~visits["replaced"] & (visits["months"] <= horizon)
    rows = visits.loc[seen, ["knee_id", "months", column]].rename(columns={column: "measure"})
    by_phone = visits["contact"].eq("phone") if "contact" in visits else visits["months"].lt(0)
    rows = rows.assign(phone=by_phone[seen].astype(float))
    joined = grouped.merge(rows, on="knee_id", validate="many_to_many")
    return joined.assign(years=joined["months"] / 12)


def mode(rows: pd.DataFrame) -> list[str]:
    """Return the fixed effect that tells telephone from clinic, where rows can carry it.

    People answer a voice otherwise than a form. Without an effect of its own that difference
    would enter the slope, as telephone visits come late. It needs two visit times in the clinic
    and one by telephone.
    """
    if "phone" not in rows:
        return []
    times = rows.groupby("phone")["months"].nunique()
    return ["phone"] if times.get(1.0, 0) > 0 and times.get(0.0, 0) > 1 else []


def contrasts(months: Sequence[float]) -> dict[str, np.ndarray]:
    """Return the planned contrasts as weights (2,) of level at baseline and of yearly slope."""
    levels = {f"level at {month:g} months": np.array([1.0, month / 12]) for month in months}
    return {**levels, SLOPE: np.array([0.0, 1.0])}


def design(
    rows: pd.DataFrame, beside: Sequence[str], phenotypes: Sequence[int]
) -> tuple[pd.DataFrame, list[str]]:
    """Add to `rows` the mark and the marked years of each phenotype; return the columns too."""
    marks = {f"is_{k}": (rows["phenotype"] == k).astype(float) for k in phenotypes}
    slopes = {f"years_{k}": marks[f"is_{k}"] * rows["years"] for k in phenotypes}
    return rows.assign(**marks, **slopes), [*beside, *marks, *slopes]


def compare(
    rows: pd.DataFrame,
    beside: Sequence[str],
    phenotypes: Sequence[int],
    planned: Mapping[str, np.ndarray],
    *,
    robust: bool,
    draws: int,
    seed: int,
) -> dict[tuple[int, str], dict[str, Any]]:
    """Estimate each planned contrast of each phenotype with the largest by a mixed model.

    Parameters
    ----------
    rows
        One row per knee and visit: `participant_id`, `knee_id`, `phenotype`, `years`, `measure`.
    beside
        Fixed effects beside the phenotypes; `years` among them.
    phenotypes
        Phenotypes compared with the largest.
    planned
        From `contrasts`, under any names.
    robust
        For measures that do not scatter alike in the phenotypes, such as those that are given a
        baseline: intervals and p values come from turning the signs of whole people, see
        `cluster_robust.inverted`. Else both are the model's, with Satterthwaite's degrees of
        freedom.
    draws, seed
        Of the signs; without draws intervals and p values are Wald's, clustered by person.

    Returns
    -------
    For each phenotype and contrast `estimate`, `low`, `high` and `p`, or a `sentence` that says
    why there are none.

    Raises
    ------
    mixed.MixedModelError
        If the model has no trustworthy solution.
    """
    marked, columns = design(rows, beside, phenotypes)
    fitted = lmm.fit(marked, columns, optimizer=lmm.FIRST, reml=True)
    kept = cluster_robust.sums(marked, columns, fitted) if robust else None
    found = read(cluster_robust.robust(kept, fitted) if kept else fitted, phenotypes, planned)
    if kept is None or not draws:
        return found
    for phenotype in phenotypes:
        for contrast, (level, slope) in planned.items():
            weights = {f"is_{phenotype}": float(level), f"years_{phenotype}": float(slope)}
            values = cluster_robust.inverted(kept, weights, draws=draws, seed=seed)
            found[phenotype, contrast] = dict(zip(NAMES, values, strict=True))
            if np.isnan(values).any():
                found[phenotype, contrast] = UNBOUNDED
    return found


def resampled(
    rows: pd.DataFrame,
    beside: Sequence[str],
    phenotype: int,
    planned: Mapping[str, np.ndarray],
    *,
    draws: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Return `estimate`, `low` and `high` of each contrast from a bootstrap of people.

    It serves groups of few people, where the model's interval rests on few persons' slopes.
    Arguments are those of `compare`; people are drawn apart with and without the phenotype.

    Raises
    ------
    mixed.MixedModelError
        If the model has no trustworthy solution.
    """
    pair = rows[rows["phenotype"].isin([LARGEST, phenotype])]
    marked, columns = design(pair, beside, [phenotype])
    fitted = lmm.fit(marked, columns, optimizer=lmm.FIRST, reml=True)
    kept = cluster_robust.sums(marked, columns, fitted)
    mark = marked.groupby("participant_id")[f"is_{phenotype}"].max()[kept.people].to_numpy()
    names = (f"is_{phenotype}", f"years_{phenotype}")
    weights = [dict(zip(names, each, strict=True)) for each in planned.values()]
    found = cluster_robust.intervals(kept, weights, strata=mark, draws=draws, seed=seed)
    return {
        contrast: dict(zip(("estimate", "low", "high"), values, strict=True))
        for contrast, values in zip(planned, found, strict=True)
    }


def read(
    fitted: lmm.Fit, phenotypes: Sequence[int], planned: Mapping[str, np.ndarray]
) -> dict[tuple[int, str], dict[str, Any]]:
    """Read the planned contrasts from a fitted model, with Wald p values."""
    found = {}
    for phenotype in phenotypes:
        for contrast, (level, slope) in planned.items():
            weights = {f"is_{phenotype}": float(level), f"years_{phenotype}": float(slope)}
            values = fitted.contrast(weights)
            found[phenotype, contrast] = dict(zip(NAMES, values, strict=True))
    return found


def agreement(rows: pd.DataFrame, *, people: int, seed: int) -> pd.DataFrame:
    """Fit the model of the largest grade with phenotypes in several ways, see `lmm.agreement`.

    Without any phenotype the course of the largest grade is compared. Where nothing can be
    estimated there are no rows.

    Parameters
    ----------
    rows
        From `at_visits`, of one arm.
    people, seed
        People drawn for the comparison.
    """
    named = rows[rows["phenotype"] >= LARGEST]
    apart = named.groupby("kl_grade")["phenotype"].transform("nunique") > 1
    some = named[apart] if apart.any() else rows
    if some.empty:
        return pd.DataFrame(columns=lmm.AGREED)
    some = some[some["kl_grade"] == some["kl_grade"].mode().iloc[0]]
    others = [k for k, n in some["phenotype"].value_counts().items() if k > LARGEST and n > 30]
    groups = sorted(others) if apart.any() else []
    marked, columns = design(some, ["years", *mode(some)], groups)
    try:
        fitted = lmm.agreement(marked, columns, people=people, seed=seed)
    except lmm.MixedModelError:
        return pd.DataFrame(columns=lmm.AGREED)
    words = {
        lmm.INTERCEPT: "mean at baseline",
        "years": "slope per year",
        "phone": "by telephone",
    }
    words |= {f"is_{k}": f"{display_names.phenotype_label(k)}: level at baseline" for k in groups}
    words |= {f"years_{k}": f"{display_names.phenotype_label(k)}: slope per year" for k in groups}
    return fitted.assign(coefficient=fitted["coefficient"].map(words))


def apart(compared: pd.DataFrame) -> float:
    """Return the largest difference of `agreement`, in standard errors, between two programs.

    Missing without rows.
    """
    if compared.empty:
        return float("nan")
    gaps = compared[["second_optimiser", "statsmodels"]].abs().max(axis=1)
    return float((gaps / compared["standard_error"]).max())


def marginal(rows: pd.DataFrame, months: Sequence[float]) -> pd.DataFrame:
    """Return the fitted mean of each phenotype at each of `months`, with its 95 % interval.

    Where telephone visits are in the rows, the means are those of people asked in the clinic.

    Raises
    ------
    mixed.MixedModelError
        If the model has no trustworthy solution.
    """
    others = sorted({int(k) for k in rows["phenotype"]} - {LARGEST})
    marked, columns = design(rows, ["years", *mode(rows)], others)
    fitted = lmm.fit(marked, columns, optimizer=lmm.FIRST, reml=True)
    lines: list[dict[str, Any]] = []
    for phenotype in [LARGEST, *others]:
        knees = rows.loc[rows["phenotype"] == phenotype, "knee_id"].nunique()
        for month in months:
            weights = {lmm.INTERCEPT: 1.0, "years": month / 12}
            if phenotype != LARGEST:
                weights |= {f"is_{phenotype}": 1.0, f"years_{phenotype}": month / 12}
            estimate, low, high, _ = fitted.contrast(weights)
            line = {"phenotype": phenotype, "months": float(month), "estimate": estimate}
            lines.append({**line, "low": low, "high": high, "knees": knees})
    return pd.DataFrame(lines)


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the raw mean of `measure` at each of `months`, its interval clustered by person."""
    lines: list[dict[str, float]] = []
    for month, seen in rows.groupby("months"):
        estimate = float(seen["measure"].mean())
        apart = (seen["measure"] - estimate).groupby(seen["participant_id"]).sum()
        people = len(apart)
        scale = people / (people - 1) if people > 1 else np.nan
        reach = 1.96 * float(np.sqrt(scale * (apart**2).sum())) / len(seen)
        line = {"months": float(month), "estimate": estimate, "low": estimate - reach}
        lines.append({**line, "high": estimate + reach, "knees": seen["knee_id"].nunique()})
    return pd.DataFrame(lines, columns=["months", "estimate", "low", "high", "knees"])
