"""Edition: the book is stale when something it shows changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

import workflow
from workflow import declared, edition, inputs, stamps

SHOWN = [*declared.BOOK, *(run.page for run in workflow.RUNS)]


def build(book: edition.Edition) -> None:
    """Do what make does once the book is stale."""
    book.begin()
    book.html.parent.mkdir(parents=True, exist_ok=True)
    book.html.write_text("built", encoding="utf-8")
    book.making.replace(book.made)


@pytest.fixture
def book(tmp_path: Path) -> edition.Edition:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.md").write_text("before", encoding="utf-8")
    pages = tmp_path / "workflow" / "book_pages.py"
    pages.parent.mkdir(parents=True)
    pages.write_text("# before\n", encoding="utf-8")
    made = edition.Edition("demo", tmp_path / "artefacts", tmp_path)
    stamps.note(made.artefacts, dict.fromkeys([*SHOWN, "visits.parquet"], "one"))
    return made


def test_a_book_that_was_built_is_not_stale_and_one_that_is_gone_is(book: edition.Edition) -> None:
    assert book.why() == "has not been built"
    build(book)
    assert book.why() == ""
    book.refresh()
    first = book.stamp.stat().st_mtime_ns
    book.refresh()
    assert book.stamp.stat().st_mtime_ns == first
    book.html.unlink()
    assert book.why() == "has not been built"


@pytest.mark.parametrize("path", SHOWN)
def test_every_artefact_and_page_that_it_shows_makes_it_stale(
    book: edition.Edition, path: str
) -> None:
    build(book)
    stamps.note(book.artefacts, {path: "two"})
    assert book.why() == f"changed: {path}"
    book.refresh()
    assert path in book.stamp.read_text(encoding="utf-8")


def test_what_it_does_not_show_leaves_it_as_it_is(book: edition.Edition) -> None:
    build(book)
    stamps.note(book.artefacts, {"visits.parquet": "two"})
    left = book.root / "book" / "_ext" / "__pycache__" / "offline.pyc"
    left.parent.mkdir(parents=True)
    left.write_text("left by Python", encoding="utf-8")
    assert book.why() == ""


@pytest.mark.parametrize("path", ["book/intro.md", "workflow/book_pages.py"])
def test_its_prose_and_what_makes_its_lists_make_it_stale(book: edition.Edition, path: str) -> None:
    build(book)
    (book.root / path).write_text("# after\n", encoding="utf-8")
    assert book.why() == f"changed: {path}"


def test_the_book_of_another_profile_is_stale_until_it_is_built(book: edition.Edition) -> None:
    build(book)
    other = edition.Edition("smoke", book.artefacts, book.root)
    assert 'parameter profile "demo" -> "smoke"' in other.why()
    assert book.why() == ""
    build(other)
    assert 'parameter profile "smoke" -> "demo"' in book.why()
    assert inputs.noted(book.artefacts, SHOWN[0]) == "one"
