"""Firewall: whether groups may be tested on an outcome.

Every column has one role in an arm: *input* (the groups were made from it), *descriptor*
(it may describe them) or *outcome* (it may be tested). A test of an input is circular and
is refused; a test of something that an input stands for is conditional, and only the
contrast adjusted for baseline is shown. The picture is an input of every arm, and what is
read off the same picture at baseline is what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass

INPUTS: dict[str, tuple[str, ...]] = {
    "image": (),
    "context": ("age", "bmi", "sex"),
    "structure": (
        "jsn_medial",
        "jsn_lateral",
        "osteophyte_femur_medial",
        "osteophyte_femur_lateral",
        "osteophyte_tibia_medial",
        "osteophyte_tibia_lateral",
    ),
    "fused": ("womac_pain", "jsn_medial", "jsn_lateral", "age", "bmi"),
}

# What each outcome is measured by: a group made from one of these cannot be tested on it.
MEASURES: dict[str, tuple[str, ...]] = {
    "womac_pain": ("womac_pain", "koos_pain"),
    "womac_pain_course": (),
    "kl_rise_1": (),
    "rise_or_replacement": (),
    "kl_rise_2": (),
    "jsn_rise": (),
    "jsw_loss_0.5": (),
    "jsw_loss_0.7": (),
    "jsw_change": (),
    "replacement": (),
    "death": (),
}

# What stands for each outcome: an earlier value of it, or a part of the same reading.
PROXIES: dict[str, tuple[str, ...]] = {
    "womac_pain": (),
    "womac_pain_course": ("womac_pain", "koos_pain"),
    "kl_rise_1": ("jsn_medial", "jsn_lateral", *INPUTS["structure"][2:]),
    "rise_or_replacement": (*INPUTS["structure"], "womac_pain", "koos_pain"),
    "kl_rise_2": ("jsn_medial", "jsn_lateral", *INPUTS["structure"][2:]),
    "jsn_rise": ("jsn_medial", "jsn_lateral"),
    "jsw_loss_0.5": ("jsn_medial", "jsn_lateral"),
    "jsw_loss_0.7": ("jsn_medial", "jsn_lateral"),
    "jsw_change": ("jsn_medial", "jsn_lateral"),
    "replacement": ("womac_pain", "koos_pain"),
    "death": ("age",),
}

# What goes with progression in anybody. Groups made from it may differ for its sake alone, so the
# ratio given it stands beside the raw one.
RISKS = ("age", "bmi", "sex")
GIVEN_RISKS = " given age, BMI and sex"  # what such a contrast is called
PAIN = ("womac_pain", "womac_pain_course")
OUTCOME_COLUMNS = ("womac_pain", "koos_pain")


@dataclass(frozen=True)
class Judgement:
    """The answer of the firewall, `allowed`, `conditional` or `refused`, and why.

    `foretold` names the inputs that go with the outcome in anybody (age, body mass index, sex):
    they forbid no test, but its result is to be shown given them too.
    """

    answer: str
    sentence: str
    foretold: tuple[str, ...] = ()


def judge(arm: str, outcome: str) -> Judgement:
    """Say whether groups of an arm may be tested on an outcome.

    Raises
    ------
    ValueError
        If the arm or the outcome has no declared roles.
    """
    _known("arm", arm, INPUTS)
    _known("outcome", outcome, MEASURES)
    inputs = set(INPUTS[arm])
    if into := sorted(inputs & set(MEASURES[outcome])):
        return Judgement(
            "refused", f"{_words(into)} went into the groups of arm {arm}, so they differ in it."
        )
    foretold = () if outcome in PAIN else tuple(each for each in RISKS if each in inputs)
    if near := sorted(inputs & set(PROXIES[outcome])):
        return Judgement(
            "conditional",
            f"{_words(near)} went into the groups of arm {arm}, in place of {_words([outcome])}; "
            "only the contrast adjusted for baseline is shown.",
            foretold,
        )
    return Judgement(
        "allowed",
        f"Nothing that measures {_words([outcome])} went into the groups of arm {arm}.",
        foretold,
    )


def role(arm: str, column: str) -> str:
    """Return the role of a clinical column in an arm: `input`, `descriptor` or `outcome`.

    Raises
    ------
    ValueError
        If the arm has no declared roles.
    """
    _known("arm", arm, INPUTS)
    if column in INPUTS[arm]:
        return "input"
    return "outcome" if column in OUTCOME_COLUMNS else "descriptor"


def _known(kind: str, name: str, declared: dict[str, tuple[str, ...]]) -> None:
    if name not in declared:
        raise ValueError(f"{kind} {name!r} has no declared roles; known: {', '.join(declared)}")


def _words(names: list[str]) -> str:
    return " and ".join(name.replace("_", " ") for name in names)
