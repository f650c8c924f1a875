"""Knees are found where they are, at their size, on their side; where there is none, none is."""

from __future__ import annotations

import numpy as np
import phantom
import pytest

from kneephen_utils.radiograph import joint, outline

SURE = 0.5


def sure(survey: joint.Survey) -> list[joint.Joint]:
    return [found for found in survey.joints if found.confidence >= SURE]


@pytest.mark.parametrize("seed", range(12))
def test_both_knees_are_found_within_five_millimetres(seed: int) -> None:
    rng = np.random.default_rng(seed)
    knees = phantom.both(
        width=rng.uniform(66, 94),
        tilt=rng.uniform(-6, 6),
        space_medial=rng.uniform(0, 6),
        space_lateral=rng.uniform(0, 7),
    )
    spacing = rng.uniform(0.15, 0.6)
    found = joint.survey(phantom.film(knees, spacing=spacing, seed=seed), spacing, count=2)
    assert not found.inverted
    assert found.turned == 0
    for knee, at in zip(knees, sure(found), strict=True):
        assert np.hypot(at.x - knee.x, at.y - knee.y) < 5
        assert at.fibula > 0.03 if knee.side == "right" else at.fibula < -0.03


@pytest.mark.parametrize(("gain", "gamma"), [(0.3, 1.0), (1.0, 0.5), (0.7, 2.2)])
def test_exposure_does_not_move_the_joint(gain: float, gamma: float) -> None:
    picture = phantom.film(phantom.both())
    plain = joint.survey(picture, 0.4, count=2).joints
    changed = joint.survey(gain * picture**gamma, 0.4, count=2).joints
    for before, after in zip(plain, changed, strict=True):
        assert np.hypot(before.x - after.x, before.y - after.y) < 1.5


def test_a_turned_film_is_told_from_an_upright_one() -> None:
    picture = phantom.film(phantom.both())
    for quarters, turned in ((0, 0), (1, 270), (2, 180), (3, 90)):
        assert joint.survey(np.rot90(picture, quarters), 0.4, count=2).turned == turned


def test_dark_bones_are_told_from_bright_ones() -> None:
    picture = phantom.film(phantom.both())
    assert joint.survey(1 - picture, 0.4, count=2).inverted
    assert not joint.survey(picture, 0.4, count=2).inverted


def test_one_knee_is_one_knee() -> None:
    right = phantom.both()[:1]
    found = sure(joint.survey(phantom.film(right), 0.4, count=2))
    assert len(found) == 1
    assert np.hypot(found[0].x - right[0].x, found[0].y - right[0].y) < 5


@pytest.mark.parametrize("what", ["hand", "pelvis", "blank", "noise", "legs without knees"])
def test_the_locator_abstains_where_there_is_no_knee(what: str) -> None:
    pictures = {
        "hand": phantom.hand(),
        "pelvis": phantom.pelvis(),
        "blank": np.full((600, 1050), 0.5, dtype=np.float32),
        "noise": np.random.default_rng(0).random((600, 1050), dtype=np.float32),
        "legs without knees": phantom.film(phantom.both(y=-300.0)),
    }
    assert not sure(joint.survey(pictures[what], 0.4, count=2))


def test_the_fast_fit_equals_the_sum_it_stands_for() -> None:
    rng = np.random.default_rng(0)
    field = outline.edges(rng.random((90, 80)))
    fits = outline.correlate(field)
    shape = outline.draw(outline.POSES[4])
    tall, wide = shape.shape[1:]
    for row, column in ((45, 40), (40, 30), (50, 52)):
        top, side = row - tall // 2, column - wide // 2
        patch = field[:, top : top + tall, side : side + wide]
        assert fits[4, row, column] == pytest.approx(float((patch * shape).sum()), abs=1e-5)


def test_turning_a_field_equals_the_field_of_the_turned_picture() -> None:
    picture = np.random.default_rng(0).random((40, 56))
    field = outline.edges(picture)
    for quarters in range(4):
        turned = outline.edges(np.rot90(picture, quarters))
        np.testing.assert_allclose(outline.turn(field, quarters), turned, atol=1e-6)
