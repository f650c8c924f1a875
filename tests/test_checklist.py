"""Checklists: filled from the run, blank where it cannot know, and complete."""

from __future__ import annotations

import pandas as pd
import pytest

from kneephen_report.verdict import checklist
from kneephen_report.verdict.checklist import facts, items


@pytest.fixture
def known() -> dict[str, str]:
    participants = pd.DataFrame(
        {"split": ["train", "discover", "discover", "confirm"], "sex": ["female"] * 3 + ["male"],
         "age": [60.0, 62.0, 64.0, 66.0]}
    )  # fmt: skip
    knees = pd.DataFrame({"kl_grade": pd.array([0, 2, 2, pd.NA], dtype="Int64")})
    events = pd.DataFrame(
        {"outcome": "kl_rise_1", "observed": [True, False], "left_months": [12, 36]}
    )
    scores = pd.DataFrame(
        {"group": "all", "predictor": "finetuned", "metric": ["quadratic_weighted_kappa"],
         "estimate": [0.71], "low": [0.6], "high": [0.8], "knees": [40]}
    )  # fmt: skip
    claims = pd.DataFrame({"arm": "context", "verdict": ["supported", "no phenotype"]})
    power = pd.DataFrame({"hazard_ratio": [float("nan"), 3.14]})
    return facts.gather(
        participants, knees, events, scores, claims, power, arm="context", synthetic=True
    )


def test_every_item_is_answered_by_a_known_fact_or_left_blank(known: dict[str, str]) -> None:
    for name, answers in checklist.fill(known).items():
        blanks = [fact for _, _, fact in items.GUIDELINES[name] if not fact]
        assert len(answers) - checklist.filled(answers) == len(blanks) > 0
        assert name in items.SOURCES


@pytest.mark.parametrize(("name", "last"), [("STROBE", 22), ("TRIPOD", 27), ("CLAIM", 44)])
def test_a_guideline_has_every_number_it_was_published_with(name: str, last: int) -> None:
    numbers = [number.rstrip("abcdefg") for number, _, _ in items.GUIDELINES[getattr(items, name)]]
    assert list(dict.fromkeys(numbers)) == [str(number) for number in range(1, last + 1)]


def test_parts_of_an_item_run_from_a_without_a_gap() -> None:
    for guideline in items.GUIDELINES.values():
        parts: dict[str, str] = {}
        for number, _, _ in guideline:
            if number[-1].isalpha() and number[0].isdigit():
                parts[number[:-1]] = parts.get(number[:-1], "") + number[-1]
        assert all("abcdefg".startswith(letters) for letters in parts.values())


def test_the_page_gives_each_source_and_says_that_the_words_are_its_own(
    known: dict[str, str],
) -> None:
    page = checklist.markdown(known, {})
    assert page.count("doi:10.") == len(items.GUIDELINES)
    assert page.count("paraphrase") > len(items.GUIDELINES)


def test_numbers_come_from_the_tables(known: dict[str, str]) -> None:
    assert "4 people, 4 knees, 3 with a grade" in known["flow"]
    assert "75 % women, mean age 63.0 years; 1 train, 2 discover, 1 confirm" in known["people"]
    assert "hazard ratio of 3.1" in known["power"]
    assert "0.71 (0.60 to 0.80) on 40 knees" in known["grader"]
    assert "1 rises" in known["events"]
    assert "known to 24 months" in known["follow_up"]


def test_the_chapter_shows_its_blanks_and_says_when_nobody_was_studied(
    known: dict[str, str],
) -> None:
    page = checklist.markdown(known, facts.cards(known))
    assert page.count(checklist.BLANK) == 1 + sum(
        not fact for guideline in items.GUIDELINES.values() for _, _, fact in guideline
    )
    assert "nobody was studied" in page
    assert "## Model card" in page
    assert "## Data card" in page


def test_each_guideline_is_folded_under_how_much_of_it_is_filled(known: dict[str, str]) -> None:
    page = checklist.markdown(known, {})
    assert page.count("<details") == page.count("</details>") == len(items.GUIDELINES)
    assert page.count("items are filled.</summary>") == len(items.GUIDELINES)
