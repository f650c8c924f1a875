"""Delivered: releases as they lie on real disks are read, or refused in one sentence.

Folders that are links, tables that other programs saved again, lines that are no rows, files
that were cut off or are something else.
"""

from __future__ import annotations

import io
import re
from dataclasses import fields
from pathlib import Path

import archive
import odd
import pandas as pd
import pytest
import tiny
from pandas.testing import assert_frame_equal

from kneephen_utils import oai
from kneephen_utils.oai import folders, missing_codes, release_format, text

ENROLLEES = "General_ASCII/Enrollees.txt"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> oai.Release:
    return oai.read(tiny.write(tmp_path_factory.mktemp("release")))


def same(first: oai.Release, second: oai.Release, *, but: tuple[str, ...] = ("ingest",)) -> None:
    for field in fields(first):
        if field.name not in but:
            assert_frame_equal(getattr(first, field.name), getattr(second, field.name))


def told(read: oai.Release, table: str) -> str:
    return read.ingest.set_index("table").loc[table, "sentence"]


def linked(folder: Path, *names: str) -> Path:
    """Write the release and put folders of it, all by default, on another disk."""
    home = tiny.write(folder / "release")
    for at, each in enumerate(names or sorted(path.name for path in home.iterdir())):
        away = folder / "store" / str(at)
        away.parent.mkdir(exist_ok=True)
        (home / each).rename(away)
        (home / each).symlink_to(away)
    return home


# --- links


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("AllClinical_ASCII",),
        ("X-Ray Image Assessments_ASCII/Quant JSW_ASCII",),
        ("00m",),
        ("00m/0.C.2",),
    ],
)
def test_a_linked_folder_is_read_as_if_it_lay_there(
    release: oai.Release, tmp_path: Path, names: tuple[str, ...]
) -> None:
    same(release, oai.read(linked(tmp_path, *names)))


def test_links_that_lead_back_or_above_are_not_walked_again(
    release: oai.Release, tmp_path: Path
) -> None:
    home = linked(tmp_path, "AllClinical_ASCII")
    (home / "AllClinical_ASCII" / "back").symlink_to(home)
    (home / "00m" / "up").symlink_to(tmp_path)
    (home / "a second way").symlink_to(tmp_path / "store" / "0")
    (home / "itself").symlink_to(home / "itself", target_is_directory=True)
    found = [path for path in folders.files(home) if path.exists()]
    assert len({path.resolve() for path in found}) == len(found)
    read = oai.read(home)
    same(release, read)
    assert not read.ingest["sentence"].str.contains("Also found").any()


def test_the_links_of_the_odd_release_change_nothing(release: oai.Release, tmp_path: Path) -> None:
    home = tiny.write(tmp_path / "release")
    odd.link(home)
    assert sum(path.is_symlink() for path in [*home.iterdir(), *(home / "00m").iterdir()]) == 3
    same(release, oai.read(home))


def test_a_linked_file_counts_once_and_a_copy_is_told(release: oai.Release, tmp_path: Path) -> None:
    home = tiny.write(tmp_path)
    own = home / ENROLLEES
    (home / "Enrollees.txt").symlink_to(own)
    read = oai.read(home)
    same(release, read)
    assert "Also found" not in told(read, "Enrollees")
    (home / "Enrollees.txt").unlink()
    (home / "Enrollees.txt").write_bytes(own.read_bytes())
    assert "Also found as General_ASCII/Enrollees.txt" in told(oai.read(home), "Enrollees")


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    home = tiny.write(tmp_path)
    (home / ENROLLEES).unlink()
    (home / ENROLLEES).symlink_to(tmp_path / "unplugged")
    with pytest.raises(oai.ReleaseError, match=r"Enrollees\.txt is a link that leads nowhere"):
        oai.read(home)


# --- text


@pytest.mark.parametrize("tail", ["\x1a", "\r\n\x1a", "\x00\x00", "\n\n \n", "\x0c"])
def test_a_mark_of_the_end_is_no_row(release: oai.Release, tmp_path: Path, tail: str) -> None:
    texts = tiny.texts()
    read = oai.read(tiny.write(tmp_path, {name: each + tail for name, each in texts.items()}))
    same(release, read)
    assert read.ingest["sentence"].str.contains("left out").sum() == 0


@pytest.mark.parametrize("line", ["(4 rows affected)", "4 rows selected.", "-- end of file --"])
@pytest.mark.parametrize("table", [ENROLLEES, "00m/contents.csv"])
def test_a_line_of_a_database_is_left_out(
    release: oai.Release, tmp_path: Path, line: str, table: str
) -> None:
    texts = tiny.texts()
    texts[table] += f"\n{line}\n"
    read = oai.read(tiny.write(tmp_path, texts))
    same(release, read)
    if table == ENROLLEES:
        assert "Lines that are no rows of the table, left out: 1." in told(read, "Enrollees")
        assert line not in told(read, "Enrollees")


def test_headings_that_come_again_are_left_out_and_told(
    release: oai.Release, tmp_path: Path
) -> None:
    texts = tiny.texts()
    texts[ENROLLEES] += texts[ENROLLEES].splitlines()[0].lower() + "\n"
    read = oai.read(tiny.write(tmp_path, texts))
    same(release, read)
    assert "Lines that repeat the headings, left out: 1." in told(read, "Enrollees")


@pytest.mark.parametrize("cut", [8, 12, 30])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    texts = tiny.texts()
    texts[ENROLLEES] = texts[ENROLLEES].rstrip("\n")[:-cut].rstrip("|")
    with pytest.raises(oai.ReleaseError, match=r"Enrollees\.txt: a row has \d cells? .* cut off"):
        oai.read(tiny.write(tmp_path, texts))


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_text_is_read_in_every_encoding_and_line_end(
    release: oai.Release, tmp_path: Path, encoding: str, ends: str
) -> None:
    home = tiny.write(tmp_path)
    for path in [*home.rglob("*.txt"), *home.rglob("*.csv")]:
        plain = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
        path.write_bytes(plain.replace("\n", ends).encode(encoding))
    same(release, oai.read(home))


@pytest.mark.parametrize("mark", ["\t", ";", ","])
def test_tables_saved_again_between_other_marks_are_read_alike(
    release: oai.Release, tmp_path: Path, mark: str
) -> None:
    texts = tiny.texts()
    saved = {}
    for name, content in texts.items():
        if name.startswith("00m"):
            saved[name] = content
            continue
        cells = pd.read_csv(io.StringIO(content), sep="|", dtype=str, keep_default_na=False)
        saved[re.sub("txt$", "csv", name)] = cells.to_csv(sep=mark, index=False)
    home = tiny.write(tmp_path, saved)
    for path in home.rglob("Enrollees.csv"):
        path.write_bytes(f"sep={mark}\r\n".encode() + path.read_bytes())
    same(release, oai.read(home))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04rest", "is a packed file"),
        (b"\xd0\xcf\x11\xe0rest", "is an old Excel file"),
        (b"<!DOCTYPE html><html>Sign in</html>", "is a page of the web"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a pointer of git-lfs"),
        (b"ID|P02SEX\n9000001|\x00\x00|1\n", "no text; the file seems to be damaged"),
        (b"\xff\xfeI\x00D\x00\xd8", "begins as UTF-16-LE text and goes on as none"),
        (b"ID|P02SEX|P02SEX\n9000001|1|2\n", "column P02SEX is there twice"),
    ],
)
def test_something_else_under_the_name_of_a_table_is_named(
    tmp_path: Path, content: bytes, what: str
) -> None:
    home = tiny.write(tmp_path)
    (home / ENROLLEES).write_bytes(content)
    with pytest.raises(oai.ReleaseError, match=rf"Enrollees\.txt: .*{what}") as caught:
        oai.read(home)
    assert "9000001" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Enrollees.xls", "General_ASCII/Enrollees.xls is not read, save it as text or xlsx"),
        ("Enrollees.txt.gz", "General_ASCII/Enrollees.txt.gz is packed, unpack it"),
        ("General_ASCII.zip", "General_ASCII/General_ASCII.zip is packed, unpack it"),
    ],
)
def test_a_missing_table_says_what_lies_there_instead(tmp_path: Path, name: str, why: str) -> None:
    home = tiny.write(tmp_path)
    (home / ENROLLEES).rename(home / "General_ASCII" / name)
    with pytest.raises(oai.ReleaseError, match=re.escape(why)):
        oai.read(home)


# --- spreadsheets


def workbook(content: str, path: Path, *, typed: bool) -> None:
    """Save a table as a workbook; `typed` makes numbers and dates of what looks like them."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "notes"
    page = book.create_sheet("table")
    for at, line in enumerate(content.splitlines()):
        row = []
        for cell in line.split("|"):
            if typed and at and re.fullmatch(r"[1-9]\d*|0", cell):
                row.append(int(cell))
            elif typed and at and re.fullmatch(r"\d\d/\d\d/\d{4}", cell):
                row.append(pd.to_datetime(cell).to_pydatetime())
            else:
                row.append(re.sub("[\x7f-\xff]", "?", cell) or None)
        page.append(row)
    book.save(path)


@pytest.mark.parametrize("typed", [False, True])
def test_workbooks_are_read_alike(release: oai.Release, tmp_path: Path, *, typed: bool) -> None:
    home = tiny.write(tmp_path)
    for path in home.rglob("*.txt"):
        content = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
        workbook(content, path.with_suffix(".xlsx"), typed=typed)
        path.unlink()
    read = oai.read(home)
    same(release, read)
    assert set(read.ingest["flavour"].dropna()) == {"xlsx"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a workbook", b"ID|P02SEX\n"])
def test_a_damaged_workbook_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("openpyxl")
    home = tiny.write(tmp_path)
    (home / ENROLLEES).unlink()
    (home / "Enrollees.xlsx").write_bytes(content)
    with pytest.raises(oai.ReleaseError, match=r"Enrollees\.xlsx: not readable as a workbook"):
        oai.read(home)


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("1.6600839603E+10", "16600839603"),
        ("1.66008396030E+10", "16600839603"),
        ("9.000001E+06", "9000001"),
        ("9000001.0", "9000001"),
        ('="016600839603"', "016600839603"),
        ("'016600839603", "016600839603"),
        ("1.66001E+11", None),
        ("1.66E+11", None),
        ("9E+06", None),
        ("1.66001E-11", None),
    ],
)
def test_a_number_of_a_spreadsheet_is_read_only_with_all_its_digits(
    cell: str, digits: str | None
) -> None:
    found = missing_codes.digits(pd.Series([cell, ""]))
    assert found.isna().tolist() == [digits is None, True]
    assert digits is None or found[0] == digits


def test_rounded_barcodes_of_films_are_known_by_their_folders(
    release: oai.Release, tmp_path: Path
) -> None:
    texts = tiny.texts()
    for code in ("839603", "839604"):
        lists = texts["00m/contents.csv"]
        texts["00m/contents.csv"] = lists.replace(f'"{code}"', '"1.66001E+11"')
    read = oai.read(tiny.write(tmp_path, texts))
    same(release, read)
    assert "taken from the folder of the film: 2 of column Barcode of 00m" in told(read, "films")


def test_rounded_barcodes_and_people_of_a_table_are_counted(tmp_path: Path) -> None:
    texts = {
        name: content.replace("|016600839603|", "|1.66008E+10|")
        for name, content in tiny.texts().items()
    }
    name = next(name for name in texts if "KXR_SQ_BU00" in name)
    texts[ENROLLEES] = texts[ENROLLEES].replace("9000004|", "9E+06|")
    lost = texts[name].count("|1.66008E+10|")
    read = oai.read(tiny.write(tmp_path, texts))
    report = read.ingest.set_index("table")
    assert report.loc["kxr_sq_bu00", "not_understood"] == lost > 0
    assert "V00BARCDBU" in report.loc["kxr_sq_bu00", "sentence"]
    assert report.loc["Enrollees", "not_understood"] > 0
    assert "E+" not in " ".join(report["sentence"])


def test_series_without_a_person_are_counted(tmp_path: Path) -> None:
    texts = tiny.texts()
    texts["00m/contents.csv"] = texts["00m/contents.csv"].replace(',"9000002",', ',"",')
    report = oai.read(tiny.write(tmp_path, texts)).ingest.set_index("table")
    assert report.loc["films", "not_understood"] == 1
    assert "left out: 1." in report.loc["films", "sentence"]


# --- packages


def test_a_package_is_read_alike_with_and_without_its_line_of_descriptions(tmp_path: Path) -> None:
    with_line = archive.write(tmp_path / "with")
    without = archive.write(tmp_path / "without")
    for path in without.glob("oai_*.txt"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([lines[0], *lines[2:]]))
    same(oai.read(with_line), oai.read(without))


def test_a_package_saved_as_csv_in_utf_16_is_read_alike(tmp_path: Path) -> None:
    own, other = archive.write(tmp_path / "own"), archive.write(tmp_path / "other")
    for path in other.glob("oai_*.txt"):
        cells = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        cells.to_csv(path.with_suffix(".csv"), index=False, encoding="utf-16")
        path.unlink()
    same(oai.read(own), oai.read(other))


def test_a_column_that_a_package_lacks_is_called_as_the_archive_calls_it(tmp_path: Path) -> None:
    home = archive.write(tmp_path)
    path = home / "oai_koos_womac01.txt"
    path.write_text(path.read_text().replace("womac_pain_right", "pain_right"))
    with pytest.raises(oai.ReleaseError, match=r"oai_koos_womac01\.txt: column womac_pain_right"):
        oai.read(home)


def test_a_table_is_read_in_time_that_grows_with_its_rows(tmp_path: Path) -> None:
    """The rows are looked at one by one only where some are uneven; both ways give the same."""
    path = tmp_path / "Enrollees.txt"
    rows = ["ID|P02SEX|V00SITE", *(f"{9_000_000 + k}|1|A" for k in range(20_000))]
    path.write_text("\n".join(rows))
    even = text.read(path, "|", None)
    path.write_text("\n".join([*rows, "(20000 rows affected)"]))
    uneven = release_format.delimited(path, "|", None)
    assert_frame_equal(even.cells, uneven.cells)
    assert not even.notes
    assert len(uneven.notes) == 1
