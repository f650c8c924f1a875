"""Event: what happened to simulated knees is found between the right visits, without bias."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from crowd import draw
from pandas.testing import assert_series_equal

from kneephen_utils import cohort, compartment, tables
from kneephen_utils.cohort import event, reading_selection
from kneephen_utils.stats import discrete_time_hazard, survival

VISITS = {"V00": 0.0, "V01": 12.0, "V03": 24.0, "V05": 36.0, "V06": 48.0}
BOTH = "rise_or_replacement"
RISE, REPLACED = 0.006, 0.004  # hazards a month


def knees(people: int, **more: object) -> pd.DataFrame:
    """One knee of grade 2 a person."""
    ids = pd.Series(9_000_000 + np.arange(people)).astype(str)
    blank = {"kl_grade": pd.array([2] * people, dtype="Int64"), "replaced_at_baseline": False}
    blank |= {"jsn_medial": 1.0, "jsn_lateral": 0.0, "jsw_medial": 4.0, "jsw_lateral": 6.5}
    return pd.DataFrame({"knee_id": ids + "-R", "participant_id": ids, **blank, **more})


def follow(
    own: pd.DataFrame, rise: np.ndarray, replaced: np.ndarray, here: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return the visits at which people were `here`, knees graded unless replaced."""
    parts = []
    for visit, months in VISITS.items():
        gone = replaced <= months
        grade = pd.Series(2 + (rise <= months), dtype="Int64").mask(gone)
        rows = own[["knee_id", "participant_id"]].assign(
            visit=visit, months=months, kl_grade=grade, kl_grade_start=grade.where(grade.isna(), 2)
        )
        rows = rows.assign(jsn_medial=1.0, jsn_lateral=0.0, replaced=gone)
        rows = rows.assign(jsw_medial=4.0, jsw_lateral=6.5)
        parts.append(rows[here[visit]])
    return pd.concat(parts, ignore_index=True)


def found(own: pd.DataFrame, visits: pd.DataFrame, months: np.ndarray) -> pd.DataFrame:
    chosen = visits[["knee_id", "visit"]].assign(jsn_medial_start=1.0, jsn_lateral_start=0.0)
    done = own[["knee_id"]].assign(
        status=np.where(months < 96, 3.0, np.nan), months=months, reported_months=np.nan
    )
    people = own[["participant_id"]].assign(last_contact_months=96.0, death_months=np.nan)
    return tables.check(event.find(own, visits, chosen, done, people), "events")


def lost(people: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Let a fifth leave for good at each visit, whatever their knees do."""
    leaves = rng.geometric(0.2, people) * 12.0
    return {visit: months < leaves for visit, months in VISITS.items()}


def risk(events: pd.DataFrame, outcome: str) -> float:
    """Return the chance of an outcome within 48 months, by Kaplan-Meier."""
    own = discrete_time_hazard.censor(events[events["outcome"] == outcome], horizon=48.0)
    own = own[own["months"] > 0]
    return 1 - float(survival.free(own, np.array([48.0]), np.ones((1, len(own))))[0, 0])


def test_a_rise_or_a_replacement_is_counted_without_bias_where_people_leave() -> None:
    """By its date a replacement would also count in people whose grades nobody knows any more."""
    rng = np.random.default_rng(5)
    own = knees(6_000)
    rise, replaced = (rng.exponential(1 / each, len(own)) for each in (RISE, REPLACED))
    events = found(own, follow(own, rise, replaced, lost(len(own), rng)), replaced)
    right = 1 - np.exp(-48 * (RISE + REPLACED))
    assert risk(events, BOTH) == pytest.approx(right, abs=0.02)
    both = events[events["outcome"] == BOTH].set_index("knee_id")
    day = pd.Series(np.ceil(replaced / 12) * 12, index=own["knee_id"])[both.index]
    dated = both.assign(
        right_months=np.fmin(both["right_months"], day.where(day > both["left_months"]))
    )
    dated = dated.assign(observed=dated["right_months"].notna(), outcome="dated")
    assert risk(dated.reset_index(), "dated") > right + 0.05


def test_a_rise_alone_takes_replaced_knees_for_knees_that_go_on_like_the_others() -> None:
    """Where the knees that would rise are the ones replaced, a rise alone sees half of it."""
    rng = np.random.default_rng(6)
    own = knees(3_000)
    rise = rng.exponential(1 / RISE, len(own))
    replaced = np.where(rng.random(len(own)) < 0.5, rise - 0.01, 999.0)  # just before the rise
    here = dict.fromkeys(VISITS, np.ones(len(own), dtype=bool))
    events = found(own, follow(own, rise, replaced, here), replaced)
    right = 1 - np.exp(-48 * RISE)
    assert risk(events, BOTH) == pytest.approx(right, abs=0.03)
    assert risk(events, "kl_rise_1") < right - 0.08


@pytest.mark.parametrize(
    ("replaced", "expected"),
    [(30.0, [24.0, 36.0, True]), (12.0, [0.0, 12.0, True]), (60.0, [48.0, -1, False])],
)
def test_a_replacement_is_bracketed_by_visits(replaced: float, expected: list) -> None:
    own = knees(1)
    here = dict.fromkeys(VISITS, np.array([True]))
    months = np.array([replaced])
    visits = follow(own, np.array([99.0]), months, here)
    late = visits.tail(1).assign(visit="V08", months=72.0, kl_grade=pd.NA, replaced=replaced < 72)
    events = found(own, pd.concat([visits, late], ignore_index=True), months)
    row = events[events["outcome"] == BOTH].iloc[0]
    assert row[["left_months", "right_months", "observed"]].fillna(-1).tolist() == expected


def test_the_first_of_the_two_counts() -> None:
    own = knees(2)
    rise, replaced = np.array([20.0, 99.0]), np.array([30.0, 30.0])
    here = dict.fromkeys(VISITS, np.ones(2, dtype=bool))
    events = found(own, follow(own, rise, replaced, here), replaced)
    both = events[events["outcome"] == BOTH]
    assert both[["left_months", "right_months"]].to_numpy().tolist() == [[12, 24], [24, 36]]


def test_the_lateral_compartment_is_followed_where_it_is_the_narrowed_one() -> None:
    own = knees(4, jsn_medial=[1.0, 1.0, 0.0, np.nan], jsn_lateral=[0.0, 2.0, 0.0, 1.0])
    place = compartment.affected(own)
    assert place.fillna("unknown").tolist() == ["medial", "lateral", "medial", "unknown"]
    width = compartment.width(own, place)
    assert width.fillna(-1).tolist() == [4.0, 6.5, 4.0, -1.0]
    unmeasured = compartment.width(own.assign(jsw_lateral=np.nan), place)
    assert np.isnan(unmeasured[1]), "the medial width does not stand in for a lateral one"


def test_a_loss_of_width_is_seen_where_it_happens() -> None:
    """Medially and laterally narrowed knees lose alike; the medial width alone sees one of them."""
    own = knees(2, jsn_medial=[1.0, 0.0], jsn_lateral=[0.0, 1.0])
    here = dict.fromkeys(VISITS, np.ones(2, dtype=bool))
    never = np.full(2, 999.0)
    visits = follow(own, never, never, here)
    lateral = visits["knee_id"] == own["knee_id"][1]
    gone = visits["months"] / 60  # 0.2 mm a year
    visits["jsw_medial"] -= gone.where(~lateral, -gone)
    visits["jsw_lateral"] -= gone.where(lateral, -gone)
    events = found(own, visits, never).set_index(["outcome", "knee_id"])
    columns = ["left_months", "right_months", "observed"]
    half, more = (events.loc[each, columns] for each in ("jsw_loss_0.5", "jsw_loss_0.7"))
    assert half.to_numpy().tolist() == [[24, 36, True]] * 2
    assert more.to_numpy().tolist() == [[36, 48, True]] * 2


@pytest.mark.parametrize("least", [0.5, 0.7])
def test_a_loss_is_counted_from_its_very_measure_on_and_not_below(least: float) -> None:
    own = knees(2, jsw_medial=4.1)
    here = dict.fromkeys(VISITS, np.ones(2, dtype=bool))
    visits = follow(own, np.full(2, 999.0), np.full(2, 999.0), here)
    end = visits["visit"] == "V06"
    visits["jsw_medial"] = 4.1
    visits.loc[end, "jsw_medial"] = [4.1 - least, 4.1 - least + 0.001]
    events = found(own, visits, np.full(2, 999.0))
    assert events.loc[events["outcome"] == f"jsw_loss_{least}", "observed"].tolist() == [
        True,
        False,
    ]


def test_a_knee_that_cannot_lose_the_width_or_has_none_measured_has_no_row() -> None:
    own = knees(3, jsw_medial=[0.6, np.nan, 4.0])
    here = dict.fromkeys(VISITS, np.ones(3, dtype=bool))
    events = found(own, follow(own, np.full(3, 999.0), np.full(3, 999.0), here), np.full(3, 999.0))
    at_risk = events.groupby("outcome")["knee_id"].size()
    assert at_risk[["jsw_loss_0.5", "jsw_loss_0.7"]].tolist() == [2, 1]


def test_new_events_agree_with_a_slow_walk_along_each_knee() -> None:
    source = draw(120, seed=9)
    early = source.replacements["months"].notna()
    source.replacements.loc[early, "months"] = 20.0  # while everybody is read
    gone = source.readings["visit"].isin(["V03", "V05", "V06", "V08", "V10"])
    pairs = source.replacements.loc[early, ["participant_id", "side"]]
    own = source.readings.merge(pairs.assign(done=True), how="left")["done"].notna().to_numpy()
    source.readings.loc[gone & own, "kl_grade"] = np.nan
    chosen = reading_selection.choose(source.readings, projects="by_design")
    first = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, first)
    people = cohort.participants(source, visits)
    events = event.find(first, visits, chosen, cohort.replacements(source), people)
    both = events[events["outcome"] == BOTH].set_index("knee_id")["right_months"]
    right, grades = {}, first.dropna(subset=["kl_grade"]).set_index("knee_id")["kl_grade"]
    for knee, rows in visits.sort_values("months").groupby("knee_id"):
        if grades.get(knee, 4) == 4:
            continue
        right[knee] = np.nan
        for row in rows[rows["months"] > 0].itertuples():
            rose = pd.notna(row.kl_grade) and row.kl_grade > row.kl_grade_start
            if rose or (row.replaced and row.months <= 48):
                right[knee] = row.months
                break
    assert both.notna().sum() > 60
    assert_series_equal(both.sort_index(), pd.Series(right).sort_index(), check_names=False)
