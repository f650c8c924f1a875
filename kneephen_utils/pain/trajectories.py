"""Trajectories: mean pain over the visits, raw, fitted, and beyond what the film predicts."""

from __future__ import annotations

import pandas as pd

from kneephen_utils import pain, tables
from kneephen_utils.pain import discordance
from kneephen_utils.stats import effects, lmm, lmm_contrasts


def curves(
    grouped: pd.DataFrame,
    visits: pd.DataFrame,
    scored: pd.DataFrame,
    *,
    horizon: float,
    min_knees: int,
) -> pd.DataFrame:
    """Return mean pain over the visits, raw and fitted, and discordance: the table `pain_curves`.

    Confirm and discover knees are drawn together. Phenotypes with fewer than `min_knees`
    knees have a raw curve only. Where pain went into an arm its curve describes the groups
    and is no test.
    """
    parts: list[pd.DataFrame] = []
    for arm, kl_grade, phenotype, some in effects.groups_of(grouped):
        seen = lmm_contrasts.at_visits(some, visits, pain.OUTCOME, horizon=horizon)
        parts.append(_named(lmm_contrasts.means(seen), arm, kl_grade, phenotype, "raw"))
        if phenotype == effects.EVERYONE:
            parts.append(_fitted(seen, arm, kl_grade, min_knees=min_knees))
    parts.append(discordance.curves(grouped, visits, scored, horizon=horizon))
    columns = list(tables.SCHEMAS["pain_curves"].columns)
    whole = {"kl_grade": "int64", "phenotype": "int64", "knees": "int64"}
    return pd.concat(parts, ignore_index=True)[columns].astype(whole)


def _fitted(seen: pd.DataFrame, arm: str, kl_grade: int, *, min_knees: int) -> pd.DataFrame:
    """Return the fitted means of the phenotypes, or of all knees where there are none."""
    sizes = seen.drop_duplicates("knee_id")["phenotype"].value_counts()
    enough = [k for k in sizes.index[sizes >= min_knees] if k != effects.UNASSIGNED]
    apart = effects.LARGEST in enough
    rows = seen[seen["phenotype"].isin(enough)] if apart else seen.assign(phenotype=0)
    if rows["knee_id"].nunique() < min_knees:
        return _named(lmm_contrasts.means(rows.head(0)), arm, kl_grade, effects.EVERYONE, "model")
    try:
        lines = lmm_contrasts.marginal(rows, sorted(rows["months"].unique()))
    except lmm.MixedModelError:
        lines = lmm_contrasts.means(rows.head(0))
    number = lines["phenotype"] if apart and len(lines) else effects.EVERYONE
    return _named(lines, arm, kl_grade, number, "model")


def _named(
    lines: pd.DataFrame, arm: str, kl_grade: int, phenotype: int | pd.Series, curve: str
) -> pd.DataFrame:
    return lines.assign(
        outcome=pain.OUTCOME, curve=curve, arm=arm, kl_grade=kl_grade, phenotype=phenotype
    )
