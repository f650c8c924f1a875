"""Figures: what was told of each published phenotype, recomputed, and put right.

As told: the share of knees whose grade had risen at V08, among whoever was read, and mean pain
of the knee the grade was attached to. Put right: the Kaplan-Meier estimate of a rise to 48 months,
when every grade was still read, which knows how long each knee was followed; people, not knees, are
the units; pain, and a phenotype that is a cut of it, belong to their knee.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import formatting
from kneephen_utils.oai import visit_schedule
from kneephen_utils.stats import discrete_time_hazard, hazard_ratios, profile, survival
from studies.kneeoa_vlm_audit import Tables, audit

HORIZON = 48.0  # months; later only a sub-study was read
TOLD_AT = "V08"  # told as year 8
AT_RISK = (1, 2, 3)  # grades within which progression was compared
FEWEST = 5  # events in two phenotypes together below which no ratio is told
NOTE = (
    "As told: knees read at V08, which is 72 months and was called year 8. Put right: Kaplan-Meier "
    "estimate at 48 months of knees read again; those lost on the way count until then; 95 % "
    "intervals from resampling people; pain at baseline, points of 0 to 20. Knees: as told, and "
    "with a phenotype put right."
)
CONTRASTS_NOTE = (
    "Grouped-time proportional hazards with the grade as covariate; 95 % intervals and p values "
    f"from the same procedure: {profile.PROCEDURE}."
)


def rises(tables: Tables) -> pd.DataFrame:
    """Return when the grade of each knee was first seen to have risen, as `events` tables do.

    Returns
    -------
    One row per knee that was read again: `participant_id`, `knee_id`, `phenotype`, `kl_grade`,
    `observed`, `left_months` (last visit without a rise), `right_months`.
    """
    key = ["participant_id", "side"]
    seen = tables.visits.dropna(subset=["kl_grade"])
    seen = seen.assign(months=visit_schedule.months(seen["visit"]))
    seen = seen[seen["months"] > 0].rename(columns={"kl_grade": "later"})
    seen = seen.merge(tables.knees.dropna(subset=["kl_grade"]), on=key)
    seen = seen[seen["kl_grade"] < 4].sort_values("months")
    rows = []
    for (person, side), own in seen.groupby(key):
        risen = (own["later"] > own["kl_grade"]).to_numpy()
        at = int(risen.argmax()) if risen.any() else len(own)
        months = own["months"].to_numpy()
        rows.append(
            {
                "participant_id": person,
                "knee_id": f"{person}-{side}",
                "phenotype": own["phenotype"].iloc[0],
                "kl_grade": own["kl_grade"].iloc[0],
                "observed": bool(risen.any()),
                "left_months": float(months[at - 1]) if at else 0.0,
                "right_months": float(months[at]) if risen.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)


def compare(tables: Tables, *, draws: int, seed: int) -> pd.DataFrame:
    """Return the figures of each phenotype, as told and put right, as a table for reading."""
    right = audit.corrected(tables)
    events = discrete_time_hazard.censor(rises(right), horizon=HORIZON)
    events = events[events["months"] > 0]
    rows = []
    sizes = right.knees["phenotype"].value_counts()
    for phenotype, own in tables.knees.groupby("phenotype"):
        risen = events[events["phenotype"] == phenotype].reset_index(drop=True)
        rows.append(
            {
                "phenotype": phenotype,
                "knees": len(own),
                "knees, put right": int(sizes.get(phenotype, 0)),
                "risen by V08, as told": _told(tables, str(phenotype)),
                "risen by 48 months": _share(risen, draws=draws, seed=seed),
                "pain, as told": formatting.number(_pain(tables, str(phenotype)), 1),
                "pain of the same knee": formatting.number(_pain(right, str(phenotype)), 1),
            }
        )
    return pd.DataFrame(rows)


def contrasts(tables: Tables) -> pd.DataFrame:
    """Return the hazard ratio of each phenotype against the largest, put right, for reading.

    Grouped-time proportional hazards of a rise within 48 months in KL1 to KL3, with the grade
    as a covariate, interval and p value from `profile.ratio`.

    References
    ----------
    Prentice & Gloeckler (1978), doi:10.2307/2529588.
    """
    events = discrete_time_hazard.censor(rises(audit.corrected(tables)), horizon=HORIZON)
    events = events[(events["months"] > 0) & events["kl_grade"].isin(AT_RISK)]
    sizes = events["phenotype"].value_counts()
    columns = ["contrast", "hazard ratio", "p", "knees", "people", "events"]
    rows = []
    for phenotype in sizes.index[1:]:
        pair = events[events["phenotype"].isin([sizes.index[0], phenotype])]
        pair = pair.assign(mark=(pair["phenotype"] == phenotype).astype(float))
        rose = pair.groupby("mark")["observed"].sum()
        if rose.min() == 0 or rose.sum() < FEWEST:
            continue
        present = sorted(pair["kl_grade"].unique())[1:]
        pair = pair.assign(
            **{f"kl_{g:.0f}": (pair["kl_grade"] == g).astype(float) for g in present}
        )
        beside = [f"kl_{grade:.0f}" for grade in present]
        found = hazard_ratios.main(pair, beside)
        spread = formatting.spread(found["estimate"], found["low"], found["high"])
        counts = len(pair), pair["participant_id"].nunique(), int(rose.sum())
        name = f"{phenotype} against {sizes.index[0]}"
        rows.append((name, spread, formatting.p_value(found["p"]), *counts))
    return pd.DataFrame(rows, columns=columns)


def _told(tables: Tables, phenotype: str) -> str:
    """Return the share whose grade at V08 is above that at baseline, of those read at V08."""
    key = ["participant_id", "side"]
    own = tables.knees.loc[tables.knees["phenotype"] == phenotype, [*key, "kl_grade"]]
    late = tables.visits.loc[tables.visits["visit"] == TOLD_AT, [*key, "kl_grade"]].dropna()
    both = own.merge(late, on=key, suffixes=("", "_late"))
    if both.empty:
        return formatting.MISSING
    risen = int((both["kl_grade_late"] > both["kl_grade"]).sum())
    return f"{100 * risen / len(both):.1f} % ({risen:,} of {len(both):,} read)"


def _share(risen: pd.DataFrame, *, draws: int, seed: int) -> str:
    if risen.empty:
        return formatting.MISSING
    weights = survival.person_weights(risen["participant_id"], draws=draws, seed=seed)
    gone = 100 * (1 - survival.free(risen, np.array([HORIZON]), weights)[:, 0])
    share, (low, high) = gone[0], np.quantile(gone[1:], [0.025, 0.975])
    return f"{formatting.spread(share, low, high, 1)} %"


def _pain(tables: Tables, phenotype: str) -> float:
    key = ["participant_id", "side"]
    own = tables.knees.loc[tables.knees["phenotype"] == phenotype, key]
    base = tables.visits.loc[tables.visits["visit"] == "V00", [*key, "womac_pain"]]
    return float(own.merge(base, on=key)["womac_pain"].mean())
