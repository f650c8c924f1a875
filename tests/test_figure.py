"""Figure: letters stay readable on a phone, where a wide figure scrolls in its own frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from pages import launched

from kneephen_report import figure

CSS = Path(__file__).parents[1] / "book" / "_static" / "kneephen.css"
PHONE, DESKTOP = 390, 1280
LEAST = 9.0  # pixels of the smallest letters


def drawn(inches: float) -> Figure:
    with figure.style():
        made = Figure(figsize=(inches, 2))
        axis = made.subplots()
        axis.set_title("KL2", fontsize=8)
        axis.set_xlabel("months")
    return made


def letters(made: Figure) -> float:
    """Return the height of the smallest letters of a figure, in CSS pixels as it was drawn."""
    texts = [text for text in made.findobj(Text) if text.get_text()]
    return min(text.get_fontsize() for text in texts) * figure.CSS_PIXELS / 72


@pytest.mark.browser
@pytest.mark.parametrize("vector", [True, False], ids=["svg", "png"])
@pytest.mark.parametrize("inches", [3.0, 7.2, 10.0])
def test_letters_have_nine_pixels_on_a_phone_and_the_page_does_not_scroll(
    *, vector: bool, inches: float
) -> None:
    made = drawn(inches)
    smallest = letters(made)
    shown = figure.show(made, caption="c", alt="a", vector=vector).data
    with launched() as browser:
        page = browser.new_page(viewport={"width": PHONE, "height": 844})
        page.set_content(f"<style>{CSS.read_text()}</style>{shown}")
        width = page.locator("img").evaluate("i => i.getBoundingClientRect().width - 12")
        scale = width / (inches * figure.CSS_PIXELS)
        assert smallest * scale >= LEAST
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        frame = page.locator(".kneephen-frame")
        scrolls = frame.evaluate("f => f.scrollWidth > f.clientWidth")
        assert scrolls is (inches * figure.CSS_PIXELS > PHONE)
        page.set_viewport_size({"width": DESKTOP, "height": 844})
        assert frame.evaluate("f => f.scrollWidth <= f.clientWidth")


def test_a_figure_says_how_wide_it_was_drawn() -> None:
    shown = figure.show(drawn(7.2), caption="c", alt='one "a"', vector=False).data
    assert 'width="691"' in shown
    assert "one &quot;a&quot;" in shown
    assert figure.sentence("nothing to draw").texts[0].get_text() == "nothing to draw"
