"""Book: every page is clean, offline, accessible and readable on a phone."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator
from typing import Literal

import pytest
from pages import HTML, Opened, names, opened, visit, watch
from playwright.sync_api import Browser, Page

PAGES = names()
# two findings belong to the theme: its search button and its sidebar toggles
OF_THE_THEME = {"label-content-name-mismatch", "summary-name"}
# rules about colours, the slowest by far; rows of a table are coloured alike, so eight are asked
COLOURS = ["color-contrast", "link-in-text-block"]
ALIKE = "tbody > tr:nth-child(n + 9)"
# what a browser loads for one page, in megabytes, the theme's own 2 included
HEAVIEST = {"05_phenotype": 5.0, "06_attention": 6.0, "executed/": 4.0, "search": 3.0, "": 2.5}

pytestmark = pytest.mark.browser


def test_the_book_is_built() -> None:
    assert "index.html" in PAGES
    assert len([name for name in PAGES if name.startswith("executed/05_phenotype_grade_")]) == 5


def serious(page: Page, context: str, options: dict[str, object]) -> list[tuple[str, int, str]]:
    """Return what axe finds serious or critical: the rule, how often, and the first element."""
    axe = importlib.resources.files("axe_playwright_python") / "axe.min.js"
    page.evaluate(axe.read_text())
    options |= {"resultTypes": ["violations"]}
    found = page.evaluate(f"options => axe.run({context}, options)", options)["violations"]
    return [
        (one["id"], len(one["nodes"]), one["nodes"][0]["html"][:160])
        for one in found
        if one["impact"] in {"serious", "critical"} and one["id"] not in OF_THE_THEME
    ]


@pytest.fixture(scope="module", params=PAGES)
def desk(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Opened]:
    """Give a page at the width of a desk, opened once for all its tests."""
    with opened(browser, site, request.param, width=1280, height=900) as page:
        yield page


@pytest.fixture(scope="module", params=PAGES)
def phone(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Opened]:
    """Give a page at the width of a phone, opened once for all its tests."""
    with opened(browser, site, request.param, width=390, height=844) as page:
        yield page


def test_a_page_makes_no_error_and_no_request_beyond_the_book(desk: Opened) -> None:
    assert desk.problems == ()


def test_a_page_keeps_to_its_weight(desk: Opened) -> None:
    budget = next(most for start, most in HEAVIEST.items() if start in desk.name)
    assert 0 < desk.megabytes <= budget


def test_every_picture_says_in_words_what_it_shows(desk: Opened) -> None:
    silent = "[...document.querySelectorAll('main img')].filter(i => i.alt.trim().length < 12)"
    assert desk.page.evaluate(f"{silent}.map(i => i.src.slice(0, 80))") == []


def test_a_page_is_accessible(desk: Opened) -> None:
    rules = {rule: {"enabled": False} for rule in COLOURS}
    assert serious(desk.page, "document", {"rules": rules}) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_a_page_have_contrast(desk: Opened, scheme: Literal["light", "dark"]) -> None:
    desk.page.emulate_media(color_scheme=scheme)
    desk.page.wait_for_function(
        """scheme => document.documentElement.dataset.theme == scheme
        && !document.getAnimations().some(each => each instanceof CSSTransition)""",
        arg=scheme,
    )
    rules = {"runOnly": {"type": "rule", "values": COLOURS}}
    assert serious(desk.page, f"{{exclude: '{ALIKE}'}}", rules) == []


def test_a_page_fits_a_phone(phone: Opened) -> None:
    width = phone.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 392


def test_letters_of_figures_keep_their_size_on_a_phone(phone: Opened) -> None:
    shrunk = phone.page.evaluate(
        """() => [...document.querySelectorAll("figure.kneephen-figure img")]
        .filter(i => i.getBoundingClientRect().width < Number(i.getAttribute("width") ?? 860))
        .map(i => i.alt)"""
    )
    assert shrunk == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_no_error_and_no_warning_of_a_program(name: str) -> None:
    text = (HTML / name).read_text()
    for trace in ("Traceback", "Warning:", "output stderr"):
        assert trace not in text


def test_the_first_page_gives_the_answer_before_any_code(page: Page, site: str) -> None:
    visit(page, site, "index.html")
    text = page.locator("main").inner_text()
    assert re.search(r"no phenotype is claimed|pass every gate", text)
    assert page.locator("main figure img").count() >= 1
    assert page.locator("main div.highlight").count() == 0


def test_parameters_are_folded_and_show_those_of_the_run(page: Page, site: str) -> None:
    visit(page, site, "executed/05_phenotype_grade_3.html")
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
