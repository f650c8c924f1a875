"""Drawing: the picture of the stages is that of the pipeline, in the book and in the README."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest

import workflow
from kneephen_utils import tables
from workflow import book_pages, pipeline_diagram


def test_every_stage_has_a_box_and_every_direct_need_an_arrow() -> None:
    drawn = pipeline_diagram.stages()
    ET.fromstring(drawn)
    arrows = re.findall(r"<path [^>]*marker-end", drawn)
    assert len(arrows) == len(pipeline_diagram.direct())
    assert drawn.count("<rect x=") == len(workflow.STAGES)
    for name, stage in workflow.STAGES.items():
        assert f">{stage.number} {name}<" in drawn


def test_no_two_boxes_touch() -> None:
    corners = re.findall(r'<rect x="(\d+)" y="(\d+)"', pipeline_diagram.stages())
    places = [(int(x), int(y)) for x, y in corners]
    for x, y in places:
        near = [
            (a, b)
            for a, b in places
            if abs(a - x) < pipeline_diagram.WIDE and abs(b - y) < pipeline_diagram.HIGH
        ]
        assert near == [(x, y)]


def test_a_stage_comes_after_all_it_needs() -> None:
    depths = pipeline_diagram.depths()
    assert depths["cohort"] == 0
    assert max(depths, key=lambda name: depths[name]) == "verdict"
    for name, stage in workflow.STAGES.items():
        assert all(depths[before] < depths[name] for before in stage.needs)


def test_the_picture_of_the_readme_is_the_one_that_is_drawn(root: Path) -> None:
    assert (root / "book" / "_static" / "stages.svg").read_text() == pipeline_diagram.stages()
    assert "book/_static/stages.svg" in (root / "README.md").read_text()


@pytest.mark.parametrize("synthetic", [True, False])
def test_the_first_page_says_whether_its_people_are_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, synthetic: bool
) -> None:
    monkeypatch.setattr(tables, "read", lambda name, _: pd.DataFrame(index=range(len(name) * 100)))
    if synthetic:
        (tmp_path / "release").mkdir()
    said = book_pages.origin(tmp_path)
    assert "1,200 people and 500 knees" in said
    assert ("*synthetic* release" in said) == synthetic
