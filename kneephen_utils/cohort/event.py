"""Event: between which two looks at a knee something happened to it.

Films are taken at visits, so a rise of grade is only known to lie between the last visit
without it and the first with it. Replacements and deaths carry a date where it is known.
"""

from __future__ import annotations

import pandas as pd

from kneephen_utils import compartment, tables
from kneephen_utils.cohort.reading_selection import LAST_MONTH_OF_15
from kneephen_utils.oai.visit_schedule import CONTACTS

WORST_GRADE = 4
WORST_NARROWING = 3
LOSSES = {"jsw_loss_0.5": 0.5, "jsw_loss_0.7": 0.7}  # mm of the affected compartment
SHORT = 1e-6  # mm; widths are told to the thousandth
COLUMNS = ["knee_id", "participant_id", "outcome", "left_months", "right_months", "observed"]
CONFIRMED = 3.0


def find(
    knees: pd.DataFrame,
    visits: pd.DataFrame,
    chosen: pd.DataFrame,
    replacements: pd.DataFrame,
    participants: pd.DataFrame,
) -> pd.DataFrame:
    """Return the `events` table.

    A knee that cannot have an event has no row for it: a knee of grade 4 cannot rise, one of
    grade 3 cannot rise by two, one narrowed to the end in both compartments cannot narrow, one
    with less width than that cannot lose half a millimetre, a replaced knee can do none of these.
    A knee never seen again is free of the event at 0 months only. Replacements, deaths and what
    counts a replacement have rows only if the release says who had one.

    Parameters
    ----------
    knees, visits
        Tables of this stage.
    chosen
        Readings that count, with the baseline of their project, see `reading_selection.choose`.
    replacements
        Table of `oai.Release`, with `knee_id`.
    participants
        `participant_id`, `last_contact_months`, `death_months`.
    """
    native = knees[~knees["replaced_at_baseline"]]
    follow = _follow(visits, chosen)
    parts = [
        _rises(native, follow, steps=1),
        _rises(native, follow, steps=2),
        _narrowings(native, follow),
        *(_losses(native, visits, outcome, least) for outcome, least in LOSSES.items()),
    ]
    if len(replacements):
        parts += [
            _rises_or_replacements(native, follow, visits),
            _replaced(native, visits, replacements, participants),
            _deaths(knees, visits, participants),
        ]
    events = pd.concat(parts, ignore_index=True)
    return events[COLUMNS].sort_values(["outcome", "knee_id"], ignore_index=True)


def _follow(visits: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    key = ["knee_id", "visit"]
    starts = chosen[[*key, "jsn_medial_start", "jsn_lateral_start"]]
    later = visits[visits["months"].gt(0) & ~visits["replaced"]]
    tables.once(later, key, "visits")
    tables.once(starts, key, "chosen readings")
    return later.merge(starts, on=key)


def _rises(native: pd.DataFrame, follow: pd.DataFrame, *, steps: int) -> pd.DataFrame:
    highest = WORST_GRADE - steps
    at_risk = native[native["kl_grade"].le(highest).fillna(value=False)]
    read = follow[follow["kl_grade"].notna() & follow["kl_grade_start"].le(highest)]
    happened = (read["kl_grade"] - read["kl_grade_start"]).ge(steps).astype(bool)
    return _between_visits(at_risk, read, happened).assign(outcome=f"kl_rise_{steps}")


def _narrowings(native: pd.DataFrame, follow: pd.DataFrame) -> pd.DataFrame:
    scores = ["jsn_medial", "jsn_lateral"]
    free = native[native[scores].lt(WORST_NARROWING).any(axis=1)]
    change = pd.DataFrame(
        {
            score: (follow[score] - follow[f"{score}_start"]).where(
                follow[f"{score}_start"].lt(WORST_NARROWING)
            )
            for score in scores
        },
        index=follow.index,
    )
    known = change.notna().any(axis=1)
    happened = change.ge(1).any(axis=1)[known]
    return _between_visits(free, follow[known], happened).assign(outcome="jsn_rise")


def _rises_or_replacements(
    native: pd.DataFrame, follow: pd.DataFrame, visits: pd.DataFrame
) -> pd.DataFrame:
    """Bracket the first of a rise and a replacement by the visits that could show it.

    A replacement counts at the first visit to which the person came with it, as a rise does: who
    stays away is lost with or without one. By its date alone it would count in people whose
    grades are no longer known, who have no chance to be counted as free. After the last visit at
    which every film was read a replacement has no such company either and does not count.
    """
    highest = WORST_GRADE - 1
    at_risk = native[native["kl_grade"].le(highest).fillna(value=False)]
    graded = follow[follow["kl_grade"].notna() & follow["kl_grade_start"].le(highest)]
    rose = (graded["kl_grade"] - graded["kl_grade_start"]).ge(1).astype(bool)
    known = visits["replaced"] & visits["months"].gt(0) & visits["months"].le(LAST_MONTH_OF_15)
    columns = ["knee_id", "months"]
    seen = pd.concat(
        [
            graded[columns].assign(happened=rose),
            visits.loc[known, columns].assign(happened=True),
        ],
        ignore_index=True,
    )
    happened = seen["happened"].astype(bool)
    return _between_visits(at_risk, seen, happened).assign(outcome="rise_or_replacement")


def _losses(native: pd.DataFrame, visits: pd.DataFrame, outcome: str, least: float) -> pd.DataFrame:
    """Bracket the loss of `least` mm of joint space in the compartment affected at baseline.

    Both losses are in use as progression; 0.7 mm, farther from the error of the measurement, in
    the biomarkers study of the initiative (Hunter et al. 2022, doi:10.1002/acr.24557).
    """
    place = compartment.affected(native)
    start = compartment.width(native, place)
    at_risk = native[start.ge(least)]
    first = pd.Series(start.to_numpy(), index=native["knee_id"])
    later = visits[visits["months"].gt(0) & ~visits["replaced"]]
    lost = later["knee_id"].map(first) - compartment.width(later, place)
    read = later[lost.notna()]
    happened = lost[lost.notna()].ge(least - SHORT)
    return _between_visits(at_risk, read, happened).assign(outcome=outcome)


def _between_visits(at_risk: pd.DataFrame, read: pd.DataFrame, happened: pd.Series) -> pd.DataFrame:
    """Bracket each knee's event: the last visit without it before the first visit with it."""
    first = read[happened].groupby("knee_id")["months"].min()
    until = read["knee_id"].map(first)
    before = read[~happened & (until.isna() | read["months"].lt(until))]
    last = before.groupby("knee_id")["months"].max()
    right = at_risk["knee_id"].map(first)
    return at_risk[["knee_id", "participant_id"]].assign(
        left_months=at_risk["knee_id"].map(last).fillna(0.0),
        right_months=right,
        observed=right.notna(),
    )


def _replaced(
    native: pd.DataFrame,
    visits: pd.DataFrame,
    replacements: pd.DataFrame,
    participants: pd.DataFrame,
) -> pd.DataFrame:
    """Bracket confirmed replacements; a date gives both ends, the reporting visit the later one."""
    facts = replacements.drop_duplicates("knee_id").set_index("knee_id")
    facts = facts.reindex(native["knee_id"])
    happened = facts["status"].eq(CONFIRMED).to_numpy()
    end = native["participant_id"].map(_ends(visits, participants))
    exact = pd.Series(facts["months"].to_numpy(), index=native.index)
    reported = pd.Series(facts["reported_months"].to_numpy(), index=native.index)
    right = exact.fillna(reported).fillna(end).where(happened)
    left = exact.fillna(reported.map(_contact_before)).fillna(0.0).where(happened, end)
    return native[["knee_id", "participant_id"]].assign(
        outcome="replacement", left_months=left, right_months=right, observed=happened
    )


def _deaths(knees: pd.DataFrame, visits: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    death = participants.set_index("participant_id")["death_months"]
    right = knees["participant_id"].map(death)
    return knees[["knee_id", "participant_id"]].assign(
        outcome="death",
        left_months=right.fillna(knees["participant_id"].map(_ends(visits, participants))),
        right_months=right,
        observed=right.notna(),
    )


def _ends(visits: pd.DataFrame, participants: pd.DataFrame) -> pd.Series:
    """Return when each person was last known: death, last contact or last visit, in months."""
    people = participants.set_index("participant_id")
    seen = visits.groupby("participant_id")["months"].max().reindex(people.index)
    known = pd.concat([people["last_contact_months"], seen], axis=1).max(axis=1)
    return people["death_months"].fillna(known).fillna(0.0)


def _contact_before(month: float) -> float:
    """Return the contact before the one at `month`; at enrolment there is none."""
    return float(max((each for each in CONTACTS.values() if each < month), default=0))
