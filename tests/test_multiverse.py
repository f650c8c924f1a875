"""Multiverse: every path once, one contrast on all of them, and planted ratios return."""

from __future__ import annotations

from typing import Any

import islands
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from kneephen_report.multiverse import plots
from kneephen_utils import multiverse, tables
from kneephen_utils.multiverse import contrast, tighter_crop
from kneephen_utils.phenotype import sweep

FORKS: dict[str, Any] = {"embeddings": ["finetuned", "zeroshot"], "arms": ["context", "image"]}
FORKS |= {"reducers": ["pca"], "reducer": "pca"}
DEFAULT = {"embedding": "finetuned", "arm": "context", "reducer": "pca"}


def cohort(people: int, *, ratio: float, seed: int = 1) -> dict[str, pd.DataFrame]:
    """Return knees of KL2, half with lateral and half with medial narrowing, and their rises."""
    rng = np.random.default_rng(seed)
    person = np.repeat([f"p{number:04d}" for number in range(people)], 2)
    lateral = rng.random(2 * people) < 0.5
    rise = 12 * rng.exponential(size=2 * people) / (0.08 * np.where(lateral, ratio, 1.0))
    knees = pd.DataFrame({"participant_id": person, "kl_grade": 2})
    knees["knee_id"] = [f"{one}-{side}" for one, side in zip(person, "RL" * people, strict=True)]
    knees["jsn_lateral"], knees["jsn_medial"] = lateral * 1.0, ~lateral * 1.0
    knees["womac_pain"] = rng.integers(0, 9, 2 * people).astype(float)
    seen = rise <= 48
    right = np.where(seen, np.ceil(rise / 12) * 12, np.nan)
    events = knees[["participant_id", "knee_id"]].assign(outcome="kl_rise_1", observed=seen)
    events["left_months"], events["right_months"] = np.where(seen, right - 12, 48.0), right
    who = pd.DataFrame({"participant_id": pd.unique(person)})
    who["age"], who["bmi"] = rng.normal(61, 9, people), rng.normal(28, 5, people)
    who["sex"] = rng.choice(["female", "male"], people)
    who["split"] = np.where(np.arange(people) % 2, "discover", "confirm")
    return {"knees": knees, "events": events, "participants": who}


def grouped(known: dict[str, pd.DataFrame], ways: list[multiverse.Grouping]) -> pd.DataFrame:
    """Return groups that follow the side of narrowing, numbered otherwise on every other way."""
    base = known["knees"].merge(known["participants"][["participant_id", "split"]])
    base = base[["knee_id", "split", "kl_grade"]].assign(
        phenotype=known["knees"]["jsn_lateral"].astype(int).to_numpy()
    )
    parts = [
        base.assign(**way._asdict(), phenotype=(base["phenotype"] + number) % 2)
        for number, way in enumerate(ways)
    ]
    return pd.concat(parts, ignore_index=True)


def taken(known: dict[str, pd.DataFrame], groups: pd.DataFrame) -> pd.DataFrame:
    return contrast.estimate(
        contrast.poles(groups, known["knees"]),
        multiverse.groupings(**FORKS),
        known,
        outcomes=["kl_rise_1"],
        default=DEFAULT,
        horizon=48.0,
        min_events=5,
        workers=1,
        dask="",
    )


@pytest.fixture(scope="module")
def paths() -> pd.DataFrame:
    known = cohort(600, ratio=2.0)
    return taken(known, grouped(known, multiverse.groupings(**FORKS)))


def test_every_path_is_taken_once_and_two_are_marked(paths: pd.DataFrame) -> None:
    tables.check(paths, "multiverse")
    crossed, closer, weighed = 2 * 2 * 1 * 4, 2 * 2, 2 * 1 * 2
    assert len(plots.defensible(paths)) == (crossed + closer + weighed) * 3 * 2
    assert (paths["path"] == "default").sum() == (paths["path"] == "published").sum() == 1
    assert paths.loc[paths["arm"] == "fused", "firewall"].eq("conditional").all()


def test_people_whose_sex_is_not_known_are_left_out_where_it_is_adjusted_for() -> None:
    known = cohort(200, ratio=2.0)
    blank = known["participants"].copy()
    blank.loc[:49, "sex"] = None
    ways = [way for way in multiverse.groupings(**FORKS) if way.arm == "image"][:1]
    marked = contrast.poles(grouped(known, ways), known["knees"])
    asked: dict[str, Any] = {"outcomes": ["kl_rise_1"], "default": DEFAULT, "horizon": 48.0}
    asked |= {"min_events": 5, "workers": 1, "dask": ""}
    for people, left, why in (
        (blank, 50, ""),
        (blank.assign(sex=None), 200, "Not estimated: no knee has a known age, BMI, sex."),
    ):
        found = contrast.estimate(marked, ways, {**known, "participants": people}, **asked)
        found = found[found["sample"] == "both"]
        sizes = found.groupby("adjustment")["participants"].agg(set)
        assert sizes["none"] == {200}
        assert sizes["age, BMI, sex"] == {200 - left}
        adjusted = found[found["adjustment"] == "age, BMI, sex"]
        assert set(adjusted["sentence"]) == {why}


def test_the_path_of_the_book_follows_its_settings_or_is_said_to_be_missing(
    paths: pd.DataFrame,
) -> None:
    known = cohort(60, ratio=2.0)
    ways = multiverse.groupings(**FORKS | {"reducers": ["pca", "umap"], "reducer": "umap"})
    others = [way for way in ways if way.weight != "as set" or way.crop != "as cut"]
    assert {way.reducer for way in others} == {"umap"}
    nobody = contrast.poles(grouped(known, ways).iloc[:0], known["knees"])
    asked: dict[str, Any] = {
        "outcomes": ["kl_rise_1"],
        "horizon": 48.0,
        "min_events": 5,
        "workers": 1,
        "dask": "",
    }
    for embedding, told in (("zeroshot", {"zeroshot"}), ("block", set())):
        own = {"embedding": embedding, "arm": "image", "reducer": "umap"}
        found = contrast.estimate(nobody, ways, known, default=own, **asked)
        assert set(found.loc[found["path"] == "default", "embedding"]) == told
    without = plots.text_paths(paths[paths["path"] != "default"])
    assert "The path of this book is not among them." in without
    assert "The path of this book is not among them." not in plots.text_paths(paths)


def test_the_same_two_groups_are_compared_however_they_are_numbered(paths: pd.DataFrame) -> None:
    same = paths[(paths["adjustment"] == "none") & (paths["sample"] == "both")]
    assert same["estimate"].to_numpy() == pytest.approx(same["estimate"].iloc[0])
    assert same["estimate"].iloc[0] == pytest.approx(2.0, rel=0.25)


def test_where_groups_do_not_differ_in_side_no_path_has_an_estimate() -> None:
    known = cohort(60, ratio=2.0)
    groups = grouped(known, multiverse.groupings(**FORKS))
    groups["phenotype"] = np.arange(len(groups)) // 2 % 2
    flat = {**known, "knees": known["knees"].assign(jsn_lateral=0.0, jsn_medial=0.0)}
    paths = taken(flat, groups)
    assert paths["estimate"].isna().all()
    assert paths["sentence"].str.startswith("No two groups").all()
    assert "none of the 144 defensible paths" in plots.text_paths(paths)[0]
    assert plots.forks(paths).empty
    assert plots.plot_paths(paths).axes


def test_a_run_without_any_group_is_told_too() -> None:
    known = cohort(30, ratio=1.0)
    groups = grouped(known, multiverse.groupings(**FORKS)).iloc[:0]
    assert taken(known, groups)["estimate"].isna().all()


def test_a_step_aside_moves_one_setting_and_ends_with_the_grid() -> None:
    swept = pd.DataFrame(
        {"min_cluster_size": [8, 11, 14] * 2, "min_samples": [1] * 3 + [3] * 3,
         "chosen": [False, True, False, False, False, False]}
    )  # fmt: skip
    assert multiverse.step(swept, "chosen") == (11, 1)
    assert multiverse.step(swept, "smaller groups") == (8, 1)
    assert multiverse.step(swept, "larger groups") == (14, 1)
    assert multiverse.step(swept, "denser groups") == (11, 3)
    end = swept.assign(chosen=[False, False, True, False, False, False])
    assert multiverse.step(end, "larger groups") is None


def test_a_closer_crop_is_the_middle_at_the_same_size() -> None:
    row = np.arange(0, 200, 2, dtype=np.uint8)
    ramp = np.broadcast_to(row, (2, 100, 100)).copy()
    seen = tighter_crop.cut(ramp, 0.8)
    assert seen.shape == ramp.shape
    middle = np.linspace(row[10] - 0.2, row[89] + 0.2, 100)
    assert np.abs(seen[0, 50] - middle).max() < 1.5
    assert np.array_equal(tighter_crop.cut(ramp, 1.0), ramp)


def test_weights_turn_the_clinical_block_and_nothing_else() -> None:
    made = islands.world()
    known = {name: made[name] for name in ("crops", "knees", "participants", "grades")}
    shares = {"context_share": 0.05, "structure_share": 0.5, "fused_weight": 2.0}
    arms = multiverse.fuse(made["embeddings"], known, shares=shares)
    assert set(arms) == set(multiverse.WEIGHTS)
    share = {
        weight: table["context"].filter(like="context_").var().sum()
        for weight, table in arms.items()
    }
    assert share["double"] / share["as set"] == pytest.approx(2, rel=0.1)
    assert share["half"] / share["as set"] == pytest.approx(0.5, rel=0.1)
    for weight in ("half", "double"):
        pd.testing.assert_frame_equal(arms[weight]["image"], arms["as set"]["image"])
        pain = arms[weight]["fused"].filter(like="pain_") / arms["as set"]["fused"].filter(
            like="pain_"
        )
        assert np.nanmedian(pain) == pytest.approx(multiverse.WEIGHTS[weight])


def test_groups_of_every_way_are_found_in_its_own_features() -> None:
    made = islands.world()
    known = {name: made[name] for name in ("crops", "knees", "participants", "grades")}
    shares = {"context_share": 0.05, "structure_share": 0.5, "fused_weight": 2.0}
    noise = made["embeddings"].copy()
    features = noise.filter(like="feature_").columns
    noise[features] = np.random.default_rng(0).standard_normal(noise[features].shape)
    embedded = {("finetuned", "as cut"): made["embeddings"], ("finetuned", "closer"): noise}
    ways = [
        way
        for way in multiverse.groupings(
            embeddings=["finetuned"], arms=["image"], reducers=["pca"], reducer="pca"
        )
        if way.arm == "image" and way.setting == "chosen"
    ]
    swept, _ = sweep.run(islands.cells(made, "image"), settings=islands.SETTINGS)
    fused = multiverse.fuse_all(embedded, known, shares=shares)
    groups = multiverse.find(fused, swept, known, ways, settings=islands.SETTINGS)
    planted = groups.merge(made["planted"], on="knee_id")
    agreement = {
        crop: adjusted_rand_score(own["planted"], own["phenotype"])
        for crop, own in planted.groupby("crop")
    }
    assert agreement["as cut"] > 0.4
    assert agreement.get("closer", 0.0) < 0.1


def test_the_sentences_and_the_figure_come_from_the_paths(paths: pd.DataFrame) -> None:
    said = " ".join(plots.text_paths(paths))
    assert f"{plots.defensible(paths)['estimate'].median():.2f}" in said
    assert "it is not among the defensible ones" in said
    assert said.startswith("All 144 defensible paths give a hazard ratio.")
    assert "with half the weight" in said
    assert "with double the weight" in said
    some = paths.assign(estimate=paths["estimate"].where(paths.index > 0))
    assert "on the others" in plots.text_paths(some)[0]
    assert plots.text_plot(paths).startswith("Specification curve.")
    forks = plots.forks(paths)
    assert set(forks["fork"]) == set(plots.FORKS)
    assert {"after fine-tuning", "PCA", "confirm people"} <= set(forks["side"])
    below = plots.plot_paths(paths).axes[1].get_yticklabels()
    assert "reducer: PCA" in [label.get_text() for label in below]
    assert len(plots.plot_paths(paths).axes) == 2
