"""Redaction: what is told of a wrong cell is where it stands and what it looks like."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import tiny
from IPython.core.interactiveshell import InteractiveShell

from kneephen_utils import oai, redaction, tables
from kneephen_utils.cohort import data_checks
from kneephen_utils.cohort.data_checks import record_checks
from kneephen_utils.oai import missing_codes, release_format, table_reader
from studies import kneeoa_vlm_audit
from studies.kneeoa_vlm_audit import example_tables
from workflow import notebook_runner

DATES = [
    *("01/31/2009", "1/5/2009", "01/31/09", "31JAN2009", "31JAN09", "31-Jan-09", "2009-01-31"),
    *("2009/01/31", "20090131", "31.01.2009", "20090131.0", "20090131103000.000"),
    *("31JAN2009:10:30:00", "2009-01-31T10:30:00", "01/31/2009 10:30:00"),
    *("January 31, 2009", "31 January 2009", "Jan 31 2009"),
]
BARCODES = ["016612345678", "16612345678", "16612345678.0", "1.66001E+11", "1.66e11"]
PEOPLE = [
    *("9000001", "9000001-R", "9000001R", "9000001_l", "9000001-right", "9000001.0", "knee9000001"),
]
HARMLESS = [
    *("9.1234567", "0.9000001", "10.1002/art.20081234", "90000012", "9,000,001", "9000001f"),
    *("e9000001", "1/2", "10/12", "2009-2010", "2004-2015", "120090131", "166001234567"),
    *("1.66E+10.5", "0.20090131", "12/40/09", "99.9000001"),
]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        *(("date", each) for each in DATES),
        *(("barcode", each) for each in BARCODES),
        *(("participant", each) for each in PEOPLE),
    ],
)
@pytest.mark.parametrize("around", ["{}", "seen {}.", '["{}", 1]', "({}, {})", "a|{}|b", "_{}_"])
def test_what_tells_of_a_person_is_left_out_wherever_it_stands(
    what: str, text: str, around: str
) -> None:
    whole = around.format(text, text)
    assert f"({what} not shown)" in (said := redaction.hidden(whole))
    assert text not in said


@pytest.mark.parametrize("text", HARMLESS)
def test_numbers_that_tell_of_nobody_stay(text: str) -> None:
    assert redaction.hidden(f"it is {text} of") == f"it is {text} of"


def test_lists_of_people_and_the_path_of_a_film_are_left_out() -> None:
    assert "900000" not in redaction.hidden("[9000001,9000002,9000003]")
    said = redaction.place(Path("0.C.2") / "9000099" / "20050215" / "00839603" / "001")
    assert said.startswith("0.C.2/(participant not shown)/(date not shown)/")


def test_a_cell_is_told_by_its_form() -> None:
    assert redaction.form(" 31JAN2009 ") == "99aaa9999"
    assert redaction.form("é\x00\t1" + 40 * "x") == "a??9" + 20 * "a" + "..."
    assert redaction.forms(["12", "7", "3", "x", "y-1", "12/3"]) == "'99', '9', 'a' and 2 more"
    assert redaction.forms([]) == ""


# --- releases and tables with a marked cell

MARK = "Qx7Zz9000077"


def spoilt(tmp_path: Path, table: str, column: str, cell: str) -> oai.Release:
    """Read a tiny release in whose table one cell was replaced."""
    release = tiny.write(tmp_path)
    path = next(each for each in release.rglob("*.txt") if each.stem.lower() == table.lower())
    lines = path.read_text(encoding="latin-1").splitlines()
    at = [name.upper() for name in lines[0].split("|")].index(column)
    cells = lines[1].split("|")
    cells[at] = cell
    lines[1] = "|".join(cells)
    path.write_text("\n".join(lines), encoding="latin-1")
    return oai.read(release)


@pytest.mark.parametrize(
    ("table", "column", "cell"),
    [
        ("kxr_sq_bu00", "V00XRKL", MARK),
        ("kxr_sq_bu00", "V00BARCDBU", MARK),
        ("AllClinical00", "V00WOMKPR", "9000077"),
        ("AllClinical00", "V00EVDATE", "31/31/2009 x"),
        ("Enrollees", "VERSION", MARK),
        ("Enrollees", "VERSION", "01/31/2009"),
        ("Enrollees", "VERSION", "9000077"),
    ],
)
def test_the_ingest_report_and_the_ledger_quote_no_cell(
    tmp_path: Path, table: str, column: str, cell: str
) -> None:
    found = spoilt(tmp_path, table, column, cell)
    assert cell not in found.ingest.to_csv()
    row = found.ingest.set_index("table").loc[table]
    if column != "VERSION":
        assert row["not_understood"] == 1
        assert f"{column} (1 cell of the form '" in row["sentence"]
        assert "first in row 1, expected " in row["sentence"]
        evidence = data_checks.Evidence(found, *(pd.DataFrame() for _ in range(4)))
        assert cell not in record_checks.cells(evidence).sentence
    assert cell not in oai.text_ingest(found.ingest)


def test_a_heading_that_stands_twice_is_refused(tmp_path: Path) -> None:
    release = tiny.write(tmp_path)
    path = next(each for each in release.rglob("*.txt") if each.stem.lower() == "enrollees")
    text = path.read_text(encoding="latin-1")
    path.write_text(
        text.replace("P02HISP", "P02SEX").replace("VERSION", "P02SEX"), encoding="latin-1"
    )
    with pytest.raises(oai.ReleaseError, match="column P02SEX is there twice"):
        oai.read(release)


@pytest.mark.parametrize("cell", ["\uff11", "1E" + 40 * "9", "\u0661\u0662", "1e400"])
def test_digits_of_other_scripts_and_vast_powers_are_no_value(cell: str) -> None:
    for kind in ("date", "barcode", "number", "whole"):
        assert missing_codes.read(pd.Series([cell]), kind, None).isna().all(), kind


def test_a_list_of_films_without_headings_is_refused_without_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "contents.csv"
    path.write_text("12/17/2006,9000077,12/17/2006\n1,2,3\n", encoding="utf-8")
    with pytest.raises(oai.ReleaseError, match="the heading of column 1 is there twice") as stop:
        release_format.delimited(path, ",", None)
    assert "2006" not in str(stop.value)


def test_only_a_version_is_told_as_one() -> None:
    for told in ("0.2.3", "10.2.1", "0.9"):
        assert re.fullmatch(table_reader.VERSION, told)
    for kept in ("9000077", "01.31.09", "1.31.2009", "40101"):
        assert not re.fullmatch(table_reader.VERSION, kept)


def test_an_error_about_a_table_of_people_quotes_no_value() -> None:
    rows = pd.DataFrame(
        {"participant_id": ["9000099", "9000099"], "sex": [MARK, "y"], "age": 212.5}
    )
    with pytest.raises(tables.TableError) as stop:
        tables.check(rows, "participants")
    said = str(stop.value)
    assert said.startswith("table participants: column ")
    assert not [each for each in (MARK, "9000099", "212.5") if each in said]


@pytest.mark.parametrize(
    ("column", "cell"),
    [("knee_side", MARK), ("kl_grade", MARK), ("kl_grade_v03", "9000077x")],
)
def test_an_error_about_the_published_tables_quotes_no_cell(column: str, cell: str) -> None:
    wide, _ = example_tables.draw(people=3, seed=0)
    wide.columns = wide.columns.str.lower()
    wide[column] = wide[column].astype(object)
    wide.loc[0, column] = cell
    with pytest.raises(kneeoa_vlm_audit.LayoutError) as stop:
        kneeoa_vlm_audit.parse(wide, {})
    assert column in str(stop.value)
    assert cell not in str(stop.value)


# --- errors that the project did not write


def failed(tmp_path: Path, code: str) -> Path:
    """Return a notebook whose cell failed as IPython says it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    shell = InteractiveShell()
    result = shell.run_cell(code, silent=True)
    error = result.error_in_exec
    trace = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
    output = {"ename": type(error).__name__, "evalue": str(error), "traceback": list(trace)}
    notebook.cells[0].outputs = [nbformat.v4.new_output("error", **output)]
    nbformat.write(notebook, tmp_path / "a.ipynb")
    return tmp_path / "a.ipynb"


@pytest.mark.parametrize(
    "code",
    [
        f"import pandas as pd\nword = ''.join({list(MARK)})\npd.to_numeric(pd.Series([word]))",
        f"word = ''.join({list(MARK)})\nfloat(word)",
        f"word = ''.join({list(MARK)})\ntry:\n    float(word)\nexcept ValueError:\n    {{}}[word]",
    ],
)
def test_a_message_of_a_library_is_not_told_of_gated_data(tmp_path: Path, code: str) -> None:
    path = failed(tmp_path, code)
    assert MARK in path.read_text(encoding="utf-8")
    said = notebook_runner.text_failure(path, disclose=False)
    assert MARK not in said
    assert "not shown" in said
    assert "in cell 0" in said
    assert MARK in notebook_runner.text_failure(path, disclose=True)


def test_a_message_of_the_project_is_told_of_gated_data(tmp_path: Path) -> None:
    code = "import pandas\nfrom kneephen_utils import tables\n"
    code += "tables.check(pandas.DataFrame(), 'knees')"
    said = notebook_runner.text_failure(failed(tmp_path, code), disclose=False)
    assert "TableError: table knees: " in said


def test_the_command_line_tells_a_message_of_the_project_alone() -> None:
    with pytest.raises(KeyError) as own:
        tables.check(pd.DataFrame(), "no table")
    assert "no table is called 'no table'" in redaction.message(own.value)
    with pytest.raises(TypeError) as strange:
        oai.visit_schedule.months_of_days(pd.Series([MARK]))
    assert MARK not in (said := redaction.message(strange.value))
    assert "TypeError in visit_schedule.py, line " in said
