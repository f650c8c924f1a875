"""Summary: an effect table as a reader meets it, in rows to read and in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kneephen_utils import closed, figure, report
from kneephen_utils.inference import ratios

COUNTS = ["knees", "participants", "events"]
NUMBERS = ["estimate", "low", "high"]
BY_MODEL = ["kl_grade", "compared", "model", "contrast", "estimate", "unit", "p", *COUNTS]
BY_OUTCOME = [*BY_MODEL[:2], "outcome", *BY_MODEL[2:]]
TESTS = ["arm", "kl_grade", "compared", "sample", "outcome", "contrast", "estimate", "unit"]
TESTS += ["p", "p_adjusted", *COUNTS, "firewall"]
OUTCOMES = {
    "womac_pain": "pain",
    "kl_rise_1": "rise by one grade",
    "rise_or_replacement": "rise or replacement",
    "kl_rise_2": "rise by two grades",
    "jsn_rise": "narrowing read worse",
    "jsw_loss_0.5": "loss of 0.5 mm of width",
    "jsw_loss_0.7": "loss of 0.7 mm of width",
    "jsw_change": "joint-space width",
}
ROLES = ["primary", "secondary", "cross-check", "sensitivity", "naive"]  # in reading order
LABELS = {"kl_grade": "KL", "p_adjusted": "adjusted p", "participants": "people"}


def shown(effects: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Return rows of an effect table for reading: phenotypes as letters, p values as text.

    Counts below ten are left out where single knees may not be shown.
    """
    pairs = zip(effects["phenotype"], effects["reference"], strict=True)
    rows = effects.assign(
        compared=[
            f"{figure.phenotype_label(one)} against {figure.phenotype_label(other)}"
            for one, other in pairs
        ],
        outcome=effects["outcome"].replace(OUTCOMES),
        p=effects["p"].map(report.p_value),
        p_adjusted=effects["p_adjusted"].map(report.p_value),
        **{name: _counts(effects[name], disclose=disclose) for name in COUNTS},
    )
    order = ["arm", "kl_grade", "compared", "sample", "outcome", "model", "contrast", *NUMBERS]
    return rows[[*order, "unit", "p", "p_adjusted", *COUNTS, "firewall"]]


def in_words(text: str) -> str:
    """Return a text with the names of outcomes as a reader calls them, and no underscores."""
    for name, words in OUTCOMES.items():
        text = text.replace(name, words)
    return text.replace("_", " ")


def listing(effects: pd.DataFrame, columns: Sequence[str], *, disclose: bool) -> pd.DataFrame:
    """Return the chosen columns of `shown`, with those that are empty throughout left out.

    An estimate stands with its interval in one cell.
    """
    rows = shown(effects, disclose=disclose)
    told = [report.spread(row.estimate, row.low, row.high) for row in rows.itertuples()]
    rows = rows.assign(estimate=pd.Series(told, index=rows.index, dtype=object))[list(columns)]
    return rows.loc[:, rows.notna().any()]


def unrun(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the reasons why planned contrasts have no number, and how many each concerns."""
    empty = effects[effects["estimate"].isna() & effects["p"].isna()]
    counts = empty.groupby(["arm", "outcome", "firewall", "sentence"], sort=True).size()
    listed = counts.rename("contrasts").reset_index()
    return listed.assign(outcome=listed["outcome"].replace(OUTCOMES))


def tell(effects: pd.DataFrame, *, arm: str) -> list[str]:
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
            f"{report.p_value(least['p_adjusted'])}, in KL{least['kl_grade']}: {least['sentence']}"
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
    own = made[(made["outcome"] == outcome) & (made["contrast"] == ratios.RATIO)]
    logs = np.log(own[["estimate", "low", "high"]]).assign(model=own["model"])
    key = [own[each] for each in ("arm", "kl_grade", "phenotype", "sample")]
    table = logs.assign(error=(logs["high"] - logs["low"]) / 3.92).set_index(key)
    one, other = (table[table["model"] == each] for each in (ratios.GROUPED, "Cox model"))
    gap = (one["estimate"] - other["estimate"]).abs() / one["error"]
    return float(gap.max()) if len(gap.dropna()) else 0.0


def readings(design: pd.DataFrame, *, disclose: bool = True) -> pd.DataFrame:
    """Return the reading design for reading: one row per grade, per cent read by month.

    A grade or month of which everything is withheld stays, without numbers.
    """
    share = closed.share(design["share"] * design["knees"], design["knees"], disclose=disclose)
    knees = closed.counts(design["knees"], disclose=disclose)
    table = design.assign(
        month=design["months"].map("{:g}".format), percent=100 * share, knees=knees
    )
    order = list(dict.fromkeys(table.sort_values("months")["month"]))
    shown = table.pivot_table(index="kl_grade", columns="month", values="percent", dropna=False)
    shown = shown[order]
    shown.insert(0, "knees", table.groupby("kl_grade")["knees"].first())
    return shown.reset_index()


def _counts(counts: pd.Series, *, disclose: bool) -> pd.Series:
    return closed.counts(counts, disclose=disclose)
