"""Head: three ways from an embedding to a grade, each against its definition."""

from __future__ import annotations

import dataclasses
import math

import narrow
import numpy as np
import pytest
import torch

from kneephen_utils.encoder import head as heads

GRADES = np.repeat([0.0, 1, 2, 3, 4], [40, 25, 20, 10, 5])
each_kind = pytest.mark.parametrize("kind", ["sigmoid", "corn", "coral"])


def drawn(kind: str, *, n: int = 7) -> tuple[heads.Head, torch.Tensor, torch.Tensor]:
    """Return a head with random weights, and embeddings with grades as read."""
    torch.manual_seed(0)
    head = heads.make(kind, 8, GRADES)
    torch.nn.init.normal_(head.linear.weight, std=0.5)
    embeddings = torch.nn.functional.normalize(torch.randn(n, 8), dim=1)
    return head, embeddings, torch.arange(n).remainder(5).float()


@each_kind
def test_an_untrained_head_answers_the_mean_grade(kind: str) -> None:
    head = heads.make(kind, 8, GRADES)
    assert head(torch.randn(5, 8)).tolist() == pytest.approx([GRADES.mean()] * 5, abs=0.01)


@each_kind
def test_grades_lie_between_0_and_4_and_the_logit_keeps_their_order(kind: str) -> None:
    head, embeddings, _ = drawn(kind, n=50)
    grades, logit = head(embeddings), head.logit(embeddings)
    assert ((grades > 0) & (grades < 4)).all()
    assert torch.equal(grades.argsort(), logit.argsort())


def log_share(score: float, *, climbed: bool) -> float:
    """Return the log-probability of one step, from its definition."""
    share = 1 / (1 + math.exp(-score))
    return math.log(share if climbed else 1 - share)


def test_corn_equals_a_loop_over_the_steps_each_knee_came_to() -> None:
    head, embeddings, read = drawn("corn")
    scores = head.scores(embeddings)
    for row, grade in enumerate(read.tolist()):
        steps = [
            -log_share(scores[row, step].item(), climbed=grade > step)
            for step in range(4)
            if grade >= step
        ]
        assert head.losses(scores, read)[row].item() == pytest.approx(sum(steps), rel=1e-5)


def test_corn_multiplies_the_steps_and_never_climbs_back() -> None:
    head, embeddings, _ = drawn("corn")
    scores = head.scores(embeddings)
    assert isinstance(head, heads.Corn)
    above = head.above(scores)
    shares = torch.sigmoid(scores)
    assert above[:, 2].tolist() == pytest.approx(shares[:, :3].prod(1).tolist())
    assert (above.diff(dim=1) <= 0).all()
    assert head.grade(scores).tolist() == pytest.approx(above.sum(1).tolist())


def test_coral_equals_a_loop_over_all_steps_and_shares_its_weights() -> None:
    head, embeddings, read = drawn("coral")
    scores = head.scores(embeddings)
    apart = scores - scores[:, :1]
    assert torch.allclose(apart, apart[:1].expand_as(apart), atol=1e-5)
    for row, grade in enumerate(read.tolist()):
        steps = [-log_share(scores[row, s].item(), climbed=grade > s) for s in range(4)]
        assert head.losses(scores, read)[row].item() == pytest.approx(sum(steps), rel=1e-5)


def test_the_published_head_is_four_times_the_sigmoid_and_its_loss_squared_error() -> None:
    head, embeddings, read = drawn("sigmoid")
    raw = math.sqrt(8) * embeddings @ head.linear.weight[0] + head.linear.bias
    given = 4 * torch.sigmoid(raw)
    assert torch.allclose(head(embeddings), given, atol=1e-6)
    assert torch.allclose(
        head.losses(head.scores(embeddings), read), (given - read) ** 2, atol=1e-5
    )


@pytest.mark.parametrize("grades", [np.zeros(10), np.full(10, 4.0), np.array([0.0, 4.0])])
@each_kind
def test_a_grade_nobody_has_is_no_impossible_grade(kind: str, grades: np.ndarray) -> None:
    head = heads.make(kind, 8, grades)
    assert all(parameter.isfinite().all() for parameter in head.parameters())


def test_an_unknown_head_is_refused() -> None:
    with pytest.raises(ValueError, match="head is 'softmax'; expected sigmoid, corn, coral"):
        heads.make("softmax", 8, GRADES)


@pytest.mark.parametrize("kind", ["corn", "coral"])
def test_an_ordinal_head_learns_a_planted_grade(kind: str) -> None:
    study = narrow.study(60)
    settings = dataclasses.replace(narrow.SETTINGS, head=kind)
    _, _, history = narrow.trained(study, settings)
    grades = study.knees["kl_grade"].to_numpy(float)[80:]
    constant = min(np.abs(grades - answer).mean() for answer in np.arange(0, 4.01, 0.1))
    assert history["validation_mae"].min() < 0.5 * constant
