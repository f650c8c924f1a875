"""Effect tables: an effect table as a reader meets it, in rows to read and in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kneephen_utils import display_names, formatting, small_cells
from kneephen_utils.stats import hazard_ratios

COUNTS = ["knees", "participants", "events"]
NUMBERS = ["estimate", "low", "high"]
BY_MODEL = ["kl_grade", "compared", "model", "contrast", "estimate", "unit", "p", *COUNTS]
BY_OUTCOME = [*BY_MODEL[:2], "outcome", *BY_MODEL[2:]]
TESTS = ["arm", "kl_grade", "compared", "sample", "outcome", "contrast", "estimate", "unit"]
TESTS += ["p", "p_adjusted", *COUNTS, "firewall"]
ROLES = ["primary", "secondary", "cross-check", "sensitivity", "naive"]  # in reading order
LABELS = {"kl_grade": "KL", "p_adjusted": "adjusted p", "participants": "people"}


def table_effects(effects: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Return rows of an effect table for reading: phenotypes as letters, p values as text.

    Counts below ten are left out where single knees may not be shown.
    """
    pairs = zip(effects["phenotype"], effects["reference"], strict=True)
    rows = effects.assign(
        compared=[
            f"{display_names.phenotype_label(one)} against {display_names.phenotype_label(other)}"
            for one, other in pairs
        ],
        outcome=effects["outcome"].replace(display_names.OUTCOMES),
        p=effects["p"].map(formatting.p_value),
        p_adjusted=effects["p_adjusted"].map(formatting.p_value),
        **{name: _counts(effects[name], disclose=disclose) for name in COUNTS},
    )
    order = ["arm", "kl_grade", "compared", "sample", "outcome", "model", "contrast", *NUMBERS]
    return rows[[*order, "unit", "p", "p_adjusted", *COUNTS, "firewall"]]


def table_columns(effects: pd.DataFrame, columns: Sequence[str], *, disclose: bool) -> pd.DataFrame:
    """Return the chosen columns of `table_effects`, with those that are empty throughout left out.

    An estimate stands with its interval in one cell.
    """
    rows = table_effects(effects, disclose=disclose)
    told = [formatting.spread(row.estimate, row.low, row.high) for row in rows.itertuples()]
    rows = rows.assign(estimate=pd.Series(told, index=rows.index, dtype=object))[list(columns)]
    return rows.loc[:, rows.notna().any()]


def unrun(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the reasons why planned contrasts have no number, and how many each concerns."""
    empty = effects[effects["estimate"].isna() & effects["p"].isna()]
    counts = empty.groupby(["arm", "outcome", "firewall", "sentence"], sort=True).size()
    listed = counts.rename("contrasts").reset_index()
    return listed.assign(outcome=listed["outcome"].replace(display_names.OUTCOMES))


def text_effects(effects: pd.DataFrame, *, arm: str) -> list[str]:
    """Say what came of the primary contrasts of one arm in confirm people."""
    main = effects[(effects["role"] == "primary") & (effects["arm"] == arm)]
    main = main[main["sample"] == "confirm"]
    if main.empty:
        return [f"The arm {arm} has no two phenotypes in any grade, so nothing is compared."]
    judged = main[main["p_adjusted"].notna()]
    refused = int((main["firewall"] == "refused").sum())
    sentences = [
        f"Of {len(main)} primary contrasts of the arm {arm} in confirm people, {len(judged)} could "
        f"be estimated and {refused} were refused by the firewall."
    ]
    for family, own in judged.groupby("family"):
        least = own.loc[own["p_adjusted"].idxmin()]
        sentences.append(
            f"The smallest adjusted p of the family {str(family).replace('_', ' ')} is "
            f"{formatting.p_value(least['p_adjusted'])}, in KL{least['kl_grade']}: "
            f"{least['sentence']}"
        )
    return sentences


def beside(effects: pd.DataFrame, *, arm: str, sample: str, contrast: str) -> pd.DataFrame:
    """Return every estimate of one contrast, whatever its model and role, one below the other."""
    some = effects[(effects["arm"] == arm) & (effects["sample"] == sample)]
    some = some[(some["contrast"] == contrast) & some["estimate"].notna()]
    order = ["outcome", "kl_grade", "phenotype", "role"]
    return some.sort_values(order, kind="stable")


def primary_outcome(effects: pd.DataFrame, *, arm: str, sample: str) -> pd.DataFrame:
    """Return every row about the outcomes of the primary contrasts, whatever its model and role.

    Within a pair of phenotypes the rows that claims rest on come first.
    """
    outcome = effects.loc[effects["role"] == "primary", "outcome"].unique()
    some = effects[(effects["arm"] == arm) & (effects["sample"] == sample)]
    some = some[some["outcome"].isin(outcome) & (some["estimate"].notna() | some["p"].notna())]
    rank = some["role"].map({role: place for place, role in enumerate(ROLES)})
    order = some.assign(rank=rank.fillna(len(ROLES)))
    return order.sort_values(["kl_grade", "phenotype", "rank"], kind="stable").drop(columns="rank")


def story(made: pd.DataFrame, outcome: str) -> float:
    """Return how far apart grouped-time and Cox ratios are, at most, in standard errors."""
    own = made[(made["outcome"] == outcome) & (made["contrast"] == hazard_ratios.RATIO)]
    logs = np.log(own[["estimate", "low", "high"]]).assign(model=own["model"])
    key = [own[each] for each in ("arm", "kl_grade", "phenotype", "sample")]
    table = logs.assign(error=(logs["high"] - logs["low"]) / 3.92).set_index(key)
    one, other = (table[table["model"] == each] for each in (hazard_ratios.GROUPED, "Cox model"))
    gap = (one["estimate"] - other["estimate"]).abs() / one["error"]
    return float(gap.max()) if len(gap.dropna()) else 0.0


def readings(design: pd.DataFrame, *, disclose: bool = True) -> pd.DataFrame:
    """Return the reading design for reading: one row per grade, per cent read by month.

    A grade or month of which everything is withheld stays, without numbers.
    """
    share = small_cells.share(design["share"] * design["knees"], design["knees"], disclose=disclose)
    knees = small_cells.counts(design["knees"], disclose=disclose)
    table = design.assign(
        month=design["months"].map("{:g}".format), percent=100 * share, knees=knees
    )
    order = list(dict.fromkeys(table.sort_values("months")["month"]))
    shown = table.pivot_table(index="kl_grade", columns="month", values="percent", dropna=False)
    shown = shown[order]
    shown.insert(0, "knees", table.groupby("kl_grade")["knees"].first())
    return shown.reset_index()


def _counts(counts: pd.Series, *, disclose: bool) -> pd.Series:
    return small_cells.counts(counts, disclose=disclose)
