"""Progression: which phenotypes of one grade move on, and how fast.

Films are read at visits, so an event lies between two of them; readings stop by design for
most knees; knees are replaced and people die. The models here know it, or show what hangs on it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import firewall, tables
from kneephen_utils.progression import selection, sensitivity, survival_curves
from kneephen_utils.progression.outcomes import (
    COMPOSITE,
    COPRIMARY,
    DATED,
    HIGHEST,
    OUTCOMES,
    PRIMARY,
    Least,
    baseline_of,
    known_at,
)
from kneephen_utils.progression.width import narrow
from kneephen_utils.stats import discrete_time_hazard, effects, hazard_ratios, two_part_model
from kneephen_utils.stats.effects import Cell, Row

__all__ = ["COMPOSITE", "HIGHEST", "OUTCOMES", "PRIMARY", "RATIO", "Least", "compare", "curves"]
__all__ += ["design", "known_at", "naive", "narrow"]

RATIO = hazard_ratios.RATIO
STAYING = ["age", "bmi", "female", "baseline"]  # on these, being read again may depend


def compare(
    grouped: pd.DataFrame,
    events: pd.DataFrame,
    *,
    horizon: float,
    least: Least,
    draws: int,
    seed: int,
) -> list[Row]:
    """Compare the progression of each phenotype with that of the largest in its grade.

    Parameters
    ----------
    grouped
        From `effects.group`.
    events
        `events` table.
    horizon
        Follow-up is cut here, months.
    least
        Knees and events without which nothing is estimated.
    draws, seed
        Permutations, and bootstrap resamples, of whole people.

    Returns
    -------
    Rows for `effects.table`: the hazard ratio of the grouped-time model for every outcome; where
    age, body mass index or sex made the groups, the ratio given them beside it; for those that
    claims rest on, if `grouped` comes from `selection.weigh`, the ratio weighted for who was read;
    for the first also all that `hazard_ratios.checks` puts beside it, and the bounds of
    `sensitivity.bounds`.

    References
    ----------
    Prentice & Gloeckler (1978), doi:10.2307/2529588.
    """
    rows: list[Row] = []
    for cell in effects.cells(grouped):
        for outcome in OUTCOMES:
            judged = firewall.judge(cell.arm, outcome)
            own = known_at(events, outcome, horizon=horizon)
            seen = cell.knees.merge(own, on="knee_id", validate="one_to_one")
            for phenotype in cell.pairs():
                pair = _pair(cell, phenotype, seen)
                base = _base(outcome, pair, phenotype)
                why = _hindered(cell, outcome, pair, phenotype, least)
                why = f"Not run: {judged.sentence}" if judged.answer == "refused" else why
                if why:
                    found: list[Row] = [{"sentence": why}]
                else:
                    found = _main(pair, outcome, judged)
                    found += sensitivity.given_risks(pair, outcome, judged)
                    if outcome in COPRIMARY and selection.COLUMN in pair:
                        found += [selection.weighted(pair)] if judged.answer == "allowed" else []
                    if outcome == PRIMARY and judged.answer == "allowed":
                        found += hazard_ratios.checks(pair, horizon=horizon, draws=draws, seed=seed)
                        found += [hazard_ratios.intervals(pair)] if cell.sample == "both" else []
                        known = _pair(cell, phenotype)
                        found.append(_weighted(known, events, horizon))
                        found += sensitivity.bounds(known, events, horizon=horizon)
                rows += [cell.row(phenotype, judged, **{**base, **each}) for each in found]
    return rows


def naive(grouped: pd.DataFrame, visits: pd.DataFrame, *, least: Least) -> list[Row]:
    """Compare the share of knees risen at the last visit with readings, as if by no design.

    Whoever was read then stands for everyone, and knees for people: the published approach,
    shown beside the others so that its claims can be seen.
    """
    read = visits.dropna(subset=["kl_grade", "kl_grade_start"])
    last = read["months"].max()
    rows: list[Row] = []
    for cell in effects.cells(grouped):
        seen = cell.knees.merge(read.loc[read["months"] == last], on="knee_id", suffixes=("", "_"))
        seen["measure"] = (seen["kl_grade_"] - seen["kl_grade_start"]).astype(float)
        base: Row = {"model": "whoever was read", "role": "naive", "outcome": PRIMARY}
        base |= {"contrast": f"difference in grade at {last:g} months", "unit": "grades"}
        for k in cell.pairs():
            pair = seen[seen["phenotype"].isin([effects.LARGEST, k])]
            why = effects.too_small(seen, k, min_knees=least.knees)
            judged = firewall.judge(cell.arm, PRIMARY)
            why = why if judged.answer == "allowed" else f"Not run: {judged.sentence}"
            found = {"sentence": why} if why else two_part_model.independent(pair, k)
            known = {**base, **effects.counts(seen, k), **found}
            rows.append(cell.row(k, judged, **known))
    return rows


def curves(
    grouped: pd.DataFrame,
    events: pd.DataFrame,
    visits: pd.DataFrame,
    *,
    horizon: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Return the curves of progression: the table `progression_curves`.

    Per arm, grade and phenotype, and for all knees: for every outcome seen at visits Kaplan-Meier
    with intervals from a bootstrap of people, and Turnbull's curve of the intervals; the naive
    share not risen among whoever was read, the cumulative incidence of replacement with death
    competing, and the mean change of grade, naive and on knees read at every visit to the horizon.
    """
    parts: list[pd.DataFrame] = []
    rises = {each: known_at(events, each, horizon=horizon) for each in OUTCOMES if each != DATED}
    ends = survival_curves.first_of(events)
    for arm, kl_grade, phenotype, some in effects.groups_of(grouped):
        own: list[pd.DataFrame] = []
        for outcome, known in rises.items():
            seen = some.merge(known, on="knee_id", validate="one_to_one")
            times = np.unique(np.r_[0.0, known["months"], horizon])
            own += survival_curves.free_of(seen, outcome, times=times, draws=draws, seed=seed)
        own += survival_curves.free_of_read(some, visits)
        followed = ends[ends["knee_id"].isin(some["knee_id"])]
        own += survival_curves.replaced(followed, draws=draws, seed=seed)
        own += survival_curves.changes(some, visits, horizon=horizon)
        named = pd.concat(own, ignore_index=True)
        parts.append(named.assign(arm=arm, kl_grade=kl_grade, phenotype=phenotype))
    columns = list(tables.SCHEMAS["progression_curves"].columns)
    whole = {"kl_grade": "int64", "phenotype": "int64", "knees": "int64"}
    return pd.concat(parts, ignore_index=True)[columns].astype(whole)


def design(knees: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Return who could be seen: the share of baseline knees read at each visit, per grade."""
    start = knees.loc[knees["kl_grade"].notna(), ["knee_id", "kl_grade"]]
    size = start.groupby("kl_grade").size()
    read = visits[visits["kl_grade"].notna()].drop(columns="kl_grade").merge(start, on="knee_id")
    count = read.groupby(["kl_grade", "months"])["knee_id"].nunique()
    clinic = visits[visits["contact"].ne("phone")] if "contact" in visits else visits
    every = pd.MultiIndex.from_product(
        [size.index, sorted(clinic["months"].unique())], names=["kl_grade", "months"]
    )
    table = count.reindex(every, fill_value=0).rename("read").reset_index()
    table["knees"] = table["kl_grade"].map(size).astype("int64")
    table["share"] = table["read"] / table["knees"]
    whole = {"kl_grade": "int64", "months": "float64", "read": "int64", "share": "float64"}
    return table[["kl_grade", "months", "knees", "read", "share"]].astype(whole)


def _base(outcome: str, pair: pd.DataFrame, phenotype: int) -> Row:
    known: Row = {"outcome": outcome, "role": "primary" if outcome in COPRIMARY else "secondary"}
    known |= {"model": hazard_ratios.GROUPED, "contrast": hazard_ratios.RATIO, "unit": "ratio"}
    return {**known, "events": int(pair["observed"].sum()), **effects.counts(pair, phenotype)}


def _main(pair: pd.DataFrame, outcome: str, judged: firewall.Judgement) -> list[Row]:
    """Return the main ratio; where a stand-in for the outcome went in, given its baseline."""
    what, columns = baseline_of(outcome)
    graded = pair.dropna(subset=columns)
    differing = [each for each in columns if len(set(graded[each])) > 1]
    given: Row = {
        "contrast": f"{hazard_ratios.RATIO}{what}",
        "sentence": "Not estimated: no baseline.",
    }
    if differing and graded.groupby("mark")["observed"].any().sum() == 2:
        given = {**given, "sentence": "", **hazard_ratios.main(graded, differing)}
    if judged.answer == "conditional":
        note = f"Conditional: {judged.sentence}"
        return [{**given, "sentence": given["sentence"] or note}]
    plain = hazard_ratios.main(pair, [])
    return [plain, {**given, "role": "sensitivity"}]


def _pair(cell: Cell, phenotype: int, seen: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the knees of `phenotype` and of the largest, all or those seen, with `mark`."""
    knees = cell.knees if seen is None else seen
    pair = knees[knees["phenotype"].isin([effects.LARGEST, phenotype])]
    return pair.assign(mark=(pair["phenotype"] == phenotype).astype(float))


def _weighted(pair: pd.DataFrame, events: pd.DataFrame, horizon: float) -> Row:
    """Return the ratio weighted for attrition, knees never read again included."""
    own = discrete_time_hazard.censor(events[events["outcome"] == PRIMARY], horizon=horizon)
    own = pair.merge(own.drop(columns="participant_id"), on="knee_id", validate="one_to_one")
    return hazard_ratios.weighted(own, STAYING)


def _hindered(cell: Cell, outcome: str, pair: pd.DataFrame, phenotype: int, least: Least) -> str:
    """Say why a contrast cannot be estimated; empty if it can."""
    if cell.kl_grade > HIGHEST.get(outcome, 4):
        return f"Not estimated: a knee of grade KL{cell.kl_grade} cannot have {outcome}."
    if why := effects.too_small(pair, phenotype, min_knees=least.knees):
        return why
    happened = pair.groupby("mark")["observed"].sum()
    if happened.sum() < least.events:
        return f"Not estimated: fewer than {least.events} events in the two phenotypes."
    if happened.min() == 0:
        return "Not estimated: one of the two phenotypes had no event."
    return ""
