"""Zone: regions mean the same on every grid, and hold the anatomy they are named after."""

from __future__ import annotations

import numpy as np
import pytest

from kneephen_utils.attention import regions
from kneephen_utils.tables import picture
from oai_twin import film, participant_model


@pytest.mark.parametrize("grid", [7, 14, 16, 28])
def test_areas_do_not_depend_on_the_grid(grid: int) -> None:
    areas = regions.cover(grid, region=140.0).mean()
    for name, box in regions.BOXES.items():
        size = (box.right - box.left) * (box.bottom - box.top)
        assert areas[name] == pytest.approx(size / 140.0**2)
    assert areas["border"] == pytest.approx(1 - (120 / 140) ** 2)


def test_no_place_belongs_to_two_regions() -> None:
    covered = regions.cover(14, region=140.0)
    assert list(covered.columns) == picture.REGIONS
    assert covered.sum(axis=1).max() <= 1 + 1e-12


def test_regions_and_prior_are_the_same_left_and_right() -> None:
    for column in (*regions.cover(14, region=140.0).to_numpy().T, _prior(14)):
        grid = column.reshape(14, 14)
        np.testing.assert_allclose(grid, grid[:, ::-1], atol=1e-12)


def test_a_coarser_prior_is_the_sum_of_a_finer_one() -> None:
    fine = _prior(14).reshape(7, 2, 7, 2).sum(axis=(1, 3))
    np.testing.assert_allclose(fine.ravel(), _prior(7))
    assert _prior(14).sum() == pytest.approx(1)
    assert np.argmax(_prior(7)) == 24


def test_a_very_wide_prior_looks_everywhere_alike() -> None:
    wide = regions.centre_prior(14, region=140.0, width=1e5)
    np.testing.assert_allclose(wide, 1 / 196, rtol=1e-5)


def test_boxes_hold_most_of_the_rendered_anatomy() -> None:
    knees = participant_model.draw(participants=12, seed=5, planted=True)["knees"]
    knees = knees[~knees["prosthesis"].astype(bool)].head(8)
    held: dict[str, list[float]] = {name: [] for name in regions.BOXES}
    covered = regions.cover(224, region=140.0)
    for place, (_, knee) in enumerate(knees.iterrows()):
        masks = film.regions(knee, pixels=224, region=140.0, seed=place)
        for name, shares in held.items():
            shares.append(covered[name].to_numpy()[masks[name].ravel()].mean())
    means = {name: np.mean(shares) for name, shares in held.items()}
    assert means["joint_space"] > 0.8
    assert min(means.values()) > 0.5


def _prior(grid: int) -> np.ndarray:
    return regions.centre_prior(grid, region=140.0, width=25.0)
