"""Verdict: every gate bites, and nothing that failed one is ever supported."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kneephen_report.verdict import cards, evidence_tables
from kneephen_utils import tables, verdict

GATES = list(verdict.GATE_WORDS)


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


@pytest.mark.parametrize(
    ("p", "estimate", "expected"),
    [
        (0.001, 1.8, "supported"),
        (0.4, 1.1, "exploratory"),
        (float("nan"), float("nan"), "exploratory"),
    ],
)
def test_a_ratio_that_age_bmi_or_sex_may_have_made_is_claimed_only_if_it_holds_given_them(
    p: float, estimate: float, expected: str
) -> None:
    made = study()
    raw = (
        made["effects"]
        .drop(columns=["given", "given_p", "question"])
        .assign(outcome="kl_rise_1", contrast="hazard ratio", unit="ratio", events=40)
    )
    held = raw.assign(role="sensitivity", contrast="hazard ratio given age, BMI and sex")
    held = held.assign(p=p, estimate=estimate, low=0.9, high=2.9, p_adjusted=np.nan)
    asked = verdict.primary(pd.DataFrame(), pd.concat([raw, held], ignore_index=True))
    assert len(asked) == 1
    claim = verdict.judge(**{**made, "effects": asked}, alpha=0.05).iloc[1]
    assert claim["verdict"] == expected
    assert ("age, BMI and sex" in claim["weakest_link"]) == (expected == "exploratory")


def without(gate: str) -> dict[str, pd.DataFrame]:
    given = study()
    return {**given, "gates": given["gates"][given["gates"]["gate"] != gate]}


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_was_never_asked_is_not_passed(gate: str) -> None:
    claims = verdict.judge(**without(gate), alpha=0.05)
    assert claims["verdict"].tolist() == ["no phenotype"] * 2
    assert claims["weakest_link"].tolist() == [verdict.GATE_WORDS[gate]] * 2


def test_a_gate_that_was_failed_is_named_before_one_that_was_never_asked() -> None:
    given = study(gate="jaccard")
    gates = given["gates"][~given["gates"]["gate"].str.startswith("null_")]
    claims = verdict.judge(**{**given, "gates": gates}, alpha=0.05)
    assert claims["weakest_link"].tolist() == [verdict.GATE_WORDS["jaccard"]] * 2


def test_a_gate_that_the_verdict_does_not_know_bites_too() -> None:
    given = study()
    new = given["gates"].head(1).assign(gate="a_new_one", passed=False)
    gates = pd.concat([given["gates"], new], ignore_index=True)
    claims = verdict.judge(**{**given, "gates": gates}, alpha=0.05)
    assert claims["verdict"].tolist() == ["no phenotype"] * 2
    assert len(verdict.contradictions(judged(), gates)) == 2


def test_a_test_in_an_arm_without_gates_is_not_supported() -> None:
    given = study()
    stray = given["effects"].assign(arm="image")
    claims = verdict.judge(**{**given, "effects": stray}, alpha=0.05)
    assert claims["verdict"].tolist() == ["supported", "no phenotype"]
    assert "not put to the gates" in claims["weakest_link"].iloc[1]


def test_a_test_that_the_firewall_has_not_judged_is_refused() -> None:
    assert judged(firewall=None)["verdict"].tolist()[1] == "refused"


@pytest.mark.parametrize("p", [0.0499, 0.05, 0.0501])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_p_must_lie_below_the_level_that_was_asked_for(p: float, alpha: float) -> None:
    claims = verdict.judge(**study(p=p), alpha=alpha)
    assert (claims["verdict"].iloc[1] == "supported") == (p < alpha)


CLEAN = {"gate": None, "firewall": "allowed", "sample": "confirm", "by_hand": False, "p": 0.01}
FAULTY = {
    "gate": GATES, "firewall": ["conditional", "refused"], "sample": ["both"], "by_hand": [True],
    "p": [0.2, float("nan")],
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        dict(zip(CLEAN, each, strict=True))
        for each in product(*([CLEAN[name], *FAULTY[name]] for name in CLEAN))
    ],
)
def test_only_what_failed_nothing_at_all_is_supported(change: dict[str, Any]) -> None:
    given = study(**change)
    claims = verdict.judge(**given, alpha=0.05)
    whole = change["gate"] is None and not change["by_hand"]
    assert (claims["verdict"].iloc[0] == "supported") == whole
    assert (claims["verdict"].iloc[1] == "supported") == (change == CLEAN)
    assert verdict.contradictions(claims, given["gates"]).empty


def test_groups_that_were_chosen_by_hand_are_exploratory_themselves() -> None:
    first = judged(by_hand=True).iloc[0]
    assert (first["question"], first["verdict"]) == ("phenotypes", "exploratory")
    told = " ".join(verdict.text_answer(judged(by_hand=True), arm="context"))
    assert "The setting of KL2 was chosen by hand: what is claimed there is exploratory." in told
    assert "by hand" not in " ".join(verdict.text_answer(judged(), arm="context"))


def test_a_grade_without_phenotype_says_that_its_setting_was_chosen_by_hand() -> None:
    first = judged(by_hand=True, gate="jaccard").iloc[0]
    assert first["verdict"] == "no phenotype"
    assert first["weakest_link"].endswith(", under a setting chosen by hand")
    assert "by hand" not in judged(gate="jaccard")["weakest_link"].iloc[0]


def test_what_was_not_estimated_says_why_and_not_that_a_p_was_large() -> None:
    for change in ({"p": float("nan")}, {"estimate": float("nan")}):
        assert judged(**change)["weakest_link"].tolist()[1] == "too few knees"


def test_cross_checks_make_no_claims() -> None:
    assert (judged()["question"] == "pain").sum() == 1


@pytest.mark.parametrize("late", [False, True])
def test_a_gate_that_was_asked_twice_must_be_passed_twice(*, late: bool) -> None:
    given = study()
    again = given["gates"].tail(1).assign(passed=False)
    gates = pd.concat([given["gates"], again] if late else [again, given["gates"]])
    claims = verdict.judge(**{**given, "gates": gates}, alpha=0.05)
    assert claims["verdict"].tolist() == ["no phenotype"] * 2


def test_a_claim_of_an_arm_without_gates_would_be_seen() -> None:
    claims = judged().assign(arm="image")
    assert len(verdict.contradictions(claims, study()["gates"])) == 2


def test_contradictions_would_be_seen() -> None:
    given = study(gate="jaccard")
    claims = verdict.judge(**given, alpha=0.05)
    assert verdict.contradictions(claims, given["gates"]).empty
    forged = claims.assign(verdict="supported")
    assert len(verdict.contradictions(forged, given["gates"])) == 2
    refused = judged().assign(verdict="supported", firewall=["refused", "allowed"])
    assert len(verdict.contradictions(refused, study()["gates"])) == 1


@pytest.mark.parametrize("gate", GATES)
def test_a_claim_beside_a_gate_that_is_missing_would_be_seen(gate: str) -> None:
    assert len(verdict.contradictions(judged(), without(gate)["gates"])) == 2


def attention(high: float = 0.3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores of a map on the joint of phenotype 0, and whether the map can be trusted."""
    seen = {"encoder": "finetuned", "arm": "context", "method": "relevance"}
    scores = pd.DataFrame(
        [seen | {"kl_grade": 2, "phenotype": 0, "region": "joint_space", "estimate": 0.31,
                 "low": 0.28, "high": 0.34, "area": 0.07, "centre_prior": 0.24}]
    )  # fmt: skip
    checks = pd.DataFrame(
        [seen | {"kl_grade": -1, "phenotype": -2, "check": "randomised", "high": high}]
    )
    return scores, checks


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
    written = cards.write(claims, given["stability"], profiles, *attention(), arm="context")
    tables.check(written, "cards")
    assert written["phenotype"].nunique() == expected
    shown = cards.show(written, {(2, 0): "<figure/>"} if expected else {})
    assert ("age, years: 61.0" in shown) == bool(expected)
    assert shown.count("What would refute it") == expected
    assert shown.count("Nothing that changes care") == expected
    assert shown.count("<figure/>") == shown.count("single knees are closed") == expected // 2


def test_the_answer_counts_every_test_once() -> None:
    first, _, third = verdict.text_answer(judged(), arm="context")
    assert "KL2" in first
    assert "Of 1 differences" in third
    first, second, third = verdict.text_answer(judged(gate="dbcv"), arm="context")
    assert "no phenotype is claimed" in first
    assert "in KL2 the groups are not denser" in second
    assert "1 void, because their grade claims no phenotype" in third


def test_groups_that_pass_in_another_arm_are_named_and_claimed_by_nobody() -> None:
    failed, passed = judged(gate="dbcv"), judged().assign(arm="image")
    claims = pd.concat([failed, passed], ignore_index=True)
    first, second, _ = verdict.text_answer(claims, arm="context")
    assert "no phenotype is claimed" in first
    assert "Every gate was passed in KL2 of arm image, which no claim rests on" in second
    assert "holds phenotypes" in evidence_tables.differences_note(claims, arm="context")
    assert evidence_tables.differences_note(claims, arm="image") == evidence_tables.DIFFERENCES_NOTE


def test_a_study_with_no_test_at_all_is_told_too() -> None:
    given = study()
    claims = verdict.judge(**{**given, "effects": given["effects"].iloc[:0]}, alpha=0.05)
    assert evidence_tables.differences(claims, arm="context").empty
    assert evidence_tables.fallen(claims).empty
    assert "none" in verdict.text_answer(claims, arm="context")[2]


def test_the_figure_has_a_row_per_grade_and_says_in_words_what_it_shows() -> None:
    given = study(gate="dbcv")
    claims = verdict.judge(**given, alpha=0.05)
    drawn = evidence_tables.plot_evidence(claims, given["gates"], arm="context")
    words = [text.get_text() for text in drawn.axes[0].texts]
    assert words.count("failed") == 1
    assert words.count("passed") == len(GATES) - 1
    assert evidence_tables.text_evidence(given["gates"], arm="context").endswith(
        f"KL2: {len(GATES) - 1} of {len(GATES)} gates passed."
    )
