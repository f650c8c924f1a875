"""Explorer, what it is given: every setting, pain apart, and no knee where knees are closed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import islands
import numpy as np
import pandas as pd
import pytest

from kneephen_report.phenotype import explorer, explorer_data
from kneephen_utils import small_cells
from kneephen_utils.phenotype import contribution, sweep

SETTINGS = replace(islands.SETTINGS, draws=4)


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return islands.world()


def packed(made: dict[str, pd.DataFrame], *, disclose: bool, **given: Any) -> dict[str, Any]:
    settings = replace(SETTINGS, **given)
    cells = islands.cells(made, "image", "context")
    tried = sweep.trials(cells, settings=settings)
    swept, _ = sweep.decide(cells, tried, settings=settings)
    laid_out = made["crops"][["knee_id"]].assign(
        x=np.arange(len(made["crops"])) % 13.0, y=np.arange(len(made["crops"])) % 7.0
    )
    of = explorer_data.known(cells, made["knees"], made["participants"], laid_out)
    wide = sweep.widened(cells, tried, settings=settings)
    arms = explorer_data.survey(cells, wide, swept, of, settings=settings, disclose=disclose)
    pictures = np.zeros((len(of) * 2, 64, 64), dtype=np.uint8)
    pictures[:, 20:40] = 200
    sheet = explorer.sheet(Oindex(pictures), made["crops"], of, disclose=disclose)
    null = pd.DataFrame({"arm": ["image"], "reference": ["gaussian"], "statistic": [0.5]})
    return explorer.pack(
        arms, of, null, arm="context", thumbnails=sheet, artefacts="a/demo", disclose=disclose
    )


class Oindex:
    """Pictures that can be taken as from a zarr array."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.oindex = pixels


def test_every_setting_of_every_arm_is_there_and_one_of_each_is_taken(
    made: dict[str, pd.DataFrame],
) -> None:
    for own in packed(made, disclose=True)["arms"].values():
        assert len(own["settings"]) == len(own["sizes"]) * len(own["samples"])
        assert sum(one["taken"] for one in own["settings"]) == 1
        for part in own["partitions"]:
            counts = [group["knees"] for group in part["groups"]]
            assert sum(counts) == len(part["labels"])
            written = [part["labels"].count(chr(65 + k)) for k in range(len(counts) - 1)]
            assert written == counts[:-1]


def test_every_setting_says_whether_the_picture_makes_its_groups(
    made: dict[str, pd.DataFrame],
) -> None:
    """The setting that was taken says what the table of contributions says of it."""
    cells = islands.cells(made, "image", "context")
    _, chosen = sweep.run(cells, settings=SETTINGS)
    table = contribution.measure(cells, chosen, settings=SETTINGS).set_index("arm")["shuffled_ari"]
    for arm, own in packed(made, disclose=True)["arms"].items():
        for one in own["settings"]:
            grouped = len(own["partitions"][one["partition"]]["groups"]) > 2
            assert (one["stays"] is not None) == grouped
        taken = next(one for one in own["settings"] if one["taken"])
        assert taken["stays"] == pytest.approx(table[arm], abs=0.006)


def test_draws_without_groups_are_kept_apart_by_their_kind(made: dict[str, pd.DataFrame]) -> None:
    told = packed(made, disclose=True)
    assert told["reference"] == {"image": {"gaussian": [0.5]}, "context": {}}


def test_the_whole_grid_is_there_when_a_setting_was_given_by_hand(
    made: dict[str, pd.DataFrame],
) -> None:
    assert packed(made, disclose=True)["arms"]["image"]["free"]
    own = packed(made, disclose=True, min_cluster_size=21, min_samples=4)["arms"]["image"]
    assert not own["free"]
    assert 21 in own["sizes"]
    assert 4 in own["samples"]
    assert len(own["sizes"]) > 5
    place = own["samples"].index(4) * len(own["sizes"]) + own["sizes"].index(21)
    assert [n for n, one in enumerate(own["settings"]) if one["taken"]] == [place]


def test_no_knee_is_told_where_knees_are_closed(made: dict[str, pd.DataFrame]) -> None:
    told = packed(made, disclose=False)
    assert not {"x", "y", "sheet", "knees"} & set(told)
    for own in told["arms"].values():
        for part in own["partitions"]:
            assert "labels" not in part
            for group in part["groups"]:
                assert group["knees"] is None or group["knees"] % small_cells.BASE == 0
    assert "9000" not in json.dumps(told)


def test_a_cell_of_the_density_holds_at_least_ten_knees() -> None:
    of = pd.DataFrame({"x": [0.0] * 10 + [5.0] * 9 + [9.0], "y": 1.0})
    assert explorer_data.shades(of, np.ones(20, dtype=bool)) == [[0, 0, explorer_data.LEVELS]]
    few = np.arange(20) > 0
    assert explorer_data.shades(of, few) == []


def test_pain_is_packed_apart_and_an_input_is_marked(made: dict[str, pd.DataFrame]) -> None:
    told = packed(made, disclose=True)
    assert "pain" in told["variables"][-1]
    group = told["arms"]["context"]["partitions"][0]["groups"][0]
    assert len(group["values"]) == len(told["variables"]) - 1
    assert told["arms"]["context"]["inputs"][:3] == [True, True, True]
    assert not any(told["arms"]["image"]["inputs"])


@pytest.mark.parametrize("peeked", [False, True])
def test_peeking_counts_as_a_hand_in_the_setting(
    made: dict[str, pd.DataFrame], *, peeked: bool
) -> None:
    swept, _ = sweep.run(islands.cells(made, "image"), settings=replace(SETTINGS, peeked=peeked))
    assert swept["by_hand"].eq(peeked).all()
    assert len(swept) > 8  # the rule still chose among the whole sweep


@pytest.mark.parametrize(
    ("profile", "command"),
    [
        ("demo", "make all"),
        ("null", "make all PROFILE=null"),
        ("oai", "make all PROFILE=oai OAI=/path/to/release"),
    ],
)
def test_the_command_names_the_profile(profile: str, command: str) -> None:
    null = pd.DataFrame(columns=["arm", "reference", "statistic"])
    of = pd.DataFrame({"knee_id": []})
    told = explorer.pack(
        {}, of, null, arm="image", thumbnails="", artefacts=f"../{profile}", disclose=False
    )
    assert told["command"] == command
    assert "no setting to explore" in explorer.show(told, kl_grade=4).data
