"""Interaction: whether a phenotype does in one grade what its like does in the grade below.

Phenotypes are found within one grade, so a letter means nothing in the next. Two contrasts are
taken for the same if what sets the phenotype apart from the largest of its grade points the same
way in the features the groups were made from; no outcome is looked at for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kneephen_utils import display_names
from kneephen_utils.stats import cluster_robust, discrete_time_hazard, lmm, lmm_contrasts, profile
from kneephen_utils.stats.effects import LARGEST, Cell, cells, too_small

ALIKE = 0.95  # cosine of two directions from which they are taken for the same
BELOW = " relative to the grade below"
Compared = tuple[Cell, int, str]  # knees of both grades, phenotype of the upper, what is to be said


def directions(fused: Mapping[str, pd.DataFrame], phenotypes: pd.DataFrame) -> pd.DataFrame:
    """Find for each phenotype the one in the grade below that differs from its largest alike.

    Parameters
    ----------
    fused
        `fused` table of each arm.
    phenotypes
        The table of this name; directions are those of discover knees.

    Returns
    -------
    One row per phenotype beside the largest and beside those of the lowest grade: `arm`,
    `kl_grade`, `phenotype`, `below` (the phenotype of the grade below whose direction is
    nearest, if each is nearest to the other, else -1) and `likeness`, the cosine of the two
    directions, missing where the grade below has no two phenotypes.
    """
    found = phenotypes[(phenotypes["split"] == "discover") & (phenotypes["phenotype"] >= 0)]
    lines: list[dict[str, Any]] = []
    for arm, features in fused.items():
        own = found[found["arm"] == arm].merge(features, on="knee_id", validate="one_to_one")
        names = features.columns.drop("knee_id")
        centres = own.groupby(["kl_grade", "phenotype"])[list(names)].mean()
        apart = {grade: _unit(part.droplevel(0)) for grade, part in centres.groupby(level=0)}
        for grade in sorted(apart):
            lower = apart.get(grade - 1, apart[grade].iloc[:0])
            likeness = apart[grade].to_numpy() @ lower.to_numpy().T
            for place, phenotype in enumerate(apart[grade].index):
                line = {"arm": arm, "kl_grade": int(grade), "phenotype": int(phenotype)}
                lines.append(line | _nearest(likeness, place, lower.index))
    columns = {"arm": str, "kl_grade": "int64", "phenotype": "int64", "below": "int64"}
    table = pd.DataFrame(lines, columns=[*columns, "likeness"])
    return table.astype({**columns, "likeness": "float64"})


def table_likeness(alike: pd.DataFrame) -> pd.DataFrame:
    """Return `directions` for reading: phenotypes as letters, and whether they are compared."""
    rows = alike[alike["likeness"].notna()]
    below = rows["below"].map(
        lambda each: display_names.phenotype_label(each) if each >= 0 else "none"
    )
    return rows.assign(phenotype=rows["phenotype"].map(display_names.phenotype_label), below=below)


def comparable(grouped: pd.DataFrame, alike: pd.DataFrame) -> Iterator[Compared]:
    """Yield every phenotype of a grade above another, with the knees of both grades.

    Parameters
    ----------
    grouped
        From `effects.group`.
    alike
        From `directions`.

    Yields
    ------
    A cell whose knees have `mark` (1 for the phenotype and its like, 0 for the largest of both
    grades) and `upper` (1 in the grade of the cell); the phenotype; why the two grades cannot be
    compared, or with what likeness they are.
    """
    of = alike.set_index(["arm", "kl_grade", "phenotype"])
    whole = {(cell.arm, cell.kl_grade, cell.sample): cell for cell in cells(grouped)}
    for (arm, grade, sample), cell in whole.items():
        lower = whole.get((arm, grade - 1, sample))
        if lower is None:
            continue
        for phenotype in cell.pairs():
            below = int(of["below"].get((arm, grade, phenotype), -1))
            joined = _joined(lower, cell, below, phenotype)
            yield Cell(arm, grade, sample, joined), phenotype, _said(grade, below)


def hindered(seen: pd.DataFrame, said: str, *, min_knees: int) -> str:
    """Say why `seen` of one `comparable` phenotype cannot be estimated; empty if it can."""
    if seen.empty:
        return said or "Not estimated: no knee has data."
    for _, own in seen.groupby("upper"):
        recoded = own.assign(phenotype=own["mark"].astype(int))
        if too_small(recoded, 1, min_knees=min_knees):
            return f"Not estimated: one grade has fewer than {min_knees} such knees with data."
    return ""


def ratio(events: pd.DataFrame, beside: Sequence[str]) -> dict[str, Any]:
    """Return the hazard ratio of the upper grade divided by that of the lower.

    Parameters
    ----------
    events
        From `discrete_time_hazard.censor`, with `mark`, `upper` and `kl_grade`; each grade has its
        own hazard.
    beside
        Further covariates, such as none.

    Returns
    -------
    `estimate`, `low`, `high`, `p` and `procedure` of `profile.ratio`; where they are missing
    `sentence` says why.
    """
    spells = discrete_time_hazard.periods(events).assign(both=lambda d: d["mark"] * d["upper"])
    columns = ["mark", *beside]
    return profile.ratio(spells, "both", columns, strata="kl_grade")


def shared(events: pd.DataFrame, beside: Sequence[str] = ()) -> dict[str, Any]:
    """Return the hazard ratio that all grades share, each grade with a hazard of its own.

    Arguments and result are those of `ratio`, without `upper`.
    """
    spells = discrete_time_hazard.periods(events)
    return profile.ratio(spells, "mark", beside, strata="kl_grade")


def turned(events: pd.DataFrame, *, draws: int, seed: int) -> float:
    """Return the p value of the ratio all grades share from turning the signs of people's scores.

    A second opinion beside `shared`, which takes no variance from a model.

    Parameters
    ----------
    events
        As for `shared`.
    draws, seed
        Of the signs.

    References
    ----------
    Hemerik, Goeman & Finos (2020), doi:10.1111/rssb.12369.
    """
    return _turned(discrete_time_hazard.periods(events), [], "mark", draws=draws, seed=seed)


def courses(
    rows: pd.DataFrame, contrasts: Mapping[str, np.ndarray], *, draws: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Return how much more a phenotype differs in the upper grade, by a mixed model.

    Parameters
    ----------
    rows
        From `lmm_contrasts.at_visits`, with `mark` and `upper`.
    contrasts
        From `lmm_contrasts.contrasts`: of the level at baseline and the slope alone.
    draws, seed
        Turns of the signs of whole people for intervals and p values, see
        `cluster_robust.inverted`.

    Raises
    ------
    mixed.MixedModelError
        If the model has no trustworthy solution.
    """
    mark, upper, years = (rows[each].astype(float) for each in ("mark", "upper", "years"))
    made = {"mark": mark, "upper": upper, "both": mark * upper}
    made |= {f"{name}_years": column * years for name, column in list(made.items())}
    marked = rows.assign(**made)
    columns = ["years", *lmm_contrasts.mode(rows), *made]
    fitted = lmm.fit(marked, columns, optimizer=lmm.FIRST, reml=True)
    kept = cluster_robust.sums(marked, columns, fitted)
    found: dict[str, dict[str, Any]] = {}
    for contrast in contrasts:
        name = "both_years" if contrast == lmm_contrasts.SLOPE else "both"
        values = cluster_robust.inverted(kept, {name: 1.0}, draws=draws, seed=seed)
        found[contrast] = dict(zip(lmm_contrasts.NAMES, values, strict=True))
        found[contrast] = lmm_contrasts.UNBOUNDED if np.isnan(values).any() else found[contrast]
    return found


def _turned(
    spells: pd.DataFrame, columns: list[str], tested: str, *, draws: int, seed: int
) -> float:
    """Return the p value of a column from turning the signs of people's effective scores."""
    design = discrete_time_hazard.baseline(spells, "kl_grade").join(spells[columns].astype(float))
    raw, weight = discrete_time_hazard.working(spells, design)
    root = np.sqrt(weight)[:, None]
    wanted, known = spells[[tested]].to_numpy(float), design.to_numpy(float)
    left = wanted - known @ np.linalg.lstsq(known * root, wanted * root, rcond=None)[0]
    parts = pd.Series(left[:, 0] * raw).groupby(spells["participant_id"].to_numpy()).sum()
    return cluster_robust.flipped(parts.to_numpy(), draws=draws, seed=seed)


def _unit(centres: pd.DataFrame) -> pd.DataFrame:
    """Return the direction from the largest phenotype to each other, of length one."""
    if LARGEST not in centres.index:
        return centres.iloc[:0]
    apart = centres.drop(index=LARGEST) - centres.loc[LARGEST]
    return apart.div(np.linalg.norm(apart, axis=1), axis=0)


def _nearest(likeness: np.ndarray, place: int, names: pd.Index) -> dict[str, Any]:
    if not likeness.shape[1]:
        return {"below": -1, "likeness": np.nan}
    best = int(likeness[place].argmax())
    mutual = likeness[:, best].argmax() == place and likeness[place, best] >= ALIKE
    return {"below": int(names[best]) if mutual else -1, "likeness": float(likeness[place, best])}


def _joined(lower: Cell, upper: Cell, below: int, phenotype: int) -> pd.DataFrame:
    """Return the knees of two phenotypes and of the largest of both grades; none without both."""
    if below < 0:
        return upper.knees.iloc[:0]
    parts = []
    for cell, own, mark in ((lower, below, 0.0), (upper, phenotype, 1.0)):
        some = cell.knees[cell.knees["phenotype"].isin([LARGEST, own])]
        parts.append(some.assign(mark=(some["phenotype"] == own).astype(float), upper=mark))
    return pd.concat(parts, ignore_index=True)


def _said(grade: int, below: int) -> str:
    if below >= 0:
        return f"Taken for the same as {display_names.phenotype_label(below)} of KL{grade - 1}."
    return "Not formed: it differs from the largest as no phenotype of the grade below does."
