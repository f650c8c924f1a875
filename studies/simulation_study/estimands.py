"""Estimands: what is asked of every simulated cohort, and what the right answer is.

The right answers are read from what the synthetic release plants, never typed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oai_twin import participant_model

RATIO, LEVEL, SLOPE = "hazard ratio", "level at 0 months", "slope"
LATER = "level at 48 months given baseline pain"
RISE, PAIN = "kl_rise_1", "womac_pain"
BY_PAIN = "groups chosen by pain"  # knees with pain at baseline against those without


@dataclass(frozen=True)
class Question:
    """Two groups of one grade, what is compared between them, and the answers.

    `groups` names two planted phenotypes, the reference second; without, knees get labels that
    mean nothing, or the label of `BY_PAIN`.
    """

    outcome: str
    contrasts: tuple[str, ...]
    kl_grade: int
    groups: tuple[str, str] | None = None
    rule: str = ""

    @property
    def planted(self) -> bool:
        """Whether the groups truly differ in something."""
        return self.groups is not None

    def name(self, contrast: str) -> str:
        """Return what a reader calls the comparison."""
        measure = "pain" if self.outcome == PAIN else "rise of grade"
        if self.rule:
            return f"{measure}, KL{self.kl_grade}, {self.rule}"
        what = "{} against {}".format(*self.groups) if self.groups else "labels without meaning"
        short = {RATIO: "", LEVEL: " at baseline", SLOPE: " per year"}[contrast]
        return f"{measure}{short}, KL{self.kl_grade}, {what}".replace("_", "-")

    def truth(self, contrast: str) -> float:
        """Return the planted ratio, or the planted difference in points or points per year."""
        if self.groups is None:
            return 1.0 if contrast == RATIO else 0.0
        planted = {
            RATIO: participant_model.HAZARDS,
            LEVEL: participant_model.PAIN_LEVELS,
            SLOPE: participant_model.PAIN_SLOPES,
        }
        one, other = (planted[contrast][group] for group in self.groups)
        return float(np.exp(one - other)) if contrast == RATIO else float(one - other)


BOTH = (LEVEL, SLOPE)
PLANTED = [
    Question(RISE, (RATIO,), 1, ("osteophytic", "medial")),
    Question(RISE, (RATIO,), 2, ("lateral", "medial")),
    Question(RISE, (RATIO,), 3, ("lateral", "medial")),
    Question(PAIN, BOTH, 0, ("pain_prone", "typical")),
    Question(PAIN, BOTH, 2, ("atrophic", "medial")),
]
WITHOUT = [
    *(Question(RISE, (RATIO,), grade) for grade in range(4)),
    *(Question(PAIN, BOTH, grade) for grade in range(4)),
    Question(PAIN, (LATER,), 0, rule=BY_PAIN),
]
ALL = [*PLANTED, *WITHOUT]
