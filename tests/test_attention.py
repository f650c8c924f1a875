"""Attention: maps are shares, means belong to groups and intervals to people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from kneephen_report import figure
from kneephen_report.attention import heatmaps, summary_tables, summary_text
from kneephen_utils import attention, tables
from kneephen_utils.attention import aggregation, faithfulness, regions, relevance
from kneephen_utils.stats import cluster_resampling

SETTINGS = attention.Settings(
    region=140.0, prior_width=25.0, covered=0.1, batch_size=7, draws=20, seed=3
)
KNEES = 24


class Pictures:
    """Random pictures, read as a zarr array is."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape, self.oindex = pixels, pixels.shape, pixels


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (KNEES, 14, 14), dtype=np.uint8)
    return Pictures(coarse.repeat(8, axis=1).repeat(8, axis=2))


@pytest.fixture(scope="module")
def readers() -> list[relevance.GradingModel]:
    untrained = relevance.untrained("embedded")
    head = relevance.Head(untrained.encoder.dimensions, np.full(1, 2.0))
    with torch.no_grad():
        head.linear.weight.normal_(generator=torch.Generator().manual_seed(1))
    trained = relevance.GradingModel(
        "finetuned", untrained.encoder, head.requires_grad_(requires_grad=False)
    )
    return [untrained, trained, relevance.randomised(trained, frozen_blocks=6, seed=5)]


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    return attention.find_knees(phenotypes(), crops(), arm="context")


@pytest.fixture(scope="module")
def maps(
    readers: list[relevance.GradingModel], pictures: Pictures, known: pd.DataFrame
) -> pd.DataFrame:
    return attention.compute_maps(readers, pictures, known, settings=SETTINGS)


def phenotypes() -> pd.DataFrame:
    """Return two grades: twelve knees in one phenotype, ten in another and two in none."""
    table = pd.DataFrame({"knee_id": crops()["knee_id"], "kl_grade": [2] * 12 + [3] * 12})
    table = table.assign(arm="context", split="discover", membership=1.0)
    table["phenotype"] = [0] * 22 + [-1] * 2
    return table


def crops() -> pd.DataFrame:
    people = [f"p{place // 2:02d}" for place in range(KNEES)]
    sides = ["R", "L"] * (KNEES // 2)
    ids = [f"{person}-{side}" for person, side in zip(people, sides, strict=True)]
    table = pd.DataFrame({"knee_id": ids, "participant_id": people, "status": "ok"})
    return table.assign(image=range(KNEES))


def test_every_map_is_a_set_of_shares_in_the_order_of_the_knees(
    maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    patches = maps.filter(like="patch_")
    assert patches.shape == (10 * KNEES, 196)
    assert (patches >= 0).all(axis=None)
    np.testing.assert_allclose(patches.sum(axis=1), 1)
    for _, own in maps.groupby(["encoder", "method"]):
        assert own["knee_id"].tolist() == known["knee_id"].tolist()


def test_a_map_does_not_depend_on_the_pictures_it_was_made_beside(
    readers: list[relevance.GradingModel],
    pictures: Pictures,
    maps: pd.DataFrame,
    known: pd.DataFrame,
) -> None:
    alone = attention.compute_maps(readers, pictures, known.iloc[[4]], settings=SETTINGS)
    beside = maps[maps["knee_id"] == known["knee_id"][4]]
    np.testing.assert_allclose(
        alone.filter(like="patch_"), beside.filter(like="patch_"), rtol=1e-3, atol=1e-7
    )


def test_means_sum_to_one_and_small_groups_are_left_out(
    maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    averages = tables.check(attention.average(maps, known), "attention")
    found = averages[["kl_grade", "phenotype", "knees"]].drop_duplicates()
    assert set(found.itertuples(index=False, name=None)) == {
        (-1, -2, 24),
        (2, -2, 12),
        (2, 0, 12),
        (3, -2, 12),
        (3, 0, 10),
    }
    by_map = averages.groupby(attention.MAP)["weight"]
    np.testing.assert_allclose(by_map.sum(), 1)


def test_a_mean_is_that_of_its_knees_row_by_row_from_the_top(
    maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    averages = attention.average(maps, known)
    own = maps[(maps["encoder"] == "zeroshot") & (maps["method"] == "cls")]
    own = own[own["knee_id"].isin(known["knee_id"][12:22])]
    expected = own.filter(like="patch_").to_numpy().mean(axis=0).reshape(14, 14)
    same = averages[(averages["encoder"] == "zeroshot") & (averages["kl_grade"] == 3)]
    same = same[(same["method"] == "cls") & (same["phenotype"] == 0)].set_index(["row", "column"])[
        "weight"
    ]
    assert same[3, 11] == pytest.approx(expected[3, 11])
    assert same[11, 3] == pytest.approx(expected[11, 3])


def test_a_share_on_a_region_has_the_interval_of_a_bootstrap_of_people(
    maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    scores = attention.score(maps, known, settings=SETTINGS)
    tables.check(scores, "attention_scores")
    own = maps[(maps["encoder"] == "finetuned") & (maps["method"] == "cls")]
    joint = regions.cover(14, region=140.0)["joint_space"].to_numpy()
    shares = own.filter(like="patch_").to_numpy() @ joint
    expected = cluster_resampling.interval(
        lambda rows: shares[rows].mean(), known["participant_id"], draws=20, seed=3
    )
    row = scores[(scores["encoder"] == "finetuned") & (scores["method"] == "cls")]
    row = row[(row["kl_grade"] == -1) & (row["region"] == "joint_space")].iloc[0]
    np.testing.assert_allclose(row[["estimate", "low", "high"]].astype(float), expected)
    assert (row["knees"], row["participants"]) == (24, 12)


def test_a_map_that_looks_everywhere_alike_scores_the_area(
    maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    even = maps.copy()
    even[even.filter(like="patch_").columns] = 1 / 196
    scores = attention.score(even, known, settings=SETTINGS)
    np.testing.assert_allclose(scores["estimate"], scores["area"])
    np.testing.assert_allclose(scores["low"], scores["high"])


def test_checks_repeat_with_the_seed_and_say_what_a_reader_needs(
    readers: list[relevance.GradingModel],
    pictures: Pictures,
    maps: pd.DataFrame,
    known: pd.DataFrame,
) -> None:
    checks = attention.check(readers, pictures, known, maps, settings=SETTINGS)
    tables.check(checks, "attention_checks")
    again = attention.check(readers, pictures, known, maps, settings=SETTINGS)
    pd.testing.assert_frame_equal(checks, again)
    assert checks["knees"].min() >= aggregation.FEWEST
    whole = summary_text.whole(checks)
    assert set(whole[whole["encoder"] == "zeroshot"]["unit"]) & {"grades"} == set()
    of_grade = whole[whole["unit"].isin(["grades", "rank correlation"])]
    value = of_grade.set_index(["encoder", "method", "check"])["estimate"]
    change = value["finetuned", "cls", "deletion"] - value["finetuned", "random", "deletion"]
    assert value["finetuned", "cls", "deletion_over_random"] == pytest.approx(change)
    scores = attention.score(maps, known, settings=SETTINGS)
    told = " ".join(summary_text.text_verdict(scores, checks))
    assert "blob" in told
    assert "rank correlation" in told
    assert len(summary_tables.by_map(scores, checks)) == 12
    assert len(summary_tables.by_change(checks, unit=faithfulness.GRADES)) == 6
    assert len(summary_tables.by_change(checks, unit=faithfulness.COSINE)) == 10
    assert (summary_tables.by_likeness(checks)["on outlier tokens"] == "0.00 (0.00 to 0.00)").all()


def test_a_reader_may_map_fewer_knees_and_is_averaged_over_those(
    maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    few = known["knee_id"][:12]
    fewer = maps[(maps["encoder"] != "randomised") | maps["knee_id"].isin(few)]
    averages = tables.check(attention.average(fewer, known), "attention")
    knees = averages.drop_duplicates(attention.MAP).set_index(["encoder", "method", "kl_grade"])
    assert knees.loc[("randomised", "cls", -1), "knees"].tolist() == [12]
    assert ("randomised", "cls", 3) not in knees.index
    scores = attention.score(fewer, known, settings=SETTINGS)
    whole = scores[scores["kl_grade"] == -1].drop_duplicates("encoder").set_index("encoder")
    assert whole["knees"].to_dict() == {"zeroshot": 24, "finetuned": 24, "randomised": 12}


def test_a_figure_has_one_scale_and_a_blob_beside_every_row(
    pictures: Pictures, maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    members = aggregation.gather(known)
    averages = attention.average(maps, known)
    crops_of = {
        (int(grade), int(phenotype)): pictures.pixels[rows["image"]].mean(axis=0)
        for (grade, phenotype), rows in members.groupby(aggregation.GROUP)
    }
    drawn = heatmaps.plot_groups(
        averages, crops_of, ("zeroshot", "cls"), region=140.0, prior_width=25.0
    )
    shown = [axis for axis in drawn.axes if len(axis.images) == 2]
    titles = [axis.get_title(loc="left") for axis in shown]
    assert titles == ["all knees, 12", "A, 12", "blob", "all knees, 12", "A, 10", "blob"]
    scales = {(axis.images[1].norm.vmin, axis.images[1].norm.vmax) for axis in shown}
    assert len(scales) == 1
    assert "<img" in figure.show(drawn, caption="c", alt="a", vector=False).data


def test_closed_maps_lie_on_the_mean_of_all_if_asked_for_and_else_on_nothing(
    pictures: Pictures, maps: pd.DataFrame, known: pd.DataFrame
) -> None:
    members, averages = aggregation.gather(known), attention.average(maps, known)
    settings = {"region": 140.0, "prior_width": 25.0}
    every = heatmaps.mean_crops(pictures, members, disclose=True, mean_pictures=False)
    assert len(every) == len(members[aggregation.GROUP].drop_duplicates())
    asked = heatmaps.mean_crops(pictures, members, disclose=False, mean_pictures=True)
    assert list(asked) == [heatmaps.WHOLE]
    assert np.allclose(asked[heatmaps.WHOLE], every[heatmaps.WHOLE])
    few = members[members["participant_id"].isin(members["participant_id"].unique()[:9])]
    for none in (
        heatmaps.mean_crops(pictures, members, disclose=False, mean_pictures=False),
        heatmaps.mean_crops(pictures, few, disclose=False, mean_pictures=True),
    ):
        assert none == {}
        drawn = heatmaps.plot_groups(averages, none, ("zeroshot", "cls"), **settings)
        assert {len(axis.images) for axis in drawn.axes[:6]} == {1}
    assert "all knees" in heatmaps.beneath(asked)
    assert "not asked for" in heatmaps.beneath({})


def test_too_few_knees_are_an_error_that_says_how_many_there_are() -> None:
    with pytest.raises(ValueError, match="9 knees have a picture and a phenotype of arm 'context'"):
        attention.find_knees(phenotypes().head(9), crops(), arm="context")
    with pytest.raises(ValueError, match=r"0 knees .* of arm 'image'"):
        attention.find_knees(phenotypes(), crops(), arm="image")


def test_a_sample_is_of_whole_people(known: pd.DataFrame) -> None:
    some = aggregation.sample(known, knees=9, seed=1)
    assert len(some) == 10
    assert (some["participant_id"].value_counts() == 2).all()
    assert len(aggregation.sample(known, knees=1000, seed=1)) == len(known)


def test_one_person_alone_has_no_interval(known: pd.DataFrame) -> None:
    values = pd.DataFrame({"knee_id": known["knee_id"], "value": 1.0, "kind": "x"})
    alone = aggregation.gather(known.assign(participant_id="p"))
    made = aggregation.summarise(values, alone, ["kind"], draws=5, seed=0)
    assert made["low"].isna().all()
    assert (made["estimate"] == 1).all()


def joint_scores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "encoder": ["zeroshot", "finetuned", "finetuned"],
            "method": ["cls", "cls", "relevance"],
            "kl_grade": -1,
            "phenotype": -2,
            "region": "joint_space",
            "estimate": [0.1, 0.3, 0.2],
            "low": [0.05, 0.25, 0.1],
            "high": [0.15, 0.35, 0.3],
            "area": 0.07,
            "centre_prior": 0.2,
            "knees": 50,
            "participants": 30,
        }
    )


def test_what_is_told_follows_the_numbers() -> None:
    scores = joint_scores()
    sound = list(scores[["encoder", "method"]].itertuples(index=False, name=None))
    told = summary_text._joint(scores, sound)
    assert told.startswith("Attention on the joint exceeds the blob for CLS attention after")
    assert "10 % (5 to 15) of CLS attention before training, less than the blob" in told
    assert "20 % (10 to 30) of relevance for a higher grade, about as much as the blob" in told
    none = summary_text._joint(scores.assign(low=0.01), sound)
    assert none.startswith("Attention on the joint exceeds the blob in no map that passed.")


def test_a_map_that_stays_the_same_with_redrawn_weights_is_shown_as_failed_and_not_told() -> None:
    checks = pd.DataFrame(summary_text.REAL, columns=["encoder", "method"]).assign(
        kl_grade=-1, phenotype=-2, check="randomised", unit="rank correlation"
    )
    checks = checks.assign(estimate=0.2, low=0.1, high=0.3)
    rolled = checks["method"] == "rollout"
    checks.loc[rolled, ["estimate", "low", "high"]] = [0.9, 0.85, 0.95]
    assert [seen for seen in summary_text.REAL if not summary_text.passes(checks, seen)] == [
        ("zeroshot", "rollout"),
        ("finetuned", "rollout"),
    ]
    assert summary_text._failed(checks).startswith(
        "Failed: rollout before training (rank correlation 0.90"
    )
    sensitive = checks.assign(estimate=0.2, low=0.1, high=0.3)
    assert summary_text._failed(sensitive).startswith("Every map changes")
    shown = summary_tables.by_likeness(checks).set_index("map")["check"]
    assert shown["rollout after training"] == "failed"
    assert shown["CLS attention after training"] == "passed"
    failed = summary_tables.heading(checks, ("finetuned", "rollout"))
    assert failed == "Rollout after training (failed), by grade and phenotype"
    sound = [("zeroshot", "cls"), ("finetuned", "relevance")]
    assert "CLS attention after training" not in summary_text._joint(joint_scores(), sound)
