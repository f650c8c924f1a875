"""Head: from the embedding of a knee to its Kellgren-Lawrence grade.

Three kinds. `sigmoid` is the published one, 4 x sigmoid of a linear map. `coral` and `corn`
take the grades as steps that are climbed one after the other: is it more than 0, than 1,
than 2, than 3? Their grade is the expected one, the sum of the four probabilities.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

STEPS = 4  # between five grades
EDGE = 0.02  # shares are kept this far from 0 and 1


class Head(nn.Module):
    """Grade as 4 x sigmoid of a linear map, learnt by squared error.

    Parameters
    ----------
    width
        Length of an embedding.
    grades
        Grades to start from: an untrained head answers their mean.
    """

    kind: ClassVar[str] = "sigmoid"
    outputs: ClassVar[int] = 1

    def __init__(self, width: int, grades: np.ndarray) -> None:
        super().__init__()
        self.linear = nn.Linear(width, self.outputs)
        nn.init.zeros_(self.linear.weight)
        with torch.no_grad():
            self.linear.bias.copy_(self._start(np.asarray(grades, float)))

    def scores(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return what comes before any sigmoid (n, outputs), of embeddings of unit length.

        They are scaled back from unit length, so that each number has a size of about one.
        """
        return self.linear(embedding * math.sqrt(self.linear.in_features))

    def grade(self, scores: torch.Tensor) -> torch.Tensor:
        """Return grades (n,), between 0 and 4, of scores."""
        return 4 * torch.sigmoid(scores.squeeze(-1))

    def losses(self, scores: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        """Return what each knee adds to the loss (n,), of scores and grades as read."""
        return (self.grade(scores) - read) ** 2

    def logit(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return the grade on a scale without ends (n,); a higher value is a higher grade."""
        return self.scores(embedding).squeeze(-1)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return grades (n,), between 0 and 4, of embeddings of unit length."""
        return self.grade(self.scores(embedding))

    def _start(self, grades: np.ndarray) -> torch.Tensor:
        return _logits([grades.mean() / STEPS])


class Corn(Head):
    """Four steps, each judged among the knees that climbed the one before.

    References
    ----------
    Shi, Cao & Raschka (2023), doi:10.1007/s10044-023-01181-9.
    """

    kind = "corn"
    outputs = STEPS

    def above(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the probability of being above each of grades 0 to 3 (n, 4)."""
        return torch.sigmoid(scores).cumprod(1)

    def grade(self, scores: torch.Tensor) -> torch.Tensor:
        """Return expected grades (n,), between 0 and 4, of scores."""
        return self.above(scores).sum(1)

    def losses(self, scores: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy of the steps each knee came to (n,)."""
        steps = torch.arange(STEPS, device=read.device)
        climbed, came = (read[:, None] > steps).float(), (read[:, None] >= steps).float()
        each = functional.binary_cross_entropy_with_logits(scores, climbed, reduction="none")
        return (each * came).sum(1)

    def logit(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return the expected grade on a scale without ends (n,)."""
        return torch.logit(self.grade(self.scores(embedding)) / STEPS, eps=1e-6)

    def _start(self, grades: np.ndarray) -> torch.Tensor:
        shares = _shares_above(grades)
        return _logits(shares / np.concatenate([[1.0], shares[:-1]]))


class Coral(Corn):
    """Four steps on one line through the embeddings, so that no step contradicts another.

    References
    ----------
    Cao, Mirjalili & Raschka (2020), doi:10.1016/j.patrec.2020.11.008.
    """

    kind = "coral"
    outputs = 1

    def __init__(self, width: int, grades: np.ndarray) -> None:
        super().__init__(width, grades)
        self.linear = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.linear.weight)
        self.thresholds = nn.Parameter(_logits(_shares_above(np.asarray(grades, float))))

    def scores(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return one score for each step (n, 4); they differ by their thresholds alone."""
        return super().scores(embedding) + self.thresholds

    def above(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the probability of being above each of grades 0 to 3 (n, 4)."""
        return torch.sigmoid(scores)

    def losses(self, scores: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy of all four steps of each knee (n,)."""
        climbed = (read[:, None] > torch.arange(STEPS, device=read.device)).float()
        each = functional.binary_cross_entropy_with_logits(scores, climbed, reduction="none")
        return each.sum(1)

    def _start(self, grades: np.ndarray) -> torch.Tensor:
        return _logits([grades.mean() / STEPS])


KINDS: dict[str, type[Head]] = {one.kind: one for one in (Head, Corn, Coral)}


def make(kind: str, width: int, grades: np.ndarray) -> Head:
    """Return an untrained head that knows nothing but how common each grade is.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"head is {kind!r}; expected {', '.join(KINDS)}")
    return KINDS[kind](width, grades)


def _shares_above(grades: np.ndarray) -> np.ndarray:
    """Return the share of the grades above each of 0 to 3, never quite 0, 1 or equal."""
    counts = np.array([(grades > step).sum() for step in range(STEPS)])
    return (counts + np.arange(STEPS, 0, -1) * EDGE) / (len(grades) + (STEPS + 1) * EDGE)


def _logits(shares: np.ndarray | list[float]) -> torch.Tensor:
    kept = np.clip(np.asarray(shares, float), EDGE, 1 - EDGE)
    return torch.tensor([math.log(share / (1 - share)) for share in kept], dtype=torch.float32)
