"""Readers: two simulated readers differ as radiologists do where the twin is realistic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from kneephen_utils.verdict import ground_truth, reader_ceiling
from oai_twin import simulation
from oai_twin.__main__ import READER_NOISE, READER_SPREAD


@pytest.mark.parametrize(("difficulty", "expected"), [("easy", 0.995), ("realistic", 0.80)])
def test_a_second_reader_agrees_with_the_release_as_far_as_the_difficulty_says(
    difficulty: str, expected: float
) -> None:
    made = simulation.simulate(
        participants=1500,
        seed=2,
        planted=True,
        defects=0.0,
        reader_noise=READER_NOISE,
        reader_spread=READER_SPREAD[difficulty],
        floor=True,
    )
    first = made.readings[(made.readings["visit"] == "V00") & (made.readings["reading_code"] == 15)]
    first = first.assign(
        knee_id=made.knees.set_index(["participant_id", "side"])["knee_id"]
        .loc[list(zip(first["participant_id"], first["side"], strict=True))]
        .to_numpy()
    )
    both = first[["knee_id", "kl_grade"]].dropna().merge(made.readers, on="knee_id")
    kappa = cohen_kappa_score(both["kl_grade"].astype(int), both["kl_second"], weights="quadratic")
    assert kappa == pytest.approx(expected, abs=0.02)


def test_the_ceiling_is_that_of_people_never_trained_on(tmp_path: Path) -> None:
    ids = [f"{person}-{side}" for person in range(30) for side in "RL"]
    grades = np.arange(60) // 2 % 5
    knees = pd.DataFrame({"knee_id": ids, "participant_id": [one.split("-")[0] for one in ids]})
    knees["kl_grade"] = pd.array(grades, dtype="Int64")
    participants = pd.DataFrame({"participant_id": [str(person) for person in range(30)]})
    participants["split"] = ["train", "discover", "confirm"] * 10
    trained = knees["participant_id"].astype(int) % 3 == 0
    second = pd.DataFrame({"knee_id": ids, "kl_second": np.where(trained, 4 - grades, grades)})
    second.to_parquet(tmp_path / "readers.parquet")
    scores = pd.DataFrame(
        {
            "predictor": ["finetuned"],
            "group": ["all"],
            "metric": ["quadratic_weighted_kappa"],
            "estimate": [0.75],
            "low": [0.7],
            "high": [0.8],
        }
    )
    told = reader_ceiling.text_ceiling(str(tmp_path), knees, participants, scores, draws=20, seed=0)
    assert "weighted kappa of 1.00 (1.00 to 1.00)" in told
    assert "the fine-tuned grader does at 0.75 (0.70 to 0.80)" in told
    assert "true grade" not in told
    planted = pd.DataFrame({"knee_id": ids, "kl_true": np.where(trained, 0, 4 - grades)})
    planted.sample(frac=1, random_state=0).to_parquet(tmp_path / "planted.parquet")
    told = reader_ceiling.text_ceiling(str(tmp_path), knees, participants, scores, draws=20, seed=0)
    assert "the true grade itself agrees at -1.00 (" in told
    assert reader_ceiling.text_ceiling("", knees, participants, scores, draws=20, seed=0) == ""


def test_untrained_groups_stand_beside_the_arms_and_only_confirm_people_count() -> None:
    groups = pd.DataFrame({"knee_id": list("abcdef"), "split": ["confirm"] * 4 + ["discover"] * 2})
    groups = groups.assign(kl_grade=2, pooled=0, within=[0, 0, 1, 1, 0, 1])
    planted = pd.DataFrame({"knee_id": list("abcdef"), "participant_id": list("abcdef")})
    planted["phenotype"] = ["x", "x", "y", "y", "y", "x"]
    found = ground_truth.agreement(planted, ground_truth.baseline(groups), draws=5, seed=0)
    assert found["arm"].tolist() == [ground_truth.BASELINE]
    assert found["estimate"].tolist() == [1.0]
    assert found["knees"].tolist() == [4]
    left = ground_truth.agreement(
        planted, ground_truth.baseline(groups.assign(within=0)), draws=5, seed=0
    )
    assert left["estimate"].tolist() == [0.0]
    assert left[["low", "high"]].isna().all(axis=None)


def planted_against_found(**estimates: tuple[float, float, float]) -> pd.DataFrame:
    """Return agreement in KL1 of each arm: the index with its interval."""
    rows = [
        {"arm": arm, "kl_grade": 1, "planted": 3.0, "estimate": one, "low": low, "high": high}
        for arm, (one, low, high) in estimates.items()
    ]
    return pd.DataFrame(rows).assign(knees=58)


def test_a_baseline_nearer_to_the_truth_is_said_aloud_and_claims_nothing() -> None:
    worse = planted_against_found(context=(0.29, 0.22, 0.45))
    better = planted_against_found(**{ground_truth.BASELINE: (0.70, 0.54, 0.87)})
    told = ground_truth.text_truth(pd.concat([worse, better]), arm="context")
    assert "nearer to what was planted than arm context in KL1 (0.70 against 0.29)" in told
    assert "In KL1 the intervals lie apart" in told
    assert "claims nothing" in told
    overlapping = planted_against_found(**{ground_truth.BASELINE: (0.40, 0.30, 0.60)})
    told = ground_truth.text_truth(pd.concat([worse, overlapping]), arm="context")
    assert "0.40 against 0.29" in told
    assert "apart" not in told
    by_chance = planted_against_found(**{ground_truth.BASELINE: (0.30, -0.02, 0.60)})
    assert "In no grade" in ground_truth.text_truth(pd.concat([worse, by_chance]), arm="context")
    assert ground_truth.text_truth(worse, arm="context") == ""


def test_the_truth_is_one_row_a_grade_with_the_baseline_last() -> None:
    both = planted_against_found(
        **{ground_truth.BASELINE: (0.7, 0.6, 0.8), "structure": (0.1, 0.0, 0.2)}
    )
    shown = ground_truth.table_truth(both)
    assert shown.columns.tolist() == ["grade", "groups planted", "knees", "structure", "k-means"]
    assert shown.loc[0, "k-means"] == "0.70 (0.60 to 0.80)"
    assert len(shown) == 1
