"""Effects: the rows of an effect table, one per contrast between two phenotypes.

Every contrast that was planned has a row, also one that was refused or could not be
estimated; the sentence of the row says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from kneephen_utils import display_names, formatting, tables
from kneephen_utils.firewall import Judgement

LARGEST = 0  # the phenotype all others are compared with
UNASSIGNED = -1
EVERYONE = -2
NO_FAMILY = "none"
GATED = "The grouping did not pass every gate, so nothing is claimed."
LEAK_ALARM = 3.0  # a hazard ratio wholly above this, or below its inverse, is suspect
ALARM = "A ratio so far from one within one grade asks first whether the outcome leaked"

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """The knees of one grade and arm in one sample of people; contrasts are made inside."""

    arm: str
    kl_grade: int
    sample: str
    knees: pd.DataFrame

    def pairs(self) -> list[int]:
        """Return the phenotypes that are compared with the largest."""
        return sorted(int(each) for each in set(self.knees["phenotype"]) if each > LARGEST)

    def row(self, phenotype: int, judged: Judgement, **known: Any) -> Row:
        """Return a row of the effect table that says what is compared; `known` fills the rest."""
        notes = [f"Conditional: {judged.sentence}"] if judged.answer == "conditional" else []
        notes += [GATED] if self.knees["gated"].any() else []
        blank: Row = dict.fromkeys(["estimate", "low", "high", "p", "p_adjusted"], float("nan"))
        blank |= {"family": NO_FAMILY, "unit": "", "events": pd.NA, "sentence": " ".join(notes)}
        blank |= {"knees": 0, "participants": 0, "firewall": judged.answer}
        blank |= {"arm": self.arm, "kl_grade": self.kl_grade, "sample": self.sample}
        return {**blank, "phenotype": phenotype, "reference": LARGEST, **known}


def group(
    phenotypes: pd.DataFrame,
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    gates: pd.DataFrame,
    *,
    arms: Sequence[str],
) -> pd.DataFrame:
    """Join what the outcome stages need to know of each knee.

    Parameters
    ----------
    phenotypes, knees, participants, gates
        The tables of these names; all grades and arms.
    arms
        Arms whose phenotypes are compared.

    Returns
    -------
    One row per arm and knee: `arm`, `kl_grade`, `knee_id`, `participant_id`, `split`,
    `phenotype`, `baseline` (WOMAC pain at baseline), `jsn_medial`, `jsn_lateral`, `age`, `bmi`,
    `female` (0 or 1, missing where the sex is), and `gated`, true if a gate of the grade and arm
    was not passed.

    Raises
    ------
    ValueError
        If an arm has no phenotypes, or a phenotype belongs to a knee that is not in `knees`.
    """
    for arm in arms:
        if arm not in set(phenotypes["arm"]):
            raise ValueError(f"arms: {arm!r} has no phenotypes; expected one of the arms found")
    known = knees[["knee_id", "participant_id", "womac_pain", "jsn_medial", "jsn_lateral"]]
    people = participants[["participant_id", "age", "bmi", "sex"]]
    joined = phenotypes[phenotypes["arm"].isin(arms)].merge(
        known, on="knee_id", how="left", validate="many_to_one"
    )
    if joined["participant_id"].isna().any():
        stray = int(joined["participant_id"].isna().sum())
        raise ValueError(f"phenotypes: {stray} of {len(joined)} rows are of no knee of table knees")
    joined = joined.merge(people, on="participant_id", how="left", validate="many_to_one")
    failed = set(
        gates.loc[~gates["passed"], ["kl_grade", "arm"]].itertuples(index=False, name=None)
    )
    pairs = joined[["kl_grade", "arm"]].itertuples(index=False, name=None)
    joined["gated"] = [pair in failed for pair in pairs]
    joined["female"] = female(joined["sex"])
    joined = joined.rename(columns={"womac_pain": "baseline"})
    return joined.drop(columns=["membership", "sex"])


def female(sex: pd.Series) -> pd.Series:
    """Return 1.0 for female and 0.0 for male, missing where the sex is not known."""
    return (sex == "female").astype(float).where(sex.notna())


def cells(grouped: pd.DataFrame) -> Iterator[Cell]:
    """Yield the cells of `group`: each grade and arm, first confirm people, then both."""
    assigned = grouped[grouped["phenotype"] != UNASSIGNED]
    for (arm, kl_grade), own in assigned.groupby(["arm", "kl_grade"], sort=True):
        yield Cell(arm, int(kl_grade), "confirm", own[own["split"] == "confirm"])
        yield Cell(arm, int(kl_grade), "both", own)


def groups_of(grouped: pd.DataFrame) -> Iterator[tuple[str, int, int, pd.DataFrame]]:
    """Yield arm, grade, phenotype and knees of every curve: each phenotype, then all knees."""
    for (arm, kl_grade), own in grouped.groupby(["arm", "kl_grade"], sort=True):
        found = sorted({int(each) for each in own["phenotype"]} - {UNASSIGNED})
        for phenotype in [*found, EVERYONE]:
            some = own if phenotype == EVERYONE else own[own["phenotype"] == phenotype]
            yield str(arm), int(kl_grade), phenotype, some


def counts(rows: pd.DataFrame, phenotype: int) -> Row:
    """Count the knees and people of `phenotype` and of the largest in `rows`."""
    some = rows[rows["phenotype"].isin([LARGEST, phenotype])]
    return {
        "knees": int(some["knee_id"].nunique()),
        "participants": int(some["participant_id"].nunique()),
    }


def too_small(rows: pd.DataFrame, phenotype: int, *, min_knees: int) -> str:
    """Say why two phenotypes cannot be compared; empty if both have enough knees."""
    sizes = rows.drop_duplicates("knee_id")["phenotype"].value_counts()
    for each in (phenotype, LARGEST):
        if sizes.get(each, 0) < min_knees:
            name = display_names.phenotype_label(each)
            return f"Not estimated: fewer than {min_knees} knees of {name} have data."
    return ""


def refused(judged: Judgement) -> Row:
    """Return the part of a row that says that the firewall does not let a test run."""
    return {"sentence": f"Not run: {judged.sentence}"}


def table(rows: Sequence[Row], name: str, *, families: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Make the effect table `name`: order, types, families, adjusted p values and sentences.

    Parameters
    ----------
    rows
        From `Cell.row`.
    name
        `pain_effects` or `progression_effects`.
    families
        Each family of tests with its members, written `outcome: contrast`. Holm's adjustment
        runs over all grades and phenotypes of a family within one arm and one sample; only
        primary and secondary rows belong to a family. A secondary row that no family names
        becomes a sensitivity analysis.

    Raises
    ------
    ValueError
        If a contrast is in two families, or a primary contrast in none.

    References
    ----------
    Holm (1979), https://www.jstor.org/stable/4615733.
    """
    columns = list(tables.SCHEMAS[name].columns)
    made = pd.DataFrame(list(rows), columns=columns)
    numbers = ["estimate", "low", "high", "p", "p_adjusted"]
    wholes = ["kl_grade", "phenotype", "reference", "knees", "participants"]
    kinds: dict[str, Any] = dict.fromkeys(numbers, "float64") | dict.fromkeys(wholes, "int64")
    made = made.astype(kinds | {"events": "Int64"})
    made["family"] = _families(made, families)
    loose = made["role"].eq("secondary") & made["family"].eq(NO_FAMILY)
    made["role"] = made["role"].mask(loose, "sensitivity")
    for _, own in made[made["family"] != NO_FAMILY].groupby(["family", "arm", "sample"]):
        tested = own[own["p"].notna()]
        if len(tested):
            made.loc[tested.index, "p_adjusted"] = multipletests(tested["p"], method="holm")[1]
    made["sentence"] = [_sentence(row) for row in made.to_dict("records")]
    return made


def _families(made: pd.DataFrame, families: Mapping[str, Sequence[str]]) -> list[str]:
    of: dict[str, str] = {}
    for family, members in families.items():
        for member in members:
            if member in of:
                raise ValueError(f"families: {member!r} is in {of[member]!r} and in {family!r}")
            of[member] = family
    names = made["outcome"].astype(str) + ": " + made["contrast"].astype(str)
    stray = names[made["role"].eq("primary") & ~names.isin(of)]
    if len(stray):
        raise ValueError(f"families: {stray.iloc[0]!r} is tested but declared in no family")
    tested = made["role"].isin(["primary", "secondary"])
    return [
        of.get(name, NO_FAMILY) if run else NO_FAMILY
        for name, run in zip(names, tested, strict=True)
    ]


def alarming(row: Row) -> bool:
    """Say whether the whole interval of a hazard ratio lies above 3, or below 1/3.

    A wide interval that only reaches so far is no sign of a leak.
    """
    contrast = str(row["contrast"])
    if not contrast.startswith("hazard ratio") or "relative to" in contrast:
        return False
    return bool(row["low"] > LEAK_ALARM or row["high"] < 1 / LEAK_ALARM)


def _sentence(row: Row) -> str:
    if np.isnan(row["estimate"]) and np.isnan(row["p"]):
        return str(row["sentence"]) or "Not estimated: the model has no stable solution."
    one, other = (display_names.phenotype_label(row[each]) for each in ("phenotype", "reference"))
    said = f"{one} against {other}: {row['contrast']}"
    if not np.isnan(row["estimate"]):
        unit = "" if row["unit"] == "ratio" else f" {row['unit']}"
        said += f" {formatting.spread(row['estimate'], row['low'], row['high'])}{unit}"
    adjusted = not np.isnan(row["p_adjusted"])
    p = row["p_adjusted"] if adjusted else row["p"]
    if not np.isnan(p):
        said += f", {'adjusted ' if adjusted else ''}p {formatting.p_value(p)}"
    said += f". {ALARM}" if alarming(row) else ""
    return f"{said}. {row['sentence']}".strip()
