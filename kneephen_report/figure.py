"""Figure: one look for every figure, and its way into the page.

Colours are those of Okabe & Ito (2008), told apart by colour-blind readers.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#5B5B5B"]
UNASSIGNED_COLOR = "#B5B5B5"
INK = "#222222"
CSS_PIXELS = 96  # of an inch
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]

LOOK: dict[Any, Any] = {
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(color=PALETTE),
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.cmap": "cividis",
    "svg.hashsalt": "kneephen",
    "svg.fonttype": "path",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the look of the book: `with figure.style(): ...`."""
    with mpl.rc_context(LOOK):
        yield


def phenotype_color(phenotype: int) -> str:
    """Return the colour of a phenotype; unassigned knees (-1) and all knees (-2) are grey."""
    return UNASSIGNED_COLOR if phenotype < 0 else PALETTE[phenotype % len(PALETTE)]


def sentence(words: str) -> Figure:
    """Return a figure that holds a sentence, where there is nothing to draw."""
    with style():
        drawn = Figure(figsize=(7.2, 0.6))
        drawn.text(0.5, 0.5, words, ha="center", va="center")
    return drawn


def say_in(panel: Axes, why: str) -> None:
    """Write into a panel why it holds no picture."""
    words = why.replace(": ", ":\n")
    panel.text(0.5, 0.5, words, ha="center", va="center", transform=panel.transAxes)


def show(drawn: Figure, *, caption: str, alt: str, vector: bool = True) -> HTML:
    """Return the figure for the page, with alternative text and a caption, and close it.

    It is as wide as it was drawn, so that its letters have one size on every page; a wide screen
    shrinks it to the column, a phone lets it scroll in its own frame.

    Parameters
    ----------
    drawn
        A matplotlib figure.
    caption
        One or two sentences under the figure, made from the data.
    alt
        What a reader who cannot see the figure needs to know.
    vector
        SVG if true; PNG for figures of many points or pictures.
    """
    kind, mime = ("svg", "image/svg+xml") if vector else ("png", "image/png")
    metadata = {"Date": None} if vector else {"Software": None}
    buffer = io.BytesIO()
    with mpl.rc_context(LOOK):
        drawn.savefig(buffer, format=kind, metadata=metadata, dpi=150)
    plt.close(drawn)
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(drawn.get_figwidth() * CSS_PIXELS)
    return HTML(
        '<figure class="kneephen-figure"><div class="kneephen-frame" role="group" tabindex="0" '
        'aria-label="figure; on a narrow screen it scrolls sideways">'
        f'<img src="data:{mime};base64,{data}" width="{width}" '
        f'alt="{html.escape(alt, quote=True)}"/></div>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )
