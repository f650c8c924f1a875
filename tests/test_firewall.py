"""Firewall: a test of what went into the groups is refused, of a stand-in conditional."""

from __future__ import annotations

import pytest

from kneephen_utils import firewall
from kneephen_utils.tables.schema import ARMS


def test_pain_is_refused_where_pain_made_the_groups() -> None:
    judged = firewall.judge("fused", "womac_pain")
    assert judged.answer == "refused"
    assert "womac pain" in judged.sentence


def test_a_later_course_is_conditional_where_the_baseline_made_the_groups() -> None:
    assert firewall.judge("fused", "womac_pain_course").answer == "conditional"


@pytest.mark.parametrize("arm", ["structure", "fused"])
def test_narrowing_among_the_inputs_makes_a_rise_of_the_grade_conditional(arm: str) -> None:
    judged = firewall.judge(arm, "kl_rise_1")
    assert judged.answer == "conditional"
    assert "only the contrast adjusted for baseline is shown" in judged.sentence


@pytest.mark.parametrize("outcome", ["womac_pain", "kl_rise_1", "jsn_rise", "replacement"])
@pytest.mark.parametrize("arm", ["image", "context"])
def test_what_did_not_go_in_may_be_tested(arm: str, outcome: str) -> None:
    assert firewall.judge(arm, outcome).answer == "allowed"


@pytest.mark.parametrize("outcome", sorted(firewall.MEASURES))
@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_and_outcome_has_an_answer_that_follows_from_the_roles(
    arm: str, outcome: str
) -> None:
    inputs = set(firewall.INPUTS[arm])
    measured = inputs & set(firewall.MEASURES[outcome])
    near = inputs & set(firewall.PROXIES[outcome])
    expected = "refused" if measured else "conditional" if near else "allowed"
    assert firewall.judge(arm, outcome).answer == expected


def test_a_column_has_one_role_in_an_arm() -> None:
    assert firewall.role("context", "bmi") == "input"
    assert firewall.role("image", "bmi") == "descriptor"
    assert firewall.role("image", "womac_pain") == "outcome"
    assert firewall.role("fused", "womac_pain") == "input"


@pytest.mark.parametrize(("arm", "outcome"), [("picture", "womac_pain"), ("image", "womac")])
def test_an_unknown_arm_or_outcome_is_an_error_that_lists_the_known(arm: str, outcome: str) -> None:
    with pytest.raises(ValueError, match="has no declared roles; known:"):
        firewall.judge(arm, outcome)
