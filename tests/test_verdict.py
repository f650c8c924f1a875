"""Verdict: every gate bites, and nothing that failed one is ever supported."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from kneephen_utils import tables, verdict
from kneephen_utils.verdict import cards, evidence

GATES = ["two_groups", "null_gaussian", "null_shuffled", "jaccard", "dbcv", "image"]


def study(**change: Any) -> dict[str, pd.DataFrame]:
    """Return the evidence of a study in which one grade passes everything, but for `change`."""
    given = {"gate": None, "firewall": "allowed", "p": 0.01, "by_hand": False, "sample": "confirm"}
    given |= {"estimate": 1.2, **change}
    at = {"kl_grade": 2, "arm": "context"}
    gates = pd.DataFrame(
        [
            at
            | {
                "gate": gate,
                "value": 0.01,
                "threshold": 0.05,
                "passed": gate != given["gate"],
                "sentence": "",
            }
            for gate in GATES
        ]
    )
    null = pd.DataFrame(
        [at | {"reference": "gaussian", "draw": 1, "phenotypes": 1, "statistic": 0.1}]
    )
    stability = pd.DataFrame(
        [
            at
            | {
                "phenotype": k,
                "knees": 40 - k,
                "participants": 35 - k,
                "jaccard": 0.9,
                "low": 0.8,
                "high": 1.0,
                "named": True,
            }
            for k in (0, 1)
        ]
    )
    contribution = pd.DataFrame([at | {"image_phenotype": given["gate"] != "image"}])
    sweep = pd.DataFrame([at | {"by_hand": given["by_hand"]}])
    effect = at | {
        "family": "pain", "model": "mixed model", "role": "primary", "outcome": "womac_pain",
        "contrast": "level at 0 months", "phenotype": 1, "reference": 0,
        "sample": given["sample"], "estimate": given["estimate"], "low": 0.4, "high": 2.0,
        "unit": "points",
        "p": given["p"], "p_adjusted": given["p"], "knees": 50, "participants": 40,
        "events": pd.NA, "firewall": given["firewall"], "sentence": "too few knees",
    }  # fmt: skip
    effects = verdict.primary(
        pd.DataFrame([effect, effect | {"role": "naive", "p": 0.0}]), pd.DataFrame()
    )
    return {
        "gates": gates, "null": null, "stability": stability, "contribution": contribution,
        "sweep": sweep, "effects": effects,
    }  # fmt: skip


def judged(**change: Any) -> pd.DataFrame:
    return verdict.judge(**study(**change), alpha=0.05)


def test_a_claim_that_passes_everything_is_supported() -> None:
    claims = tables.check(judged(), "claims")
    assert claims["verdict"].tolist() == ["supported", "supported"]


@pytest.mark.parametrize("gate", GATES)
def test_a_failed_gate_takes_the_grade_and_its_tests_down(gate: str) -> None:
    claims = judged(gate=gate)
    assert claims["verdict"].tolist() == ["no phenotype", "no phenotype"]
    assert claims["weakest_link"].tolist() == [verdict.GATE_WORDS[gate]] * 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"firewall": "refused"}, "refused"),
        ({"firewall": "refused", "gate": "jaccard"}, "refused"),
        ({"p": 0.05}, "not supported"),
        ({"p": float("nan")}, "not supported"),
        ({"estimate": float("nan")}, "not supported"),
        ({"firewall": "conditional"}, "exploratory"),
        ({"sample": "both"}, "exploratory"),
        ({"by_hand": True}, "exploratory"),
    ],
)
def test_a_test_is_judged_by_the_first_rule_that_applies(
    change: dict[str, Any], expected: str
) -> None:
    assert judged(**change)["verdict"].tolist()[1] == expected


def test_groups_that_were_chosen_by_hand_are_exploratory_themselves() -> None:
    first = judged(by_hand=True).iloc[0]
    assert (first["question"], first["verdict"]) == ("phenotypes", "exploratory")


def test_what_was_not_estimated_says_why_and_not_that_a_p_was_large() -> None:
    for change in ({"p": float("nan")}, {"estimate": float("nan")}):
        assert judged(**change)["weakest_link"].tolist()[1] == "too few knees"


def test_cross_checks_make_no_claims() -> None:
    assert (judged()["question"] == "pain").sum() == 1


def test_contradictions_would_be_seen() -> None:
    given = study(gate="jaccard")
    claims = verdict.judge(**given, alpha=0.05)
    assert verdict.contradictions(claims, given["gates"]).empty
    forged = claims.assign(verdict="supported")
    assert len(verdict.contradictions(forged, given["gates"])) == 2


def test_what_passed_everything_contradicts_nothing_unless_it_was_refused() -> None:
    given = study()
    claims = verdict.judge(**given, alpha=0.05)
    assert verdict.contradictions(claims, given["gates"]).empty
    forged = claims.assign(firewall=["allowed", "refused"])
    assert len(verdict.contradictions(forged, given["gates"])) == 1


@pytest.mark.parametrize(("change", "expected"), [({}, 2), ({"gate": "image"}, 0)])
def test_only_a_grade_that_passed_earns_cards(change: dict[str, Any], expected: int) -> None:
    given = study(**change)
    claims = verdict.judge(**given, alpha=0.05)
    profiles = pd.DataFrame(
        {"kl_grade": [2], "arm": ["context"], "phenotype": [0], "variable": ["age"],
         "role": ["input"], "estimate": [61.0], "low": [55.0], "high": [67.0], "knees": [40]}
    )  # fmt: skip
    written = cards.write(claims, given["stability"], profiles, arm="context")
    tables.check(written, "cards")
    assert written["phenotype"].nunique() == expected
    assert ("age 61.0" in cards.show(written)) == bool(expected)
    assert cards.show(written).count("What would refute it") == expected
    assert cards.show(written).count("Nothing that changes care") == expected


def test_the_answer_counts_every_test_once() -> None:
    first, _, third = verdict.answer(judged(), arm="context")
    assert "KL2" in first
    assert "Of 1 differences" in third
    first, second, third = verdict.answer(judged(gate="dbcv"), arm="context")
    assert "no phenotype is claimed" in first
    assert "in KL2 the groups are not denser" in second
    assert "1 fallen with their phenotype" in third


def test_a_study_with_no_test_at_all_is_told_too() -> None:
    given = study()
    claims = verdict.judge(**{**given, "effects": given["effects"].iloc[:0]}, alpha=0.05)
    assert evidence.differences(claims, arm="context").empty
    assert evidence.fallen(claims).empty
    assert "none" in verdict.answer(claims, arm="context")[2]


def test_the_figure_has_a_row_per_grade_and_says_in_words_what_it_shows() -> None:
    given = study(gate="dbcv")
    claims = verdict.judge(**given, alpha=0.05)
    drawn = evidence.draw(claims, given["gates"], arm="context")
    words = [text.get_text() for text in drawn.axes[0].texts]
    assert words.count("failed") == 1
    assert words.count("passed") == len(GATES) - 1
    assert evidence.describe(given["gates"], arm="context").endswith("KL2: 5 of 6 gates passed.")
