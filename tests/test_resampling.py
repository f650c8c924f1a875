"""Sampling by matrices gives what softening the whole picture and then reading it gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kneephen_utils.radiograph import resampling


@pytest.mark.parametrize("sigma", [0.0, 0.4, 2.3])
def test_softening_and_reading_equal_a_filter_and_an_interpolation(sigma: float) -> None:
    rng = np.random.default_rng(0)
    picture = rng.random((40, 61))
    down, across = np.sort(rng.uniform(0, 39, 17)), np.sort(rng.uniform(0, 60, 23))
    soft = resampling.bell(sigma, truncate=3)
    matrices = resampling.rows(40, down, soft), resampling.rows(61, across, soft)
    found = resampling.apply(matrices[0], picture, matrices[1])
    whole = ndimage.gaussian_filter(picture, sigma, truncate=3, mode="reflect")
    places = np.meshgrid(down, across, indexing="ij")
    expected = ndimage.map_coordinates(whole, places, order=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("size", [1, 4, 5])
def test_a_box_is_the_mean_of_its_pixels(size: int) -> None:
    line = np.random.default_rng(1).random(30)
    places = np.arange(30.0)
    found = resampling.rows(30, places, resampling.box(size)) @ line
    expected = ndimage.uniform_filter1d(line, size, mode="reflect")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_reading_far_outside_a_line_meets_its_mirror_image() -> None:
    line = np.arange(5.0)
    found = resampling.rows(5, np.array([-1.0, -5.0, 5.0, 9.0]), np.ones(1)) @ line
    np.testing.assert_allclose(found, [0, 4, 4, 0])
