"""Published benchmarks: what was published of the cohort beside what this release shows.

A synthetic release has to earn trust, and a real one may have been put together wrongly.
A fact that differs is reported and stops nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from kneephen_utils import small_cells
from kneephen_utils.cohort.published_benchmarks import measure
from kneephen_utils.cohort.published_benchmarks.measure import Tables, films_by_grade
from kneephen_utils.cohort.published_benchmarks.published import FACTS, Fact

__all__ = ["Tables", "compare", "films_by_grade", "hidden", "text_facts"]

GROUPS = 10  # people are left out a tenth at a time to see how far chance moves a fact
CHANCE = float(stats.t.ppf(0.975, GROUPS - 1))
VERDICTS = ("as published", "within chance", "differs", "too few")


def compare(tables: Tables) -> pd.DataFrame:
    """Lay every published fact beside its value in this release.

    Parameters
    ----------
    tables
        `participants`, `knees`, `visits` and `events` of this stage, and the readings.

    Returns
    -------
    One row per fact: `topic`, `fact`, `unit`, `published`, `expected` in words, `value`,
    `error` (standard error, from leaving out a tenth of the people at a time), `number` of
    knees, people or pairs, `verdict` and `source`. The verdict is `as published` inside the
    expected range, `within chance` where the 95 % interval reaches it, `differs` otherwise.
    """
    found = measure.every(tables)
    errors = _errors(tables)
    rows = []
    for fact in FACTS:
        value, number = found.loc[fact.fact]
        error = float(errors[fact.fact])
        rows.append(
            {
                "topic": fact.topic,
                "fact": fact.fact,
                "unit": fact.unit,
                "published": fact.published,
                "expected": _range(fact),
                "value": value,
                "error": error,
                "number": int(number),
                "verdict": _verdict(fact, value, error),
                "source": fact.source,
            }
        )
    return pd.DataFrame(rows)


def hidden(facts: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Leave out shares that rest on fewer than ten knees, unless single knees may be shown."""
    if disclose:
        return facts
    percent, number = facts["unit"].eq("%"), facts["number"].astype("float64")
    share = small_cells.share(facts["value"] / 100 * number, number, disclose=False)
    small = (percent & share.isna()) | small_cells.is_small(number)
    return facts.assign(
        value=facts["value"].mask(percent, 100 * share).mask(small),
        number=small_cells.counts(facts["number"], disclose=False),
        error=facts["error"].mask(small),
        verdict=facts["verdict"].mask(small, "too few"),
    )


def text_facts(facts: pd.DataFrame) -> str:
    """Say in a few sentences how many facts agree, and name those that do not."""
    ended = facts["verdict"].value_counts()
    counts = ", ".join(f"{ended[name]} {name}" for name in VERDICTS if name in ended)
    off = facts[facts["verdict"].eq("differs")]
    named = "; ".join(
        f"{row.fact}: {row.value:.2f} {row.unit}".rstrip() + f" where {row.expected} was expected"
        for row in off.itertuples()
    )
    return f"Of {len(facts)} facts: {counts}." + (f" What differs: {named}." if named else "")


def _errors(tables: Tables) -> pd.Series:
    """Return the standard error of each fact, both knees of a person kept together.

    References
    ----------
    Kott (2001), The delete-a-group jackknife, Journal of Official Statistics 17:521.
    """
    everyone = np.sort(tables.participants["participant_id"].to_numpy())
    dealt = np.random.default_rng(0).permutation(everyone)
    values = np.array(
        [
            measure.every(tables.without(set(dealt[group::GROUPS])))["value"].to_numpy()
            for group in range(GROUPS)
        ]
    )
    spread = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    error = np.sqrt((GROUPS - 1) / GROUPS * spread)
    return pd.Series(error, index=measure.every(tables).index)


def _verdict(fact: Fact, value: float, error: float) -> str:
    if np.isnan(value):
        return "too few"
    if fact.low <= value <= fact.high:
        return "as published"
    reach = CHANCE * error
    near = value + reach >= fact.low and value - reach <= fact.high
    return "within chance" if near else "differs"


def _range(fact: Fact) -> str:
    if np.isinf(fact.low):
        return f"at most {fact.high:g}"
    if np.isinf(fact.high):
        return f"at least {fact.low:g}"
    return f"{_short(fact.low)} to {_short(fact.high)}"


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
