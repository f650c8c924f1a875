"""Multiverse: every path once, one contrast on all of them, and planted ratios return."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kneephen_utils import multiverse, tables
from kneephen_utils.multiverse import chart, contrast

FORKS = {"embeddings": ["finetuned", "zeroshot"], "arms": ["context", "image"], "reducers": ["pca"]}
DEFAULT = {"arm": "context", "reducer": "pca"}


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
        workers=1,
    )


@pytest.fixture(scope="module")
def paths() -> pd.DataFrame:
    known = cohort(600, ratio=2.0)
    return taken(known, grouped(known, multiverse.groupings(**FORKS)))


def test_every_path_is_taken_once_and_two_are_marked(paths: pd.DataFrame) -> None:
    tables.check(paths, "multiverse")
    assert len(chart.defensible(paths)) == 2 * 2 * 1 * 4 * 3 * 2
    assert (paths["path"] == "default").sum() == (paths["path"] == "published").sum() == 1
    assert paths.loc[paths["arm"] == "fused", "firewall"].eq("conditional").all()


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
    assert "none of the 96 defensible paths" in chart.say(paths)[0]
    assert chart.forks(paths).empty
    assert chart.draw(paths).axes


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


def test_the_sentences_and_the_figure_come_from_the_paths(paths: pd.DataFrame) -> None:
    said = " ".join(chart.say(paths))
    assert f"{chart.defensible(paths)['estimate'].median():.2f}" in said
    assert "it is not among the defensible ones" in said
    assert chart.describe(paths).startswith("Specification curve.")
    assert set(chart.forks(paths)["fork"]) == set(chart.FORKS)
    assert len(chart.draw(paths).axes) == 2
