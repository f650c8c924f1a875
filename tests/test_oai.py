"""OAI: every flavour of a release is read alike, and what is missing is said in one sentence."""

from __future__ import annotations

import io
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import archive
import numpy as np
import pandas as pd
import pytest
import tiny
from pandas.testing import assert_frame_equal

from kneephen_utils import oai, tables
from kneephen_utils.oai import days, missing_codes, visit_schedule
from oai_twin import sas


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> oai.Release:
    return oai.read(tiny.write(tmp_path_factory.mktemp("release")))


def knee(table: pd.DataFrame, person: str, side: str, visit: str = "") -> pd.DataFrame:
    rows = table[table["participant_id"].eq(person) & table["side"].eq(side)]
    return rows[rows["visit"].eq(visit)] if visit else rows


def same(first: oai.Release, second: oai.Release, *, but: tuple[str, ...] = ("ingest",)) -> None:
    for field in fields(first):
        if field.name not in but:
            assert_frame_equal(getattr(first, field.name), getattr(second, field.name))


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("2", 2.0),
        ("2: Female", 2.0),
        (" 1.0 ", 1.0),
        (".5", 0.5),
        ("-1.5", -1.5),
        ("1.4: within grade", 1.4),
        ("", np.nan),
        (" ", np.nan),
        (".", np.nan),
        (".: Missing Form/Incomplete Workbook", np.nan),
        (".A: Not Expected", np.nan),
        ("T", np.nan),
        ("P", np.nan),
    ],
)
def test_a_cell_is_a_code_a_label_or_missing(cell: str, number: float) -> None:
    cells = pd.Series([cell])
    assert_equal = np.testing.assert_array_equal
    assert_equal(missing_codes.number(cells).to_numpy(), [number])
    assert missing_codes.unknown(cells, "number", None).empty


@pytest.mark.parametrize("cell", ["two", "1-2", "NA", "12 mm"])
def test_a_cell_that_is_neither_is_counted(cell: str) -> None:
    assert list(missing_codes.unknown(pd.Series([cell, "1"]), "number", None)) == [cell]


@pytest.mark.parametrize("cell", ["5", "-1", "2.5", "9: Unknown"])
def test_an_impossible_grade_is_missing_and_counted(cell: str) -> None:
    cells = pd.Series([cell, "4", ""])
    np.testing.assert_array_equal(missing_codes.read(cells, "whole", (0, 4)), [np.nan, 4, np.nan])
    assert list(missing_codes.unknown(cells, "whole", (0, 4))) == [cell]


def test_free_text_and_letters_are_left_alone() -> None:
    cells = pd.Series(["note: knee hurts", "A", " .5 ", ""])
    assert list(missing_codes.text(cells)[:3]) == ["note: knee hurts", "A", ".5"]
    assert missing_codes.text(cells).isna().tolist() == [False, False, False, True]
    assert list(missing_codes.letter(pd.Series(["A", "B: Ohio"]))) == ["A", "B"]


@pytest.mark.parametrize(
    "cell", ["03/05/2007", "3/5/2007", "2007-03-05", "20070305", "05-MAR-07", "17230"]
)
def test_every_spelling_of_a_date_is_the_same_day(cell: str) -> None:
    assert days.read(pd.Series([cell]))[0] == pd.Timestamp("2007-03-05")


@pytest.mark.parametrize("cell", ["016600839603", "16600839603", "839603", "00839603", "839603.0"])
def test_a_barcode_is_twelve_digits_however_it_is_listed(cell: str) -> None:
    assert missing_codes.barcode(pd.Series([cell]))[0] == "016600839603"


def test_visit_codes_follow_the_scale_that_the_release_prints() -> None:
    printed = {0: 0, 1: 12, 2: 18, 3: 24, 4: 30, 5: 36, 6: 48, 7: 60, 8: 72, 9: 84, 10: 96, 11: 108}
    codes = pd.Series(list(printed))
    assert visit_schedule.months_of_contact(codes).tolist() == list(printed.values())
    assert visit_schedule.months("V" + codes.astype(str).str.zfill(2)).tolist() == list(
        printed.values()
    )


def test_codes_labels_and_blanks_become_typed_values(release: oai.Release) -> None:
    people = release.people.set_index("participant_id")
    assert people["sex"].tolist()[:3] == ["female", "male", "female"]
    assert pd.isna(people.loc["9000004", "sex"])
    assert people.loc["9000001", ["site", "subcohort", "age", "bmi"]].tolist() == [
        "A",
        "progression",
        61.0,
        27.5,
    ]
    assert np.isnan(knee(release.symptoms, "9000002", "right", "V00")["womac_pain"].item())
    assert knee(release.symptoms, "9000002", "left", "V00")["womac_pain"].item() == 0.5


def test_side_1_is_right_and_2_is_left_in_both_styles(release: oai.Release) -> None:
    first = knee(release.readings, "9000001", "right", "V00")
    assert first["kl_grade"].tolist() == [2, 1, 3]
    assert knee(release.readings, "9000001", "left", "V01")["kl_grade"].tolist() == [0]


def test_decimals_of_follow_up_narrowing_are_kept(release: oai.Release) -> None:
    later = knee(release.readings, "9000001", "right", "V03")
    assert later["jsn_medial"].tolist() == [2.2]


def test_a_score_that_was_not_read_is_missing_not_zero(release: oai.Release) -> None:
    left = knee(release.readings, "9000001", "left", "V00")
    assert left["osteophyte_femur_medial"].isna().all()
    assert left["jsn_medial"].tolist() == [0.0]


def test_a_prosthesis_code_is_kept_and_the_grade_is_missing(release: oai.Release) -> None:
    last = knee(release.readings, "9000002", "left", "V03")
    assert last["prosthesis"].tolist() == [True]
    assert last["kl_grade"].isna().all()
    assert release.readings["prosthesis"].sum() == 1


def test_a_width_that_could_not_be_measured_is_missing(release: oai.Release) -> None:
    widths = release.widths.set_index("side")
    assert widths["jsw_medial"].to_dict() == {"right": 3.91, "left": 4.8}
    assert np.isnan(widths.loc["left", "jsw_lateral"])


def test_days_come_from_the_table_or_from_the_dates(release: oai.Release) -> None:
    days = release.contacts.set_index(["participant_id", "visit"])["days"]
    assert days["9000001", "V01"] == (pd.Timestamp("2006-03-11") - pd.Timestamp("2005-03-01")).days
    assert days["9000001", "V03"] == 734


def test_replacements_and_deaths_carry_their_months(release: oai.Release) -> None:
    left = knee(release.replacements, "9000002", "left").iloc[0]
    assert left["status"] == 3
    assert left["months"] == pytest.approx(18.0, abs=0.01)
    assert left["reported_months"] == 24
    assert knee(release.replacements, "9000003", "left")["seen_at_baseline"].tolist() == [True]
    ends = release.ends.set_index("participant_id")
    assert ends.loc["9000003", "death_months"] == pytest.approx(83.94, abs=0.01)
    assert ends["last_contact_months"].tolist() == [96, 36, 72, 0]


def test_baseline_films_are_found_and_missing_files_are_marked(release: oai.Release) -> None:
    films = release.films.set_index("film_id")
    assert set(films["visit"]) == {"V00"}
    assert films.loc["016600839603", "path"] == tiny.FILM
    assert films["on_disk"].to_dict() == {
        "016600839603": True,
        "016600839777": False,
        "016600839604": False,
    }


def test_the_ingest_report_has_a_line_for_every_expected_table(release: oai.Release) -> None:
    report = tables.check(release.ingest, "ingest").set_index("table")
    assert report.loc["kxr_sq_bu01", "file"].endswith("kXR_SQ_BU01.txt")
    assert report.loc["kxr_sq_bu00", ["version", "rows"]].tolist() == ["0.8", 8]
    assert not report.loc["AllClinical08", "found"]
    assert "pain at this visit is not known" in report.loc["AllClinical08", "sentence"]
    assert report["not_understood"].sum() == 0


def test_what_is_missing_is_told_in_sentences(release: oai.Release) -> None:
    told = oai.text_ingest(release.ingest)
    found = release.ingest["found"]
    assert told.startswith(f"{found.sum()} of {len(found)} tables were found. ")
    assert "pain at this visit is not known" in told
    assert "not understood" not in told


def test_flat_and_nested_folders_are_read_alike(release: oai.Release, tmp_path: Path) -> None:
    same(release, oai.read(tiny.write(tmp_path, flat=True)))


def test_the_archive_package_is_read_alike(release: oai.Release, tmp_path: Path) -> None:
    packed = oai.read(archive.write(tmp_path))
    same(release, packed, but=("ingest", "readings"))
    letterless = release.readings.assign(prosthesis=False)
    assert_frame_equal(letterless, packed.readings)
    assert set(packed.ingest["flavour"].dropna()) == {"nda"}


def test_sas_without_its_reader_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    texts = tiny.texts()
    texts["General_SAS/enrollees.sas7bdat"] = texts.pop("General_ASCII/Enrollees.txt")
    with pytest.raises(oai.ReleaseError, match=r"enrollees\.sas7bdat: .*pyreadstat, which is not"):
        oai.read(tiny.write(tmp_path, texts))


def test_sas_values_are_spelled_as_in_ascii(
    release: oai.Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = pd.DataFrame(
        {
            "id": [9000001.0, 9000002.0],
            "V03FVDATE": [pd.Timestamp("2007-03-05").date(), pd.Timestamp("2007-02-12").date()],
            "V03VISDYS": [734.0, 732.0],
            "V03WOMKPR": pd.Series([7.0, 0.0], dtype=object),
            "V03WOMKPL": pd.Series([1.0, 9.0], dtype=object),
            "V03KOOSKPR": pd.Series([70.0, 90.0], dtype=object),
            "V03KOOSKPL": pd.Series([100.0, 90.0], dtype=object),
            "V03UNUSED": pd.Series(["M", np.nan], dtype=object),
        }
    )

    def read_sas7bdat(_: Path, usecols: list[str] | None = None, **__: bool) -> tuple:
        return cells[usecols or list(cells)], SimpleNamespace(column_names=list(cells))

    stub = SimpleNamespace(read_sas7bdat=read_sas7bdat, ReadstatError=ValueError)
    monkeypatch.setitem(sys.modules, "pyreadstat", stub)
    texts = tiny.texts()
    del texts["AllClinical_ASCII/ALLCLINICAL03.txt"]
    texts["AllClinical_SAS/allclinical03.sas7bdat"] = "the stub holds its values"
    mixed = oai.read(tiny.write(tmp_path, texts))
    same(release, mixed)
    assert mixed.ingest.set_index("table").loc["AllClinical03", "flavour"] == "sas"


def test_a_damaged_sas_table_stops_with_the_file(tmp_path: Path) -> None:
    texts = tiny.texts()
    texts["General_SAS/enrollees.sas7bdat"] = texts.pop("General_ASCII/Enrollees.txt")
    with pytest.raises(oai.ReleaseError, match=r"enrollees\.sas7bdat: not readable as a SAS"):
        oai.read(tiny.write(tmp_path, texts))


def test_the_sas_flavour_is_read_alike_letters_of_missing_values_included(
    release: oai.Release, tmp_path: Path
) -> None:
    """Files made by `oai_twin.sas`, read by ReadStat: no file written by SAS itself was at hand."""
    texts = tiny.texts()
    tiny.write(tmp_path, {name: text for name, text in texts.items() if name.startswith("00m")})
    for name, text in texts.items():
        if not name.startswith("00m"):
            cells = pd.read_csv(io.StringIO(text), sep="|", dtype=str, keep_default_na=False)
            path = (tmp_path / name.replace("_ASCII", "_SAS")).with_suffix(".sas7bdat")
            sas.write({head: list(cells[head]) for head in cells}, path)
    read = oai.read(tmp_path)
    same(release, read)
    assert read.readings["prosthesis"].sum() == 1
    assert set(read.ingest["flavour"].dropna()) == {"sas"}
    assert read.ingest["not_understood"].sum() == 0


def test_films_are_found_through_the_xray_table_without_contents(
    release: oai.Release, tmp_path: Path
) -> None:
    texts = tiny.texts()
    del texts["00m/contents.csv"]
    texts["XRay00.txt"] = (
        "ID|V00EXAMTP|V00XRBARCD|V00XRDATE\n"
        "9000001|Bilateral PA Fixed Flexion Knee|016600839603|02/15/2005\n"
        "9000002|Bilateral PA Fixed Flexion Knee|016600839604|01/31/2005\n"
    )
    searched = oai.read(tiny.write(tmp_path, texts)).films
    expected = release.films[release.films["on_disk"]].reset_index(drop=True)
    assert_frame_equal(searched, expected)


HEADS = "subjectkey\tsrc_subject_id\timage_file\timage_description\taccession_number"
VIEW = "Bilateral PA Fixed Flexion Knee"


def manifest(*rows: tuple[str, ...]) -> str:
    """Return an `image03` with these rows: person, address, description, accession number."""
    bucket = "s3://NDAR_Central_1/submission_00001/"
    lines = [HEADS, "\t".join(["what it means"] * 5)]
    lines += ["\t".join(["NDAR_INV", row[0], bucket + row[1], *row[2:]]) for row in rows]
    return "".join('"' + line.replace("\t", '"\t"') + '"\n' for line in lines)


def test_films_are_found_through_the_list_of_the_archive(tmp_path: Path) -> None:
    texts = tiny.texts()
    del texts["00m/contents.csv"]
    texts["XRay00.txt"] = f"ID|V00EXAMTP|V00XRBARCD\n9000002|{VIEW}|016600839604\n"
    texts["image03.txt"] = manifest(
        ("9000001", f"00m/{'/'.join(Path(tiny.FILM).parts[1:-1])}.tar.gz", VIEW, "016600839603"),
        ("9000002", "00m/0.E.1/9000002/20050131/00839604.tar.gz", "", ""),
        ("9000002", "00m/0.E.1/9000002/20050131/10839605.tar.gz", "SAG_IW_TSE_RIGHT", ""),
        ("9000002", "12m/1.E.1/9000002/20060131/00839606.tar.gz", VIEW, "016600839606"),
    )
    folder = tiny.write(tmp_path, texts)
    packed = folder / "image03" / "00m/0.E.1/9000002/20050131/00839604.tar.gz"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(b"")
    films = oai.read(folder).films.set_index("film_id")
    assert films["participant_id"].to_dict() == {
        "016600839603": "9000001",
        "016600839604": "9000002",
    }
    assert films["path"].to_dict() == {
        "016600839603": tiny.FILM,
        "016600839604": packed.relative_to(folder).as_posix(),
    }
    assert films["view"].tolist() == [VIEW, VIEW]
    assert films["on_disk"].all()
    assert films.loc["016600839604", "date"] == pd.Timestamp("2005-01-31")


def test_a_list_of_the_archive_without_addresses_is_refused(tmp_path: Path) -> None:
    texts = tiny.texts()
    del texts["00m/contents.csv"]
    texts["image03.txt"] = manifest().replace("image_file", "image_name")
    with pytest.raises(oai.ReleaseError, match=r"image03\.txt: column image_file is missing"):
        oai.read(tiny.write(tmp_path, texts))


def test_an_archived_series_is_the_file_of_its_film(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    film = folder / tiny.FILM
    film.unlink()
    film.parent.rmdir()
    packed = film.parent.with_name("00839603.tar.gz")
    packed.write_bytes(b"")
    films = oai.read(folder).films.set_index("film_id")
    assert films.loc["016600839603", "path"] == packed.relative_to(folder).as_posix()


def test_a_cell_that_is_not_understood_is_reported_with_its_column(tmp_path: Path) -> None:
    texts = {
        name: text.replace("9000001|1|15|0.8|016600839603|2", "9000001|1|15|0.8|016600839603|two")
        for name, text in tiny.texts().items()
    }
    report = oai.read(tiny.write(tmp_path, texts)).ingest.set_index("table")
    assert report.loc["kxr_sq_bu00", "not_understood"] == 1
    told = report.loc["kxr_sq_bu00", "sentence"]
    said = "V00XRKL (1 cell of the form 'aaa', first in row 1, expected a whole number from 0 to 4)"
    assert said in told
    assert "two" not in told


def test_a_person_listed_twice_is_kept_once_and_reported(
    release: oai.Release, tmp_path: Path
) -> None:
    texts = tiny.texts()
    texts["General_ASCII/Enrollees.txt"] += "9000004|25|1: Male|1: Progression|A|0: No\n"
    read = oai.read(tiny.write(tmp_path, texts))
    same(release, read)
    report = read.ingest.set_index("table")
    assert "Rows that repeat participant_id: 1." in report.loc["Enrollees", "sentence"]


def test_rows_without_a_side_are_counted(tmp_path: Path) -> None:
    texts = {
        name: text.replace("9000001|2: Left|15|0.9", "9000001|3: Bilateral|15|0.9")
        for name, text in tiny.texts().items()
    }
    read = oai.read(tiny.write(tmp_path, texts))
    assert read.ingest.set_index("table").loc["kxr_sq_bu01", "not_understood"] == 1
    assert knee(read.readings, "9000001", "left", "V01").empty


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("Enrollees", "table Enrollees is missing .* needed by all stages"),
        ("AllClinical00", "table AllClinical00 is missing .* pain at this visit is not known"),
        ("KXR_SQ_BU00", "table kxr_sq_bu00 is missing .* needed by grading"),
    ],
)
def test_a_missing_required_table_stops_with_who_needs_it(
    tmp_path: Path, gone: str, sentence: str
) -> None:
    texts = {name: text for name, text in tiny.texts().items() if gone not in name}
    with pytest.raises(oai.ReleaseError, match=sentence):
        oai.read(tiny.write(tmp_path, texts))


def test_a_missing_column_stops_with_file_and_column(tmp_path: Path) -> None:
    texts = {name: text.replace("|V00XRKL|", "|XX|") for name, text in tiny.texts().items()}
    with pytest.raises(oai.ReleaseError, match=r"KXR_SQ_BU00\.txt: column V00XRKL of table"):
        oai.read(tiny.write(tmp_path, texts))


def test_a_row_too_long_stops_with_the_file(tmp_path: Path) -> None:
    texts = tiny.texts()
    texts["General_ASCII/Enrollees.txt"] += "9000005|25|1|1|A|2|3|4|5|6\n"
    with pytest.raises(
        oai.ReleaseError, match=r"Enrollees\.txt: a row has 10 cells under 6 headings"
    ):
        oai.read(tiny.write(tmp_path, texts))


def test_a_table_of_headings_alone_has_no_rows(tmp_path: Path) -> None:
    texts = tiny.texts()
    name = next(name for name in texts if "kxr_sq_bu08" in name)
    texts[name] = texts[name].splitlines()[0] + "\n"
    read = oai.read(tiny.write(tmp_path, texts))
    assert not read.readings["visit"].eq("V08").any()
    assert read.ingest.set_index("table").loc["kxr_sq_bu08", ["found", "rows"]].tolist() == [
        True,
        0,
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nowhere", "there is no such folder"), ("empty", "the folder is empty")],
)
def test_no_folder_and_an_empty_one_are_told_apart(
    tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(oai.ReleaseError, match=sentence):
        oai.read(tmp_path / name)


def test_a_folder_of_something_else_is_no_release(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("shopping list")
    with pytest.raises(oai.ReleaseError, match="no table of an OAI release"):
        oai.read(tmp_path)
