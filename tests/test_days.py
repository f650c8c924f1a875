"""Days: a date is the same day however the release or a program on the way has spelled it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny

from kneephen_utils import oai
from kneephen_utils.oai import days, missing_codes

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
STUDY = pd.Series(pd.date_range("2004-01-01", "2025-12-31", freq="53D"))
SPELLINGS = {
    "month/day/year": lambda day: f"{day:%m/%d/%Y}",
    "no leading zeros": lambda day: f"{day.month}/{day.day}/{day.year}",
    "two digits of the year": lambda day: f"{day:%m/%d/%y}",
    "dashes": lambda day: f"{day:%m-%d-%Y}",
    "DATE9.": lambda day: f"{day.day:02}{MONTHS[day.month - 1]}{day.year}",
    "DATE7.": lambda day: f"{day.day:02}{MONTHS[day.month - 1]}{day:%y}",
    "DATE11.": lambda day: f"{day.day:02}-{MONTHS[day.month - 1]}-{day.year}",
    "a database": lambda day: f"{day.day:02}-{MONTHS[day.month - 1].title()}-{day:%y}",
    "WORDDATE.": lambda day: f"{day:%B} {day.day}, {day.year}",
    "ISO": lambda day: f"{day:%Y-%m-%d}",
    "ISO with slashes": lambda day: f"{day:%Y/%m/%d}",
    "dots": lambda day: f"{day:%d.%m.%Y}",
    "no marks": lambda day: f"{day:%Y%m%d}",
    "MMDDYYN8.": lambda day: f"{day:%m%d%Y}",
    "ISO with a time": lambda day: f"{day:%Y-%m-%d} 00:00:00",
    "ISO with T and Z": lambda day: f"{day:%Y-%m-%d}T13:45:10.250Z",
    "a time": lambda day: f"{day:%m/%d/%Y} 00:00:00",
    "a time before noon": lambda day: f"{day:%m/%d/%y} 9:30:00 AM",
    "DATETIME18.": lambda day: f"{day.day:02}{MONTHS[day.month - 1]}{day.year}:00:00:00",
    "days of SAS": lambda day: str((day - pd.Timestamp("1960-01-01")).days),
    "seconds of SAS": lambda day: str((day - pd.Timestamp("1960-01-01")).days * 86_400 + 5_000),
    "days of a spreadsheet": lambda day: str((day - pd.Timestamp("1899-12-30")).days),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_is_the_same_day(spell: object) -> None:
    cells = STUDY.map(spell)
    assert days.read(cells).equals(STUDY)
    assert days.read(" " + cells + " ").equals(STUDY)
    assert missing_codes.unknown(cells, "date", None).empty


def test_a_year_of_two_digits_is_never_later_than_the_study() -> None:
    read = days.read(pd.Series(["06/30/25", "06/30/26", "06/30/98", "30JUN00"]))
    assert read.dt.year.tolist() == [2025, 1926, 1998, 2000]


def test_a_column_that_shows_the_day_first_is_read_so() -> None:
    shown = pd.Series(["05/03/2007", "31/01/2009", ""])
    assert days.day_first(shown)
    assert days.read(shown)[:2].tolist() == [pd.Timestamp("2007-03-05"), pd.Timestamp("2009-01-31")]
    both = pd.Series(["05/03/2007", "31/01/2009", "01/31/2009"])
    assert days.read(both).isna().tolist() == [False, True, False]
    assert days.read(both)[0] == pd.Timestamp("2007-05-03")


@pytest.mark.parametrize(
    "cell",
    ["02/30/2009", "2009-13-01", "31FOO2009", "1/2/3", "01/31/109", "2009", "3x", "01/31-2009"],
)
def test_what_is_no_day_is_counted_unless_it_is_a_number_of_days(cell: str) -> None:
    cells = pd.Series([cell, "01/31/2009", " ", ".", ".M: Missing"])
    counted = list(missing_codes.unknown(cells, "date", None))
    assert counted == ([] if cell.isdigit() else [cell])


def outcomes_as_delivered() -> dict[str, str]:
    """Return the release with `Outcomes99` in its delivered form: short years and no days."""
    texts = tiny.texts()
    name = next(name for name in texts if "OUTCOMES" in name)
    cells = [line.split("|") for line in texts[name].splitlines()]
    table = pd.DataFrame(cells[1:], columns=cells[0])
    started = {"9000002": pd.Timestamp("2005-02-10")}
    for letter in "RL":
        gone = pd.to_numeric(table.pop(f"V99E{letter}KDAYS"), errors="coerce")
        when = table["id"].map(started) + pd.to_timedelta(gone, unit="D")
        table[f"V99E{letter}KDATE"] = when.dt.strftime("%m/%d/%y").fillna("")
    short = table["V99EDDDATE"].str.replace(r"/\d\d(\d\d)$", r"/\1", regex=True)
    table["V99EDDDATE"] = short
    rows = ["|".join(row) for row in [list(table), *table.to_numpy().tolist()]]
    return texts | {name: "\n".join(rows) + "\n"}


def test_outcomes_as_delivered_have_their_days_from_enrolment(tmp_path: Path) -> None:
    texts = outcomes_as_delivered()
    assert "DAYS" not in next(text for name, text in texts.items() if "OUTCOMES" in name)
    read = oai.read(tiny.write(tmp_path / "short", texts))
    expected = oai.read(tiny.write(tmp_path / "long"))
    left = read.replacements.query("participant_id == '9000002' and side == 'left'")
    assert left["months"].item() == 548 / (365.25 / 12)
    pd.testing.assert_frame_equal(read.replacements, expected.replacements)
    pd.testing.assert_frame_equal(read.ends, expected.ends)
    assert read.ingest["not_understood"].sum() == 0


def test_visits_are_read_to_the_day_in_every_spelling(tmp_path: Path) -> None:
    expected = oai.read(tiny.write(tmp_path / "long")).contacts
    for number, name in enumerate(["DATE9.", "two digits of the year", "a time", "dots"]):
        texts = {
            file: re.sub(
                r"\d\d/\d\d/\d{4}",
                lambda found, spell=SPELLINGS[name]: spell(pd.to_datetime(found[0])),
                text,
            )
            for file, text in tiny.texts().items()
        }
        read = oai.read(tiny.write(tmp_path / str(number), texts))
        pd.testing.assert_frame_equal(read.contacts, expected)
        assert read.ingest["not_understood"].sum() == 0


def test_a_column_read_day_first_is_told(tmp_path: Path) -> None:
    texts = {
        name: re.sub(r"(\d\d)/(\d\d)/(\d{4})", r"\2/\1/\3", text) if "03.txt" in name else text
        for name, text in tiny.texts().items()
    }
    name = next(name for name in texts if "CLINICAL03" in name.upper())
    texts[name] = texts[name].replace("05/03/2007", "25/03/2007")
    read = oai.read(tiny.write(tmp_path, texts))
    told = read.ingest.set_index("table").loc["AllClinical03", "sentence"]
    assert "V03FVDATE is read as day/month/year" in told
    assert not re.search(r"\d\d/\d\d/\d\d", told)


def test_an_odd_date_is_counted_and_never_shown(tmp_path: Path) -> None:
    texts = {name: text.replace("01/04/2012", "32.13.2012") for name, text in tiny.texts().items()}
    report = oai.read(tiny.write(tmp_path, texts)).ingest.set_index("table")
    assert report.loc["Outcomes99", "not_understood"] == 1
    assert "V99EDDDATE (1 cell of the form '99.99.9999'" in report.loc["Outcomes99", "sentence"]
    assert "2012" not in report.loc["Outcomes99", "sentence"]
    assert np.all(~report["sentence"].str.contains(r"\b9\d{6}\b"))
