"""Disclosure: every leak that is planted in a clean book is caught, and a clean book passes."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from workflow import __main__ as main
from workflow import count_masking, disclosure, notebook_runner, params

RELEASE = "/data/oai/release"
TABLE = (
    '<table class="gt_table"><tr><th>group</th><th>knees</th></tr><tr><td>A</td><td>{}</td></tr>'
)
CLEAN = f"""<p>Grades 0-4, 2,345 knees, p 0.912345, DOI 10.1002/art.20081234, 9.1234567.</p>
{TABLE.format(34)}</table>{TABLE.format(0)}</table><p>Cells of at least 10 knees.</p>"""


def png(note: str = "") -> bytes:
    info, buffer = PngInfo(), io.BytesIO()
    info.add_text("Comment", note)
    Image.new("L", (8, 8)).save(buffer, "PNG", pnginfo=info if note else None)
    return buffer.getvalue()


def notebook(source: str, output: str = "") -> str:
    cell = nbformat.v4.new_code_cell(source)
    cell.outputs = [nbformat.v4.new_output("display_data", data={"text/html": output})]
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    html = tmp_path / "html"
    (html / "_images").mkdir(parents=True)
    (html / "index.html").write_text(CLEAN)
    (html / "_images" / "figure.png").write_bytes(png())
    (html / "searchindex.js").write_text('Search.setIndex({"terms": {"knees": 4}})')
    (html / "page.ipynb").write_text(notebook("disclose = False", CLEAN))
    return html


def explorer(**given: object) -> str:
    data = json.dumps({"arms": {"image": {"partitions": [{"shades": []}]}}, **given})
    script = f'<script type="application/json">{data}</script>'
    return f'<section class="kneephen-explorer">{script}</section>'


def test_a_clean_book_passes(book: Path) -> None:
    (book / "explorer.html").write_text(explorer())
    assert disclosure.scan([book], places=[RELEASE]) == []


@pytest.mark.parametrize(
    ("what", "leak"),
    [
        ("participant", "<p>knee 9001234-R</p>"),
        ("participant", "<td>9001234</td>"),
        ("barcode", "<p>016612345678</p>"),
        ("date", "<p>seen 05/20/2004</p>"),
        ("date", "<p>seen 2004-05-20</p>"),
        ("date", "<p>StudyDate 20040520</p>"),
        ("path", f"<pre>release = '{RELEASE}'</pre>"),
        ("path", f'<pre>release = <span class="s2">&quot;{RELEASE}&quot;</span></pre>'),
        ("thumbnails", '<img src="data:image/webp;base64,UklGRg==">'),
        ("single knees", "<pre>disclose = True</pre>"),
        ("single knees", explorer(x=[1, 2], y=[3, 4])),
        ("single knees", explorer(arms={"image": {"partitions": [{"labels": "AAB"}]}})),
        ("count", TABLE.format(7) + "</table>"),
        ("count", TABLE.format("8 people") + "</table>"),
        (
            "participant",
            f'<img src="data:image/png;base64,{base64.b64encode(png("of 9001234")).decode()}">',
        ),
        (
            "barcode",
            '<img src="data:image/svg+xml;base64,'
            f'{base64.b64encode(b"<svg><text>016612345678</text></svg>").decode()}">',
        ),
    ],
)
@pytest.mark.parametrize("place", ["page.html", "executed.ipynb"])
def test_a_planted_leak_is_caught(book: Path, what: str, leak: str, place: str) -> None:
    content = leak if place.endswith("html") else notebook("", leak)
    (book / place).write_text(content)
    found = disclosure.scan([book], places=[RELEASE])
    assert {(one.file, one.what) for one in found} >= {(f"html/{place}", what)}


@pytest.mark.parametrize(
    ("what", "name", "write"),
    [
        ("participant", "searchindex.js", lambda: b'{"terms": {"9001234": 4}}'),
        ("participant", "_images/9001234.png", png),
        ("barcode", "_images/figure.png", lambda: png("film 016612345678")),
        ("picture", "_images/figure.png", lambda: b"not a picture"),
        ("film", "film.dcm", lambda: b""),
        ("film", "anything", lambda: bytes(128) + b"DICM"),
        ("date", "_sources/page.md", lambda: b"read on 2004-05-20"),
    ],
)
def test_leaks_beside_the_pages_are_caught(
    book: Path, what: str, name: str, write: Callable[[], bytes]
) -> None:
    path = book / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write())
    assert what in {one.what for one in disclosure.scan([book])}


def test_a_parameter_cell_and_a_picture_in_a_notebook_are_read(book: Path) -> None:
    cell = nbformat.v4.new_code_cell("disclose = True")
    picture = base64.b64encode(png("of 9001234")).decode()
    cell.outputs = [nbformat.v4.new_output("display_data", data={"image/png": picture})]
    (book / "a.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])))
    assert {one.what for one in disclosure.scan([book])} == {"single knees", "participant"}


def test_a_page_of_gated_data_does_not_say_where_they_lie(book: Path) -> None:
    made = nbformat.reads(
        notebook(f'release = "{RELEASE}"', f"read {RELEASE}/General"), as_version=4
    )
    made.metadata["papermill"] = {"parameters": {"release": RELEASE}}
    made.cells[0].metadata["papermill"] = {"start_time": "now"}
    told = notebook_runner.closed(made, {"release": RELEASE, "disclose": False})
    nbformat.write(told, book / "a.ipynb")
    assert "release on this machine" in told.cells[0].source
    assert disclosure.scan([book], places=[RELEASE]) == []


def test_mean_pictures_are_off_unless_asked_for_and_do_not_open_the_gate(book: Path) -> None:
    declared = params.load(Path(__file__).parents[1] / "notebooks" / "params.yml")
    places = dict.fromkeys(params.PLACES, "")
    stages = ("radiograph", "phenotype", "attention")
    asked = params.parse("phenotype.mean_pictures=true")
    for stage in stages:
        own = params.resolve(declared, stage, profile="oai", places=places)
        assert (own["disclose"], own["mean_pictures"]) == (False, False)
        own = params.resolve(declared, stage, profile="oai", places=places, overrides=asked)
        assert (own["disclose"], own["mean_pictures"]) == (False, True)
    source = "disclose = False\nmean_pictures = True"
    (book / "page.ipynb").write_text(notebook(source, CLEAN))
    assert disclosure.scan([book]) == []
    (book / "page.ipynb").write_text(notebook(source, CLEAN + "<p>knee 9001234-R</p>"))
    assert [one.what for one in disclosure.scan([book])] == ["participant"]


def test_the_gate_stops_a_build_and_a_missing_book_does_not_pass(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release = book.parent / "release"
    release.mkdir()
    (release / "a.txt").touch()
    monkeypatch.setattr(main.workflow, "ROOT", book.parent)
    monkeypatch.setattr(main.typed, "places", lambda _: {"release": str(release)})
    monkeypatch.setattr(main, "BOOK_PAGES", book.parent / "book" / "executed")
    words = ["gate", "--profile", "oai", "--oai", str(release)]
    assert main.main(words) == 1
    assert "there is no built book" in capsys.readouterr().err
    (book.parent / "book" / "_build").mkdir(parents=True)
    book.rename(book.parent / "book" / "_build" / "html")
    assert main.main(words) == 0
    (book.parent / "book" / "_build" / "html" / "index.html").write_text("<p>9001234</p>")
    assert main.main(words) == 1
    said = capsys.readouterr().err
    assert "html/index.html: participant: 9999999" in said
    assert "9001234" not in said
    assert "9001234" in (book.parent / "build" / "disclosure.txt").read_text()


def test_small_counts_are_covered_so_that_none_is_found_and_others_rounded() -> None:
    page = (
        '<table class="gt_table"><tr><th>group</th><th>knees</th><th>mean</th></tr>'
        '<tr><td>A</td><td class="r">7</td><td>7</td></tr>'
        "<tr><td>B</td><td>12</td><td>3</td></tr></table> 4 knees of 11 people"
    )
    covered = count_masking.masked(page)
    assert list(count_masking.small(page))
    assert list(count_masking.small(covered)) == []
    assert '<td class="r">&lt; 10</td><td>7</td>' in covered
    assert "<td>10</td><td>3</td>" in covered, "a count is rounded, a mean stays"
    assert covered.endswith("fewer than 10 knees of 10 people")


def test_no_page_that_is_written_by_hand_stops_the_book_of_a_closed_release(
    root: Path, tmp_path: Path
) -> None:
    for page in (root / "book").glob("*.md"):
        (tmp_path / page.name).write_bytes(page.read_bytes())
    assert disclosure.scan([tmp_path]) == []
