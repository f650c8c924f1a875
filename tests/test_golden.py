"""Golden record: noise of rounding is nothing, everything else is a sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "studies" / "benchmarks"))
import golden


def run(folder: Path, *, said: str = "two groups") -> Path:
    """Write what a run leaves: two tables and a page."""
    (folder / "executed").mkdir(parents=True)
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"knee_id": list("abcdef"), "pain": rng.normal(5, 2, 6)})
    rows.to_parquet(folder / "knees.parquet")
    rows.head(2).to_parquet(folder / "visits.parquet")
    shown = {"output_type": "display_data", "data": {"text/markdown": [said]}}
    page = {"cells": [{"cell_type": "code", "outputs": [shown]}]}
    (folder / "executed" / "00_cohort.ipynb").write_text(json.dumps(page), encoding="utf-8")
    return folder


@pytest.fixture
def expected(tmp_path: Path) -> pd.DataFrame:
    return golden.record(run(tmp_path / "expected"))


def changed(tmp_path: Path, change: str) -> pd.DataFrame:
    folder = run(tmp_path / change, said="no group" if change == "page" else "two groups")
    path = folder / "knees.parquet"
    rows = pd.read_parquet(path)
    if change == "rounding":
        rows["pain"] *= 1 + 1e-13
    elif change == "value":
        rows.loc[0, "pain"] += 1
    elif change == "missing":
        rows.loc[0, "pain"] = np.nan
    elif change == "letter":
        rows.loc[0, "knee_id"] = "b"
    elif change == "column":
        rows = rows.drop(columns="pain")
    rows.to_parquet(path)
    if change == "table":
        (folder / "visits.parquet").unlink()
    return golden.record(folder)


def test_the_same_run_is_the_same_to_the_bit(tmp_path: Path, expected: pd.DataFrame) -> None:
    assert golden.differences(changed(tmp_path, "same"), expected, exact=True) == []


def test_rounding_is_told_only_to_the_bit(tmp_path: Path, expected: pd.DataFrame) -> None:
    found = changed(tmp_path, "rounding")
    assert golden.differences(found, expected, exact=False) == []
    told = golden.differences(found, expected, exact=True)
    assert told == [
        "knees.parquet: not the same content",
        "knees.parquet: pain: not the same content",
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("value", "knees.parquet: pain: mean "),
        ("missing", "knees.parquet: pain: values 5, expected 6"),
        ("letter", "knees.parquet: knee_id: distinct 5, expected 6"),
        ("column", "knees.parquet: pain: missing"),
        ("table", "visits.parquet: missing"),
    ],
)
def test_what_changed_is_named(
    tmp_path: Path, expected: pd.DataFrame, change: str, says: str
) -> None:
    told = golden.differences(changed(tmp_path, change), expected, exact=False)
    assert any(says in each for each in told), told


def test_another_sentence_of_a_page_is_told(tmp_path: Path, expected: pd.DataFrame) -> None:
    told = golden.differences(changed(tmp_path, "page"), expected, exact=True)
    assert told == ["executed/00_cohort.ipynb: not the same content"]


def test_a_record_comes_back_from_its_file(tmp_path: Path, expected: pd.DataFrame) -> None:
    path = tmp_path / "golden.csv"
    expected.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
    assert golden.differences(expected, golden.load(path), exact=True) == []
