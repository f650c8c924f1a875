"""Grade interaction: whether progression in a phenotype differs from grade to grade."""

from __future__ import annotations

import pandas as pd

from kneephen_utils import firewall, progression
from kneephen_utils.stats import hazard_ratios, interaction
from kneephen_utils.stats.effects import Row

CONTRAST = f"{hazard_ratios.RATIO}{interaction.BELOW}"


def compare(
    grouped: pd.DataFrame,
    alike: pd.DataFrame,
    events: pd.DataFrame,
    *,
    horizon: float,
    least: progression.Least,
) -> list[Row]:
    """Compare the hazard ratio of each phenotype with that of its like in the grade below.

    Parameters
    ----------
    grouped
        From `effects.group`.
    alike
        From `interaction.directions`.
    events
        `events` table.
    horizon
        Follow-up is cut here, months.
    least
        Knees of each phenotype and grade, and events in a grade, without which nothing is
        estimated.

    Returns
    -------
    Rows for `effects.table`: one ratio of hazard ratios of the primary outcome per phenotype,
    or why it cannot be formed.
    """
    known = progression.known_at(events, progression.PRIMARY, horizon=horizon)
    rows: list[Row] = []
    for cell, phenotype, said in interaction.comparable(grouped, alike):
        judged = firewall.judge(cell.arm, progression.PRIMARY)
        seen = cell.knees.merge(known, on="knee_id") if len(cell.knees) else cell.knees
        base: Row = {
            "outcome": progression.PRIMARY,
            "model": hazard_ratios.GROUPED,
            "unit": "ratio",
        }
        base |= {"role": "secondary", "contrast": CONTRAST}
        base |= {"knees": seen["knee_id"].nunique(), "sentence": _hindered(cell, seen, said, least)}
        base |= {"participants": seen["participant_id"].nunique()}
        if len(seen):
            base["events"] = int(seen["observed"].sum())
        if judged.answer != "allowed":
            base["sentence"] = f"Not run: {judged.sentence}"
        elif not base["sentence"]:
            base |= interaction.ratio(seen, [])
        row = cell.row(phenotype, judged, **base)
        rows.append(row | {"sentence": row["sentence"] or said})
    return rows


def _hindered(
    cell: interaction.Cell, seen: pd.DataFrame, said: str, least: progression.Least
) -> str:
    if cell.kl_grade > progression.HIGHEST[progression.PRIMARY]:
        return f"Not formed: a knee of grade KL{cell.kl_grade} cannot have the outcome."
    if why := interaction.hindered(seen, said, min_knees=least.knees):
        return why
    happened = seen.groupby(["upper", "mark"])["observed"].sum()
    if happened.groupby("upper").sum().min() < least.events or happened.min() == 0:
        return f"Not estimated: one grade has fewer than {least.events} events or a group none."
    return ""
