"""Selection: who was read at all, and weights that let the knees read stand for those enrolled.

Almost no knee that was graded is lost later. But films of some people were never graded, or could
not be used, and whoever is missing from the start is missed by weights for attrition.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils.progression import sensitivity
from kneephen_utils.stats import discrete_time_hazard, effects, hazard_ratios, ipcw, profile
from kneephen_utils.stats.effects import Row

COLUMN = "read_weight"
NUMBERS = ["age", "bmi", "female", "womac_pain"]  # on these, and the subcohort, it may depend
RARE = 0.01  # a share of missing values below this gets no indicator of its own


def weigh(
    grouped: pd.DataFrame,
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    visits: pd.DataFrame,
    *,
    horizon: float,
) -> pd.DataFrame:
    """Return `grouped` with `read_weight`, by which a knee stands for those like it not read.

    A knee is read if it was graded, has a phenotype or was looked at for one, and was graded
    again within `horizon`. The chance of that among all knees without prosthesis of the people in
    question is a logistic model of age, sex, body mass index, baseline pain and subcohort; the
    weight is the share of knees read over that chance, and at most `ipcw.MOST`.

    Parameters
    ----------
    grouped
        From `effects.group`.
    knees, participants, visits
        The tables of these names; everybody enrolled.
    horizon
        Follow-up is cut here, months.

    References
    ----------
    Hernan, Hernandez-Diaz & Robins (2004), selection by what precedes it,
    doi:10.1097/01.ede.0000135174.63482.43.
    """
    used = participants["split"].isin(grouped["split"].unique())
    people = participants.loc[used, ["participant_id", "age", "bmi", "sex", "subcohort"]]
    native = knees.loc[~knees["replaced_at_baseline"], ["knee_id", "participant_id", "womac_pain"]]
    enrolled = native.merge(people, on="participant_id", validate="many_to_one")
    later = visits["months"].gt(0) & visits["months"].le(horizon) & visits["kl_grade"].notna()
    chosen = set(grouped["knee_id"]) & set(visits.loc[later, "knee_id"])
    read = enrolled["knee_id"].isin(chosen).to_numpy(float)
    chance = ipcw.chance(read, _design(enrolled))
    ratio = (read.mean() / np.clip(chance, 1e-6, 1)).clip(max=ipcw.MOST)
    weight = pd.Series(ratio, index=enrolled["knee_id"])
    return grouped.assign(**{COLUMN: grouped["knee_id"].map(weight)})


def weighted(pair: pd.DataFrame) -> Row:
    """Return the ratio with knees weighted for who was read (sensitivity).

    Parameters
    ----------
    pair
        From `discrete_time_hazard.censor`, with `mark` and `read_weight`.
    """
    named: Row = {"model": sensitivity.READ, "contrast": hazard_ratios.RATIO, "role": "sensitivity"}
    named |= {"unit": "ratio"}
    known = pair.dropna(subset=[COLUMN])
    if known.empty or np.ptp(known[COLUMN].to_numpy(float)) < 1e-6:
        why = "Not needed: nothing known at baseline tells who was read, or everybody was."
        return {**named, "sentence": why}
    spells = discrete_time_hazard.periods(known)
    return {**profile.ratio(spells, "mark", weights=spells[COLUMN].to_numpy(float)), **named}


def _design(enrolled: pd.DataFrame) -> np.ndarray:
    """Return (knees, columns): standardised numbers, what is missing, and the subcohort."""
    numbers = enrolled.assign(female=effects.female(enrolled["sex"]))[NUMBERS].astype("float64")
    columns = [np.ones(len(enrolled))]
    for name in NUMBERS:
        gone = numbers[name].isna()
        filled = numbers[name].fillna(numbers[name].mean()).fillna(0.0)
        if filled.std() > 0:
            columns.append(((filled - filled.mean()) / filled.std()).to_numpy())
        if RARE < gone.mean() < 1 - RARE:
            columns.append(gone.to_numpy(float))
    subcohort = enrolled["subcohort"].fillna("unknown")
    columns += [(subcohort == each).to_numpy(float) for each in sorted(subcohort.unique())[1:]]
    return np.column_stack(columns)
