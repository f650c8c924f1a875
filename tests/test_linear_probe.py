"""Probe: what is in a vector is read, what is not is not, and nobody is measured on himself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from kneephen_utils import linear_probe


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "jsw_medial": rng.normal(4, 1, 200),
            "kl_grade": pd.array(rng.integers(0, 5, 200), dtype="Int64"),
            "side": rng.choice(["left", "right"], 200),
            "site": rng.choice(["A", "B", "C"], 200),
        }
    )


TRAIN = np.arange(200) < 120


def test_targets_are_the_known_columns_as_numbers(known: pd.DataFrame) -> None:
    known = known.assign(site=known["site"].where(known.index > 4))
    known.loc[0, "kl_grade"] = pd.NA
    found = linear_probe.targets(known)
    assert list(found) == ["jsw_medial", "kl_grade", "side", "site"]
    assert np.isnan(found["kl_grade"][0])
    assert np.isnan(found["site"][:5]).all()
    assert (found["site"][5:].sum(axis=1) == 1).all()
    assert found["side"][:, 1].tolist() == (known["side"] == "right").tolist()


def test_what_is_planted_is_read_and_noise_is_not(known: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    truth = linear_probe.targets(known)
    planted = np.column_stack([truth["jsw_medial"], truth["site"], rng.normal(size=(200, 3))])
    kinds = {"planted": planted, "noise": rng.normal(size=(200, 5)), "constant": np.ones((200, 2))}
    table = linear_probe.wide(linear_probe.read(kinds, truth, TRAIN)).set_index("target")
    assert (table.loc[["jsw_medial", "site"], "planted"] > 0.99).all()
    assert (table[["noise", "constant"]] < 0.1).all(axis=None)
    assert (table["constant"] <= 0).all()


def test_a_probe_of_one_feature_is_a_line_through_the_train_knees(known: pd.DataFrame) -> None:
    rng = np.random.default_rng(2)
    width = known["jsw_medial"].to_numpy()
    feature = width + rng.normal(0, 0.5, 200)
    slope, start = np.polyfit(feature[TRAIN], width[TRAIN], 1)
    expected = r2_score(width[~TRAIN], start + slope * feature[~TRAIN])
    found = linear_probe.read({"one": feature[:, None]}, {"jsw_medial": width}, TRAIN)
    assert found["r2"].item() == pytest.approx(expected, abs=0.01)
    assert found["knees"].item() == 80


def test_too_few_knees_give_no_number(known: pd.DataFrame) -> None:
    found = linear_probe.read(
        {"one": np.ones((200, 1))}, linear_probe.targets(known), np.arange(200) < 195
    )
    assert found["r2"].isna().all()
    assert linear_probe.wide(found)["one"].isna().all()
