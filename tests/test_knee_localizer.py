"""Knees are found where they are, at their size, on their side; where there is none, none is."""

from __future__ import annotations

import numpy as np
import phantom
import pytest

from kneephen_utils.radiograph import knee_localizer, knee_template

SURE = 0.5


def sure(survey: knee_localizer.Survey) -> list[knee_localizer.Joint]:
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
    found = knee_localizer.survey(phantom.film(knees, spacing=spacing, seed=seed), spacing, count=2)
    assert not found.inverted
    assert found.turned == 0
    for knee, at in zip(knees, sure(found), strict=True):
        assert np.hypot(at.x - knee.x, at.y - knee.y) < 5
        assert at.fibula > 0.03 if knee.side == "right" else at.fibula < -0.03


@pytest.mark.parametrize(("gain", "gamma"), [(0.3, 1.0), (1.0, 0.5), (0.7, 2.2)])
def test_exposure_does_not_move_the_joint(gain: float, gamma: float) -> None:
    picture = phantom.film(phantom.both())
    plain = knee_localizer.survey(picture, 0.4, count=2).joints
    changed = knee_localizer.survey(gain * picture**gamma, 0.4, count=2).joints
    for before, after in zip(plain, changed, strict=True):
        assert np.hypot(before.x - after.x, before.y - after.y) < 1.5


def test_a_turned_film_is_told_from_an_upright_one() -> None:
    picture = phantom.film(phantom.both())
    for quarters, turned in ((0, 0), (1, 270), (2, 180), (3, 90)):
        assert knee_localizer.survey(np.rot90(picture, quarters), 0.4, count=2).turned == turned


def test_dark_bones_are_told_from_bright_ones() -> None:
    picture = phantom.film(phantom.both())
    assert knee_localizer.survey(1 - picture, 0.4, count=2).inverted
    assert not knee_localizer.survey(picture, 0.4, count=2).inverted


def test_one_knee_is_one_knee() -> None:
    right = phantom.both()[:1]
    found = sure(knee_localizer.survey(phantom.film(right), 0.4, count=2))
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
    assert not sure(knee_localizer.survey(pictures[what], 0.4, count=2))


def laid(field: np.ndarray, pose: knee_template.Pose, row: int, column: int) -> float:
    """Return the fit of one pose at one place as the sum it stands for."""
    shape = knee_template.draw(pose)
    tall, wide = (length // 2 for length in shape.shape[1:])
    total = 0.0
    for down in range(-tall, tall + 1):
        for across in range(-wide, wide + 1):
            y, x = row + down, column + across
            if 0 <= y < field.shape[1] and 0 <= x < field.shape[2]:
                total += float(field[:, y, x] @ shape[:, down + tall, across + wide])
    return total


@pytest.mark.parametrize(("row", "column"), [(45, 40), (3, 77), (88, 0)])
def test_the_fit_equals_the_sum_it_stands_for(row: int, column: int) -> None:
    field = knee_template.edges(np.random.default_rng(0).random((90, 80)))
    fits = knee_template.fit(field, row, column, reach=2)
    for down, across in ((0, 0), (-2, 1)):
        expected = laid(field, knee_template.POSES[4], row + down, column + across)
        assert fits[4, 2 + down, 2 + across] == pytest.approx(expected, abs=1e-5)


def test_the_sweep_is_the_fit_of_fields_that_are_even_in_each_coarse_cell() -> None:
    coarse = knee_template.edges(np.random.default_rng(1).random((50, 45)))
    field = coarse.repeat(2, axis=1).repeat(2, axis=2)
    swept = knee_template.sweep(coarse)
    for row, column in ((22, 20), (30, 25), (4, 40)):
        for at, pose in enumerate(knee_template.SWEPT[:2]):
            expected = laid(field, pose, 2 * row + 1, 2 * column + 1)
            assert swept[at, row, column] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("tilt", [-6.0, 0.0, 6.0])
def test_sweep_and_fit_find_what_trying_every_place_finds(tilt: float) -> None:
    spacing = 0.4
    knee = phantom.Knee(150.0, 125.0, tilt=tilt, width=86)
    picture = phantom.film([knee], columns_mm=300, spacing=spacing)
    best = knee_localizer.survey(picture, spacing, count=1).joints[0]
    field = knee_template.edges(knee_localizer.shrink(picture, spacing))
    rows, columns = field.shape[1:]
    reach = 12
    middles = [range(reach, length, 2 * reach + 1) for length in (rows, columns)]
    every = [
        knee_template.fit(field, row, column, reach) for row in middles[0] for column in middles[1]
    ]
    top = max(fits.max() for fits in every)
    row, column = (int(at // knee_template.GRID) for at in (best.y, best.x))
    assert knee_template.fit(field, row, column, reach=1).max() == pytest.approx(top, abs=1e-6)


def test_turning_a_field_equals_the_field_of_the_turned_picture() -> None:
    picture = np.random.default_rng(0).random((40, 56))
    field = knee_template.edges(picture)
    for quarters in range(4):
        turned = knee_template.edges(np.rot90(picture, quarters))
        np.testing.assert_allclose(knee_template.turn(field, quarters), turned, atol=1e-6)
