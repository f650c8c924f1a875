"""End-to-end report: what whole studies of small twins claimed, with and without phenotypes."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from kneephen_report import benchmark_results
from kneephen_utils import formatting

HELD = ("supported", "exploratory")
RATIO = "kl_rise_1: hazard ratio"
SIGN = "supported differences whose sign is the planted one"
COLUMNS = ["asked", "phenotypes planted", "none planted"]
NOT_RUN = "No small releases were studied yet; `make truth` does.\n"


def markdown(path: Path) -> str:
    """Return the counts of the table in `path` as Markdown, or how to make it."""
    return text_studies(*benchmark_results.read(path)) if path.exists() else NOT_RUN


def text_studies(twins: pd.DataFrame, command: str, code: str) -> str:
    """Return the counts with the command that made them and the state of the code."""
    sizes = twins.groupby("planted")["twin"].nunique()
    with_groups, without = (int(sizes.get(kind, 0)) for kind in (True, False))
    rows = count(twins)
    said = (
        f"{with_groups} releases with phenotypes and {without} without; 95 % intervals (Wilson) "
        "count releases, or grades and intervals within them as if independent."
    )
    made = benchmark_results.made(command, code, name="twins.csv")
    parts = [said, _power(twins), benchmark_results.table_markdown(rows), made]
    return "\n\n".join(filter(None, parts)) + "\n"


def _power(twins: pd.DataFrame) -> str:
    """Say so if releases with phenotypes claim no more often than releases without."""
    held = twins.assign(held=(twins["question"] == "groups") & twins["verdict"].isin(HELD))
    claimed = held.groupby(["planted", "twin"])["held"].any().groupby("planted").mean()
    if claimed.get(True, 0.0) > claimed.get(False, 0.0):
        return ""
    return (
        "No power was seen in releases this small: phenotypes that are there are claimed no more "
        "often than phenotypes that are not."
    )


def count(twins: pd.DataFrame) -> pd.DataFrame:
    """Return every count for releases with and without phenotypes, as text for reading.

    Parameters
    ----------
    twins
        The `twins` table.

    References
    ----------
    Wilson (1927), interval of a share, doi:10.1080/01621459.1927.10502953.
    """
    kinds = [_of(twins[twins["planted"] == planted]) for planted in (True, False)]
    kinds[1][SIGN] = formatting.MISSING  # nothing was planted that a sign could agree with
    rows = [(asked, kinds[0][asked], kinds[1][asked]) for asked in kinds[0]]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of(own: pd.DataFrame) -> dict[str, str]:
    whole, tested = own[own["question"] == "groups"], own[own["question"] != "groups"]
    by_twin = own.drop_duplicates("twin")["twin"]
    found = whole["verdict"].isin(HELD)
    said = tested["verdict"].eq("supported")
    enough = ~whole["weakest_link"].str.contains("too few")
    ratio = tested[(tested["question"] == RATIO) & tested["truth"].notna()]
    held = (ratio["low"] <= ratio["truth"]) & (ratio["truth"] <= ratio["high"])
    agreed = whole.loc[enough, "estimate"]
    middle = formatting.number(float(agreed.median())) if len(agreed) else formatting.MISSING
    known = tested[said & tested["truth"].notna()]
    right = [_right(row) for row in known.to_dict("records")]
    return {
        "releases in which some grade claims phenotypes": _share(
            by_twin.isin(whole.loc[found, "twin"])
        ),
        "grades with enough knees that claim phenotypes": _share(found[enough]),
        "releases with a supported difference": _share(by_twin.isin(tested.loc[said, "twin"])),
        SIGN: _share(pd.Series(right, dtype=bool)),
        "agreement with the planted groups in confirm people, median": middle,
        "intervals of hazard ratios, gates aside, that hold the planted ratio": _share(held),
    }


def _right(row: dict[Hashable, object]) -> bool:
    """Say whether a supported difference points where what was planted points."""
    none = 1.0 if "ratio" in str(row["question"]) else 0.0
    found, planted = float(str(row["estimate"])) - none, float(str(row["truth"])) - none
    return found * planted > 0


def _share(hits: pd.Series) -> str:
    if not len(hits):
        return "0 of 0"
    low, high = proportion_confint(int(hits.sum()), len(hits), method="wilson")
    return f"{int(hits.sum())} of {len(hits)} ({100 * low:.0f} to {100 * high:.0f} %)"
