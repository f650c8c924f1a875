"""Book: every page is clean, offline, accessible and readable on a phone."""

from __future__ import annotations

import contextlib
import functools
import http.server
import importlib.resources
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

HTML = Path(__file__).parents[1] / "book" / "_build" / "html"
MADE_BY_SPHINX = {"_static", "_sphinx_design_static", "_images", "_sources"}
PAGES = sorted(
    str(path.relative_to(HTML))
    for path in HTML.rglob("*.html")
    if not MADE_BY_SPHINX & set(path.relative_to(HTML).parts)
)
# two findings belong to the theme: its search button and its sidebar toggles
OF_THE_THEME = {"label-content-name-mismatch", "summary-name"}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]

pytestmark = pytest.mark.browser
each_page = pytest.mark.parametrize("name", PAGES)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the book without a line per request."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file; a page that was left before it came is no error."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().copyfile(source, outputfile)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(HTML))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def watch(page: Page, site: str) -> list[str]:
    """Collect everything a page should not do: errors, and requests beyond the book."""
    problems: list[str] = []
    own = (site, "data:", "blob:", "file:")
    page.on(
        "request",
        lambda r: None if r.url.startswith(own) else problems.append(f"external request {r.url}"),
    )
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(f"page error {error}"))
    page.on("requestfailed", lambda r: problems.append(f"failed request {r.url}"))
    page.on(
        "response", lambda r: problems.append(f"{r.status} {r.url}") if r.status >= 400 else None
    )
    return problems


def test_the_book_is_built() -> None:
    assert "index.html" in PAGES
    assert len([name for name in PAGES if name.startswith("executed/05_phenotype_grade_")]) == 5


@each_page
def test_a_page_makes_no_error_and_no_request_beyond_the_book(
    page: Page, site: str, name: str
) -> None:
    problems = watch(page, site)
    page.goto(site + name)
    page.wait_for_load_state("networkidle")
    assert problems == []


@each_page
def test_a_page_fits_a_phone(page: Page, site: str, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(site + name)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 392


@pytest.mark.parametrize("scheme", ["light", "dark"])
@each_page
def test_a_page_is_accessible(page: Page, site: str, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(site + name)
    page.wait_for_load_state("networkidle")
    page.evaluate((importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = [
        (one["id"], len(one["nodes"]), one["nodes"][0]["html"][:160])
        for one in found
        if one["impact"] in {"serious", "critical"} and one["id"] not in OF_THE_THEME
    ]
    assert serious == []


@each_page
def test_every_picture_says_in_words_what_it_shows(page: Page, site: str, name: str) -> None:
    page.goto(site + name)
    silent = "[...document.querySelectorAll('main img')].filter(i => i.alt.trim().length < 12)"
    assert page.evaluate(f"{silent}.map(i => i.src.slice(0, 80))") == []


@each_page
def test_a_page_shows_no_error_and_no_warning_of_a_program(name: str) -> None:
    text = (HTML / name).read_text()
    for trace in ("Traceback", "Warning:", "output stderr"):
        assert trace not in text


def test_the_first_page_gives_the_answer_before_any_code(page: Page, site: str) -> None:
    page.goto(site + "index.html")
    text = page.locator("main").inner_text()
    assert re.search(r"no phenotype is claimed|pass every gate", text)
    assert page.locator("main figure img").count() >= 1
    assert page.locator("main div.highlight").count() == 0


def test_parameters_are_folded_and_show_those_of_the_run(page: Page, site: str) -> None:
    page.goto(site + "executed/05_phenotype_grade_3.html")
    folded = page.locator("details", has_text="kl_grade = 3").first
    assert folded.get_attribute("open") is None
    assert page.locator("text=kl_grade = 2").count() == 0


def test_search_finds_a_word(page: Page, site: str) -> None:
    page.goto(site + "search.html?q=firewall")
    page.wait_for_selector("ul.search li")
    assert page.locator("ul.search li").count() >= 1


def test_the_book_opens_from_disk_with_its_mathematics(page: Page, site: str) -> None:
    problems = watch(page, site)
    page.goto((HTML / "methods.html").as_uri())
    assert page.locator("math").count() >= 2
    assert problems == []
