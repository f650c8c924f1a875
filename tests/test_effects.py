"""Effects: every planned contrast has a row, and families are adjusted as declared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated

from kneephen_report.stats import effect_tables
from kneephen_utils import display_names, firewall, tables
from kneephen_utils.stats import effects, two_part_model

ALLOWED = firewall.Judgement("allowed", "Nothing of the outcome went in.")
FAMILIES = {"level": ["womac_pain: level at 0 months"], "course": ["womac_pain: slope"]}


def rows(p_values: list[float], contrast: str = "level at 0 months") -> list[effects.Row]:
    grouped = simulated.knees(20, seed=0)
    known = {"model": "m", "role": "primary", "outcome": "womac_pain", "contrast": contrast}
    found = {"estimate": 1.0, "low": 0.0, "high": 2.0, "unit": "points"}
    return [
        effects.Cell("image", grade, "confirm", grouped).row(1, ALLOWED, **known, **found, p=p)
        for grade, p in enumerate(p_values)
    ]


def test_holm_is_the_example_of_the_paper_form() -> None:
    """Three tests at 0.01, 0.04, 0.03: times 3, times 2, times 1, never falling."""
    made = effects.table(rows([0.01, 0.04, 0.03]), "pain_effects", families=FAMILIES)
    tables.check(made, "pain_effects")
    np.testing.assert_allclose(made["p_adjusted"], [0.03, 0.06, 0.06])


def test_families_are_adjusted_apart() -> None:
    both = rows([0.01, 0.04]) + rows([0.02], "slope")
    made = effects.table(both, "pain_effects", families=FAMILIES)
    assert made.loc[made["family"] == "course", "p_adjusted"].tolist() == [0.02]
    np.testing.assert_allclose(made.loc[made["family"] == "level", "p_adjusted"], [0.02, 0.04])


def test_a_primary_contrast_outside_every_family_is_an_error() -> None:
    with pytest.raises(ValueError, match="'womac_pain: slope' is tested but declared in no family"):
        effects.table(rows([0.5], "slope"), "pain_effects", families={"level": []})


def test_a_contrast_in_two_families_is_an_error() -> None:
    twice = {**FAMILIES, "again": ["womac_pain: slope"]}
    with pytest.raises(ValueError, match="is in 'course' and in 'again'"):
        effects.table(rows([0.5]), "pain_effects", families=twice)


def test_cells_hold_confirm_people_and_then_both() -> None:
    grouped = simulated.knees(30, seed=1)
    grouped.loc[grouped.index[:20], "split"] = "discover"
    confirm, both = effects.cells(grouped)
    assert set(confirm.knees["split"]) == {"confirm"}
    assert len(both.knees) == len(grouped)


def test_a_failed_gate_is_written_into_every_sentence() -> None:
    grouped = simulated.knees(20, seed=0).assign(gated=True)
    row = effects.Cell("image", 2, "confirm", grouped).row(1, ALLOWED)
    assert effects.GATED in row["sentence"]


def test_a_sex_that_is_not_known_is_not_that_of_a_man() -> None:
    knees = pd.DataFrame({"knee_id": ["a", "b", "c"], "participant_id": ["1", "2", "3"]})
    knees = knees.assign(womac_pain=0.0, jsn_medial=0.0, jsn_lateral=0.0)
    people = pd.DataFrame({"participant_id": ["1", "2", "3"], "sex": ["female", "male", None]})
    phenotypes = pd.DataFrame({"knee_id": ["a", "b", "c"], "phenotype": 0, "membership": 1.0})
    phenotypes = phenotypes.assign(arm="image", kl_grade=2, split="confirm")
    gates = pd.DataFrame({"kl_grade": [2], "arm": ["image"], "passed": [True]})
    made = effects.group(
        phenotypes, knees, people.assign(age=60.0, bmi=28.0), gates, arms=["image"]
    )
    assert made["female"].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(made["female"].iloc[2])


def test_a_knee_that_is_not_in_knees_is_an_error() -> None:
    phenotypes = pd.DataFrame({"knee_id": ["x"], "arm": ["image"], "kl_grade": [2]})
    columns = ["knee_id", "participant_id", "womac_pain", "jsn_medial", "jsn_lateral"]
    people = pd.DataFrame(columns=["participant_id", "age", "bmi", "sex"])
    with pytest.raises(ValueError, match=r"phenotypes: 1 of .* rows are of no knee of table knees"):
        effects.group(
            phenotypes, pd.DataFrame(columns=columns), people, pd.DataFrame(), arms=["image"]
        )


def test_small_counts_are_hidden_where_single_knees_may_not_be_shown() -> None:
    made = effects.table(rows([0.5]), "pain_effects", families=FAMILIES).assign(knees=9)
    assert effect_tables.table_effects(made, disclose=True)["knees"].tolist() == [9]
    assert effect_tables.table_effects(made, disclose=False)["knees"].isna().all()


def test_an_estimate_is_listed_with_its_interval_in_one_cell() -> None:
    made = effects.table(rows([0.5, 0.5]), "pain_effects", families=FAMILIES)
    made = made.assign(estimate=[0.36, np.nan], low=[0.08, np.nan], high=[0.64, np.nan])
    listed = effect_tables.table_columns(made, effect_tables.TESTS, disclose=True)
    assert listed["estimate"].tolist() == ["0.36 (0.08 to 0.64)", "\N{EN DASH}"]
    assert not {"low", "high"} & set(listed)


def test_outcomes_are_written_as_a_reader_calls_them() -> None:
    told = display_names.in_words("kl_rise_1, hazard ratio, B against A, confirm")
    assert told == "rise by one grade, hazard ratio, B against A, confirm"
    assert display_names.in_words("jsw_change, lateral_side") == "joint-space width, lateral side"


def test_rows_that_claims_rest_on_come_first_and_name_their_outcome() -> None:
    roles = ["naive", "sensitivity", "primary", "cross-check", "primary"]
    outcomes = ["kl_rise_1"] * 3 + ["rise_or_replacement"] * 2
    made = pd.DataFrame({"role": roles, "outcome": outcomes, "estimate": 1.5, "p": 0.1})
    made = made.assign(arm="context", sample="both", kl_grade=2, phenotype=1)
    ordered = effect_tables.primary_outcome(made, arm="context", sample="both")
    assert ordered["role"].tolist() == ["primary", "primary", "cross-check", "sensitivity", "naive"]
    assert ordered["outcome"].tolist()[:2] == ["kl_rise_1", "rise_or_replacement"]
    assert len(set(effect_tables.BY_OUTCOME)) == len(effect_tables.BY_OUTCOME)
    assert set(effect_tables.BY_OUTCOME) == {*effect_tables.BY_MODEL, "outcome"}


@pytest.mark.parametrize(
    ("low", "estimate", "high", "alarms"),
    [
        (3.2, 4.5, 6.3, True),
        (0.15, 0.22, 0.32, True),
        (0.11, 0.32, 0.93, False),
        (0.6, 3.5, 20.0, False),
        (2.9, 3.6, 4.4, False),
        (1.2, 2.2, 2.9, False),
    ],
)
@pytest.mark.parametrize("contrast", ["hazard ratio", "hazard ratio given baseline narrowing"])
def test_a_ratio_alarms_only_if_its_whole_interval_lies_far_from_one(
    low: float, estimate: float, high: float, *, alarms: bool, contrast: str
) -> None:
    known = {"estimate": estimate, "low": low, "high": high, "unit": "ratio"}
    made = [{**row, **known} for row in rows([0.01], contrast)]
    told = effects.table(made, "progression_effects", families={"f": [f"womac_pain: {contrast}"]})
    assert (effects.ALARM in told["sentence"].iloc[0]) == alarms


@pytest.mark.parametrize("step", [0.0, 0.4, 0.8, 3.0])
def test_knees_as_if_independent_have_an_interval_that_says_what_p_says(step: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        pair = pd.DataFrame({"phenotype": np.repeat([0, 1], 12)})
        pair["measure"] = np.floor(rng.exponential(1 + step * pair["phenotype"]))
        found = two_part_model.independent(pair, 1)
        assert (found["p"] < 0.05) == (found["low"] > 0 or found["high"] < 0)
