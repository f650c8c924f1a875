"""Survival curves: curves of progression over the visits, for one group of knees at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils.stats import lmm_contrasts, survival

COLUMNS = ["outcome", "curve", "months", "estimate", "low", "high", "knees"]
CENSORED, REPLACED, DIED = 0, 1, 2


def free_of(
    seen: pd.DataFrame, outcome: str, *, times: np.ndarray, draws: int, seed: int
) -> list[pd.DataFrame]:
    """Return the Kaplan-Meier and the Turnbull curve of one outcome; flat if it never happened.

    Parameters
    ----------
    seen
        From `discrete_time_hazard.censor`, the knees of one group.
    outcome
        Its name.
    times
        Months at which the Kaplan-Meier curve is given.
    draws, seed
        Bootstrap of people for the interval of the Kaplan-Meier curve.
    """
    if seen.empty:
        return []
    at_risk = (seen["months"].to_numpy()[:, None] >= times).sum(axis=0)
    if not seen["observed"].any():
        flat = pd.DataFrame({"months": times, "estimate": 1.0, "low": np.nan, "high": np.nan})
        return [flat.assign(knees=at_risk, outcome=outcome, curve="kaplan_meier")[COLUMNS]]
    weights = survival.person_weights(seen["participant_id"], draws=draws, seed=seed)
    drawn = survival.free(seen, times, weights)
    low, high = np.quantile(drawn[1:], [0.025, 0.975], axis=0)
    meier = pd.DataFrame({"months": times, "estimate": drawn[0], "low": low, "high": high})
    turnbull = survival.turnbull(seen)
    parts = {"kaplan_meier": meier.assign(knees=at_risk)}
    known = (seen["left_months"].to_numpy()[:, None] >= turnbull["months"].to_numpy()).sum(axis=0)
    parts["turnbull"] = turnbull.assign(low=np.nan, high=np.nan, knees=known)
    return [part.assign(outcome=outcome, curve=name)[COLUMNS] for name, part in parts.items()]


def free_of_read(some: pd.DataFrame, visits: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the share of knees that have not risen among whoever was read at a visit.

    This is how progression is often counted; after the horizon whoever was read is a sub-study.
    """
    rows = visits[visits["kl_grade"].notna() & visits["kl_grade_start"].notna()]
    rows = rows[rows["knee_id"].isin(some["knee_id"])]
    rows = rows.assign(measure=(rows["kl_grade"] - rows["kl_grade_start"] < 1).astype(float))
    shares = lmm_contrasts.means(rows)
    shares[["low", "high"]] = shares[["low", "high"]].clip(0, 1)
    return [shares.assign(outcome="kl_rise_1", curve="naive")[COLUMNS]]


def first_of(events: pd.DataFrame) -> pd.DataFrame:
    """Return what ended each knee's follow-up: `knee_id`, `participant_id`, `months`, `kind`.

    `kind` is `REPLACED`, `DIED` (before a replacement) or `CENSORED`; follow-up is not cut.
    """
    replaced = events[events["outcome"] == "replacement"].set_index("knee_id")
    died = events[events["outcome"] == "death"].set_index("knee_id")
    death = died["right_months"].reindex(replaced.index).fillna(np.inf)
    event = replaced["right_months"].fillna(np.inf)
    months = np.minimum(
        np.minimum(event, death),
        replaced["left_months"].where(~replaced["observed"] & np.isinf(death), np.inf),
    )
    kind = np.select([event <= death, death < np.inf], [REPLACED, DIED], CENSORED)
    kind = np.where(np.isinf(event) & np.isinf(death), CENSORED, kind)
    ends = pd.DataFrame({"knee_id": replaced.index, "months": months.to_numpy(), "kind": kind})
    ends.insert(1, "participant_id", replaced["participant_id"].to_numpy())
    return ends[ends["months"] > 0].reset_index(drop=True)


def replaced(ends: pd.DataFrame, *, draws: int, seed: int) -> list[pd.DataFrame]:
    """Return the cumulative incidence of replacement, death competing; zero if none happened.

    Its interval comes from a bootstrap of people; `draws` and `seed` are of that.
    """
    if ends.empty:
        return []
    times = np.arange(0.0, np.floor(ends["months"].max() / 12) * 12 + 1, 12.0)
    if (ends["kind"] == REPLACED).any():
        curve = survival.incidence(ends, draws=draws, seed=seed)
    else:
        curve = pd.DataFrame({"months": [0.0], "estimate": 0.0, "low": np.nan, "high": np.nan})
    place = np.searchsorted(curve["months"], times, side="right") - 1
    at_risk = (ends["months"].to_numpy()[:, None] >= times).sum(axis=0)
    yearly = curve.iloc[place].assign(months=times, knees=at_risk)
    return [yearly.assign(outcome="replacement", curve="cumulative_incidence")[COLUMNS]]


def changes(some: pd.DataFrame, visits: pd.DataFrame, *, horizon: float) -> list[pd.DataFrame]:
    """Return the mean change of grade at each visit, twice.

    `naive` averages whoever was read at a visit, to the end of the study, as is often drawn;
    `read_throughout` the same knees at every visit up to the horizon.
    """
    rows = visits[visits["kl_grade"].notna() & visits["kl_grade_start"].notna()]
    rows = rows[rows["knee_id"].isin(some["knee_id"])]
    rows = rows.assign(measure=(rows["kl_grade"] - rows["kl_grade_start"]).astype(float))
    within = rows[rows["months"] <= horizon]
    complete = within.groupby("knee_id")["months"].nunique() == within["months"].nunique()
    throughout = within[within["knee_id"].isin(complete.index[complete])]
    parts = {"naive": rows, "read_throughout": throughout}
    return [
        lmm_contrasts.means(part).assign(outcome="kl_change", curve=name)[COLUMNS]
        for name, part in parts.items()
        if len(part)
    ]
