"""Checklist: reporting guidelines filled where the run knows the answer, blank where it does not.

A blank is for the people who publish: no program knows their funding, their ethics approval or why
they asked. The wording of the items is our own; numbers and sources are
those of the guidelines.
"""

from __future__ import annotations

from collections.abc import Mapping

from kneephen_report.verdict.checklist import items

BLANK = "☐ **blank:** for the authors to fill"
OPENING = """# Checklists and cards

Made from the facts of this run. Where the run knows the answer it stands here; where it does not,
the item is visibly blank, and a report that leaves it so is not complete. The items are short
paraphrases under the numbers of the guidelines, which say more and are what a journal wants filled.
"""


def fill(facts: Mapping[str, str]) -> dict[str, list[tuple[str, str, str]]]:
    """Return for each guideline its items as (number, what is asked, what the run says).

    Raises
    ------
    KeyError
        If an item rests on a fact that is not among `facts`.
    """
    return {
        name: [(number, asks, facts[fact] if fact else BLANK) for number, asks, fact in guideline]
        for name, guideline in items.GUIDELINES.items()
    }


def filled(answers: list[tuple[str, str, str]]) -> int:
    """Return how many items of a guideline are not blank."""
    return sum(said != BLANK for _, _, said in answers)


def markdown(facts: Mapping[str, str], cards: Mapping[str, Mapping[str, str]]) -> str:
    """Return the chapter: the guidelines, then each card as a list of heading and text."""
    parts = [OPENING]
    for name, answers in fill(facts).items():
        parts.append(f"## {name}\n\n{items.SOURCES[name]}\n")
        told = f"{filled(answers)} of {len(answers)} items are filled."
        parts.append(f'<details class="kneephen-folded"><summary>{told}</summary>\n')
        parts.append("| item | asks | this run |\n|---|---|---|")
        parts += [f"| {number} | {_cell(asks)} | {_cell(said)} |" for number, asks, said in answers]
        parts.append("\n</details>\n")
    for title, lines in cards.items():
        parts.append(f"## {title}\n")
        parts += [f"- **{heading}.** {text}" for heading, text in lines.items()]
        parts.append("")
    return "\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
