"""Likeness: planted groups stay apart and come back by other roads; shuffled labels do not."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import islands
import numpy as np
import pandas as pd
import pytest

from kneephen_report.phenotype import prototypes, robustness_plots
from kneephen_utils import fusion, small_cells, tables
from kneephen_utils.fusion import other_encoder
from kneephen_utils.phenotype import (
    agreement,
    alternative_clusterings,
    assignment,
    pairwise_separation,
    stratum,
    sweep,
)


class Pictures:
    """Pixels that are read as the `images` array is."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape, self.oindex = pixels, pixels.shape, pixels


SETTINGS = replace(islands.SETTINGS, draws=6)


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return islands.world()


@pytest.fixture(scope="module")
def cells(made: dict[str, pd.DataFrame]) -> list[stratum.Stratum]:
    return islands.cells(made, "image", "context")


@pytest.fixture(scope="module")
def chosen(cells: list[stratum.Stratum]) -> dict[str, sweep.Candidate]:
    return sweep.run(cells, settings=SETTINGS)[1]


@pytest.fixture(scope="module")
def reduced(
    cells: list[stratum.Stratum],
) -> tuple[pd.DataFrame, dict[str, dict[str, sweep.Candidate]]]:
    return alternative_clusterings.reducers(
        cells, settings=replace(SETTINGS, reducer="umap", draws=3)
    )


@pytest.fixture(scope="module")
def agreed(made, cells, chosen, reduced) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    _, taken = reduced
    rivals = alternative_clusterings.gather(cells, cells, taken, settings=SETTINGS)
    phenotypes = assignment.assign(cells, chosen, settings=SETTINGS)
    return agreement.measure(phenotypes, rivals, made["knees"], seed=0)


def test_every_other_reducer_is_swept_and_none_of_it_is_chosen(
    reduced: tuple[pd.DataFrame, dict[str, dict[str, sweep.Candidate]]],
) -> None:
    swept, taken = reduced
    tables.check(swept, "sweep")
    assert set(swept["reducer"]) == set(taken) == {"none", "pca"}
    assert not swept["chosen"].any()
    assert (swept.groupby(["arm", "reducer"])["best"].sum() == 1).all()


def test_the_published_arm_has_no_other_reducer(made: dict[str, pd.DataFrame]) -> None:
    published = islands.cells(made, "fused")
    swept, taken = alternative_clusterings.reducers(
        published, settings=replace(SETTINGS, reducer="umap")
    )
    assert swept.empty
    assert taken == {"none": {}, "pca": {}}


def test_planted_groups_are_the_same_by_every_road(agreed: pd.DataFrame) -> None:
    tables.check(agreed, "agreement")
    roads = agreed[agreed["measure"] == "ari"]
    assert set(roads["compared"]) == {"arm", "reducer", "encoder"}
    assert roads["estimate"].min() > 0.8
    assert (roads["low"] <= roads["estimate"]).all()


def test_two_knees_planted_apart_agree_by_chance_alone(agreed: pd.DataFrame) -> None:
    own = agreed[agreed["compared"] == "knees"]
    assert (own["low"] < 0.1).all()
    assert own["estimate"].abs().max() < 0.3


def test_two_knees_of_one_kind_agree_and_few_people_say_nothing() -> None:
    own = pd.DataFrame(
        {
            "participant_id": np.repeat([str(k) for k in range(30)], 2),
            "side": ["right", "left"] * 30,
            "phenotype": np.repeat(np.arange(30) % 3, 2),
        }
    )
    assert agreement.kappa(own, seed=0)["estimate"] == pytest.approx(1.0)
    few = agreement.kappa(own.head(2 * small_cells.FEW - 2), seed=0)
    assert np.isnan(few["estimate"])
    assert few["knees"] == 2 * small_cells.FEW - 2


def test_planted_groups_stay_apart_when_people_are_left_out(
    cells: list[stratum.Stratum], chosen: dict[str, sweep.Candidate]
) -> None:
    table = pairwise_separation.measure(cells, chosen, settings=SETTINGS)
    tables.check(table, "pairs")
    same = table["phenotype"] == table["other"]
    assert table.loc[same, "together"].min() > 0.7
    assert table.loc[~same, "together"].max() < 0.1
    assert (table.loc[same, "distance"] == 0).all()
    assert table.loc[~same, "distance"].min() > 4


def test_co_assignment_equals_the_matrix_of_all_knees() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(-1, 3, 40)
    found = [
        (rows, rng.integers(-1, 2, 30))
        for rows in (np.sort(rng.choice(40, 30, replace=False)) for _ in range(5))
    ]
    slow, drawn = np.zeros((3, 3)), np.zeros((3, 3))
    for rows, groups in found:
        for i, j in combinations(range(30), 2):
            one, other = sorted((labels[rows[i]], labels[rows[j]]))
            if one >= 0:
                drawn[one, other] += 1
                slow[one, other] += groups[i] == groups[j] >= 0
    upper = np.triu_indices(3)
    fast = pairwise_separation.coassigned(labels, found)
    assert np.allclose(fast[upper], slow[upper] / drawn[upper])
    assert np.allclose(fast, fast.T)


def test_a_knee_switches_if_its_group_is_another_or_none() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, -1])
    rows = np.arange(7)
    same = [(rows, np.array([1, 1, 1, 1, 0, 0, 0]))]
    assert pairwise_separation.switched(labels, same).tolist() == [0.0, 0.0]
    moved = [(rows, np.array([0, 0, 0, 1, 1, -1, -1]))]
    assert pairwise_separation.switched(labels, moved).tolist() == [0.25, 0.5]
    lost = [(rows, np.full(7, -1))]
    assert pairwise_separation.switched(labels, lost).tolist() == [1.0, 1.0]


def test_distance_is_in_standard_deviations_along_the_line() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.standard_normal((2, 20_000, 3)) * [2.0, 1.0, 9.0]
    other[:, 0] += 6
    assert pairwise_separation.separation(one, other) == pytest.approx(3.0, abs=0.1)


def test_medoids_are_the_knees_nearest_to_all_others(
    cells: list[stratum.Stratum], chosen: dict[str, sweep.Candidate]
) -> None:
    middle = prototypes.medoids(cells, chosen, settings=SETTINGS)
    one, own = cells[0], chosen["image"]
    points = sweep.reduced(one, SETTINGS).points
    inside = np.flatnonzero(own.labels == 0)
    sums = [sum(np.linalg.norm(points[i] - points[j]) for j in inside) for i in inside]
    names = one.knees.loc[one.discover, "knee_id"].to_numpy()
    first = middle[(middle["arm"] == "image") & (middle["phenotype"] == 0)].iloc[0]
    assert first["knee_id"] == names[inside[int(np.argmin(sums))]]


@pytest.mark.parametrize(
    ("disclose", "mean_pictures", "drawn"),
    [(True, False, [4, 4]), (False, True, [1, 0]), (False, False, [])],
)
def test_closed_knees_have_a_mean_only_if_asked_for_and_of_ten_people(
    *, disclose: bool, mean_pictures: bool, drawn: list[int]
) -> None:
    people = [f"{n}" for n in range(10)] + [f"{n}" for n in range(9)] * 2
    knees = [f"{n}" for n in range(28)]
    phenotypes = pd.DataFrame({"knee_id": knees, "participant_id": people})
    phenotypes["phenotype"] = [0] * 10 + [1] * 18
    crops = pd.DataFrame({"knee_id": knees, "image": range(28)})
    middle = pd.DataFrame({"knee_id": ["1", "2", "3", "11", "12", "13"], "rank": [0, 1, 2] * 2})
    middle["phenotype"] = [0, 0, 0, 1, 1, 1]
    pictures = Pictures(np.broadcast_to(np.arange(28)[:, None, None], (28, 4, 4)))
    shown = {"disclose": disclose, "mean_pictures": mean_pictures}
    made = prototypes.plot_prototypes(pictures, crops, phenotypes, middle, **shown)
    lines = len(made.axes) // 2
    counts = [sum(len(a.images) for a in made.axes[n * lines : (n + 1) * lines]) for n in range(2)]
    assert counts == (drawn or [0, 0])
    words = " ".join(text.get_text() for axis in [made, *made.axes] for text in axis.texts)
    assert ("under 10 people" in words) is (not disclose and mean_pictures)
    assert ("not asked for" in words) is (not disclose and not mean_pictures)
    assert ("not asked for" in prototypes.caption(2, **shown)) is ("not asked for" in words)


def test_an_arm_without_groups_is_drawn_and_said(agreed: pd.DataFrame) -> None:
    none = pd.DataFrame(columns=pairwise_separation.COLUMNS)
    assert "no phenotype" in robustness_plots.text_robustness(none, agreed.iloc[:0], arm="image")
    robustness_plots.plot_robustness(none, agreed.iloc[:0], arm="image")


def test_the_other_encoder_sees_the_same_knees(made: dict[str, pd.DataFrame]) -> None:
    of = islands.known(made)
    shares = {"context_share": 0.1, "structure_share": 0.5, "fused_weight": 2.0}
    arms = other_encoder.fuse(made["embeddings"], of, **shares)
    assert list(arms) == ["image", "context"]
    assert arms["image"]["knee_id"].tolist() == of["knee_id"].tolist()
    assert other_encoder.other("zeroshot") == "finetuned"
    with pytest.raises(ValueError, match="'tuned'; expected finetuned, zeroshot, block"):
        other_encoder.other("tuned")
    tables.check(arms["context"], "fused")
    assert fusion.fuse is not other_encoder.fuse
