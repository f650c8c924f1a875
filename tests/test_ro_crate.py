"""Crate: the book and its provenance go in, no participant does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workflow import ro_crate

PEOPLE = ["9000001", "9000002"]
RECORD: dict[str, Any] = {
    "run": "01_radiograph",
    "profile": "oai",
    "kneephen": "0.1.0",
    "finished": "2026-01-01T00:00:00+00:00",
    "seconds": 1.0,
    "parameters": {"seed": 20, "release": "/home/someone/oai"},
    "depends_on": [
        "ab12  notebooks/01_radiograph.ipynb",
        "cd34  release 00m/0.C.2/9000001/20050101/00123456/001",
        '"/home/someone/oai"  parameter release',
    ],
    "machine": "Linux",
    "python": "3.11",
    "packages": {"numpy": "1.0"},
}


def written(folder: Path, page: str = "<p>The answer.</p>") -> Path:
    (folder / "html").mkdir()
    (folder / "html" / "index.html").write_text(page)
    (folder / "params.yml").write_text("shared: {seed: 20}\n")
    return ro_crate.write(
        folder / "crate",
        html=folder / "html",
        files=[folder / "params.yml"],
        records=[RECORD],
        participants=PEOPLE,
    )


def test_pages_parameters_and_runs_are_in_the_crate(tmp_path: Path) -> None:
    made = written(tmp_path)
    assert (made / "book" / "index.html").exists()
    graph = json.loads((made / "ro-crate-metadata.json").read_text())["@graph"]
    run = next(entity for entity in graph if entity["@id"] == "#01_radiograph")
    assert run["@type"] == "CreateAction"
    assert "ab12  notebooks/01_radiograph.ipynb" in run["object"]
    assert any(entity["@id"] == "params.yml" for entity in graph)


def test_neither_a_participant_nor_a_place_is_inside(tmp_path: Path) -> None:
    made = written(tmp_path)
    whole = "".join(path.read_text() for path in made.rglob("*") if path.is_file())
    assert not any(person in whole for person in PEOPLE)
    assert "/home/someone" not in whole


def test_a_page_that_names_a_participant_stops_the_crate(tmp_path: Path) -> None:
    with pytest.raises(ro_crate.ParticipantError, match=r"book/index.html names 1 participant"):
        written(tmp_path, page=f"<p>{PEOPLE[0]}-R</p>")
    assert not (tmp_path / "crate").exists()
    assert not list(tmp_path.glob(".crate*"))


def test_without_a_built_book_there_is_no_crate(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make all"):
        ro_crate.write(
            tmp_path / "crate", html=tmp_path / "no", files=[], records=[], participants=[]
        )
