"""Fusion: blocks weigh what was declared, nuisance is taken out, nothing missing is made up."""

from __future__ import annotations

import tracemalloc

import islands
import numpy as np
import pandas as pd
import pytest

from kneephen_utils import fusion, tables
from kneephen_utils.fusion import nuisance

SHARES = {"context_share": 0.2, "structure_share": 0.5, "fused_weight": 2.0}


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return islands.world()


@pytest.fixture(scope="module")
def of(made: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return islands.known(made)


@pytest.fixture(scope="module")
def arms(made: dict[str, pd.DataFrame], of: pd.DataFrame) -> dict[str, pd.DataFrame]:
    raw = fusion.pictures(made["embeddings"], of)
    return fusion.fuse(raw, raw, of, **SHARES)


def test_every_arm_follows_its_schema(arms: dict[str, pd.DataFrame], of: pd.DataFrame) -> None:
    assert list(arms) == ["image", "context", "structure", "fused"]
    for table in arms.values():
        tables.check(table, "fused")
        assert table["knee_id"].tolist() == of["knee_id"].tolist()
    tables.check(fusion.blocks(arms, of, **SHARES), "fused_blocks")


def test_each_block_has_the_share_of_variance_that_was_declared(
    arms: dict[str, pd.DataFrame], of: pd.DataFrame
) -> None:
    shares = fusion.blocks(arms, of, **SHARES)
    assert fusion.honours(shares)
    discover = (of["split"] == "discover").to_numpy()
    context = arms["context"].drop(columns="knee_id")[discover]
    slow = context.filter(like="context_").var(ddof=0).sum() / context.var(ddof=0).sum()
    assert slow == pytest.approx(0.2)


def test_the_published_recipe_lets_the_picture_weigh_what_its_weight_implies(
    made: dict[str, pd.DataFrame], of: pd.DataFrame
) -> None:
    raw = fusion.pictures(made["embeddings"], of)
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    shares = fusion.blocks(fusion.fuse(unit, unit, of, **SHARES), of, **SHARES)
    own = shares[shares["arm"] == "fused"].set_index("block")
    assert own["columns"].sum() - own.loc["image", "columns"] == 5
    assert own.loc["image", "declared_share"] == pytest.approx(1 / 21)
    assert own.loc["image", "realised_share"] <= 1 / 21


def test_a_missing_value_is_said_to_be_missing_and_does_not_move_the_others(
    of: pd.DataFrame,
) -> None:
    gaps = of.copy()
    gaps.loc[:5, "bmi"] = np.nan
    fit = (gaps["split"] == "discover").to_numpy()
    block = fusion.block(gaps, "context", ("age", "bmi"), fit)
    assert list(block) == ["context_age", "context_bmi", "context_bmi_missing"]
    assert block["context_bmi_missing"].nunique() == 2
    there = gaps["bmi"].notna().to_numpy()
    rank = block.loc[there, "context_bmi"].rank()
    assert np.array_equal(rank, gaps.loc[there, "bmi"].rank())
    assert not block.isna().any().any()


def test_only_knees_with_a_picture_and_a_grade_of_people_not_trained_on_may_be_grouped(
    made: dict[str, pd.DataFrame],
) -> None:
    spoiled = {name: table.copy() for name, table in made.items()}
    spoiled["knees"].loc[0, "kl_grade"] = pd.NA
    spoiled["crops"].loc[1, "status"] = "unreadable"
    person = spoiled["knees"].loc[4, "participant_id"]
    own = spoiled["participants"]["participant_id"] == person
    spoiled["participants"].loc[own, "split"] = "train"
    kept = set(islands.known(spoiled)["knee_id"])
    gone = set(made["knees"]["knee_id"]) - kept
    assert gone == set(made["knees"].loc[[0, 1, 4, 5], "knee_id"])


def test_what_is_regressed_out_cannot_be_read_off_any_more(
    made: dict[str, pd.DataFrame], of: pd.DataFrame
) -> None:
    fit = (of["split"] == "discover").to_numpy()
    raw = fusion.pictures(made["embeddings"], of)
    marked = raw.copy()
    marked[:, 0] += 3 * of["exposure"].to_numpy()
    marked[:, 1] += (of["side"] == "left").to_numpy()
    adjusted = nuisance.adjust(marked, of, fit)
    left = nuisance.remaining(marked, adjusted, of, fit).set_index(["target", "when"])["estimate"]
    assert left["exposure", "before"] > 0.3
    assert left["exposure", "after"] < 0.1
    assert left["side", "before"] > 0.8
    assert left["side", "after"] < 0.65


def test_the_adjustment_equals_the_residuals_of_the_normal_equations(
    made: dict[str, pd.DataFrame], of: pd.DataFrame
) -> None:
    fit = (of["split"] == "discover").to_numpy()
    raw = fusion.pictures(made["embeddings"], of)
    taken = nuisance.design(of, fit)
    slow = raw - taken @ np.linalg.pinv(taken[fit]) @ raw[fit]
    assert np.allclose(nuisance.adjust(raw, of, fit), slow)


def test_the_confirm_people_do_not_move_the_adjustment(
    made: dict[str, pd.DataFrame], of: pd.DataFrame
) -> None:
    fit = (of["split"] == "discover").to_numpy()
    raw = fusion.pictures(made["embeddings"], of)
    other = raw.copy()
    other[~fit] += 5
    assert np.allclose(nuisance.adjust(raw, of, fit)[fit], nuisance.adjust(other, of, fit)[fit])


def test_too_few_knees_to_adjust_on_is_an_error(
    made: dict[str, pd.DataFrame], of: pd.DataFrame
) -> None:
    few = np.arange(len(of)) < 5
    with pytest.raises(ValueError, match="5 knees to fit the adjustment on; expected more than"):
        nuisance.adjust(fusion.pictures(made["embeddings"], of), of, few)


def test_a_grade_that_lies_in_islands_is_seen_in_the_neighbours_though_no_line_reads_it() -> None:
    rng, n = np.random.default_rng(0), 200
    known = pd.DataFrame(
        {"participant_id": [f"p{row // 2}" for row in range(n)], "kl_grade": rng.integers(0, 2, n)}
    )
    grade = known["kl_grade"].to_numpy()
    ring = np.where(grade[:, None] == 1, 5.0, 0.5) * np.exp(2j * np.pi * rng.random(n))[:, None]
    features = np.column_stack([ring.real, ring.imag])
    share, chance = nuisance.neighbours(features, known)
    assert share > 0.9
    assert chance == pytest.approx(0.5, abs=0.05)
    mixed, _ = nuisance.neighbours(rng.normal(size=(n, 2)), known)
    assert mixed == pytest.approx(chance, abs=0.06)
    assert "lie together" in nuisance.text_neighbours((share, chance), (share, chance))
    assert "hardly says" in nuisance.text_neighbours((share, chance), (mixed, chance))


def test_neighbours_take_memory_as_the_knees_and_not_as_their_square() -> None:
    rng, peaks = np.random.default_rng(0), []
    for n in (500, 500, 4000):  # the first also imports
        known = pd.DataFrame(
            {"participant_id": [f"p{row // 2}" for row in range(n)], "kl_grade": 0}
        )
        features = rng.normal(size=(n, 8))
        tracemalloc.start()
        nuisance.neighbours(features, known)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 2 * 8 * peaks[1]


def test_the_other_knee_of_a_person_is_no_neighbour() -> None:
    known = pd.DataFrame(
        {"participant_id": ["a"] * 12 + ["b"] * 12, "kl_grade": [0] * 12 + [1] * 12}
    )
    features = known[["kl_grade"]].to_numpy(float)
    assert nuisance.neighbours(features, known) == (0.0, 0.0)
    few = nuisance.neighbours(features[:14], known[:14])
    assert "too few knees" in nuisance.text_neighbours(few, few)
