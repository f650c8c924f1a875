"""Grade interaction: whether pain in a phenotype differs from grade to grade."""

from __future__ import annotations

import pandas as pd

from kneephen_utils import pain
from kneephen_utils.stats import interaction, lmm, lmm_contrasts
from kneephen_utils.stats.effects import Row


def compare(
    grouped: pd.DataFrame,
    alike: pd.DataFrame,
    visits: pd.DataFrame,
    *,
    horizon: float,
    min_knees: int,
    draws: int,
    seed: int,
) -> list[Row]:
    """Compare level and slope of pain of each phenotype with those of its like in the grade below.

    Parameters are those of `pain.compare`, and `alike` from `interaction.directions`.

    Returns
    -------
    Rows for `effects.table`: how much more the phenotype differs from the largest in its grade
    than its like does in the grade below, or why that cannot be formed.
    """
    planned = {
        name: weights
        for name, weights in lmm_contrasts.contrasts([0.0]).items()
        if name in (pain.LEVEL, pain.SLOPE)
    }
    rows: list[Row] = []
    for cell, phenotype, said in interaction.comparable(grouped, alike):
        seen = cell.knees
        if len(seen):
            seen = lmm_contrasts.at_visits(seen, visits, pain.OUTCOME, horizon=horizon)
        why = interaction.hindered(seen, said, min_knees=min_knees)
        answers = {name: pain.judged(cell.arm, name) for name in planned}
        allowed = {n: planned[n] for n, each in answers.items() if each.answer == "allowed"}
        found = {} if why or not allowed else _estimated(seen, allowed, draws=draws, seed=seed)
        for name, answer in answers.items():
            base: Row = {**_base(seen, name), "sentence": why, **found.get(name, {})}
            if answer.answer != "allowed":
                base["sentence"] = f"Not run: {answer.sentence}"
            row = cell.row(phenotype, answer, **base)
            rows.append(row | {"sentence": row["sentence"] or said})
    return rows


def _estimated(seen: pd.DataFrame, planned: dict, *, draws: int, seed: int) -> dict[str, Row]:
    try:
        return dict(interaction.courses(seen, planned, draws=draws, seed=seed))
    except lmm.MixedModelError as error:
        return {name: {"sentence": f"Not estimated: {error}."} for name in planned}


def _base(seen: pd.DataFrame, name: str) -> Row:
    return {
        "outcome": pain.OUTCOME,
        "model": pain.MODEL,
        "role": "secondary",
        "contrast": f"{name}{interaction.BELOW}",
        "unit": pain.UNITS.get(name, "points"),
        "knees": seen["knee_id"].nunique(),
        "participants": seen["participant_id"].nunique(),
    }
