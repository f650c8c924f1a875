"""Record checks: checks that know how the visits, readings and films of the study were kept."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from kneephen_utils.cohort.data_checks.check_result import (
    FEWEST,
    FEWEST_PAIRS,
    Evidence,
    Finding,
    too_few,
)
from kneephen_utils.cohort.reading_selection import LAST_MONTH_OF_15, PROJECT_OF_CODE, knee_ids
from kneephen_utils.oai import visit_schedule

LEAST_AGREED = 0.9  # share of films that both projects grade alike
ALPHA = 0.005


def design(evidence: Evidence) -> Finding:
    """Ask whether each reading project read what it was to read, once."""
    readings = evidence.source.readings
    if len(readings) < FEWEST:
        return too_few(len(readings), "readings", FEWEST)
    late = visit_schedule.months(readings["visit"]).gt(LAST_MONTH_OF_15)
    late &= readings["reading_code"].eq(15) & readings["kl_grade"].notna()
    twice = readings.duplicated(["participant_id", "side", "visit", "reading_code"])
    strange = ~readings["reading_code"].isin(PROJECT_OF_CODE)
    value = float((late | twice | strange).mean())
    return Finding(
        value,
        value < 0.01,
        f"Of {len(readings):,} readings, {late.sum():,} are by project 15 after "
        f"{LAST_MONTH_OF_15:.0f} months, {twice.sum():,} repeat knee, visit and project, and "
        f"{strange.sum():,} name another project.",
    )


def agreement(evidence: Evidence) -> Finding:
    """Ask whether the two reading projects agree on the films that both have graded."""
    readings = evidence.source.readings.dropna(subset=["kl_grade"])
    readings = readings.assign(
        knee_id=knee_ids(readings), project=readings["reading_code"].map(PROJECT_OF_CODE)
    )
    wide = readings.drop_duplicates(["knee_id", "visit", "project"]).pivot_table(
        index=["visit", "knee_id"], columns="project", values="kl_grade"
    )
    both = wide.reindex(columns=[15, 37]).dropna()
    shares = both[15].eq(both[37]).groupby(level="visit").agg(["mean", "size"])
    shares = shares[shares["size"].ge(FEWEST_PAIRS)]
    if shares.empty:
        return too_few(len(both), "films graded by both projects", FEWEST_PAIRS)
    error = np.sqrt(LEAST_AGREED * (1 - LEAST_AGREED) / shares["size"])
    limit = LEAST_AGREED - norm.isf(ALPHA / len(shares)) * error
    limit[shares.index == "V00"] = LEAST_AGREED
    failed = shares[shares["mean"] < limit].index
    worst = failed[0] if len(failed) else shares.index[0]
    others = f" At {', '.join(failed)} that is too few." if len(failed) else ""
    return Finding(
        float(shares["mean"][worst]),
        not len(failed),
        f"Projects 15 and 37 gave {shares['mean'][worst]:.1%} of {shares['size'][worst]:,} knees "
        f"the same grade at {worst}, and at least {shares['mean'].min():.1%} over {len(shares)} "
        f"visit(s).{others}",
    )


def prostheses(evidence: Evidence) -> Finding:
    """Ask whether replaced knees are left ungraded."""
    replaced = evidence.visits.loc[evidence.visits["replaced"], ["knee_id", "visit"]]
    read = evidence.chosen.merge(replaced, on=["knee_id", "visit"])
    if len(replaced) < FEWEST_PAIRS:
        return too_few(len(replaced), "visits with a replaced knee", FEWEST_PAIRS)
    value = float(read["kl_grade"].notna().sum() / len(replaced))
    return Finding(
        value,
        value < 0.10,
        f"A grade was read at {value:.1%} of {len(replaced):,} visits after a replacement; it is "
        "taken as missing.",
    )


def people(evidence: Evidence) -> Finding:
    """Ask whether everybody who was seen is enrolled."""
    source = evidence.source
    seen = {
        person
        for table in (source.readings, source.contacts, source.films)
        for person in table["participant_id"]
    }
    strange = seen - set(source.people["participant_id"])
    value = len(strange) / max(len(seen), 1)
    return Finding(
        value,
        not strange,
        f"{len(strange):,} of {len(seen):,} people with visits, readings or films are not "
        "among the enrolled and are left out.",
    )


def cells(evidence: Evidence) -> Finding:
    """Ask whether every cell was understood."""
    report = evidence.source.ingest
    bad = report[report["not_understood"].gt(0)]
    count = int(bad["not_understood"].sum())
    where = f": {bad['table'].iloc[0]}, {bad['sentence'].iloc[0]}" if count else "."
    return Finding(
        float(count), not count, f"{count:,} cells hold neither a value nor a missing code{where}"
    )


def linked(evidence: Evidence) -> Finding:
    """Ask whether the film of a graded knee is in the release."""
    read = evidence.knees["film_id"].dropna()
    if evidence.films.empty or len(read) < FEWEST_PAIRS:
        return too_few(0, "knees whose reading names a film that could be listed", FEWEST_PAIRS)
    value = float(read.isin(evidence.films["film_id"]).mean())
    listed = evidence.source.films
    absent = int((listed["path"].isin(evidence.films["path"]) & ~listed["on_disk"]).sum())
    return Finding(
        value,
        value >= 0.9,
        f"The films of {value:.1%} of {len(read):,} graded knees are listed in the release; "
        f"{absent:,} of {len(evidence.films):,} listed films have no file.",
    )


def fibula(_: Evidence) -> Finding:
    """Leave the question of the film side to the stage that has the pictures."""
    return Finding(
        float("nan"), None, "Not asked here: it needs the pictures, and stage radiograph asks it."
    )
