"""Typical: a card shows its own knees and map, and no picture where single knees are closed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from kneephen_report.verdict import exemplars

SEEN = {"encoder": "finetuned", "arm": "context", "method": "relevance"}
CARD = {"arm": "context", "kl_grade": 2, "phenotype": 1}
GRID, PIXELS = 4, 32


class Stored:
    """Pictures in memory that are read as the zarr array is."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.oindex = pixels


@pytest.fixture
def given() -> dict[str, Any]:
    """Return six knees of two phenotypes, bright and dark, and a map of the second."""
    names = [f"k{number}" for number in range(6)]
    level = np.array([10, 20, 30, 200, 210, 220])
    table = pd.DataFrame({"knee_id": names, "kl_grade": 2, "arm": "context"})
    cells = [(row, column) for row in range(GRID) for column in range(GRID)]
    averages = pd.DataFrame(cells, columns=["row", "column"]).assign(**SEEN, kl_grade=2)
    return {
        "written": pd.DataFrame([CARD | {"position": 0}]),
        "phenotypes": table.assign(phenotype=[0, 0, 0, 1, 1, 1]),
        "crops": pd.DataFrame({"knee_id": names, "image": range(6)}),
        "stored": Stored(np.ones((6, PIXELS, PIXELS)) * level[:, None, None]),
        "averages": averages.assign(phenotype=1, weight=1 / GRID**2),
        "checks": checks(0.3),
    }


def checks(high: float) -> pd.DataFrame:
    return pd.DataFrame(
        [SEEN | {"kl_grade": -1, "phenotype": -2, "check": "randomised", "high": high}]
    )


def scores(phenotype: int = 1) -> pd.DataFrame:
    return pd.DataFrame(
        [SEEN | {"kl_grade": 2, "phenotype": phenotype, "region": "joint_space",
                 "estimate": 0.31, "low": 0.28, "high": 0.34, "area": 0.07, "centre_prior": 0.24}]
    )  # fmt: skip


def test_a_card_shows_its_own_knees_in_words_too(given: dict[str, Any]) -> None:
    shown = exemplars.pictures(**given, disclose=True)
    assert list(shown) == [(2, 1)]
    assert 'alt="KL2, phenotype B: the knee most like the mean of its 3 knees' in shown[2, 1]
    assert "relevance for a higher grade over it" in shown[2, 1]


def test_no_picture_is_made_where_single_knees_are_closed(given: dict[str, Any]) -> None:
    assert exemplars.pictures(**given, disclose=False) == {}


def test_the_knee_most_like_the_mean_is_a_knee_and_the_mean_is_of_all() -> None:
    stack = np.ones((4, PIXELS, PIXELS)) * np.array([0, 90, 100, 250])[:, None, None]
    assert exemplars.nearest(stack) == 2
    drawn = exemplars.plot_exemplars(stack, None)
    knee, mean = (axis.images[0].get_array() for axis in drawn.axes)
    assert np.unique(np.asarray(knee)).tolist() == [100]
    assert np.unique(np.asarray(mean)).tolist() == [110]


def test_a_map_that_failed_its_check_is_neither_drawn_nor_told(given: dict[str, Any]) -> None:
    shown = exemplars.pictures(**{**given, "checks": checks(0.6)}, disclose=True)
    assert "over it" not in shown[2, 1]
    assert "nothing is read from it" in exemplars.looks(scores(), checks(0.6), CARD)
    assert not exemplars.sound(checks(0.6).iloc[:0])


def test_what_is_told_is_the_share_of_its_own_phenotype() -> None:
    said = exemplars.looks(scores(), checks(0.3), CARD)
    assert said.startswith("31 (28 to 34) % of relevance")
    assert "7 % of the picture; a blob in the centre would put 24 % there" in said
    assert exemplars.looks(scores(phenotype=0), checks(0.3), CARD) == "too few knees for a mean map"
