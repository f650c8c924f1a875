"""Report: numbers and tables are written as a reader expects them."""

from __future__ import annotations

import pandas as pd
import pytest

from kneephen_report import report
from kneephen_report.phenotype import plots
from kneephen_report.verdict import evidence_tables
from kneephen_utils import display_names, formatting
from kneephen_utils.phenotype import profile

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [
        (-0.001, 2, "0.00"),
        (-0.01, 2, "-0.01"),
        (0.0, 0, "0"),
        (1606258, 2, "1,606,258"),
        (1234.5, 1, "1,234.5"),
        (NAN, 2, formatting.MISSING),
    ],
)
def test_a_number_is_written_without_a_zero_below_zero(
    value: float, decimals: int, written: str
) -> None:
    assert formatting.number(value, decimals) == written


def test_an_interval_that_is_missing_is_not_written_as_two_dashes() -> None:
    assert formatting.spread(2.2, 1.84, 2.62) == "2.20 (1.84 to 2.62)"
    assert formatting.spread(2.2, NAN, NAN) == "2.20"
    assert formatting.spread(NAN, NAN, NAN) == formatting.MISSING


def test_a_count_agrees_with_its_noun() -> None:
    counts = [formatting.counted(n, "group") for n in (0, 1, 2)]
    assert counts == ["0 groups", "1 group", "2 groups"]


def test_the_gates_have_the_same_words_on_every_page() -> None:
    assert {
        name: head.replace("\n", " ") for name, head in evidence_tables.HEADS.items()
    } == plots.GATES
    gates = pd.DataFrame(
        {
            "arm": "image",
            "gate": ["enough_knees", "null_gaussian", "jaccard", "image"],
            "passed": True,
            "value": [49.0, 0.025, NAN, -0.05],
            "threshold": [40.0, 0.05, 0.75, 0.5],
            "sentence": "",
        }
    )
    shown = plots.table_gates(gates, arm="image")
    assert shown["measured"].tolist() == ["49", "0.025", formatting.MISSING, "-0.05"]
    assert shown["required"].tolist() == [
        "at least 40",
        "at most 0.050",
        "at least 0.75",
        "below 0.50",
    ]


def test_an_interval_in_a_table_stays_on_one_line() -> None:
    shown = report.table(pd.DataFrame({"x": ["0.86 (0.83 to 0.88)"]}), title="x").data
    assert "0.86 (0.83\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.88)" in shown


def test_a_folded_table_shows_its_title_once_and_opens() -> None:
    frame = pd.DataFrame({"map": ["a"]})
    folded = report.table(frame, title="Failed maps", folded=True).data
    assert "<details><summary>Failed maps</summary>" in folded
    assert "gt_title" not in folded.split("</style>")[-1]
    assert "<details>" not in report.table(frame, title="Failed maps").data


def test_a_table_without_rows_is_a_sentence_where_one_is_given() -> None:
    nothing = pd.DataFrame({"phenotype": []})
    told = report.table(nothing, title="Groups", empty="There are none.").data
    assert "There are none." in told
    assert "<table" not in told
    one = report.table(pd.DataFrame({"phenotype": ["A"]}), title="Groups", empty="There are none.")
    assert "There are none." not in one.data
    assert "<table" in one.data


def test_a_reader_meets_words_and_no_names_of_columns() -> None:
    assert {*profile.PERSON, *profile.KNEE} == set(display_names.CLINICAL)
    assert not any("_" in told for told in display_names.CLINICAL.values())
    gates = pd.DataFrame(
        {"arm": "image", "kl_grade": 2, "gate": ["null_gaussian", "dbcv"], "passed": False}
    ).assign(sentence="So it is.")
    told = plots.text_verdict(gates, arm="image")
    assert "beat a smooth cloud, are dense" in told
    assert "null" not in told
    assert "dbcv" not in told
