"""Measure: the published facts as they are in this release, from the tables of the stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kneephen_utils import small_cells
from kneephen_utils.cohort import reading_selection
from kneephen_utils.cohort.data_checks.check_result import correlation
from kneephen_utils.cohort.data_checks.clinical_checks import pairs_of_readings
from kneephen_utils.cohort.published_benchmarks.published import (
    FEATURES,
    HEALTHY_WIDTH,
    PER_10_000,
    REPLACED,
    RISEN,
    SEEN,
    SEEN_AT,
)
from kneephen_utils.cohort.reading_selection import PROJECT_OF_CODE, knee_ids
from kneephen_utils.stats import lmm

GRADES = range(5)
WORST = {"osteophytes": "osteophyte_", "narrowing": "jsn_", "sclerosis": "sclerosis_"}
PAINFUL = 5.0  # points
FEWEST = 20  # knees, people or pairs below which a fact is not asked
FEWEST_FOR_MODEL = 100  # people
FEWEST_READ_TWICE = 1000  # pairs of readings below which a rare fall says nothing
NAN = float("nan")
Named = tuple[str, float, int]  # the fact, its value, and how many it rests on


@dataclass(frozen=True)
class Tables:
    """The tables a fact may look at: four of this stage, and all readings of the release."""

    participants: pd.DataFrame
    knees: pd.DataFrame
    visits: pd.DataFrame
    events: pd.DataFrame
    readings: pd.DataFrame

    def without(self, people: set[str]) -> Tables:
        """Return the tables without some people."""
        kept = {
            name: table[~table["participant_id"].isin(people)] for name, table in vars(self).items()
        }
        return replace(self, **kept)


def every(tables: Tables) -> pd.DataFrame:
    """Measure all facts: index `fact`, columns `value` and `number` of knees, people or pairs."""
    asked = (
        _people,
        _grades,
        _sides,
        _pain,
        _model,
        _rises,
        _falls,
        _seen,
        _agreement,
        _ends,
        _films,
    )
    rows = [row for ask in asked for row in ask(tables)]
    found = pd.DataFrame(rows, columns=["fact", "value", "number"]).set_index("fact")
    return found.assign(value=found["value"].where(found["number"].ge(FEWEST)))


def _mean(name: str, values: pd.Series, scale: float = 1.0) -> Named:
    known = values.dropna().astype("float64")
    return name, scale * float(known.mean()) if len(known) else NAN, len(known)


def _people(tables: Tables) -> Iterator[Named]:
    people = tables.participants
    yield _mean("women", people["sex"].eq("female").where(people["sex"].notna()), 100)
    yield _mean("aged 45 to 79", people["age"].between(45, 79).where(people["age"].notna()), 100)


def _grades(tables: Tables) -> Iterator[Named]:
    graded = tables.knees["kl_grade"].dropna().astype(int)
    for grade in GRADES:
        yield _mean(f"grade {grade}", graded.eq(grade), 100)


def _sides(tables: Tables) -> Iterator[Named]:
    knees = tables.knees.set_index("knee_id")
    at_48 = _compared(tables).query("months == 48")
    change = (at_48["kl_grade"] - at_48["kl_grade_start"]).astype("float64")
    change.index = pd.Index(at_48["knee_id"])
    for name, values in {
        "right-left correlation of grade": knees["kl_grade"],
        "right-left correlation of pain": knees["womac_pain"],
        "right-left correlation of grade change to 48 months": change,
    }.items():
        pairs = _pairs(knees, values)
        varied = len(pairs) > 2 and pairs.nunique().gt(1).all()
        yield name, float(pairs.corr().iloc[0, 1]) if varied else NAN, len(pairs)
    apart = pd.DataFrame({name: _apart(knees, name) for name in ("womac_pain", "kl_grade")})
    apart = apart.dropna()
    value = correlation(apart["womac_pain"], apart["kl_grade"])
    yield "right-left pain against right-left grade", value, len(apart)


def _pairs(knees: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    table = knees[["participant_id", "side"]].assign(value=values.astype("float64"))
    return table.pivot_table(index="participant_id", columns="side", values="value").dropna()


def _apart(knees: pd.DataFrame, name: str) -> pd.Series:
    pairs = _pairs(knees, knees[name]).reindex(columns=["right", "left"])
    return pairs["right"] - pairs["left"]


def _pain(tables: Tables) -> Iterator[Named]:
    knees = tables.knees
    for grade in GRADES:
        own = knees["kl_grade"].eq(grade).fillna(value=False)
        yield _mean(f"mean pain in grade {grade}", knees.loc[own, "womac_pain"])
    graded = knees.loc[knees["kl_grade"].notna(), "womac_pain"].dropna()
    yield _mean("knees without pain", graded.eq(0), 100)
    first = knees.set_index("knee_id")["womac_pain"]
    later = tables.visits[tables.visits["months"].eq(24)].set_index("knee_id")["womac_pain"]
    change = (later - first.reindex(later.index)).where(first.reindex(later.index).ge(PAINFUL))
    yield _mean("change to 24 months from 5 points or more", change)


def _model(tables: Tables) -> Iterator[Named]:
    """Fit pain over the visits, with grade and time as fixed effects."""
    grade = tables.visits["knee_id"].map(tables.knees.set_index("knee_id")["kl_grade"])
    rows = tables.visits.assign(grade=grade, measure=tables.visits["womac_pain"])
    rows = rows.dropna(subset=["grade", "measure"]).assign(years=lambda each: each["months"] / 12)
    grades = [grade for grade in GRADES[1:] if rows["grade"].eq(grade).any()]
    names = [f"grade_{grade}" for grade in grades]
    rows = rows.assign(**{f"grade_{each}": rows["grade"].eq(each).astype(float) for each in grades})
    people = rows["participant_id"].nunique()
    level = knee = residual = slope = together = NAN
    if people >= FEWEST_FOR_MODEL and rows["months"].nunique() > 2:
        keys = ["participant_id", "knee_id", "years", "measure"]
        fit = lmm.fit(rows[[*keys, *names]], ["years", *names], optimizer=lmm.FIRST, reml=True)
        level, slope = (float(each) for each in np.sqrt(np.diag(fit.person)))
        knee, residual = float(np.sqrt(fit.knee)), float(np.sqrt(fit.residual))
        together = float(fit.person[0, 1] / (level * slope)) if level * slope else NAN
    yield "person, standard deviation", level, people
    yield "knee within person, standard deviation", knee, people
    yield "residual, standard deviation", residual, people
    yield "yearly slope, standard deviation", slope, people
    yield "correlation of level and slope", together, people


def _compared(tables: Tables) -> pd.DataFrame:
    """Return the visits at which project 15 graded a knee that it had graded at baseline."""
    read = tables.visits[tables.visits["reading_project"].eq(15).fillna(value=False)]
    return read[read["months"].gt(0)].dropna(subset=["kl_grade", "kl_grade_start"])


def _rises(tables: Tables) -> Iterator[Named]:
    at_risk = _compared(tables).query("kl_grade_start < 4")
    rose = at_risk["kl_grade"].gt(at_risk["kl_grade_start"])
    for months in RISEN:
        yield _mean(f"risen by a grade at {months} months", rose[at_risk["months"].eq(months)], 100)
    last = at_risk["months"].eq(48)
    for grade in GRADES[:4]:
        own = last & at_risk["kl_grade_start"].eq(grade)
        yield _mean(f"grade {grade} risen at 48 months", rose[own], 100)


def _falls(tables: Tables) -> Iterator[Named]:
    pairs = pairs_of_readings(tables.readings)
    fell = pairs["change"].lt(0)
    asked = fell if len(fell) >= FEWEST_READ_TWICE else fell.iloc[:0]
    yield _mean("grades that fell from one reading to the next", asked, PER_10_000)


def _seen(tables: Tables) -> Iterator[Named]:
    design = reading_selection.seen(tables.knees, tables.visits).set_index(["kl_grade", "months"])
    ended = tables.visits.loc[tables.visits["kl_grade"].notna(), "months"].max()
    for grade in SEEN:
        for months in SEEN_AT:
            share, knees = NAN, 0
            if (grade, months) in design.index and months <= ended:
                share = 100 * float(design.loc[(grade, months), "share"])
                knees = int(design.loc[(grade, months), "knees"])
            yield f"grade {grade} read at {months} months", share, knees


def _agreement(tables: Tables) -> Iterator[Named]:
    read = tables.readings.dropna(subset=["kl_grade"])
    read = read.assign(knee_id=knee_ids(read), project=read["reading_code"].map(PROJECT_OF_CODE))
    for visit, name in {"V00": "baseline", "V06": "48 months"}.items():
        rows = read[read["visit"].eq(visit)].drop_duplicates(["knee_id", "project"])
        wide = rows.pivot_table(index="knee_id", columns="project", values="kl_grade")
        both = wide.reindex(columns=[15, 37]).dropna()
        yield _mean(f"projects agree at {name}", both[15].eq(both[37]), 100)


def _ends(tables: Tables) -> Iterator[Named]:
    for outcome, name, ends in (
        ("replacement", "people with a knee replaced by {} months", tuple(REPLACED)),
        ("death", "people who died by {} months", (96,)),
    ):
        rows = tables.events[tables.events["outcome"].eq(outcome)]
        when = rows["right_months"].where(rows["observed"])
        first = when.groupby(rows["participant_id"]).min()
        everyone = pd.Series(tables.participants["participant_id"])
        for months in ends:
            done = everyone.map(first).le(months)
            yield _mean(name.format(months), done if len(rows) else done.iloc[:0], 100)


def _films(tables: Tables) -> Iterator[Named]:
    knees, grade = tables.knees, tables.knees["kl_grade"].astype("float64")
    features = {name: _present(_worst(knees, prefix)) for name, prefix in WORST.items()}
    sex = knees["participant_id"].map(tables.participants.set_index("participant_id")["sex"])
    for own in HEALTHY_WIDTH:
        yield _mean(
            f"medial width in grades 0 and 1, {own}",
            knees.loc[grade.le(1) & sex.eq(own), "jsw_medial"],
        )
    beyond = knees["jsw_lateral"] - knees["jsw_medial"]
    yield _mean("lateral beyond medial width in grade 0", beyond[grade.eq(0)])
    for name, by_grade in FEATURES.items():
        for each in by_grade:
            yield _mean(f"{name} in grade {each}", features[name][grade.eq(each)], 100)
    for name, values, scale in (
        ("least fall of medial width to the next grade", knees["jsw_medial"], -1),
        ("least rise of osteophytes to the next grade", features["osteophytes"], 100),
        ("least rise of sclerosis to the next grade", features["sclerosis"], 100),
    ):
        groups = values.groupby(grade)
        enough = groups.count().ge(FEWEST)
        means = groups.mean()[enough]
        steps = (scale * means).diff().dropna()
        yield name, float(steps.min()) if len(steps) else NAN, int(groups.count().sum())


def films_by_grade(knees: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Describe what is read off the films of each grade.

    Returns
    -------
    Columns `kl_grade`, `knees`, mean `jsw_medial` and `jsw_lateral` (mm) and, per feature,
    the per cent of knees with it, where it was read. What rests on fewer knees than are asked
    for a fact is missing, and so are shares of few knees unless single knees may be shown.
    """
    read = pd.DataFrame(
        {name: 100 * _present(_worst(knees, prefix)) for name, prefix in WORST.items()}
        | {name: knees[name].astype("float64") for name in ("jsw_medial", "jsw_lateral")}
    )
    groups = read.groupby(knees["kl_grade"])
    means, counts = groups.mean(), groups.count()
    rare = np.minimum(means, 100 - means)[list(WORST)] / 100 * counts[list(WORST)]
    few = small_cells.is_small(rare) & (not disclose)
    means = means.where(counts.ge(FEWEST)).mask(
        few.reindex(columns=means.columns, fill_value=False)
    )
    means.insert(0, "knees", small_cells.counts(groups.size(), disclose=disclose))
    return means[["knees", "jsw_medial", "jsw_lateral", *WORST]].reset_index()


def _worst(knees: pd.DataFrame, prefix: str) -> pd.Series:
    return knees[[name for name in knees if name.startswith(prefix)]].max(axis=1)


def _present(scores: pd.Series) -> pd.Series:
    return scores.ge(1).astype("float64").where(scores.notna())
