"""Imprints: every figure and table says what made it, and the line changes when that changes."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from PIL import Image

import workflow
from kneephen_report import figure, report
from workflow import disclosure, figure_provenance

RUN = workflow.Run("pain")
CODE = "a" * 64 + "  kneephen_utils/pain/__init__.py"


def left_by(folder: Path, *, code: str = CODE, release: str = "", knees: str = "b") -> Path:
    """Write the records and outputs that a finished run leaves, and return the folder."""
    (folder / "records").mkdir(parents=True, exist_ok=True)
    for run in workflow.RUNS:
        lines = [code, '"context"  parameter arm', '"/home/someone/oai"  parameter release']
        lines += [f"12-34  film {release}"] if release else []
        lines += [f"{knees * 64}  artefact {path}" for path in run.reads]
        record = {"run": run.name, "profile": "demo", "kneephen": "0.1.0", "seconds": 3.0}
        record |= {"finished": "2026-01-01T00:00:00+00:00", "depends_on": lines}
        (folder / "records" / f"{run.name}.json").write_text(json.dumps(record))
    return folder


def page() -> nbformat.NotebookNode:
    """Return an executed page with a vector, a raster, a table, an explorer and a sentence."""
    drawn, axis = plt.subplots()
    axis.plot([1, 2])
    raster, _ = plt.subplots()
    shown = [
        figure.show(drawn, caption="A.", alt="a").data,
        figure.show(raster, caption="B.", alt="b", vector=False).data,
        report.table(pd.DataFrame({"grade": ["KL2"], "share": [0.25]}), title="T").data,
        '<div class="kneephen-explorer"><script type="application/json">{}</script></div>',
        "<p>Too few.</p>",
    ]
    cells = [
        nbformat.v4.new_code_cell(
            "", outputs=[nbformat.v4.new_output("display_data", {"text/html": text})]
        )
        for text in shown
    ]
    return nbformat.v4.new_notebook(cells=cells)


def outputs(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.outputs[0].data["text/html"] for cell in notebook.cells if "outputs" in cell]


def test_every_figure_and_table_names_run_profile_code_parameters_and_inputs(
    tmp_path: Path,
) -> None:
    made = figure_provenance.of(RUN, left_by(tmp_path))
    *marked, sentence = outputs(figure_provenance.mark(page(), made))
    for text in marked:
        assert text.count('<p class="kneephen-imprint"') == 1
        for name, value in made.facts.items():
            assert f'data-{name}="{value}"' in text
            assert value in re.sub(r"<[^>]*>", " ", text)
    assert "kneephen-imprint" not in sentence


def test_a_picture_that_is_saved_carries_its_imprint(tmp_path: Path) -> None:
    made = figure_provenance.of(RUN, left_by(tmp_path))
    vector, raster, *_ = outputs(figure_provenance.mark(page(), made))
    drawn = base64.b64decode(figure_provenance.PICTURE.findall(vector)[0][1]).decode()
    told = re.search(r'<metadata class="kneephen-imprint">(.*?)</metadata>', drawn)
    assert told is not None
    assert json.loads(html.unescape(told.group(1))) == made.facts
    with Image.open(
        io.BytesIO(base64.b64decode(figure_provenance.PICTURE.findall(raster)[0][1]))
    ) as seen:
        seen.load()
        assert json.loads(seen.info["kneephen"]) == made.facts


def test_the_foot_spells_out_files_settings_and_inputs_but_no_place(tmp_path: Path) -> None:
    made = figure_provenance.of(RUN, left_by(tmp_path, release="0.C.2/9000001/film"))
    foot = figure_provenance.mark(page(), made).cells[-1].source
    assert f'id="imprint-{RUN.name}"' in foot
    for told in ("pain/__init__.py", "parameter arm", "visits.parquet", "the release, as far"):
        assert told in foot
    assert "someone" not in foot
    assert "9000001" not in foot
    assert "events.parquet" not in foot  # pain does not read it


def test_an_imprint_depends_on_what_went_in_and_not_on_time_or_place(tmp_path: Path) -> None:
    first = figure_provenance.of(RUN, left_by(tmp_path / "one"))
    again = left_by(tmp_path / "two")
    path = again / "records" / f"{RUN.name}.json"
    record = json.loads(path.read_text()) | {"finished": "later", "seconds": 9.0}
    path.write_text(json.dumps(record).replace("/home/someone", "/elsewhere"))
    assert figure_provenance.of(RUN, again).facts == first.facts


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"code": "c" * 64 + "  kneephen_utils/pain/__init__.py"}, "code"),
        ({"knees": "d"}, "inputs"),
        ({"release": "table.txt"}, "inputs"),
    ],
)
def test_what_changes_shows_in_its_own_fingerprint(
    tmp_path: Path, change: dict[str, str], part: str
) -> None:
    before = figure_provenance.of(RUN, left_by(tmp_path / "before")).facts
    after = figure_provenance.of(RUN, left_by(tmp_path / "after", **change)).facts
    assert {name for name in before if before[name] != after[name]} == {part}


def test_the_gate_finds_nothing_in_an_imprint(tmp_path: Path) -> None:
    made = figure_provenance.of(RUN, left_by(tmp_path / "run", release="0.C.2/9000001/film"))
    built = tmp_path / "html"
    built.mkdir()
    nbformat.write(figure_provenance.mark(page(), made), built / "page.ipynb")
    (built / "page.html").write_text(figure_provenance.foot(made))
    assert disclosure.scan([built], places=["/home/someone/oai"]) == []
