"""Tables: nothing that breaks its schema is written or read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kneephen_utils import tables
from kneephen_utils.oai import visit_schedule
from kneephen_utils.tables import rule
from workflow import book_pages


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
        (
            {"x": ["left", "right"]},
            r"table map: column x: 2 value\(s\) of another type; expected float64",
        ),
        (
            {"knee_id": ["1-R", "1-R"]},
            r"table map: 1 row\(s\) repeat an earlier knee_id; expected each once",
        ),
        ({"z": [0.0, 0.0]}, r"table map: column z is not known"),
        ({"y": [2.0, None]}, r"table map: column y: 1 value\(s\) missing; expected a value"),
    ],
)
def test_a_broken_table_is_named_with_its_column_and_what_was_expected(
    points: pd.DataFrame, tmp_path: Path, change: dict[str, list], says: str
) -> None:
    with pytest.raises(tables.TableError, match=says):
        tables.write(points.assign(**change), "map", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_column_is_named(points: pd.DataFrame) -> None:
    with pytest.raises(tables.TableError, match=r"table map: column y is missing"):
        tables.check(points.drop(columns="y"), "map")


KNEE = {"knee_id": "9000001-R", "participant_id": "9000001"}
MISSING = float("nan")


def empty(name: str, **values: object) -> pd.DataFrame:
    """Return one row of a table, missing or false where nothing is told."""
    columns = tables.SCHEMAS[name].columns
    row = {
        column: [values.get(column, False if str(spec.dtype) == "bool" else None)]
        for column, spec in columns.items()
        if spec.required
    }
    return pd.DataFrame(row).astype(
        {
            column: str(columns[column].dtype)
            for column in row
            if str(columns[column].dtype) != "str"
        }
    )


def of_visit(**values: object) -> pd.DataFrame:
    return empty("visits", **{**KNEE, "visit": "V03", "months": 24.0, **values})


def of_event(**values: object) -> pd.DataFrame:
    own = {"outcome": "kl_rise_1", "left_months": 24.0, "right_months": 36.0, "observed": True}
    return empty("events", **{**KNEE, **own, **values})


def of_knee(**values: object) -> pd.DataFrame:
    return empty("knees", **{**KNEE, "side": "right", **values})


def test_rows_that_are_right_pass() -> None:
    tables.check(of_visit(), "visits")
    tables.check(of_visit(visit="V04", months=30.0, kl_grade=2, reading_project=15), "visits")
    tables.check(of_event(), "events")
    tables.check(of_event(left_months=36.0), "events")
    tables.check(of_event(right_months=MISSING, observed=False), "events")
    tables.check(of_knee(kl_grade=2), "knees")
    tables.check(of_knee(knee_id="9000001-L", side="left"), "knees")


@pytest.mark.parametrize(
    ("table", "name", "says"),
    [
        (
            of_visit(months=36.0),
            "visits",
            r"1 row\(s\): months are not those of the visit; .*V03 24",
        ),
        (of_visit(visit="V08", months=96.0), "visits", "months are not those of the visit"),
        (of_visit(visit="V04", months=26.9), "visits", "3 at an interim visit"),
        (
            of_visit(visit="V12", months=120.0),
            "visits",
            r"column visit: 1 value\(s\) not allowed",
        ),
        (of_visit(kl_grade=2), "visits", "a grade without the project that read it"),
        (
            of_visit(kl_grade=2, reading_project=15, replaced=True),
            "visits",
            "a grade or width of a replaced knee",
        ),
        (of_visit(knee_id="9000002-R"), "visits", "knee_id is not that of its participant_id"),
        (
            of_knee(side="left"),
            "knees",
            "the letter of knee_id is not its side; expected R for right",
        ),
        (of_knee(knee_id="9000001"), "knees", "the letter of knee_id is not its side"),
        (
            of_knee(kl_grade=4, replaced_at_baseline=True),
            "knees",
            "a grade of a knee replaced before baseline",
        ),
        (of_event(left_months=48.0), "events", "left_months lie after right_months"),
        (of_event(right_months=MISSING), "events", "observed but right_months are missing"),
        (
            of_event(observed=False),
            "events",
            "right_months are given but the event was not observed",
        ),
        (
            pd.concat([of_visit()] * 3),
            "visits",
            r"2 row\(s\) repeat an earlier knee_id and visit; expected each once",
        ),
        (
            of_knee(womac_pain=21.0),
            "knees",
            r"column womac_pain: 1 value\(s\) out of range; expected 0 to 20$",
        ),
    ],
)
def test_rows_that_contradict_themselves_are_refused_in_words(
    table: pd.DataFrame, name: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(tables.TableError, match=rf"^table {name}: .*{says}") as stop:
        tables.write(table, name, tmp_path)
    assert not list(tmp_path.iterdir())
    assert "9000001" not in str(stop.value)
    assert "21" not in str(stop.value)


def test_an_interval_upside_down_is_refused_in_every_table_that_has_one() -> None:
    having = [
        name for name, schema in tables.SCHEMAS.items() if {"low", "high"} <= set(schema.columns)
    ]
    assert len(having) > 5
    for name in having:
        found = rule.faults(pd.DataFrame({"low": [1.0, MISSING], "high": [0.0, 1.0]}), rules(name))
        assert found == [
            "1 row(s): low is above high; expected the lower end of the interval first"
        ]


def rules(name: str) -> tuple[rule.Rule, ...]:
    return tables.SCHEMAS[name].metadata["rules"]


def test_months_may_lie_anywhere_in_the_window_of_their_visit_and_nowhere_else() -> None:
    """Property: of all whole months, each regular contact takes those within half a year."""
    for code, month in visit_schedule.CONTACTS.items():
        wide = (
            visit_schedule.WINDOW_OF_INTERIM
            if code in visit_schedule.INTERIM
            else visit_schedule.WINDOW
        )
        when = pd.Series(range(130), dtype="float64")
        inside = visit_schedule.within(pd.Series(code, index=when.index), when)
        assert when[inside].tolist() == [each for each in when if abs(each - month) <= wide]


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
    page = book_pages.dictionary()
    assert all(page.count(f"<table-{name}>`") == 1 for name in tables.SCHEMAS)
    assert all(page.count(f"(table-{name})=\n## {name}\n") == 1 for name in tables.SCHEMAS)
    assert "\\w" not in page
    assert "\\d" not in page
    assert "`image_..., context_..., structure_..., pain_...`" in page
    assert "`feature_...`" in page
    assert "|  |" not in page.split("(table-embeddings)=")[1].split("## ")[1]  # no empty unit
