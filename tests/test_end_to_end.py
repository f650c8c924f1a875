"""Twins: claims are counted rightly, and the right answer of a contrast is known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kneephen_report import benchmark_results, end_to_end_report
from kneephen_utils import tables
from kneephen_utils.verdict import expected_effects
from studies.simulation_study import end_to_end
from workflow import params


def rows(twin: int, *, planted: bool, claimed: bool, estimate: float) -> pd.DataFrame:
    """Return what one twin answers: two grades, one of them too small, and one hazard ratio."""
    same = {"twin": twin, "planted": planted}
    verdict = "supported" if claimed else "no phenotype"
    link = "every gate was passed" if claimed else "the groups are not found again"
    small = {"verdict": "no phenotype", "weakest_link": "there are too few knees"}
    ratio = {"low": estimate / 2, "high": estimate * 2, "truth": 2.0 if planted else 1.0}
    return pd.DataFrame(
        [
            {**same, "kl_grade": 2, "question": "groups", "estimate": 0.4, "verdict": verdict,
             "weakest_link": link},
            {**same, "kl_grade": 4, "question": "groups", "estimate": 0.0, **small},
            {**same, "kl_grade": 2, "question": end_to_end_report.RATIO, "estimate": estimate,
             **ratio, "verdict": verdict, "weakest_link": link},
        ]
    )  # fmt: skip


def test_claims_are_counted_by_release_and_by_grade() -> None:
    some = pd.concat(
        [
            rows(0, planted=True, claimed=True, estimate=1.8),
            rows(1, planted=True, claimed=True, estimate=0.5),
            rows(2, planted=True, claimed=False, estimate=9.0),
            rows(0, planted=False, claimed=False, estimate=1.1),
        ]
    )
    told = end_to_end_report.count(some).set_index("asked")
    with_groups, without = told["phenotypes planted"], told["none planted"]
    assert with_groups["releases in which some grade claims phenotypes"].startswith("2 of 3 (")
    assert without["releases in which some grade claims phenotypes"].startswith("0 of 1 (")
    assert with_groups["grades with enough knees that claim phenotypes"].startswith("2 of 3 (")
    assert with_groups.filter(like="sign").iloc[0].startswith("1 of 2 (")
    assert with_groups.filter(like="hold the planted").iloc[0].startswith("1 of 3 (")
    assert with_groups.filter(like="agreement").iloc[0] == "0.40"
    assert "No power was seen" not in end_to_end_report.text_studies(
        some, "make truth", "commit abc"
    )
    idle = some.assign(verdict="no phenotype")
    assert "No power was seen" in end_to_end_report.text_studies(idle, "make truth", "commit abc")
    assert without.filter(like="sign").iloc[0] == "\N{EN DASH}"
    assert "`make truth TWINS=3` at commit abc" in end_to_end_report.text_studies(
        some, "make truth TWINS=3", "commit abc"
    )


def test_without_the_table_the_page_says_how_to_make_it(tmp_path: Path) -> None:
    assert "make truth" in end_to_end_report.markdown(tmp_path / "twins.csv")


def test_the_table_in_the_book_follows_its_schema(root: Path) -> None:
    kept = benchmark_results.read(root / "book" / "measured" / "twins.csv")[0]
    kinds = {"phenotype": "Int64", "knees": "Int64", "p_adjusted": "float64"}
    tables.check(kept.astype(kinds), "twins")
    assert kept.groupby("planted")["twin"].nunique().ge(10).all()
    ratios = kept["question"].eq(end_to_end_report.RATIO)
    assert kept.loc[~kept["planted"] & ratios, "truth"].dropna().eq(1.0).all()


def test_what_a_contrast_should_show_is_the_ratio_of_the_mixtures() -> None:
    knees = [f"k{number}" for number in range(6)]
    drawn = pd.DataFrame({"knee_id": knees, "hazard": [0.0, 0.0, 0.7885, 0.7885, 0.0, 0.7885]})
    drawn = drawn.assign(pain_level=0.0, pain_slope=[0.1, 0.1, 0.3, 0.3, 0.3, 0.1])
    found = pd.DataFrame({"knee_id": knees, "arm": "context", "kl_grade": 2})
    found["phenotype"] = [0, 0, 1, 1, 1, -1]
    found["split"] = ["discover", "confirm"] * 3
    effect = {"arm": "context", "kl_grade": 2, "phenotype": 1, "reference": 0, "sample": "both"}
    effects = pd.DataFrame(
        [
            {**effect, "outcome": "kl_rise_1", "contrast": "hazard ratio"},
            {**effect, "outcome": "womac_pain", "contrast": "slope"},
            {**effect, "outcome": "kl_rise_2", "contrast": "hazard ratio"},
            {**effect, "outcome": "womac_pain", "contrast": "slope", "phenotype": 7},
        ]
    )
    right = expected_effects.expected(drawn, found, effects)
    assert right.iloc[0] == pytest.approx((2.2 + 2.2 + 1.0) / 3, rel=1e-3)
    assert right.iloc[1] == pytest.approx(0.2)
    assert right.iloc[2:].isna().all()


def test_every_twin_is_studied_with_the_written_parameters_and_a_seed_of_its_own() -> None:
    own = [end_to_end.settings_of(seed) for seed in (7, 8)]
    assert set(own[0]) == {*end_to_end.STAGES, "twin", "verdict"}
    assert [one["twin"]["seed"] for one in own] == [7, 8]
    assert own[0]["phenotype"]["dask"] == ""
    told = str(own[0].values())
    assert not any(f"{{{place}}}" in told for place in params.PLACES)
