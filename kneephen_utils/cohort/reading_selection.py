"""Reading selection: which grading of a film counts, of the several a knee may have had.

Project 15 graded the whole cohort at the visits to 48 months. Project 37, whose rows are
partly coded 42, graded a selected, mostly early sub-study over all visits to 96 months. A
change is judged within one project, against that project's own reading of the first film.
"""

from __future__ import annotations

import pandas as pd

from kneephen_utils import tables
from kneephen_utils.oai.catalog import SIDE_LETTERS
from kneephen_utils.oai.visit_schedule import months

PROJECT_OF_CODE = {15.0: 15, 37.0: 37, 42.0: 37}
LAST_MONTH_OF_15 = 48.0
POLICIES = ("by_design", "15_only")
STARTS = {
    "kl_grade": "kl_grade_start",
    "jsn_medial": "jsn_medial_start",
    "jsn_lateral": "jsn_lateral_start",
}
USED = "used"
KNEE_VISIT = ["knee_id", "visit"]


def choose(readings: pd.DataFrame, *, projects: str) -> pd.DataFrame:
    """Keep at most one reading of each knee and visit.

    Parameters
    ----------
    readings
        All readings of the release, see `oai.Release`.
    projects
        `by_design`: project 15 to 48 months and 37 after, each with its own baseline; a knee
        whose first film was only graded by 37 is followed in 37 throughout. `15_only`: nothing
        but project 15.

    Returns
    -------
    The chosen rows with `knee_id`, `months` (nominal), `reading_project` (15 or 37) and, from
    the baseline of the same project, `kl_grade_start`, `jsn_medial_start`, `jsn_lateral_start`.

    Raises
    ------
    ValueError
        If the policy is unknown.
    """
    rows = _told_apart(readings, projects)
    starts = _starts(rows)
    key = ["knee_id", "reading_project"]
    tables.once(starts, key, "baseline readings")
    chosen = rows[rows["use"].eq(USED)].merge(starts, on=key, how="left")
    order = ["knee_id", "months"]
    return chosen.drop(columns=["use", "reading_code"]).sort_values(order, ignore_index=True)


def account(readings: pd.DataFrame, *, projects: str) -> pd.DataFrame:
    """Count what became of every reading: columns `visit`, `use`, `readings`."""
    rows = _told_apart(readings, projects)
    return rows.groupby(["visit", "use"]).size().rename("readings").reset_index()


def knee_ids(table: pd.DataFrame) -> pd.Series:
    """Return knee identifiers such as `9000001-R` from `participant_id` and `side`."""
    return table["participant_id"] + "-" + table["side"].map(SIDE_LETTERS)


def _told_apart(readings: pd.DataFrame, projects: str) -> pd.DataFrame:
    """Add project and months, and say in `use` why each row counts or does not."""
    if projects not in POLICIES:
        raise ValueError(f"projects is {projects!r}; expected {' or '.join(POLICIES)}")
    rows = readings.assign(
        knee_id=knee_ids(readings),
        months=months(readings["visit"]),
        reading_project=readings["reading_code"].map(PROJECT_OF_CODE).astype("Int64"),
    )
    rows["unread"] = rows["kl_grade"].isna()
    keys = ["knee_id", "visit", "reading_project"]
    rows = rows.sort_values([*keys, "unread", "reading_code"], ignore_index=True)
    repeated = rows.duplicated(keys)
    home = _home_project(rows[~repeated])
    wanted = rows["knee_id"].map(home).fillna(15)
    wanted = wanted.where(rows["months"].le(LAST_MONTH_OF_15), 37)
    if projects == "15_only":
        wanted = pd.Series(15, index=rows.index)
    rows["use"] = USED
    rows.loc[rows["reading_project"].ne(wanted).fillna(value=False), "use"] = "other project"
    rows.loc[repeated, "use"] = "repeated within its project"
    rows.loc[rows["reading_project"].isna(), "use"] = "unknown project"
    return rows.drop(columns="unread")


def _home_project(rows: pd.DataFrame) -> pd.Series:
    """Return the project each knee is followed in to 48 months: 15 if it graded the first film."""
    graded = rows[rows["visit"].eq("V00") & rows["kl_grade"].notna()]
    return graded.groupby("knee_id")["reading_project"].min()


def _starts(rows: pd.DataFrame) -> pd.DataFrame:
    counted = ~rows["use"].isin(["repeated within its project", "unknown project"])
    first = rows[rows["visit"].eq("V00") & counted]
    return first[["knee_id", "reading_project", *STARTS]].rename(columns=STARTS)


def seen(knees: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Return who could be seen: of the knees of each baseline grade, those graded at each visit.

    Returns
    -------
    Columns `kl_grade`, `months`, `knees`, `read`, `share` (0-1).
    """
    baseline = knees.dropna(subset=["kl_grade"])[["knee_id", "kl_grade"]]
    read = visits.loc[visits["kl_grade"].notna(), ["knee_id", "months"]]
    read = read.merge(baseline, on="knee_id").groupby(["kl_grade", "months"]).size()
    total = baseline.groupby("kl_grade").size()
    clinic = visits[visits["contact"].ne("phone")] if "contact" in visits else visits
    every = pd.MultiIndex.from_product(
        [total.index, sorted(clinic["months"].unique())], names=["kl_grade", "months"]
    )
    design = read.reindex(every, fill_value=0).rename("read").reset_index()
    design["knees"] = design["kl_grade"].map(total)
    design["share"] = design["read"] / design["knees"]
    whole = {"kl_grade": "int64", "read": "int64", "knees": "int64", "share": "float64"}
    return design[["kl_grade", "months", "knees", "read", "share"]].astype(whole)
