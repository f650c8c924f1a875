"""Beside: what could make a ratio without a phenotype is planted, seen raw, and taken out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated

from kneephen_utils import firewall, progression, tables
from kneephen_utils.progression import selection, sensitivity, width
from kneephen_utils.stats import effects, hazard_ratios

SETTINGS = {"horizon": 48.0, "draws": 19, "seed": 0}
LEAST = progression.Least(knees=8, events=5)
VISITS = np.array([12.0, 24.0, 36.0, 48.0])
GIVEN = f"{hazard_ratios.RATIO} given {sensitivity.ANYBODY}"


def knees(people: int, rng: np.random.Generator) -> pd.DataFrame:
    """One knee of grade 2 a person, halves in two phenotypes."""
    ids = pd.Series(9_000_000 + np.arange(people)).astype(str)
    mark = rng.integers(0, 2, people)
    own = {"knee_id": ids + "-R", "participant_id": ids, "phenotype": mark, "mark": 1.0 * mark}
    own |= {"arm": "context", "kl_grade": 2, "split": "confirm", "gated": False, "baseline": 3.0}
    own |= {"age": rng.uniform(45, 79, people), "bmi": rng.normal(28, 4, people)}
    own |= {"female": 1.0 * rng.integers(0, 2, people), "jsn_medial": 1.0, "jsn_lateral": 0.0}
    return pd.DataFrame(own)


def seen(own: pd.DataFrame, time: np.ndarray, until: np.ndarray | float = 999.0) -> pd.DataFrame:
    """Return rises at `time` months as visits show them, of knees read before `until`."""
    read = VISITS[None, :] < np.broadcast_to(np.asarray(until), time.shape)[:, None]
    risen = read & (time[:, None] <= VISITS)
    right = np.where(risen.any(axis=1), VISITS[risen.argmax(axis=1)], np.nan)
    left = np.where(read & ~risen, VISITS, 0.0).max(axis=1)
    found = own[["knee_id", "participant_id"]].assign(outcome="kl_rise_1", left_months=left)
    return found.assign(right_months=right, observed=~np.isnan(right))


def replacements(own: pd.DataFrame, day: np.ndarray) -> pd.DataFrame:
    known = day < 96
    return own[["knee_id", "participant_id"]].assign(
        outcome="replacement",
        left_months=np.where(known, day, 96.0),
        right_months=np.where(known, day, np.nan),
        observed=known,
    )


def cut(own: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    known = progression.known_at(events, "kl_rise_1", horizon=48.0)
    return own.merge(known, on="knee_id", validate="one_to_one")


def raw(pair: pd.DataFrame) -> float:
    return float(hazard_ratios.main(pair, [])["estimate"])


def test_a_ratio_that_age_alone_has_made_is_one_given_age() -> None:
    rng = np.random.default_rng(21)
    own = knees(3_000, rng)
    own["mark"] = (own["age"] + rng.normal(0, 5, len(own)) > 62).astype(float)
    hazards = 0.006 * np.exp(0.08 * (own["age"].to_numpy() - 62))
    pair = cut(own, seen(own, rng.exponential(1 / hazards)))
    assert raw(pair) > 2
    judged = firewall.judge("context", "kl_rise_1")
    row = sensitivity.given_risks(pair, "kl_rise_1", judged)[0]
    assert row["contrast"] == GIVEN
    assert row["low"] < 1 < row["high"]
    assert row["estimate"] == pytest.approx(1, abs=0.3)


def test_a_ratio_that_is_there_in_people_of_one_age_is_kept() -> None:
    rng = np.random.default_rng(2)
    own = knees(3_000, rng)
    hazards = 0.006 * np.exp(0.05 * (own["age"] - 62) + np.log(2) * own["mark"]).to_numpy()
    pair = cut(own, seen(own, rng.exponential(1 / hazards)))
    judged = firewall.judge("context", "kl_rise_1")
    row = sensitivity.given_risks(pair, "kl_rise_1", judged)[0]
    assert row["low"] < 2 < row["high"]


def test_only_arms_that_know_who_people_are_get_the_ratio_given_it() -> None:
    rng = np.random.default_rng(3)
    own = knees(400, rng)
    pair = cut(own, seen(own, rng.exponential(80, len(own))))
    assert not sensitivity.given_risks(pair, "kl_rise_1", firewall.judge("image", "kl_rise_1"))
    fused = firewall.judge("fused", "rise_or_replacement")
    row = sensitivity.given_risks(pair, "rise_or_replacement", fused)[0]
    assert row["contrast"] == "hazard ratio given baseline narrowing, pain, age, BMI and sex"


def test_what_is_not_known_of_anybody_cannot_be_given() -> None:
    rng = np.random.default_rng(4)
    own = knees(400, rng).assign(bmi=np.nan)
    pair = cut(own, seen(own, rng.exponential(80, len(own))))
    judged = firewall.judge("context", "kl_rise_1")
    row = sensitivity.given_risks(pair, "kl_rise_1", judged)[0]
    assert row["sentence"] == "Not estimable: no knee has a known BMI."
    some = pair.assign(bmi=28.0)
    some.loc[::4, "age"] = np.nan
    row = sensitivity.given_risks(some, "kl_rise_1", judged)[0]
    assert row["knees"] == some["age"].notna().sum()


def test_the_bounds_hold_the_ratio_that_replacements_have_hidden() -> None:
    """In the faster phenotype half of the knees are replaced just before they would have risen."""
    rng = np.random.default_rng(5)
    own = knees(4_000, rng)
    time = rng.exponential(1 / (0.006 * np.exp(np.log(2) * own["mark"].to_numpy())))
    hidden = (own["mark"] == 1).to_numpy() & (rng.random(len(own)) < 0.5)
    day = np.where(hidden, time - 0.01, np.where(rng.random(len(own)) < 0.05, 20.0, 999.0))
    rises = seen(own, time, until=day)
    found = raw(cut(own, rises))
    assert found < 1.5, "the ratio of the rise alone sees half of what was planted"
    events = pd.concat([rises, replacements(own, day)], ignore_index=True)
    least, most = sensitivity.bounds(own, events, horizon=48.0)
    whole = raw(cut(own, seen(own, time)))
    assert whole == pytest.approx(2, abs=0.2)
    assert least["estimate"] < found < most["estimate"]
    assert least["estimate"] < whole < most["estimate"] * 1.01


def test_bounds_without_replacements_say_why_there_are_none() -> None:
    rng = np.random.default_rng(6)
    own = knees(100, rng)
    rises = seen(own, rng.exponential(80, len(own)))
    silent = sensitivity.bounds(own, rises, horizon=48.0)
    assert [row["sentence"] for row in silent] == [
        "Not estimable: the release does not say whose knees were replaced."
    ] * 2
    never = pd.concat([rises, replacements(own, np.full(len(own), 999.0))])
    assert all(
        "Not needed" in row["sentence"] for row in sensitivity.bounds(own, never, horizon=48.0)
    )


def test_a_replaced_knee_is_taken_as_risen_at_the_next_visit_or_as_free_to_the_end() -> None:
    own = knees(4, np.random.default_rng(7)).assign(mark=[1.0, 0.0, 1.0, 0.0])
    day = np.array([20.0, 20.0, 999.0, 999.0])
    rises = seen(own, np.array([99.0, 99.0, 30.0, 99.0]), until=day)
    taken = own.merge(rises.drop(columns="participant_id"), on="knee_id")
    risen = sensitivity._taken(
        taken, pd.Series(day), taken["mark"].eq(1) & (day < 96), taken["mark"].eq(0) & (day < 96)
    )
    assert risen["left_months"].tolist() == [12, 96, 24, 48]
    assert risen["right_months"].fillna(-1).tolist() == [24, -1, 36, -1]
    assert risen["observed"].tolist() == [True, False, True, False]


def enrolled(seed: int) -> dict[str, pd.DataFrame]:
    """Knees whose ratio is large in those that hurt, which are seldom read."""
    rng = np.random.default_rng(seed)
    own = knees(8_000, rng)
    hurts = rng.random(len(own)) < 0.5
    ratio = np.where(hurts, np.log(4), 0.0) * own["mark"].to_numpy()
    events = seen(own, rng.exponential(1 / (0.006 * np.exp(ratio))))
    read = rng.random(len(own)) < np.where(hurts, 0.15, 0.9)
    people = own[["participant_id", "age", "bmi", "split"]].assign(sex="female", subcohort=None)
    known = own[["knee_id", "participant_id"]].assign(
        womac_pain=np.where(hurts, 6.0, 0.0), replaced_at_baseline=False
    )
    visits = own.loc[read, ["knee_id", "participant_id"]].assign(months=12.0, kl_grade=2)
    return {"all": own, "read": own[read], "events": events, "knees": known} | {
        "participants": people,
        "visits": visits,
    }


def test_weights_for_who_was_read_give_the_ratio_of_everybody_enrolled() -> None:
    made = enrolled(8)
    whole = raw(cut(made["all"], made["events"]))
    naive = raw(cut(made["read"], made["events"]))
    names = ("knees", "participants", "visits")
    grouped = selection.weigh(made["read"], *(made[each] for each in names), horizon=48.0)
    found = selection.weighted(cut(grouped, made["events"]))
    assert whole > 1.9
    assert naive < 1.4, "whoever was read does not stand for everybody"
    assert found["estimate"] == pytest.approx(whole, abs=0.25)
    assert found["low"] < whole < found["high"]
    assert grouped[selection.COLUMN].mean() == pytest.approx(1, abs=0.05)


def test_weights_are_not_needed_where_everybody_was_read() -> None:
    made = enrolled(9)
    own = made["all"].head(500)
    visits = own[["knee_id", "participant_id"]].assign(months=12.0, kl_grade=2)
    kept = made["knees"].head(500)
    grouped = selection.weigh(own, kept, made["participants"], visits, horizon=48.0)
    assert "everybody was" in selection.weighted(cut(grouped, made["events"]))["sentence"]


def test_knees_that_cannot_rise_are_read_like_the_others() -> None:
    made = enrolled(10)
    own = made["all"].assign(kl_grade=4)
    visits = own[["knee_id", "participant_id"]].assign(months=12.0, kl_grade=4)
    grouped = selection.weigh(own, made["knees"], made["participants"], visits, horizon=48.0)
    np.testing.assert_allclose(grouped[selection.COLUMN], 1.0)


def lateral(grouped: pd.DataFrame, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Phenotype 1 is narrowed laterally and loses lateral width; its medial joint space opens."""
    _, visits = simulated.pain(grouped, seed=seed)
    mark = grouped["phenotype"] == 1
    medial, side = (~mark).astype(float) + 0.0, mark.astype(float)
    mixed = np.random.default_rng(seed).random(len(grouped)) < 0.1  # a tenth is not as its group
    own = grouped.assign(
        jsn_medial=np.where(mixed, side, medial), jsn_lateral=np.where(mixed, medial, side)
    )
    place = own.set_index("knee_id")["jsn_lateral"].eq(1)[visits["knee_id"]].to_numpy()
    years = visits["months"].to_numpy() / 12
    noise = np.random.default_rng([seed, 1]).normal(0, 0.2, (2, len(visits)))
    loss = (
        0.10 + 0.10 * own.set_index("knee_id")["phenotype"][visits["knee_id"]].to_numpy()
    ) * years
    return own, visits.assign(
        jsw_medial=np.where(place, 4.5 + 0.1 * years, 4.5 - loss) + noise[0],
        jsw_lateral=np.where(place, 6.5 - loss, 7.0) + noise[1],
    )


def test_medial_width_alone_calls_laterally_narrowed_knees_protected() -> None:
    """Planted: laterally narrowed knees lose 0.2 mm a year, medially narrowed ones 0.1 mm."""
    own, visits = lateral(simulated.knees(250, seed=11).assign(baseline=3.0), seed=11)
    rows = progression.narrow(own, visits, least=LEAST, **SETTINGS)
    made = tables.check(
        effects.table(rows, "progression_effects", families={}), "progression_effects"
    )
    both = made[made["sample"] == "both"].set_index("contrast")
    right, naive = both.loc["slope"], both.loc[width.MEDIAL_ALONE]
    assert right["low"] < -0.1 < right["high"] < 0
    assert naive["low"] > 0, "by its medial width a knee that narrows laterally seems to gain"
    assert naive["role"] == "naive"


def test_width_of_knees_narrowed_medially_alone_has_no_naive_row() -> None:
    own = simulated.knees(60, seed=12).assign(baseline=3.0)
    _, visits = simulated.pain(own, seed=12)
    rows = progression.narrow(own, visits, least=LEAST, **SETTINGS)
    assert {row["contrast"] for row in rows} == {"slope"}


def test_a_page_has_one_row_per_pair_and_outcome_and_one_column_per_way() -> None:
    rng = np.random.default_rng(13)
    own = knees(600, rng)
    rises = seen(own, rng.exponential(1 / (0.006 * np.exp(own["mark"].to_numpy() * np.log(2)))))
    both = rises.assign(outcome="rise_or_replacement")
    events = [rises, both, replacements(own, rng.exponential(200, len(own)))]
    weight = pd.Series(rng.uniform(0.5, 1.5, len(own)))
    grouped = own.drop(columns="mark").assign(**{selection.COLUMN: weight})
    rows = progression.compare(grouped, pd.concat(events), least=LEAST, **SETTINGS)
    families = {"progression": [f"{each}: hazard ratio" for each in progression.COPRIMARY]}
    made = effects.table(rows, "progression_effects", families=families)
    tables.check(made, "progression_effects")
    shown = sensitivity.wide(made, arm="context", sample="both")
    assert shown["outcome"].tolist() == ["kl_rise_1", "rise_or_replacement"]
    assert list(shown.columns[:4]) == ["kl_grade", "compared", "outcome", "raw"]
    first = shown.iloc[0]
    assert first[list(sensitivity.COLUMNS.values())].notna().all()
    named = [sensitivity.COLUMNS[each] for each in ("raw", "given", "read")]
    assert shown.iloc[1][named].notna().all()
    primary = made[(made["role"] == "primary") & (made["sample"] == "confirm")]
    assert primary["p_adjusted"].notna().sum() == 2
    assert (primary["p_adjusted"] >= primary["p"]).all()
