"""Prompts: a sentence says what was read, no more, in words the embedded encoder knows."""

from __future__ import annotations

import pytest

from kneephen_utils.encoder import prompts

GIVEN = [(0.4, "no"), (0.6, "mild"), (3, "severe"), (9, "severe")]


def test_only_what_was_read_is_mentioned() -> None:
    assert prompts.narrative({}) == "knee radiograph"
    assert prompts.narrative({"jsn_medial": 2, "jsn_lateral": None}) == (
        "knee radiograph, moderate medial joint space narrowing"
    )
    findings = {"osteophyte_tibia_lateral": float("nan"), "sclerosis_lateral": 0}
    assert prompts.narrative(findings) == "knee radiograph, no lateral sclerosis"


def test_pain_is_no_finding_of_a_picture() -> None:
    assert prompts.narrative({"womac_pain": 12, "kl_grade": 4}) == "knee radiograph"


@pytest.mark.parametrize(("score", "word"), GIVEN)
def test_a_score_becomes_the_nearest_degree(score: float, word: str) -> None:
    assert f"{word} medial sclerosis" in prompts.narrative({"sclerosis_medial": score})


def test_the_vocabulary_holds_every_word_once_and_in_order() -> None:
    words = prompts.vocabulary()
    assert words == sorted(set(words))
    said = " ".join(each for sentences in prompts.GRADES.values() for each in sentences)
    said += " " + prompts.narrative({"jsn_medial": 1, "osteophyte_femur_lateral": 3})
    assert set(said.replace(",", " ").split()) <= set(words)


def test_every_grade_has_several_sentences() -> None:
    assert list(prompts.GRADES) == list(range(5))
    assert min(map(len, prompts.GRADES.values())) >= 3
