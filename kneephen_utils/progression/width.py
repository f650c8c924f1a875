"""Width: how fast the joint space of a phenotype narrows, in millimetres.

The width followed is that of the compartment affected at baseline. Medial width alone, as it is
often followed, makes laterally narrowed knees look protected; it stands beside, marked as naive.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pandas as pd

from kneephen_utils import compartment, firewall
from kneephen_utils.progression.outcomes import GIVEN, Least
from kneephen_utils.stats import effects, lmm, lmm_contrasts
from kneephen_utils.stats.effects import Cell, Row

CHANGE = "jsw_change"
MEDIAL_ALONE = f"{lmm_contrasts.SLOPE} of medial width alone"
UNIT = "mm per year"


def narrow(
    grouped: pd.DataFrame,
    visits: pd.DataFrame,
    *,
    horizon: float,
    least: Least,
    draws: int,
    seed: int,
) -> list[Row]:
    """Compare the yearly change of joint-space width, millimetres, by a mixed model.

    Width is measured, not graded, so it is an outcome for every grade, KL4 too. Knees are
    followed in the compartment affected at baseline; their level may differ by compartment, since
    medial and lateral width are not the same quantity, and only changes are compared. Where a
    group holds laterally narrowed knees, the slope of the medial width alone stands beside.

    Parameters
    ----------
    grouped
        From `effects.group`.
    visits
        The table of this name.
    horizon
        Follow-up is cut here, months.
    least
        Knees without which nothing is estimated.
    draws, seed
        Of the p values.
    """
    place = compartment.affected(grouped)
    measured = visits.assign(width=compartment.width(visits, place))
    rows: list[Row] = []
    for cell in effects.cells(grouped):
        judged = firewall.judge(cell.arm, CHANGE)
        given = judged.answer == "conditional"
        cell_place = cell.knees["knee_id"].map(place).eq(compartment.LATERAL)
        own = replace(cell, knees=cell.knees.assign(lateral=cell_place.astype(float)))
        base: Row = {"model": "mixed model", "role": "secondary", "outcome": CHANGE, "unit": UNIT}
        base |= {"contrast": f"{lmm_contrasts.SLOPE}{GIVEN if given else ''}"}
        ask = partial(_of, own, measured, judged=judged, horizon=horizon, least=least, seed=seed)
        found = ask(column="width", draws=draws)
        rows += [cell.row(k, judged, **{**base, **each}) for k, each in found.items()]
        if judged.answer == "allowed" and cell_place.any():
            base |= {"role": "naive", "contrast": MEDIAL_ALONE}
            found = ask(column="jsw_medial", draws=0)
            rows += [cell.row(k, judged, **{**base, **each}) for k, each in found.items()]
    return rows


def _of(
    cell: Cell,
    measured: pd.DataFrame,
    *,
    column: str,
    judged: firewall.Judgement,
    horizon: float,
    least: Least,
    draws: int,
    seed: int,
) -> dict[int, Row]:
    """Return what each phenotype of a cell shows in one measure of width, or why it does not."""
    seen = lmm_contrasts.at_visits(cell.knees, measured, column, horizon=horizon)
    small = {k: effects.too_small(seen, k, min_knees=least.knees) for k in cell.pairs()}
    if len(seen["months"].unique()) < 2:
        small = dict.fromkeys(small, "Not estimated: width was not measured at two visits.")
    if judged.answer == "refused":
        small = dict.fromkeys(small, f"Not run: {judged.sentence}")
    fitting = [k for k, why in small.items() if not why]
    given = judged.answer == "conditional"
    found = _slopes(seen, fitting, draws, seed, given=given, both=column == "width")
    return {
        k: {**effects.counts(seen, k), **found.get(k, {"sentence": why})}
        for k, why in small.items()
    }


def _slopes(
    seen: pd.DataFrame, fitting: list[int], draws: int, seed: int, *, given: bool, both: bool
) -> dict[int, Row]:
    """Fit the model; `both` compartments have a level of their own where groups leave one."""
    if not fitting:
        return {}
    planned = {lmm_contrasts.SLOPE: lmm_contrasts.contrasts([])[lmm_contrasts.SLOPE]}
    kept = seen[seen["phenotype"].isin([effects.LARGEST, *fitting])]
    kept = kept.assign(narrowing=kept[["jsn_medial", "jsn_lateral"]].max(axis=1))
    beside = ["years"]
    kept = kept.dropna(subset=["narrowing"]) if given else kept
    if given and len(set(kept["narrowing"])) > 1:
        kept = kept.assign(narrowing_years=kept["narrowing"] * kept["years"])
        beside += ["narrowing", "narrowing_years"]
    beside += ["lateral"] if both and _apart(kept) else []
    try:
        found = lmm_contrasts.compare(
            kept, beside, fitting, planned, robust=given, draws=draws, seed=seed
        )
    except lmm.MixedModelError as error:
        return {k: {"sentence": f"Not estimated: {error}."} for k in fitting}
    return {k: values for (k, _), values in found.items()}


def _apart(kept: pd.DataFrame) -> bool:
    """Say whether the compartment differs between knees otherwise than the phenotype does."""
    return bool(kept.groupby("phenotype")["lateral"].nunique().max() > 1)
