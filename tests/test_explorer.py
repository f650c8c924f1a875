"""Explorer: moved by slider, pointer, keyboard and link, it says what every setting gives."""

from __future__ import annotations

import json
import re

import pytest
from pages import HTML, watch
from playwright.sync_api import Page

NAME = "executed/05_phenotype_grade_2.html"
HEAVIEST = 3_000_000  # bytes of what the explorer of one grade is given

pytestmark = pytest.mark.browser


@pytest.fixture
def explorer(page: Page, site: str) -> Page:
    page.goto(site + NAME)
    page.wait_for_selector(".kneephen-explorer .kx-map canvas")
    return page


def text(page: Page, selector: str) -> str:
    return page.locator(f".kneephen-explorer {selector}").inner_text()


def move(page: Page, label: str, place: int) -> None:
    slider = page.locator(f".kneephen-explorer input[aria-label={label}]")
    slider.evaluate("(s, v) => {s.value = v; s.dispatchEvent(new Event('input'))}", place)


def test_it_makes_no_error_however_it_is_moved(page: Page, site: str) -> None:
    problems = watch(page, site)
    page.goto(site + NAME)
    arms = page.locator(".kx-controls option").all_inner_texts()
    for arm in arms:
        page.select_option(".kx-controls select", arm)
        for place in range(8):
            move(page, "min_cluster_size", place)
            move(page, "min_samples", place % 4)
    assert len(arms) == 4
    assert problems == []


def test_it_begins_with_the_setting_of_the_run(explorer: Page) -> None:
    assert "This is the setting of this run." in text(explorer, ".kx-says")
    assert explorer.locator(".kx-strip .kx-taken[aria-pressed=true]").count() == 1


def test_it_says_how_noise_does_and_whether_the_picture_makes_the_groups(explorer: Page) -> None:
    said = text(explorer, ".kx-says")
    assert re.search(r"Data without groups do as well with p (0\.\d{3}|1\.000|< 0\.001)", said)
    assert re.search(r"when the pictures change places \(agreement .?\d\.\d\d\)", said)


def test_a_slider_changes_what_is_said_and_counted(explorer: Page) -> None:
    move(explorer, "min_cluster_size", 0)
    before = text(explorer, ".kx-says"), text(explorer, ".kx-table")
    move(explorer, "min_cluster_size", 99)
    assert before != (text(explorer, ".kx-says"), text(explorer, ".kx-table"))
    rows = explorer.locator(".kx-table tbody tr td:nth-child(2)").all_inner_texts()
    assert sum(map(int, rows)) == explorer.evaluate(
        "document.querySelector('.kneephen-explorer').explorer.data.knees"
    )


def test_sliders_and_settings_move_by_keyboard(explorer: Page) -> None:
    explorer.locator("input[aria-label=min_cluster_size]").focus()
    before = text(explorer, ".kx-command")
    explorer.keyboard.press("Home")
    explorer.keyboard.press("ArrowRight")
    assert text(explorer, ".kx-command") != before
    explorer.locator(".kx-strip button[aria-pressed=true]").focus()
    explorer.keyboard.press("ArrowDown")
    focused = explorer.evaluate("document.activeElement.getAttribute('aria-pressed')")
    assert focused == "true"
    assert "min_samples=3@2" in text(explorer, ".kx-command")


def test_the_map_is_walked_by_keyboard_and_each_step_is_said(explorer: Page) -> None:
    explorer.locator(".kx-map canvas").focus()
    explorer.keyboard.press("ArrowRight")
    assert explorer.locator(".kx-tip").is_visible()
    assert re.search(
        r"A knee, (group [A-Z]|unassigned)\.", explorer.locator(".kx-unseen").text_content() or ""
    )
    explorer.keyboard.press("Escape")
    assert not explorer.locator(".kx-tip").is_visible()


def test_hovering_shows_the_picture_of_a_knee(explorer: Page) -> None:
    canvas = explorer.locator(".kx-map canvas")
    canvas.scroll_into_view_if_needed()
    place = explorer.evaluate(
        "(() => {const e = document.querySelector('.kneephen-explorer').explorer;"
        "return e.place(3, e.scale)})()"
    )
    canvas.hover(position={"x": place[0], "y": place[1]})
    assert explorer.locator(".kx-tip").is_visible()
    thumb = explorer.locator(".kx-thumb")
    assert "data:image/webp" in thumb.evaluate("t => getComputedStyle(t).backgroundImage")
    assert thumb.bounding_box()["width"] > 90  # type: ignore[index]


def test_a_link_opens_its_setting_and_leads_to_its_grade(page: Page, site: str) -> None:
    page.goto(f"{site}{NAME}#grade=2&min_cluster_size=40&arm=image")
    page.wait_for_selector(".kx-strip button")
    assert page.locator(".kx-controls select").input_value() == "image"
    assert page.locator("input[aria-label=min_cluster_size]").input_value() != "0"
    page.goto(f"{site}{NAME}#grade=0&min_samples=5")
    page.wait_for_url("**/05_phenotype_grade_0.html*")
    page.wait_for_selector(".kx-strip button")
    assert "min_samples=5@0" in text(page, ".kx-command")


def test_the_command_is_copied_as_it_is_shown(explorer: Page, site: str) -> None:
    explorer.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
    move(explorer, "min_samples", 1)
    explorer.click(".kx-copy")
    explorer.wait_for_function("document.querySelector('.kx-copied').textContent === 'Copied.'")
    copied = explorer.evaluate("navigator.clipboard.readText()")
    assert copied == text(explorer, ".kx-command")
    words = r"phenotype\.min_cluster_size=\d+@2 phenotype\.min_samples=3@2"
    assert re.fullmatch(rf'make all( PROFILE=\w+)? SET="{words}"', copied)


def test_pain_is_covered_until_a_peek_which_the_command_tells(explorer: Page) -> None:
    assert "covered" in text(explorer, ".kx-table")
    explorer.click(".kx-peek")
    assert "covered" not in text(explorer, ".kx-table tbody")
    assert "phenotype.peeked=true@2" in text(explorer, ".kx-command")
    explorer.reload()
    explorer.wait_for_selector(".kx-strip button")
    assert "phenotype.peeked=true@2" in text(explorer, ".kx-command")


@pytest.mark.parametrize("grade", range(5))
def test_the_explorer_of_a_grade_keeps_to_its_weight(grade: int) -> None:
    page = (HTML / f"executed/05_phenotype_grade_{grade}.html").read_text()
    found = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    given = found.group(1) if found else "{}"
    json.loads(given.replace("<\\/", "</"))
    assert len(given) < HEAVIEST
