"""Power: the smallest difference each grade could have shown, whatever was found.

A grade that shows nothing may hold nothing, or may be too small to show it. For two groups
of equal size among the confirm knees of a grade this is the hazard ratio of a rise of the
grade, and the difference in pain, that a study of this size finds with a given chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from kneephen_utils import formatting, small_cells

OUTCOME = "kl_rise_1"
FEWEST = 10  # knees, or events, below which nothing is said
NOTE = (
    "Confirm people; events are rises of the grade within the horizon; pain in points of 0 to 20. "
    "Correlation within a person is taken into account. A dash: too few "
    f"to tell, under {FEWEST} events or knees."
)
COLUMNS = ["kl_grade", "knees", "participants", "events", "hazard_ratio", "pain_difference"]


def smallest(
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    events: pd.DataFrame,
    *,
    alpha: float,
    power: float,
    horizon: float,
) -> pd.DataFrame:
    """Return the smallest hazard ratio and difference in pain each grade could have shown.

    Parameters
    ----------
    knees, participants, events
        The tables of these names.
    alpha
        Two-sided level of one test.
    power
        Chance with which the difference is to be found, 0 to 1.
    horizon
        Months to which a rise of the grade counts.

    Returns
    -------
    One row per grade: `knees`, `participants` and `events` of the confirm people,
    `hazard_ratio` (above 1), `pain_difference` (WOMAC points); missing where fewer than ten
    events, or knees with pain, are there. Two knees of a person count as less than two, by the
    design effect of the correlation within a person.

    References
    ----------
    Schoenfeld (1983), doi:10.2307/2531021; Kish (1965), design effect, ISBN 978-0-471-48900-9.
    """
    confirm = participants.loc[participants["split"] == "confirm", "participant_id"]
    own = knees[knees["participant_id"].isin(confirm) & knees["kl_grade"].notna()]
    reach = float(norm.ppf(1 - alpha / 2) + norm.ppf(power))
    rows = []
    for grade, some in own.groupby("kl_grade"):
        risen = events[(events["outcome"] == OUTCOME) & events["knee_id"].isin(some["knee_id"])]
        seen = risen.assign(rose=risen["observed"] & (risen["right_months"] <= horizon))
        rows.append(
            (
                int(grade),
                len(some),
                some["participant_id"].nunique(),
                int(seen["rose"].sum()),
                _hazard_ratio(seen, reach),
                _difference(some.dropna(subset=["womac_pain"]), reach),
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def design_effect(values: pd.Series, people: pd.Series) -> float:
    """Return by how much the correlation within a person widens the variance of a mean, from 1."""
    by_person = values.astype(float).groupby(people.to_numpy())
    sizes, means = by_person.size().to_numpy(float), by_person.mean().to_numpy()
    n, groups = sizes.sum(), len(sizes)
    if groups < 2 or n <= groups:
        return 1.0
    between = float((sizes * (means - values.mean()) ** 2).sum() / (groups - 1))
    within = float(((values - by_person.transform("mean").to_numpy()) ** 2).sum() / (n - groups))
    size = (n - (sizes**2).sum() / n) / (groups - 1)
    spread = between + (size - 1) * within
    shared = max((between - within) / spread, 0.0) if spread > 0 else 0.0
    return 1 + shared * ((sizes**2).sum() / n - 1)


def table_power(table: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Return the table for reading; small counts are left out where single knees are closed."""
    counts = {
        name: small_cells.counts(table[name], disclose=disclose)
        for name in ("knees", "participants", "events")
    }
    return pd.DataFrame(
        {
            "grade": [f"KL{grade}" for grade in table["kl_grade"]],
            **{name: values.to_numpy(dtype=object) for name, values in counts.items()},
            "hazard ratio, at least": table["hazard_ratio"].to_numpy(),
            "difference in pain, points, at least": table["pain_difference"].to_numpy(),
        }
    )


def text_power(table: pd.DataFrame, *, power: float) -> str:
    """Say what the best placed grade could have shown."""
    known = table.dropna(subset=["hazard_ratio"])
    if known.empty:
        return "In no grade are there enough events to have shown any hazard ratio."
    best = known.loc[known["hazard_ratio"].idxmin()]
    return (
        f"At best, in KL{int(best['kl_grade'])}, two groups of equal size had to differ by a "
        f"hazard ratio of {formatting.number(best['hazard_ratio'])} to be told apart with "
        f"a chance of {100 * power:.0f} %; groups of unequal size, and several tests, need more."
    )


def _hazard_ratio(seen: pd.DataFrame, reach: float) -> float:
    rose = int(seen["rose"].sum())
    if rose < FEWEST:
        return float("nan")
    effect = design_effect(seen["rose"].astype(float), seen["participant_id"])
    return float(np.exp(reach * np.sqrt(4 * effect / rose)))


def _difference(some: pd.DataFrame, reach: float) -> float:
    if len(some) < FEWEST:
        return float("nan")
    effect = design_effect(some["womac_pain"], some["participant_id"])
    return float(reach * some["womac_pain"].std() * np.sqrt(4 * effect / len(some)))
