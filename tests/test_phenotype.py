"""Phenotypes: planted groups are found and kept, and where there are none, none is claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import islands
import numpy as np
import pandas as pd
import pytest
from hdbscan import HDBSCAN
from pandas.testing import assert_frame_equal
from scipy.sparse.csgraph import minimum_spanning_tree
from sklearn.linear_model import LinearRegression
from sklearn.metrics import adjusted_rand_score, pairwise_distances

from kneephen_report.phenotype import plots
from kneephen_utils import firewall, tables
from kneephen_utils.phenotype import (
    assignment,
    contribution,
    criteria,
    hdbscan_tree,
    null_models,
    overlap,
    profile,
    reduction,
    stability,
    stratum,
    sweep,
)
from kneephen_utils.stats import cluster_resampling

SETTINGS = islands.SETTINGS


def study(made: dict[str, pd.DataFrame], *arms: str, settings=SETTINGS) -> dict[str, pd.DataFrame]:  # type: ignore[no-untyped-def]
    cells = islands.cells(made, *arms)
    swept, chosen = sweep.run(cells, settings=settings)
    found = {"sweep": swept, "phenotypes": assignment.assign(cells, chosen, settings=settings)}
    found["stability"] = stability.stability_table(cells, chosen, settings=settings)
    found["null"] = null_models.draw(cells, chosen, settings=settings)
    found["contribution"] = contribution.measure(cells, chosen, settings=settings)
    found["gates"] = criteria.judge(
        cells, swept, found["null"], found["stability"], found["contribution"]
    )
    found["profiles"] = profile.describe(found["phenotypes"], made["knees"], made["participants"])
    return found


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return islands.world()


@pytest.fixture(scope="module")
def found(made: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return study(made, "image", "context")


@pytest.fixture(scope="module")
def cloud() -> dict[str, pd.DataFrame]:
    return study(islands.world(groups=1), "image")


def test_every_table_follows_its_schema(found: dict[str, pd.DataFrame]) -> None:
    for name, table in found.items():
        tables.check(table, name)


@pytest.mark.parametrize("split", ["discover", "confirm"])
@pytest.mark.parametrize("arm", ["image", "context"])
def test_planted_groups_are_found_and_given_to_other_people(
    made: dict[str, pd.DataFrame], found: dict[str, pd.DataFrame], arm: str, split: str
) -> None:
    own = found["phenotypes"].merge(made["planted"], on="knee_id")
    own = own[(own["arm"] == arm) & (own["split"] == split)]
    assert adjusted_rand_score(own["planted"], own["phenotype"]) > 0.85


def test_planted_groups_pass_every_gate(found: dict[str, pd.DataFrame]) -> None:
    assert found["gates"].loc[found["gates"]["arm"] == "image", "passed"].all()


def test_a_cloud_without_groups_claims_nothing(cloud: dict[str, pd.DataFrame]) -> None:
    gates = cloud["gates"].set_index("gate")
    assert not gates["passed"].all()
    assert not gates.loc["null_gaussian", "passed"]


def test_shuffled_pictures_move_groups_made_of_pictures(found: dict[str, pd.DataFrame]) -> None:
    own = found["contribution"].set_index("arm")
    assert own["shuffled_ari"].max() < 0.1
    assert own["image_phenotype"].all()
    assert np.isnan(own.loc["image", "tree_ari"])


def test_groups_made_of_a_column_beside_the_picture_fail_the_image_gate() -> None:
    made = islands.world(groups=1)
    sex = made["participants"]["sex"].map({"female": 0.0, "male": 40.0})
    made["participants"]["bmi"] = made["participants"]["bmi"] + sex
    cells = islands.cells(made, "fused")
    settings = replace(SETTINGS, null_draws=4)
    _, chosen = sweep.run(cells, settings=settings)
    measured = contribution.measure(cells, chosen, settings=settings).iloc[0]
    assert not measured["image_phenotype"]
    assert measured["tree_ari"] > 0.95


@pytest.mark.parametrize("arm", ["image", "context"])
def test_groups_of_noise_move_with_the_pictures_and_are_no_image_phenotype(arm: str) -> None:
    grouped = 0
    for seed in range(62, 67):
        cells = islands.cells(islands.world(groups=1, seed=seed), arm)
        settings = replace(SETTINGS, min_cluster_size=8, min_samples=1, draws=2, seed=seed)
        _, chosen = sweep.run(cells, settings=settings)
        measured = contribution.measure(cells, chosen, settings=settings).iloc[0]
        assert not measured["image_phenotype"]
        if chosen[arm].phenotypes > 1:
            grouped += 1
            assert measured["shuffled_ari"] < contribution.SAME
            assert measured["read_ari"] < contribution.READ
    assert grouped > 1


def test_the_share_of_the_picture_is_that_of_the_space_where_groups_were_looked_for() -> None:
    rng = np.random.default_rng(8)
    knees = pd.DataFrame({"participant_id": np.arange(3000), "split": "discover"})
    picture = rng.standard_normal((3000, 300)) * np.sqrt(0.95 / 300)  # even noise
    beside = rng.standard_normal((3000, 3)) * np.sqrt(0.05 / 3)
    names = [f"image_{n}" for n in range(300)] + ["age", "bmi", "sex"]
    features = pd.DataFrame(np.column_stack([picture, beside]), columns=names)
    one = stratum.Stratum("context", 2, knees.assign(knee_id=knees["participant_id"]), features)
    share = contribution.picture_share(one, settings=SETTINGS)
    low = sweep.reduced(one, SETTINGS).points
    told = LinearRegression().fit(beside, low).predict(beside)  # what the columns tell of it
    assert share == pytest.approx(1 - told.var(axis=0).sum() / low.var(axis=0).sum(), abs=0.05)
    assert share < 0.75
    whole = replace(SETTINGS, reducer="none")
    assert contribution.picture_share(one, settings=whole) == pytest.approx(0.95, abs=0.02)


def test_a_plane_made_of_the_other_columns_is_not_the_picture_s() -> None:
    made = islands.world(groups=1)
    one = islands.cells(made, "fused")[0]
    beside = one.points[:, ~one.picture]
    assert contribution.untold(beside, 3 * beside[:, :2]) < 0.2
    noise = np.random.default_rng(1).standard_normal((len(beside), 2))
    assert contribution.untold(beside, noise) > 0.9


def test_groups_that_are_one_clinical_column_are_given_by_a_tree_however_many() -> None:
    column = np.repeat(np.arange(6.0), 50)[:, None]
    assert contribution.tree_agreement(column, column[:, 0].astype(int)) == 1.0


def test_the_published_recipe_is_no_image_phenotype_and_pain_is_refused() -> None:
    made = islands.world()  # pictures of three kinds, and narrowing and pain in heaps
    rng = np.random.default_rng(4)
    heap = rng.integers(2, size=len(made["knees"]))
    made["knees"] = made["knees"].assign(jsn_medial=3.0 * heap, womac_pain=15.0 * heap)
    cells = islands.cells(made, "fused")
    settings = replace(SETTINGS, min_cluster_size=12, min_samples=5, draws=3)
    _, chosen = sweep.run(cells, settings=settings)
    measured = contribution.measure(cells, chosen, settings=settings).iloc[0]
    discover = made["knees"]["participant_id"].isin(cells[0].people)
    narrowed = made["knees"].loc[discover, "jsn_medial"]
    assert adjusted_rand_score(narrowed, chosen["fused"].labels) > 0.5
    assert not measured["image_phenotype"]
    assert "stay where they are" in measured["sentence"]
    assert firewall.judge("fused", "womac_pain").answer == "refused"
    assert firewall.judge("fused", "womac_pain_course").answer == "conditional"


def test_too_few_knees_are_one_gate_and_no_group(made: dict[str, pd.DataFrame]) -> None:
    few = {
        name: table[table["knee_id"].isin(made["knees"]["knee_id"].head(20))]
        if "knee_id" in table
        else table
        for name, table in made.items()
    }
    found = study(few, "image")
    assert found["gates"]["gate"].tolist() == ["enough_knees"]
    assert not found["gates"]["passed"].any()
    assert (found["phenotypes"]["phenotype"] == -1).all()
    for name, table in found.items():
        tables.check(table, name)


def test_a_choice_by_hand_is_marked_and_kept(made: dict[str, pd.DataFrame]) -> None:
    swept, chosen = sweep.run(
        islands.cells(made, "image"), settings=replace(SETTINGS, min_cluster_size=17)
    )
    assert set(swept["min_cluster_size"]) == {17}
    assert swept["by_hand"].all()
    assert chosen["image"].min_cluster_size == 17


def test_beside_a_choice_by_hand_stands_what_the_rule_takes(made: dict[str, pd.DataFrame]) -> None:
    cells = islands.cells(made, "image")
    free, rule = sweep.run(cells, settings=SETTINGS)
    settings = replace(SETTINGS, min_cluster_size=17, min_samples=3)
    tried = sweep.trials(cells, settings=settings)
    swept, _ = sweep.decide(cells, tried, settings=settings)
    wide = sweep.widened(cells, tried, settings=settings)
    around = sweep.around(cells, wide, swept, settings=settings)
    assert around["by_hand"].all()
    assert len(around) > len(free)
    place = ["min_cluster_size", "min_samples"]
    assert around.loc[around["chosen"], place].to_numpy().tolist() == [[17, 3]]
    others = around.loc[around["best"] & ~around["chosen"], place].to_numpy().tolist()
    assert len(others) == 1
    told = plots.text_sweep(around, arm="image")
    assert "min_cluster_size 17 with min_samples 3 was given by hand: " in told
    assert f"Left alone, the rule takes {others[0][0]} with {others[0][1]}: " in told
    assert "another reducer" not in plots.caption_sweep(around, arm="image")
    assert len(plots.plot_sweep(around, arm="image").axes) == 2  # its own panel and the scale

    taken = rule["image"]
    own = replace(SETTINGS, min_cluster_size=taken.min_cluster_size, min_samples=taken.min_samples)
    tried = sweep.trials(cells, settings=own)
    swept, _ = sweep.decide(cells, tried, settings=own)
    same = sweep.around(cells, sweep.widened(cells, tried, settings=own), swept, settings=own)
    assert same.loc[same["best"], "chosen"].all()
    assert "Left alone" not in plots.text_sweep(same, arm="image")
    assert_frame_equal(sweep.around(cells, {}, free, settings=SETTINGS), free)


def test_the_number_of_workers_changes_nothing(made: dict[str, pd.DataFrame]) -> None:
    cells = islands.cells(made, "image")
    settings = replace(SETTINGS, null_draws=3)
    _, chosen = sweep.run(cells, settings=settings)
    one = null_models.draw(cells, chosen, settings=settings)
    two = null_models.draw(cells, chosen, settings=replace(settings, workers=2))
    assert_frame_equal(one, two)


def test_the_order_of_the_knees_changes_no_group(made: dict[str, pd.DataFrame]) -> None:
    turned = dict(made, embeddings=made["embeddings"].iloc[::-1].reset_index(drop=True))
    settings = replace(SETTINGS, reducer="none")
    one, two = (
        assignment.assign(each, sweep.run(each, settings=settings)[1], settings=settings)
        .set_index("knee_id")["phenotype"]
        .sort_index()
        for each in (islands.cells(made, "image"), islands.cells(turned, "image"))
    )
    assert adjusted_rand_score(one, two) == pytest.approx(1.0)


@pytest.mark.parametrize("min_samples", [3, 5])
@pytest.mark.parametrize("size", [8, 12, 20])
def test_one_tree_cut_many_times_gives_what_refits_give(size: int, min_samples: int) -> None:
    points = islands.cells(islands.world(), "image")[0].points
    cut, _ = hdbscan_tree.cut(
        hdbscan_tree.grow(points, min_samples=min_samples), min_cluster_size=size
    )
    refit = HDBSCAN(min_cluster_size=size, min_samples=min_samples).fit(points).labels_
    assert adjusted_rand_score(refit, cut) > 0.95


@pytest.mark.parametrize("min_samples", [1, 5])
def test_one_tree_cut_for_all_sizes_gives_what_each_cut_gives(min_samples: int) -> None:
    rng = np.random.default_rng(3)
    islet = rng.normal(size=(160, 3)).round(1)  # many equal distances
    tree = hdbscan_tree.grow(islet + 4 * rng.integers(0, 4, (160, 1)), min_samples=min_samples)
    sizes = [2, 5, 11, 23, 47, 200]
    one_by_one = [hdbscan_tree.cut(tree, min_cluster_size=size)[0] for size in sizes]
    assert max(map(hdbscan_tree.groups, one_by_one)) > 3
    assert min(map(hdbscan_tree.groups, one_by_one)) == 0
    np.testing.assert_array_equal(hdbscan_tree.cuts(tree, sizes=sizes), one_by_one)


def test_the_largest_group_comes_first_and_of_equal_ones_the_first() -> None:
    labels = np.array([2, 0, 1, 1, -1, 0, 3, 3, 3, -1])
    assert hdbscan_tree.by_size(labels).tolist() == [3, 1, 2, 2, -1, 1, 0, 0, 0, -1]
    assert hdbscan_tree.by_size(np.full(3, -1)).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("min_samples", [1, 5])
@pytest.mark.parametrize("dimensions", [10, 30, 31, 128])
def test_a_tree_is_the_shortest_there_is(dimensions: int, min_samples: int) -> None:
    points = np.random.default_rng(7).normal(size=(150, dimensions)) ** 3
    apart = pairwise_distances(points)
    core = np.sort(apart, axis=1)[:, min_samples]
    reach = np.maximum(apart, np.maximum.outer(core, core))
    np.fill_diagonal(reach, 0)
    shortest = np.sort(minimum_spanning_tree(reach).data)
    grown = hdbscan_tree.grow(points, min_samples=min_samples).linkage[:, 2]
    assert np.sort(grown) == pytest.approx(shortest)


def test_jaccard_equals_the_slow_definition() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.integers(-1, 4, 60), rng.integers(-1, 3, 60)
    slow = [
        max(np.sum((one == a) & (two == b)) / np.sum((one == a) | (two == b)) for b in range(3))
        for a in range(4)
    ]
    assert np.allclose(overlap.jaccard(one, two), slow)


def test_groups_that_always_come_back_are_found_again_by_one_and_not_by_a_hair_more() -> None:
    sizes = (47, 39, 22, 58, 49)  # their shares of all knees sum to 1 + 2e-16
    labels = np.repeat(np.arange(5), sizes)
    always = np.ones((20, 5))
    assert (overlap.found_again(always, labels) == 1.0).all()
    half = np.append(labels, np.full(len(labels), -1))
    assert (overlap.found_again(always, half) == 0.5).all()


def test_the_rule_prefers_a_plateau_to_a_cliff() -> None:
    def tried(size: int, score: float, groups: int) -> sweep.Candidate:
        labels = np.arange(60) % groups
        again = np.full(5, score)
        return sweep.Candidate(size, 3, labels, np.ones(60), again, np.full((5, groups), score))

    cliff = [tried(8, 0.2, 3), tried(10, 0.9, 3), tried(12, 0.2, 3)]
    plateau = [tried(14, 0.8, 2), tried(16, 0.8, 2), tried(18, 0.8, 2)]
    assert sweep.choose(cliff + plateau).phenotypes == 2


@pytest.mark.parametrize("make", [null_models.gaussian, null_models.uniform])
def test_clouds_keep_mean_and_covariance(
    make: Callable[[np.ndarray, np.random.Generator], np.ndarray],
) -> None:
    rng = np.random.default_rng(1)
    points = rng.standard_normal((400, 3)) @ rng.standard_normal((3, 3)) + 5
    drawn = np.concatenate([make(points, rng) for _ in range(50)])
    assert np.allclose(np.cov(drawn.T), np.cov(points.T), rtol=0.1, atol=0.1)
    assert np.allclose(drawn.mean(0), points.mean(0), atol=0.1)


def test_even_reference_is_no_wider_than_even() -> None:
    rng = np.random.default_rng(2)
    points = rng.standard_normal((300, 3)) @ rng.standard_normal((3, 3)) + 5
    drawn = np.concatenate([null_models.uniform(points, rng) for _ in range(50)])
    centre = points - points.mean(0)
    axes = np.linalg.svd(centre, full_matrices=False)[2]
    along = (drawn - points.mean(0)) @ axes.T / np.std(centre @ axes.T, axis=0, ddof=1)
    assert np.all(np.abs(along) <= np.sqrt(3) + 1e-9)
    assert np.all(np.abs(along).max(axis=0) > 1.7)


def test_the_halves_of_an_even_line_of_knees_are_no_phenotypes() -> None:
    """Cut in the middle it comes back whenever people are left out, and has no gap."""
    settings = replace(SETTINGS, null_draws=19)
    claimed = 0
    for seed in range(4):
        cell = islands.cells(islands.world(groups=1, seed=seed), "image")[0]
        line = np.random.default_rng(seed).normal(0, 0.3, cell.points.shape)
        line[:, 0] += np.linspace(-4, 4, len(line))
        cells = [cell.with_points(line)]
        _, chosen = sweep.run(cells, settings=settings)
        null = null_models.draw(cells, chosen, settings=settings)
        claimed += null_models.p_value(null, "uniform") <= criteria.LEVEL
    assert claimed <= 1


@pytest.mark.parametrize(
    ("again", "dbcv", "distinct"),
    [(0.9, 0.5, 0.45), (0.9, -0.4, 0.0), (0.9, float("nan"), 0.0), (0.0, 0.7, 0.0)],
)
def test_groups_are_distinct_if_they_come_back_and_have_a_gap(
    again: float, dbcv: float, distinct: float
) -> None:
    assert null_models.distinct(again, dbcv) == pytest.approx(distinct)


def test_groups_that_are_there_are_chosen_again_and_others_are_not(
    made: dict[str, pd.DataFrame],
) -> None:
    one = islands.cells(made, "image")[0]
    points = sweep.reduced(one, SETTINGS).points
    own = sweep.run([one], settings=SETTINGS)[1]["image"]
    anew = stability.rechosen(points, one.people, own, settings=SETTINGS)
    assert anew > 0.95
    assert anew == stability.rechosen(
        points, one.people, own, settings=replace(SETTINGS, workers=2)
    )
    wrong = replace(own, labels=np.random.default_rng(0).permutation(own.labels))
    assert abs(stability.rechosen(points, one.people, wrong, settings=SETTINGS)) < 0.2


def test_shuffled_reference_keeps_every_column() -> None:
    points = np.arange(30.0).reshape(10, 3)
    drawn = null_models.shuffled(points, np.random.default_rng(0))
    assert np.array_equal(np.sort(drawn, axis=0), points)
    assert not np.array_equal(drawn, points)


def test_p_value_counts_draws_at_least_as_good() -> None:
    null = pd.DataFrame(
        {"reference": ["observed"] + ["gaussian"] * 4, "statistic": [0.5, 0.1, 0.5, 0.6, 0.2]}
    )
    assert null_models.p_value(null, "gaussian") == pytest.approx(3 / 5)


def test_a_knee_far_from_all_others_drifts_and_stays_unassigned(
    made: dict[str, pd.DataFrame],
) -> None:
    one = islands.cells(made, "image")[0]
    _, chosen = sweep.run([one], settings=SETTINGS)
    low = sweep.reduced(one, SETTINGS)
    far = one.points.mean(axis=0, keepdims=True) + 100
    own = chosen["image"]
    phenotype, membership, drift = assignment.vote(low, own.labels, own.membership, low.place(far))
    assert (phenotype[0], membership[0], drift[0]) == (-1, 0.0, True)


def test_a_discover_knee_given_as_new_receives_its_own_group(
    made: dict[str, pd.DataFrame],
) -> None:
    one = islands.cells(made, "image")[0]
    _, chosen = sweep.run([one], settings=SETTINGS)
    low, own = sweep.reduced(one, SETTINGS), chosen["image"]
    given, _, _ = assignment.vote(low, own.labels, own.membership, low.place(one.points))
    core = (own.membership > 0.5) & (given >= 0)
    assert core.sum() > 40
    assert np.array_equal(given[core], own.labels[core])
    assert set(given) <= set(own.labels) | {-1}


def test_pca_places_new_knees_by_the_frozen_projection() -> None:
    rng = np.random.default_rng(2)
    points, others = rng.standard_normal((50, 8)), rng.standard_normal((5, 8))
    low = reduction.reduce(points, reducer="pca", components=3, seed=0)
    centred = points - points.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    slow = (others - points.mean(0)) @ axes[:3].T
    assert np.allclose(np.abs(low.place(others)), np.abs(slow))


def test_an_unknown_reducer_is_an_error() -> None:
    with pytest.raises(ValueError, match="reducer 'tsne' is unknown; expected none, pca, umap"):
        reduction.reducer_of("image", "tsne")


def test_both_knees_of_a_person_are_left_out_together(made: dict[str, pd.DataFrame]) -> None:
    people = islands.cells(made, "image")[0].people
    for rows in cluster_resampling.subsample_people(people, draws=3, share=0.8, seed=1):
        assert not set(people.iloc[rows]) & set(people.drop(index=rows))


def test_profiles_leave_out_what_was_not_read(found: dict[str, pd.DataFrame]) -> None:
    own = found["profiles"].set_index("variable")
    assert (own.loc["sclerosis_medial", "knees"] == 0).all()
    assert own.loc["sclerosis_medial", "estimate"].isna().all()
    assert (own.loc["womac_pain", "role"] == "outcome").all()


def test_few_knees_are_not_shown_where_single_knees_are_closed(
    found: dict[str, pd.DataFrame],
) -> None:
    small = found["profiles"].assign(knees=9)
    counts = pd.DataFrame({"arm": "image", "phenotype": [0], "knees": [9], "people": [12]})
    shown = profile.table_profile(small, counts, arm="image", disclose=False).set_index("variable")
    assert shown.loc["knees", "A"] == "fewer than 10"
    assert shown.loc["people", "A"] == "10", "twelve, rounded"
    assert set(shown.iloc[2:].drop(columns="role").to_numpy().ravel()) == {"\N{EN DASH}"}


def test_a_profile_shows_no_outcome_and_takes_no_difference_of_one(
    made: dict[str, pd.DataFrame], found: dict[str, pd.DataFrame]
) -> None:
    outcomes = found["profiles"][found["profiles"]["role"] == "outcome"]
    assert outcomes["smd"].isna().all()
    counts = profile.counted(found["phenotypes"], made["knees"])
    shown = profile.table_profile(found["profiles"], counts, arm="context", disclose=True)
    own = found["phenotypes"][found["phenotypes"]["arm"] == "context"]
    assert not shown["variable"].str.contains("pain").any()
    assert shown.loc[0, "A"] == str((own["phenotype"] == 0).sum())


def test_standardised_differences_are_in_standard_deviations() -> None:
    women = pd.Series([1.0, 1.0, 0.0, 0.0], name="sex"), pd.Series([1.0, 0, 0, 0, 0], name="sex")
    assert profile.standardised(*women) == pytest.approx(0.3 / ((0.25 + 0.16) / 2) ** 0.5)
    rng = np.random.default_rng(0)
    ages = pd.Series(rng.normal(64, 8, 20_000)), pd.Series(rng.normal(60, 8, 20_000))
    assert profile.standardised(*ages) == pytest.approx(0.5, abs=0.03)
    assert np.isnan(profile.standardised(ages[0], pd.Series([], dtype=float)))


def test_a_fused_knee_that_is_unknown_is_named(made: dict[str, pd.DataFrame]) -> None:
    fused = {"image": pd.DataFrame({"knee_id": ["9999999-R"], "image_000": [0.0]})}
    with pytest.raises(ValueError, match=r"arm image: 1 of .* rows are of no knee of table knees"):
        stratum.gather(fused, made["knees"], made["participants"], kl_grade=2)
