"""Twin, flavours: one cohort delivered in three forms gives one study."""

from __future__ import annotations

import struct
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from pandas.testing import assert_frame_equal

from kneephen_utils import cohort, dicom, oai
from kneephen_utils.cohort import event, reading_selection
from oai_twin import __main__ as command
from oai_twin import release, render_films, sas, simulation

PEOPLE = 300
LETTERS = {"P", "T", "A", "M", "J"}


@pytest.fixture(scope="module")
def small() -> simulation.Simulation:
    return simulation.simulate(
        participants=PEOPLE, seed=7, planted=True, defects=0.05, reader_noise=0.007, floor=True
    )


@pytest.fixture(scope="module")
def delivered(
    small: simulation.Simulation, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, oai.Release]:
    """Return the same cohort, written in each flavour and read back."""
    home = tmp_path_factory.mktemp("flavours")
    for flavour in release.FLAVOURS:
        release.write(small, home / flavour, flavour=flavour)
    return {flavour: oai.read(home / flavour) for flavour in release.FLAVOURS}


def study(source: oai.Release) -> dict[str, pd.DataFrame]:
    chosen = reading_selection.choose(source.readings, projects="by_design")
    knees = cohort.knees(source, chosen)
    visits = cohort.visits(source, chosen, knees)
    people = cohort.participants(source, visits)
    events = event.find(knees, visits, chosen, cohort.replacements(source), people)
    return {"knees": knees, "visits": visits, "events": events, "participants": people}


@pytest.mark.parametrize("flavour", ["sas", "nda"])
def test_every_flavour_gives_the_same_artefacts(
    delivered: dict[str, oai.Release], flavour: str
) -> None:
    expected, found = study(delivered["ascii"]), study(delivered[flavour])
    assert set(delivered[flavour].ingest["flavour"].dropna()) == {flavour}
    assert delivered[flavour].ingest["not_understood"].sum() == 0
    assert len(expected["events"]) > 3 * PEOPLE
    if flavour == "nda":  # the package has lost who was ever injured
        unknown = pd.array([pd.NA] * len(expected["knees"]), dtype="boolean")
        expected["knees"] = expected["knees"].assign(injury=unknown)
    for name, table in expected.items():
        assert_frame_equal(found[name], table)
    listed = [delivered[each].films.drop(columns="path") for each in ("ascii", flavour)]
    ordered = [films.sort_values("film_id", ignore_index=True) for films in listed]
    assert len(ordered[0]) == PEOPLE
    assert_frame_equal(*ordered)


def test_the_command_writes_any_flavour_and_refuses_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path), "--participants", "20", "--seed", "1", "--tables-only"]
    assert command.main([*words, "--flavour", "nda"]) == 0
    assert (tmp_path / "release" / "oai_kxrsemiquant01.txt").exists()
    assert command.main([*words, "--flavour", "xml"]) == 1
    assert "flavour is 'xml'; expected ascii, sas, nda" in capsys.readouterr().err


def test_the_package_has_a_second_line_of_descriptions_and_no_prefix(
    small: simulation.Simulation, tmp_path: Path
) -> None:
    release.write(small, tmp_path, flavour="nda")
    first, second, third = (tmp_path / "oai_kxrsemiquant01.txt").read_text().split("\n")[:3]
    heads = first.replace('"', "").split("\t")
    assert {"subjectkey", "src_subject_id", "visit", "readprj", "side", "xrkl"} <= set(heads)
    assert "as in the release" in second
    assert third.startswith('"NDAR_INV')


def test_packed_films_are_found_and_read_like_plain_ones(tmp_path: Path) -> None:
    pair = simulation.simulate(
        participants=2, seed=5, planted=True, defects=0.0, reader_noise=0.0, floor=True
    )
    for name, packed in {"ascii": False, "nda": True}.items():
        release.write(pair, tmp_path / name, flavour=name)
        render_films.expose_all(pair, tmp_path / name, workers=1, packed=packed)
    plain, packed_films = (
        oai.read(tmp_path / name).films.sort_values("film_id", ignore_index=True)
        for name in ("ascii", "nda")
    )
    assert packed_films["path"].str.endswith(".tar.gz").all()
    assert packed_films["path"].tolist() == [f"{path[:-4]}.tar.gz" for path in plain["path"]]
    for first, second in zip(plain["path"], packed_films["path"], strict=True):
        one, other = dicom.read(tmp_path / "ascii" / first), dicom.read(tmp_path / "nda" / second)
        assert (one.pixels == other.pixels).all()
        assert one.barcode == other.barcode


def test_letters_of_sas_missing_values_reach_the_reader(tmp_path: Path) -> None:
    grades = ["2", *sorted(LETTERS), ""]
    columns = {"ID": [str(9_000_001 + at) for at in range(len(grades))], "V03XRKL": grades}
    sas.write(columns, tmp_path / "letters.sas7bdat")
    cells, _ = pyreadstat.read_sas7bdat(tmp_path / "letters.sas7bdat", user_missing=True)
    assert set(cells["V03XRKL"].iloc[1:-1]) == LETTERS
    assert cells["V03XRKL"].iloc[0] == 2
    assert pd.isna(cells["V03XRKL"].iloc[-1])


def test_a_second_reader_reads_the_sas_file_too(tmp_path: Path) -> None:
    columns = {
        "ID": ["9000001", "9000002"],
        "V00EVDATE": ["03/05/2007", ".: Missing Form/Incomplete Workbook"],
        "P02SEX": ["2: Female", "1: Male"],
        "V00JSM": ["1.4", ""],
    }
    sas.write(columns, tmp_path / "table.sas7bdat")
    table = pd.read_sas(tmp_path / "table.sas7bdat", encoding="utf-8")
    assert table["ID"].tolist() == columns["ID"]
    assert table["V00EVDATE"].tolist() == [pd.Timestamp("2007-03-05"), pd.NaT]
    assert table["P02SEX"].tolist() == [2, 1]
    assert table["V00JSM"].fillna(-1).tolist() == [1.4, -1]


def test_a_missing_number_is_written_as_the_format_says() -> None:
    assert sas.missing("") == bytes.fromhex("0000000000feffff")
    assert sas.missing(".A: Not Expected") == bytes.fromhex("0000000000fdffff")
    assert struct.unpack("<d", sas.missing("P"))[0] != struct.unpack("<d", sas.missing("P"))[0]
