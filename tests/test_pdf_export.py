"""Printing: the whole book stands on one page, without code, and makes a PDF of numbered pages."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from pages import HTML
from playwright.sync_api import Page

from workflow import pdf_export

ONE = HTML.parent / "singlehtml" / "intro.html"
ROOT = Path(__file__).parents[1]
MOST_PAGES = 200
HEAVIEST = 25_000_000  # bytes of the PDF

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pdf() -> bytes:
    alone = ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS", "make", "pdf"]
    made = subprocess.run(alone, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    return (HTML.parent / "kneephen.pdf").read_bytes()


def streams(content: bytes) -> str:
    """Return the text of all parts of a PDF, packed ones unpacked where they can be."""
    parts = [content]
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        if packed.startswith(b"x"):
            parts.append(zlib.decompressobj().decompress(packed))
    return b"\n".join(parts).decode("latin-1")


def test_the_pdf_holds_the_book_and_no_path_of_this_machine(pdf: bytes) -> None:
    assert 20 < len(re.findall(rb"/Type /Page\b(?!s)", pdf)) <= MOST_PAGES
    assert len(pdf) < HEAVIEST
    assert b"/Outlines" in pdf
    told = streams(pdf)
    assert "file:" not in told
    assert str(ROOT) not in told


@pytest.mark.usefixtures("pdf")
def test_on_paper_every_chapter_is_there_and_the_code_is_not(page: Page) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 673, "height": 960})
    page.goto(ONE.as_uri())
    chapters = page.locator(".toctree-wrapper > section")
    titles = page.locator("#jb-print-toc li").all_inner_texts()
    assert len(titles) >= 15
    assert chapters.count() >= len(titles)
    seen = "[...document.querySelectorAll('{}')].filter(e => e.getClientRects().length).length"
    for left_out in (".cell_input", ".kneephen-explorer", ".bd-sidebar-primary", ".bd-header"):
        assert page.evaluate(seen.format(left_out)) == 0, left_out
    assert page.evaluate(seen.format("figure img")) > 20
    wide = "[...document.querySelectorAll('main figure img')].filter(i => i.clientWidth > 675)"
    assert page.evaluate(f"{wide}.length") == 0
    tall = "[...document.querySelectorAll('main figure img')].filter(i => i.clientHeight > 800)"
    assert page.evaluate(f"{tall}.length") == 0


def test_a_machine_without_a_browser_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(pdf_export, "ON_A_MAC", tmp_path / "none")
    with pytest.raises(pdf_export.PrintError, match="no browser to print with; expected one of"):
        pdf_export.to_pdf(tmp_path / "page.html", tmp_path / "page.pdf")
