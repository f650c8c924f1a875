"""Discordance: more or less pain than the film of a knee would let one expect.

What is expected is an ordinary regression of baseline pain on what readers saw and on age, body
mass index and sex. The residual is a description of a knee, not a diagnosis.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kneephen_utils import display_names, small_cells, tables
from kneephen_utils.stats import effects, lmm_contrasts

OUTCOME = "discordance"
NARROWING = ["jsn_medial", "jsn_lateral"]
OSTEOPHYTES = [
    f"osteophyte_{bone}_{part}" for bone in ("femur", "tibia") for part in ("medial", "lateral")
]
PERSON = ["age", "bmi"]
FITTED_ON = "discover"


def score(knees: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    """Return observed and expected baseline pain of each knee: the table `discordance`.

    Parameters
    ----------
    knees, participants
        The tables of these names.

    Returns
    -------
    One row per knee with a grade, a pain score and no prosthesis, of a person whose age, body mass
    index and sex are known. `expected` comes from a least
    squares fit on the knees of discover people alone; a score that was not read is held at zero
    and has a mark that says so.

    References
    ----------
    Finan et al. (2013), discordance between pain and radiographic severity,
    doi:10.1002/art.34646.
    """
    people = participants[["participant_id", *PERSON, "sex", "split"]]
    rows = _asked(knees).merge(people, on="participant_id", validate="many_to_one")
    rows = rows.dropna(subset=[*PERSON, "sex"]).reset_index(drop=True)
    design = _design(rows)
    fitted = (rows["split"] == FITTED_ON).to_numpy()
    coefficients = np.linalg.lstsq(
        design[fitted], rows["womac_pain"].to_numpy(float)[fitted], rcond=None
    )[0]
    made = rows[["knee_id", "participant_id", "split"]].assign(
        kl_grade=rows["kl_grade"].astype("int64"),
        observed=rows["womac_pain"].astype(float),
        expected=design @ coefficients,
    )
    return made.assign(residual=made["observed"] - made["expected"])


def curves(
    grouped: pd.DataFrame, visits: pd.DataFrame, scored: pd.DataFrame, *, horizon: float
) -> pd.DataFrame:
    """Return mean discordance over the visits, rows for the table `pain_curves`.

    At every visit it is the pain of that day minus the pain expected from the baseline film, so
    a course that leaves zero is pain that the first film did not announce.
    """
    expected = visits["knee_id"].map(scored.set_index("knee_id")["expected"])
    beyond = visits.assign(beyond=visits["womac_pain"] - expected)
    parts = [
        lmm_contrasts.means(
            lmm_contrasts.at_visits(some, beyond, "beyond", horizon=horizon)
        ).assign(arm=arm, kl_grade=kl_grade, phenotype=phenotype)
        for arm, kl_grade, phenotype, some in effects.groups_of(grouped)
    ]
    named = pd.concat(parts, ignore_index=True).assign(outcome=OUTCOME, curve="raw")
    columns = list(tables.SCHEMAS["pain_curves"].columns)
    whole = {"kl_grade": "int64", "phenotype": "int64", "knees": "int64"}
    return named[columns].astype(whole)


def shares(
    grouped: pd.DataFrame, scored: pd.DataFrame, *, arm: str, least: int, disclose: bool = True
) -> pd.DataFrame:
    """Return per phenotype how many knees hurt more, or less, than expected by two points or more.

    Phenotypes of fewer than `least` knees are left out, and where single knees may not be shown
    shares that rest on few.
    """
    own = grouped[(grouped["arm"] == arm) & (grouped["phenotype"] >= 0)]
    rows = own[["knee_id", "kl_grade", "phenotype"]].merge(
        scored[["knee_id", "residual"]], on="knee_id"
    )
    marked = rows.assign(
        more=100.0 * (rows["residual"] >= 2), less=100.0 * (rows["residual"] <= -2)
    )
    table = marked.groupby(["kl_grade", "phenotype"]).agg(
        knees=("knee_id", "size"),
        residual=("residual", "mean"),
        more=("more", "mean"),
        less=("less", "mean"),
    )
    table = table[table["knees"] >= least].reset_index()
    if not disclose:
        for name in ("more", "less"):
            part = table[name] * table["knees"] / 100
            table[name] = 100 * small_cells.share(part, table["knees"], disclose=False)
        table["knees"] = small_cells.counts(table["knees"], disclose=False)
    return table.assign(phenotype=table["phenotype"].map(display_names.phenotype_label))


def text_discordance(scored: pd.DataFrame, knees: pd.DataFrame, *, disclose: bool = True) -> str:
    """Say in words how much of pain the film and the person explain, in people not fitted on.

    Where knees of the table `knees` are not scored because of what is not known of their person,
    they are counted.
    """
    held = scored[scored["split"] != FITTED_ON]
    total = ((held["observed"] - held["observed"].mean()) ** 2).sum()
    left = (held["residual"] ** 2).sum()
    explained = 100 * max(0.0, 1 - left / total) if total else 0.0
    absent = len(_asked(knees)) - len(scored)
    without = (
        f" Left out, because age, body mass index or sex is not known: "
        f"{small_cells.written(absent, disclose=disclose)} knees with a grade and a pain score."
    )
    return (
        f"Among {len(held):,} knees of people on whom nothing was fitted, film and person together "
        f"explain {explained:.0f} % of the variation of baseline pain; the rest is discordance "
        f"(standard deviation {held['residual'].std():.1f} points)."
        f"{without if absent else ''}"
    )


def _asked(knees: pd.DataFrame) -> pd.DataFrame:
    known = knees["kl_grade"].notna() & knees["womac_pain"].notna()
    return knees[~knees["replaced_at_baseline"] & known]


def _design(rows: pd.DataFrame) -> np.ndarray:
    """Return the columns of the regression (knees, columns); the grade enters as a class."""
    grades = [rows["kl_grade"].eq(grade).astype(float) for grade in range(5)]
    narrowing, growth = rows[NARROWING].astype(float), rows[OSTEOPHYTES].astype(float)
    unread = [each.isna().any(axis=1).astype(float) for each in (narrowing, growth)]
    read = [narrowing.fillna(0.0), growth.sum(axis=1)]  # osteophytes as one score, 0 to 12
    person = (rows[PERSON].astype(float) - [60.0, 28.0]) / 10  # per ten years, ten kg/m2
    return np.column_stack([*grades, *read, *unread, person, effects.female(rows["sex"])])
