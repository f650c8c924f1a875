"""Sensitivity: the ratio of a phenotype again, without one possible cause of it at a time.

Age, body mass index and sex may have made the groups and the outcome both. A replaced knee is not
one that goes on like the others. And a knee is only in the study because its film was read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import display_names, formatting
from kneephen_utils.firewall import GIVEN_RISKS, Judgement
from kneephen_utils.oai import visit_schedule
from kneephen_utils.progression.outcomes import COPRIMARY, DATED, PRIMARY, baseline_of
from kneephen_utils.stats import discrete_time_hazard, hazard_ratios
from kneephen_utils.stats.effects import Row

RISKS = {"age": "age", "bmi": "BMI", "female": "sex"}
ANYBODY = GIVEN_RISKS.removeprefix(" given ")
MOST = "hazard ratio at most, whatever replaced knees had done"
LEAST = "hazard ratio at least, whatever replaced knees had done"
READ = f"{hazard_ratios.GROUPED}, weighted for who was read"
CLINIC = np.array(
    [
        visit_schedule.CONTACTS[each]
        for each in visit_schedule.CLINIC
        if visit_schedule.CONTACTS[each]
    ]
)
NOTE = (
    "Discover and confirm people together; 95 % intervals. Given: age, body mass index and sex "
    "held equal, which went into these groups. Weighted: knees whose films were read stand for all "
    "that were enrolled. At least and at most: had every replaced knee of one phenotype risen just "
    "then, and none of the other ever. A dash: not estimated, or nothing to change."
)
COLUMNS = {"raw": "raw", "given": f"given {ANYBODY}", "read": "weighted for who was read"}
COLUMNS |= {"least": "at least", "most": "at most"}


def given_risks(pair: pd.DataFrame, outcome: str, judged: Judgement) -> list[Row]:
    """Return the ratio given age, body mass index and sex, if any of them made the groups.

    Parameters
    ----------
    pair
        From `discrete_time_hazard.censor`, with `mark`, `age`, `bmi`, `female` and the baseline
        columns.
    outcome
        Its name; where only a contrast given its baseline may be shown, this one is too.
    judged
        Answer of the firewall; no row where it names no such input.

    Returns
    -------
    One row or none. Knees without one of the columns are left out, a column that does not differ
    between knees says nothing and is left out too; a row without a number says why.
    """
    if not judged.foretold:
        return []
    conditional = judged.answer == "conditional"
    what, columns = baseline_of(outcome) if conditional else ("", [])
    joined = f"{what}, {ANYBODY}" if what else GIVEN_RISKS
    named: Row = {"contrast": f"{hazard_ratios.RATIO}{joined.replace(' and pain,', ', pain,')}"}
    named |= {"model": hazard_ratios.GROUPED, "role": "sensitivity", "unit": "ratio"}
    empty = [RISKS[each] for each in RISKS if pair[each].isna().all()]
    if empty:
        return [{**named, "sentence": f"Not estimable: no knee has a known {' or '.join(empty)}."}]
    known = pair.dropna(subset=[*columns, *RISKS])
    if known.groupby("mark")["observed"].any().sum() < 2:
        return [{**named, "sentence": f"Not estimable: too few knees with {ANYBODY} had events."}]
    differing = [each for each in [*columns, *RISKS] if len(set(known[each])) > 1]
    found = hazard_ratios.main(known, differing)
    counts = {"knees": len(known), "participants": known["participant_id"].nunique()}
    return [{**found, **named, **counts, "events": int(known["observed"].sum())}]


def bounds(pair: pd.DataFrame, events: pd.DataFrame, *, horizon: float) -> list[Row]:
    """Return the least and the largest ratio of a rise, whatever replaced knees had done.

    To censor a knee at its replacement is to say that it would have gone on like the others, and
    nobody has seen that. For the largest ratio every replaced knee of the marked phenotype is
    taken to have risen by the next visit, and none of the other phenotype ever to rise; for the
    least ratio it is the other way round. Whatever truly happened lies between.

    Parameters
    ----------
    pair
        Knees of two phenotypes with `mark`, also those never read again.
    events
        The `events` table.
    horizon
        Follow-up is cut here, months.

    References
    ----------
    Manski (1990), bounds without assumptions on who is not seen,
    https://www.jstor.org/stable/2006592.
    """
    rises, replaced = (events[events["outcome"] == each] for each in (PRIMARY, DATED))
    named: Row = {"model": hazard_ratios.GROUPED, "role": "sensitivity", "unit": "ratio"}
    rows: list[Row] = [{**named, "contrast": each} for each in (LEAST, MOST)]
    if replaced.empty:
        why = "Not estimable: the release does not say whose knees were replaced."
        return [{**row, "sentence": why} for row in rows]
    own = pair.merge(rises.drop(columns="participant_id"), on="knee_id", validate="one_to_one")
    day = own["knee_id"].map(replaced.set_index("knee_id")["right_months"])
    cut_short = day.le(horizon) & ~(own["observed"] & own["right_months"].le(horizon))
    if not cut_short.any():
        why = "Not needed: no knee of the two phenotypes was replaced before it rose."
        return [{**row, "sentence": why} for row in rows]
    made = []
    for row, risen in zip(rows, (own["mark"] == 0, own["mark"] == 1), strict=True):
        taken = _taken(own, day, cut_short & risen, cut_short & ~risen)
        seen = discrete_time_hazard.censor(taken, horizon=horizon)[lambda d: d["months"] > 0]
        found = hazard_ratios.main(seen, [])
        counts = {"knees": len(seen), "participants": seen["participant_id"].nunique()}
        made.append({**found, **row, **counts, "events": int(seen["observed"].sum())})
    return made


def _taken(own: pd.DataFrame, day: pd.Series, risen: pd.Series, never: pd.Series) -> pd.DataFrame:
    """Return events with some knees taken as risen at the visit after `day`, and some as free."""
    left = own["left_months"].to_numpy(float)
    after = np.fmax(day.to_numpy(float), left + 0.01)
    place = np.searchsorted(CLINIC, np.nan_to_num(after)).clip(max=len(CLINIC) - 1)
    right = own["right_months"].astype("float64").where(~risen, CLINIC[place]).where(~never)
    observed = own["observed"].astype(bool).where(~risen, other=True).where(~never, other=False)
    free = own["left_months"].where(~never, float(CLINIC[-1]))
    return own.assign(left_months=free, right_months=right, observed=observed.astype(bool))


def wide(effects: pd.DataFrame, *, arm: str, sample: str) -> pd.DataFrame:
    """Return the co-primary ratios for reading: one row per pair and outcome, one column per way.

    Columns `kl_grade`, `compared`, `outcome` and those of `COLUMNS`; columns without any number
    are left out.
    """
    own = effects[(effects["arm"] == arm) & (effects["sample"] == sample)]
    own = own[own["outcome"].isin(COPRIMARY) & own["estimate"].notna()]
    way = [_way(row) for row in own[["model", "contrast"]].to_dict("records")]
    own = own.assign(way=way)[lambda d: d["way"] != ""]
    own["told"] = [formatting.spread(r.estimate, r.low, r.high) for r in own.itertuples()]
    key = ["kl_grade", "phenotype", "reference", "outcome"]
    table = own.pivot_table(index=key, columns="way", values="told", aggfunc="first")
    table = table.reindex(columns=[each for each in COLUMNS if each in table]).reset_index()
    order = table["outcome"].map({each: place for place, each in enumerate(COPRIMARY)})
    table = table.assign(order=order).sort_values(["kl_grade", "phenotype", "order"])
    pairs = zip(table["phenotype"], table["reference"], strict=True)
    names = [
        f"{display_names.phenotype_label(a)} against {display_names.phenotype_label(b)}"
        for a, b in pairs
    ]
    table.insert(1, "compared", names)
    return table.drop(columns=["phenotype", "reference", "order"]).rename(columns=COLUMNS)


def _way(row: dict[Any, Any]) -> str:
    if row["model"] == READ:
        return "read" if row["contrast"] == hazard_ratios.RATIO else ""
    ways = {hazard_ratios.RATIO: "raw", f"{hazard_ratios.RATIO}{GIVEN_RISKS}": "given"}
    ways |= {LEAST: "least", MOST: "most"}
    return ways.get(row["contrast"], "") if row["model"] == hazard_ratios.GROUPED else ""
