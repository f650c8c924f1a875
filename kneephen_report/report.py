"""Report: tables and sentences made from results, for the page."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from great_tables import GT
from IPython.display import HTML, Markdown
from matplotlib.figure import Figure

from kneephen_report import figure
from kneephen_utils import formatting

INTERVAL = re.compile(r"\((\S+) to (\S+)\)")  # stays on one line of a table


def table(
    frame: pd.DataFrame,
    *,
    title: str,
    note: str = "",
    decimals: int = 2,
    labels: Mapping[str, str] | None = None,
    folded: bool = False,
    empty: str = "",
) -> HTML:
    """Return a table for reading: numbers rounded, missing values as a dash, text escaped.

    Parameters
    ----------
    frame
        What to show, one row per line; the index is not shown.
    title
        Heading of the table.
    note
        A line under the table, such as what the intervals are.
    decimals
        Decimals of numbers that are not whole.
    labels
        Column headings in words; other columns show their name with spaces.
    folded
        Whether only the title is seen until the reader opens the table.
    empty
        A sentence that takes the place of a table without rows.
    """
    if frame.empty and empty:
        return HTML(f"<p><strong>{html.escape(title)}</strong><br>{html.escape(empty)}</p>")
    labels = dict(labels or {})
    heads = {name: labels.get(name, str(name).replace("_", " ")) for name in frame.columns}
    shown = frame.astype(object).apply(
        lambda rows: rows.map(lambda value: _unbroken(formatting.text_of(value, decimals)))
    )
    drawn = GT(shown.rename(columns=heads)).cols_align("left")
    if not folded:  # else it is the line that opens the table
        drawn = drawn.tab_header(title=title)
    numeric = [heads[name] for name in frame.select_dtypes("number").columns]
    if numeric:
        drawn = drawn.cols_align("right", columns=numeric)
    if note:
        drawn = drawn.tab_source_note(note)
    body = drawn.opt_table_font(stack="system-ui").as_raw_html(inline_css=False)
    name = html.escape(title, quote=True)
    frame_open = f'<div class="kneephen-table" role="region" tabindex="0" aria-label="{name}">'
    if folded:
        body = f"<details><summary>{html.escape(title)}</summary>{body}</details>"
    return HTML(f"{frame_open}{body}</div>")


def text(*sentences: str) -> Markdown:
    """Return sentences as one paragraph of the page; they were made from the data."""
    return Markdown(" ".join(sentence.strip() for sentence in sentences if sentence.strip()))


def points(sentences: Sequence[str]) -> Markdown:
    """Return sentences as a list, one point each."""
    return Markdown("\n".join(f"- {sentence.strip()}" for sentence in sentences))


def _unbroken(text: str) -> str:
    return INTERVAL.sub("(\\1\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}\\2)", text)


def write_answer(
    sentences: Sequence[str],
    drawn: Figure,
    artefacts: str | Path,
    *,
    caption: str,
    alt: str,
) -> None:
    """Write the answer of the run, sentences and one figure, for the first page of the book."""
    with mpl.rc_context(figure.LOOK):
        drawn.savefig(Path(artefacts) / "answer.svg", metadata={"Date": None})
    plt.close(drawn)
    lines = [*(f"- {sentence}" for sentence in sentences if sentence), ""]
    lines += [":::{figure} executed/answer.svg", f":alt: {alt}", ":figclass: kneephen-figure"]
    lines += [":target: _images/answer.svg", "", caption, ":::", ""]
    (Path(artefacts) / "answer.md").write_text("\n".join(lines), encoding="utf-8")


def write_text(text: str, artefacts: str | Path, name: str) -> None:
    """Write a page that was made from the run, for the book."""
    (Path(artefacts) / name).write_text(text, encoding="utf-8")
