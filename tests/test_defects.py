"""Defects: every film spoiled on purpose is listed with its reason, and no good one is refused."""

from __future__ import annotations

import pandas as pd
import pytest
import spoilt

PEOPLE, SHARE = 48, 0.5  # three films of each kind of defect


@pytest.fixture(scope="module", params=["ascii", "nda"])
def judged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> pd.DataFrame:
    """Return one row per knee: what was planted, what became of it, and where."""
    home = tmp_path_factory.mktemp("defects")
    rows = spoilt.judged(home, people=PEOPLE, share=SHARE, seed=31, flavour=request.param)
    assert rows["prosthesis"].sum() == PEOPLE * SHARE / 8
    return rows


@pytest.mark.slow
def test_every_defect_is_listed_with_its_reason(judged: pd.DataFrame) -> None:
    assert set(judged.loc[spoilt.useless(judged), "defect"]) == set(spoilt.REASONS) - {""}
    wrong = spoilt.unexplained(judged)
    assert wrong.empty, wrong


@pytest.mark.slow
def test_no_good_knee_is_refused_and_each_is_where_it_was_planted(judged: pd.DataFrame) -> None:
    good = judged[~spoilt.useless(judged)]
    assert good["status"].eq("ok").mean() >= 0.99
    used = good[good["status"].eq("ok")]
    assert used["distance"].lt(spoilt.NEAR).mean() >= 0.99
    assert used["right_side"].dropna().all()
