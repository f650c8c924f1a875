"""Pain: what WOMAC pain does over the years in the phenotypes of one grade.

Differences are read from a linear mixed model over all visits, interval and p value by one
procedure that knows that two knees share a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import firewall, small_cells
from kneephen_utils.stats import effects, lmm, lmm_contrasts, two_part_model
from kneephen_utils.stats.effects import Cell, Row

OUTCOME = "womac_pain"
LEVEL, SLOPE = "level at 0 months", lmm_contrasts.SLOPE
GIVEN = " given baseline pain"
LATER = f"level at 48 months{GIVEN}"  # where the two courses are compared
MODEL = "mixed model"
PLANNED = (MODEL, f"{MODEL}{GIVEN}")  # the models whose contrasts belong to families
BOOTSTRAP = f"{MODEL}, bootstrap of people"
FEW_PEOPLE = 20  # a phenotype of fewer people is given that interval too
CONTEXT = ["age", "bmi", "female"]
UNITS = {"slope": "points per year", two_part_model.NONE: "share"}


@dataclass(frozen=True)
class _Question:
    """One model of one cell: its rows, fixed effects beside the phenotypes, and contrasts."""

    model: str
    rows: pd.DataFrame
    beside: list[str]
    contrasts: dict[str, np.ndarray]  # weights of a phenotype's level and yearly slope


def left_out(grouped: pd.DataFrame, visits: pd.DataFrame, *, horizon: float, disclose: bool) -> str:
    """Say how many visits of the grouped knees the models use, and why others are left out."""
    own = visits[visits["knee_id"].isin(grouped["knee_id"])]
    late = own["months"] > horizon
    replaced = ~late & own["replaced"]
    missing = ~late & ~replaced & own[OUTCOME].isna()
    used = len(own) - late.sum() - replaced.sum() - missing.sum()
    phone = own["contact"].eq("phone") if "contact" in own else own["months"].lt(0)
    calls = int((phone & ~late & ~replaced & ~missing).sum())
    counts = [used, own["knee_id"].nunique(), late.sum(), replaced.sum(), missing.sum()]
    said = [small_cells.written(n, disclose=disclose) for n in counts]
    told = small_cells.written(calls, disclose=disclose)
    by_phone = f", {told} of them by telephone" if calls else ""
    return (
        f"{said[0]} visits of {said[1]} knees are used{by_phone}; left out are {said[2]} after "
        f"{horizon:g} months, {said[3]} after a knee replacement and {said[4]} without a pain "
        "score."
    )


def compare(
    grouped: pd.DataFrame,
    visits: pd.DataFrame,
    *,
    horizon: float,
    min_knees: int,
    draws: int,
    seed: int,
) -> list[Row]:
    """Compare the pain of each phenotype with that of the largest in its grade.

    Parameters
    ----------
    grouped
        From `effects.group`.
    visits
        `visits` table.
    horizon
        Last visit used, months.
    min_knees
        Fewest knees with pain scores in each of two phenotypes that are compared.
    draws
        Turned signs, and bootstrap resamples, of whole people.
    seed
        Of the draws.

    Returns
    -------
    Rows for `effects.table`: the planned contrasts of the mixed model and of the model given
    baseline pain, and beside them estimating equations, a model with age, sex and body mass
    index, the two parts of the floor at no pain, and knees taken as independent.

    References
    ----------
    Fitzmaurice, Laird & Ware (2011), Applied Longitudinal Analysis, doi:10.1002/9781119513469.
    """
    rows: list[Row] = []
    for cell in effects.cells(grouped):
        seen = lmm_contrasts.at_visits(cell.knees, visits, OUTCOME, horizon=horizon)
        fitting = [k for k in cell.pairs() if not effects.too_small(seen, k, min_knees=min_knees)]
        for phenotype in [k for k in cell.pairs() if k not in fitting]:
            why = effects.too_small(seen, phenotype, min_knees=min_knees)
            rows += _unestimated(cell, phenotype, seen, {"sentence": why})
        if fitting:
            kept = seen[seen["phenotype"].isin([effects.LARGEST, *fitting])]
            rows += _of_cell(cell, kept, fitting, draws=draws, seed=seed)
    return rows


def role(contrast: str) -> str:
    """Return `primary` for the contrasts claims are made from, else `secondary`."""
    claimed = [LEVEL, SLOPE, LATER]
    return "primary" if contrast in claimed else "secondary"


def _of_cell(
    cell: Cell, seen: pd.DataFrame, phenotypes: list[int], *, draws: int, seed: int
) -> list[Row]:
    rows: list[Row] = []
    for asked in _questions(seen):
        barred = [c for c in asked.contrasts if _barred(cell.arm, c, asked.model)]
        for contrast in barred if asked.model in PLANNED else []:
            why = effects.refused(judged(cell.arm, contrast))
            rows += [_blank(cell, k, asked.rows, asked.model, contrast, why) for k in phenotypes]
        allowed = {c: weights for c, weights in asked.contrasts.items() if c not in barred}
        if allowed:
            question = _Question(asked.model, asked.rows, asked.beside, allowed)
            rows += _answers(cell, question, phenotypes, draws=draws, seed=seed)
    if not _barred(cell.arm, LEVEL, MODEL):
        for phenotype in phenotypes:
            rows += _few_people(cell, phenotype, seen, draws=draws, seed=seed)
            rows += _floor_and_naive(cell, phenotype, seen)
    return rows


def _questions(seen: pd.DataFrame) -> Iterator[_Question]:
    planned = lmm_contrasts.contrasts(sorted(seen["months"].unique()))
    yield _Question(MODEL, seen, ["years", *lmm_contrasts.mode(seen)], planned)
    later = seen[(seen["months"] > 0) & seen["baseline"].notna()]
    if len(later["months"].unique()) > 1:
        given = lmm_contrasts.contrasts(sorted(later["months"].unique()))
        named = {f"{contrast}{GIVEN}": weights for contrast, weights in given.items()}
        yield _Question(f"{MODEL}{GIVEN}", *given_baseline(later), named)
    full = seen.dropna(subset=CONTEXT)
    short = {contrast: planned[contrast] for contrast in (LEVEL, SLOPE) if contrast in planned}
    yield _Question(
        "mixed model with age, sex and BMI",
        full,
        ["years", *lmm_contrasts.mode(full), *CONTEXT],
        short,
    )
    yield _Question(lmm.GEE, seen, ["years", *lmm_contrasts.mode(seen)], short)


def given_baseline(later: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return later visits with what holds baseline pain equal, and the fixed effects.

    A line through a score with a floor is wrong at the floor, so knees that began without pain
    have a mean of their own.
    """
    painless = (later["baseline"] == 0).astype(float)
    own = ["painless"] if painless.min() < painless.max() else []
    return later.assign(painless=painless), ["years", *lmm_contrasts.mode(later), "baseline", *own]


def _answers(
    cell: Cell, asked: _Question, phenotypes: list[int], *, draws: int, seed: int
) -> list[Row]:
    found: dict[tuple[int, str], Any] = {}
    try:
        if asked.model == lmm.GEE:
            marked, columns = lmm_contrasts.design(asked.rows, asked.beside, phenotypes)
            fitted = lmm.equations(marked, columns)
            found = lmm_contrasts.read(fitted, phenotypes, asked.contrasts)
        else:
            drawn = draws if asked.model in PLANNED else 0
            found = lmm_contrasts.compare(
                asked.rows,
                asked.beside,
                phenotypes,
                asked.contrasts,
                robust=asked.model == PLANNED[1],
                draws=drawn,
                seed=seed,
            )
    except lmm.MixedModelError as error:
        why = {"sentence": f"Not estimated: {error}."}
        found = {(k, contrast): why for k in phenotypes for contrast in asked.contrasts}
    return [
        _blank(cell, phenotype, asked.rows, asked.model, contrast, known)
        for (phenotype, contrast), known in found.items()
    ]


def _few_people(
    cell: Cell, phenotype: int, seen: pd.DataFrame, *, draws: int, seed: int
) -> list[Row]:
    """Return intervals from a bootstrap of people where a phenotype has few; none otherwise."""
    people = seen.groupby("phenotype")["participant_id"].nunique()
    if people[[effects.LARGEST, phenotype]].min() >= FEW_PEOPLE:
        return []
    wanted = lmm_contrasts.contrasts([0.0])
    try:
        found = lmm_contrasts.resampled(
            seen, ["years", *lmm_contrasts.mode(seen)], phenotype, wanted, draws=draws, seed=seed
        )
    except lmm.MixedModelError:
        return []
    return [
        _blank(cell, phenotype, seen, BOOTSTRAP, contrast, {**known, "role": "sensitivity"})
        for contrast, known in found.items()
    ]


def _floor_and_naive(cell: Cell, phenotype: int, seen: pd.DataFrame) -> list[Row]:
    """Compare the share without pain, the pain of those who have any, and knees as if alone."""
    pair = seen[seen["phenotype"].isin([effects.LARGEST, phenotype])]
    rows = [
        _blank(cell, phenotype, part, "two-part model", c, {**known, "role": "sensitivity"})
        for c, (part, known) in two_part_model.two_parts(pair, phenotype).items()
    ]
    start = pair[pair["months"] == 0]
    if naive := two_part_model.independent(start, phenotype):
        known = {**naive, "role": "naive"}
        rows.append(_blank(cell, phenotype, start, "knees as if independent", LEVEL, known))
    return rows


def _unestimated(cell: Cell, phenotype: int, seen: pd.DataFrame, why: Row) -> list[Row]:
    claimed = {LEVEL: MODEL, SLOPE: MODEL}
    claimed[LATER] = f"{MODEL}{GIVEN}"
    return [_blank(cell, phenotype, seen, model, c, why) for c, model in claimed.items()]


def _blank(
    cell: Cell, phenotype: int, rows: pd.DataFrame, model: str, contrast: str, known: Row
) -> Row:
    kinds = {lmm.GEE: "cross-check", "mixed model with age, sex and BMI": "sensitivity"}
    base: dict[str, Any] = {"model": model, "outcome": OUTCOME, "contrast": contrast}
    base["role"] = kinds.get(model) or role(contrast)
    base["unit"] = UNITS.get(contrast.removesuffix(GIVEN), "points")
    answer = judged(cell.arm, contrast)
    return cell.row(phenotype, answer, **{**base, **effects.counts(rows, phenotype), **known})


def judged(arm: str, contrast: str) -> firewall.Judgement:
    """Say whether groups of an arm may be tested on a contrast of pain."""
    return firewall.judge(arm, "womac_pain" if contrast == LEVEL else "womac_pain_course")


def _barred(arm: str, contrast: str, model: str) -> bool:
    """Say whether a contrast may not be run; a conditional one runs given baseline pain only."""
    answer = judged(arm, contrast).answer
    return answer == "refused" or (answer == "conditional" and GIVEN not in model)
