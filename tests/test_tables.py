"""Tables: nothing that breaks its schema is written or read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kneephen_utils import tables
from kneephen_utils.pipeline import pages


@pytest.fixture
def points() -> pd.DataFrame:
    return pd.DataFrame({"knee_id": ["1-R", "1-L"], "x": [0.0, 1.0], "y": [2.0, 3.0]})


def test_a_table_comes_back_as_it_was_written(points: pd.DataFrame, tmp_path: Path) -> None:
    tables.write(points, "map", tmp_path)
    assert_frame_equal(tables.read("map", tmp_path), points)
    assert [path.name for path in tmp_path.iterdir()] == ["map.parquet"]


def test_parts_are_read_together_in_order(tmp_path: Path) -> None:
    features = pd.DataFrame({"knee_id": ["1-R"], "feature_000": [0.5]})
    features = features.astype({"feature_000": "float32"})
    tables.write(features, "embeddings", tmp_path, "zeroshot")
    tables.write(features.assign(knee_id="2-R"), "embeddings", tmp_path, "finetuned")
    assert tables.read("embeddings", tmp_path, "zeroshot")["knee_id"].tolist() == ["1-R"]
    assert tables.read("embeddings", tmp_path)["knee_id"].tolist() == ["2-R", "1-R"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": ["left", "right"]}, r"table map: column x: .*'left'"),
        ({"knee_id": ["1-R", "1-R"]}, r"table map: column knee_id: 2 value"),
        ({"z": [0.0, 0.0]}, r"table map: .*z"),
        ({"y": [2.0, None]}, r"table map: column y"),
    ],
)
def test_a_broken_table_is_named_with_its_column_and_value(
    points: pd.DataFrame, tmp_path: Path, change: dict[str, list], says: str
) -> None:
    with pytest.raises(tables.TableError, match=says):
        tables.write(points.assign(**change), "map", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_column_is_named(points: pd.DataFrame) -> None:
    with pytest.raises(tables.TableError, match=r"table map: .*'y'"):
        tables.check(points.drop(columns="y"), "map")


def test_a_table_that_is_not_there_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"map.parquet: .*stage fusion writes it"):
        tables.read("map", tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"no table is called 'maps'.*visits"):
        tables.read("maps", tmp_path)


def test_every_column_of_every_table_has_a_meaning() -> None:
    dictionary = tables.dictionary()
    assert dictionary["meaning"].str.len().min() >= 3
    assert set(dictionary["table"]) == set(tables.SCHEMAS)


def test_the_dictionary_links_every_table_and_writes_no_pattern() -> None:
    page = pages.dictionary()
    assert all(page.count(f"<table-{name}>`") == 1 for name in tables.SCHEMAS)
    assert all(page.count(f"(table-{name})=\n## {name}\n") == 1 for name in tables.SCHEMAS)
    assert "\\w" not in page
    assert "\\d" not in page
    assert "`image_..., context_..., structure_..., pain_...`" in page
    assert "`feature_...`" in page
    assert "|  |" not in page.split("(table-embeddings)=")[1].split("## ")[1]  # no empty unit
