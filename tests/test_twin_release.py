"""Twin, release: the files look like the real ones and say what was planted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kneephen_utils import dicom, oai
from oai_twin import __main__ as command
from oai_twin import observed, release, render_films, simulation

READINGS = "X-Ray Image Assessments_ASCII/Semi-Quant Scoring_ASCII"
READING_COLUMNS = (
    "ID|SIDE|READPRJ|VERSION|V00BARCDBU|V00XROSFM|V00XRSCFM|V00XRCYFM|V00XRJSM|V00XRCHM|"
    "V00XROSTM|V00XRSCTM|V00XRCYTM|V00XRATTM|V00XRKL|V00XROSFL|V00XRSCFL|V00XRCYFL|V00XRJSL|"
    "V00XRCHL|V00XROSTL|V00XRSCTL|V00XRCYTL|V00XRATTL"
)
SHARES_READ = {  # of baseline knees read by project, by visit: grades 0, 2 and 3
    "V03": (0.88, 0.87, 0.86),
    "V05": (0.84, 0.83, 0.81),
    "V06": (0.81, 0.79, 0.71),
    "V08": (0.65, 0.08, 0.05),
    "V10": (0.68, 0.08, 0.05),
}


def simulated(participants: int, seed: int) -> simulation.Simulation:
    return simulation.simulate(
        participants=participants,
        seed=seed,
        planted=True,
        defects=0.02,
        reader_noise=0.007,
        floor=True,
    )


@pytest.fixture(scope="module")
def cohort() -> simulation.Simulation:
    return simulated(4796, 1)


@pytest.fixture(scope="module")
def small() -> simulation.Simulation:
    return simulated(300, 7)


@pytest.fixture(scope="module")
def folder(small: simulation.Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("twin") / "release"
    release.write(small, written)
    return written


def fingerprint(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    content = hashlib.sha256()
    for path in files:
        content.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return content.hexdigest()


def cells(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="|", dtype=str, keep_default_na=False)


def project(cohort: simulation.Simulation, code: list[int]) -> pd.DataFrame:
    """Return grades of one reading project: one row per knee, one column per visit."""
    rows = cohort.readings[cohort.readings["reading_code"].isin(code)]
    return rows.pivot_table(index="knee_id", columns="visit", values="kl_grade")


def test_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in {"first": 3, "again": 3, "other": 4}.items():
        cohort = simulated(40, seed)
        release.write(cohort, tmp_path / name / "release")
        release.write_truth(cohort, cohort.films, tmp_path / name / "truth")
    assert fingerprint(tmp_path / "first") == fingerprint(tmp_path / "again")
    assert fingerprint(tmp_path / "first") != fingerprint(tmp_path / "other")


def write_and_be_killed(folder: Path) -> None:
    with release.replacing(folder) as partial:
        (partial / "release").mkdir()
        raise KeyboardInterrupt


def test_nothing_appears_when_writing_is_cut_short(tmp_path: Path) -> None:
    with release.replacing(tmp_path) as partial:
        for name in release.FOLDERS:
            (partial / name).mkdir()
        (partial / "release" / "old").touch()
    with pytest.raises(KeyboardInterrupt):
        write_and_be_killed(tmp_path)
    assert (tmp_path / "release" / "old").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release", "truth"]
    with release.replacing(tmp_path) as partial:
        for name in release.FOLDERS:
            (partial / name).mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release", "truth"]
    assert not any((tmp_path / "release").iterdir())


def test_the_command_writes_release_and_truth(tmp_path: Path) -> None:
    words = ["--out", str(tmp_path), "--participants", "30", "--seed", "1", "--tables-only"]
    assert command.main(words) == 0
    planted = pd.read_parquet(tmp_path / "truth" / "planted.parquet")
    outcomes = pd.read_parquet(tmp_path / "truth" / "outcomes.parquet")
    assert len(planted) == len(outcomes) == 60
    assert outcomes["rise_1"].dropna().gt(0).all()


def test_defects_of_the_file_are_made_on_the_file(tmp_path: Path) -> None:
    cohort = simulated(3, 5)
    cohort.films["defect"] = ["truncated", "missing_file", ""]
    films = render_films.expose_all(cohort, tmp_path, workers=1)
    paths = [tmp_path / path for path in release.film_paths(cohort)]
    assert [path.exists() for path in paths] == [True, False, True]
    with pytest.raises(dicom.FilmError):
        dicom.read(paths[0])
    film = dicom.read(paths[2])
    assert film.pixels.shape == (films["rows"][2], films["columns"][2])
    assert film.barcode == cohort.films["film_id"][2]
    assert (films["right_x"] < films["left_x"]).all()


@pytest.mark.slow
def test_films_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    cohort = simulated(4, 5)
    tables = [
        render_films.expose_all(cohort, tmp_path / str(workers), workers=workers)
        for workers in (1, 2)
    ]
    assert_frame_equal(*tables)
    assert fingerprint(tmp_path / "1") == fingerprint(tmp_path / "2")


@pytest.mark.parametrize(
    ("word", "value", "sentence"),
    [
        ("--participants", "0", "0 participants cannot be drawn; expected 1 to 1,000,000"),
        ("--defects", "1.5", "share of defective films is 1.5; expected 0 to 1"),
        ("--reader-noise", "-1", "reader noise is -1.0; expected 0 to 0.5"),
    ],
)
def test_the_command_says_what_is_wrong(
    word: str, value: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path), "--participants", "5", "--seed", "1", word, value]
    assert command.main(words) == 1
    assert capsys.readouterr().err == f"twin: {sentence}\n"
    assert not any(tmp_path.iterdir())


def test_headings_line_ends_and_letter_case_are_those_of_the_real_files(folder: Path) -> None:
    first = (folder / READINGS / "kxr_sq_bu00.txt").read_bytes()
    assert first.split(b"\n")[0].decode() == READING_COLUMNS
    assert b"\r" not in first
    enrollees = (folder / "General_ASCII" / "Enrollees.txt").read_bytes()
    assert enrollees.count(b"\r\n") == enrollees.count(b"\n") == 301
    assert len(enrollees.split(b"\r\n")[0].split(b"|")) == 60
    assert (folder / READINGS / "kXR_SQ_BU01.txt").exists()
    assert "readprj" in cells(folder / READINGS / "kxr_sq_bu05.txt")
    assert "id" in cells(folder / "General_ASCII" / "Outcomes99.txt")


def test_values_are_labelled_at_first_and_bare_later(folder: Path) -> None:
    clinical = folder / "AllClinical_ASCII"
    assert set(cells(clinical / "AllClinical01.txt")["V01KRSR12"]) <= {
        "0: No",
        "1: Yes",
        ".: Missing Form/Incomplete Workbook",
    }
    later = cells(clinical / "AllClinical06.txt")
    assert set(later["V06KRSR12"]) <= {"0.0", "1.0", " "}
    assert len(later) == 300
    assert (later["V06WOMKPR"] == " ").any()
    assert not later.isin(["nan", "-0", "None"]).any(axis=None)


def test_barcodes_lead_from_readings_to_series_folders(
    folder: Path, small: simulation.Simulation
) -> None:
    listed = pd.read_csv(folder / "00m" / "contents.csv", dtype=str)
    readings = cells(folder / READINGS / "kxr_sq_bu00.txt")
    assert readings["V00BARCDBU"].str.fullmatch(r"01660\d{7}").all()
    series = listed.set_index("ParticipantID")["Folder"].str[-8:]
    assert (readings["ID"].map(series) == readings["V00BARCDBU"].str[-8:]).all()
    assert (listed["Barcode"] == listed["Folder"].str[-8:].str.lstrip("0")).all()
    paths = {path.as_posix() for path in release.film_paths(small)}
    assert paths == {f"00m/{each}/001" for each in listed["Folder"]}
    films = cells(folder / "X-Ray MetaAnalysis_ASCII" / "XRay00.txt")
    knees = films[films["V00EXAMTP"].str.contains("Knee")]
    assert set(knees["V00XRBARCD"]) == set(small.films["film_id"])


def test_side_one_is_the_right_knee_and_grades_are_the_planted_ones(
    folder: Path, small: simulation.Simulation
) -> None:
    readings = cells(folder / READINGS / "kxr_sq_bu00.txt")
    knee = readings["ID"] + readings["SIDE"].map({"1": "-R", "2": "-L"})
    planted = knee.map(small.knees.set_index("knee_id")["kl_true"])
    read = pd.to_numeric(readings["V00XRKL"])
    assert (read == planted)[read.notna()].mean() > 0.97


def test_the_reader_of_real_releases_understands_every_cell(
    folder: Path, small: simulation.Simulation
) -> None:
    found = oai.read(folder)
    assert found.ingest["not_understood"].sum() == 0
    people = found.people.set_index("participant_id").loc[small.people["participant_id"]]
    assert np.allclose(people["age"], small.people["age"])
    assert people["sex"].tolist() == small.people["sex"].tolist()
    assert people["site"].tolist() == small.people["site"].tolist()
    assert people["subcohort"].tolist() == small.people["subcohort"].tolist()
    symptoms = found.symptoms.merge(small.scores, on=["participant_id", "side", "visit"])
    assert len(symptoms) == len(small.scores)
    assert symptoms["womac_pain_x"].equals(symptoms["womac_pain_y"])


def test_the_path_without_files_gives_what_the_files_give(
    folder: Path, small: simulation.Simulation
) -> None:
    read, direct = oai.read(folder), observed.release(small)
    key = ["participant_id", "side", "visit", "reading_code"]
    for name in ("people", "contacts", "symptoms", "histories", "widths", "replacements", "ends"):
        first, second = getattr(read, name), getattr(direct, name)
        order = [column for column in key if column in first]
        first, second = (each.sort_values(order, ignore_index=True) for each in (first, second))
        assert_frame_equal(first, second[first.columns], check_dtype=False, atol=1e-3)
    scores = [*key, "kl_grade", "jsn_medial", "osteophyte_tibia_lateral", "sclerosis_femur_medial"]
    first, second = (
        each.readings[scores].sort_values(key, ignore_index=True) for each in (read, direct)
    )
    assert_frame_equal(first, second, check_dtype=False)


def test_reported_replacements_are_true_ones(folder: Path, small: simulation.Simulation) -> None:
    found = oai.read(folder).replacements
    found = found[found["status"].eq(3)]
    knee = found["participant_id"] + found["side"].map({"right": "-R", "left": "-L"})
    true = small.fates.set_index("knee_id")["replacement_months"].loc[knee]
    assert len(found) > 0
    assert np.allclose(found["months"], true, atol=0.03)
    assert (found["reported_months"] + 3 > found["months"]).all()


def test_nothing_planted_lies_in_the_release(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="latin-1").lower()
            for word in ("phenotype", "osteophytic", "atrophic", "pain_prone", "kl_true", "hazard"):
                assert word not in text


def test_readers_see_the_published_share_of_knees(cohort: simulation.Simulation) -> None:
    base = project(cohort, [15])["V00"].dropna()
    for visit, expected in SHARES_READ.items():
        code = [15] if visit <= "V06" else [37, 42]
        read = project(cohort, code)[visit].dropna().index
        shares = [base.index[base == grade].isin(read).mean() for grade in (0, 2, 3)]
        assert np.allclose(shares, expected, atol=0.045), (visit, shares)


def test_project_15_reads_to_48_months_and_37_hardly_any_disease(
    cohort: simulation.Simulation,
) -> None:
    assert cohort.readings[cohort.readings["visit"] > "V06"]["reading_code"].min() == 37
    base = cohort.readings[cohort.readings["visit"] == "V00"]
    grades = base[base["reading_code"] == 37]["kl_grade"].dropna()
    assert (grades <= 1).mean() > 0.98
    rows = base["reading_code"].value_counts()
    assert rows[15] == pytest.approx(8982, rel=0.06)
    assert rows[37] == pytest.approx(3349, rel=0.12)
    assert rows[42] == pytest.approx(482, rel=0.2)


def test_two_projects_agree_as_published(cohort: simulation.Simulation) -> None:
    for visit, expected in {"V00": 0.986, "V06": 0.972}.items():
        first, second = project(cohort, [15])[visit], project(cohort, [37, 42])[visit]
        both = pd.concat([first, second], axis=1).dropna()
        assert (both.iloc[:, 0] == both.iloc[:, 1]).mean() == pytest.approx(expected, abs=0.008)


def test_read_grades_rise_at_the_published_rates(cohort: simulation.Simulation) -> None:
    grades = project(cohort, [15])
    for visit, expected in {"V03": 0.084, "V05": 0.112, "V06": 0.142}.items():
        pairs = grades.loc[grades["V00"] < 4, ["V00", visit]].dropna()
        assert (pairs[visit] > pairs["V00"]).mean() == pytest.approx(expected, abs=0.015)
        assert (pairs[visit] < pairs["V00"]).mean() < 0.005


def test_margins_are_read_only_in_people_with_disease(cohort: simulation.Simulation) -> None:
    base = cohort.readings[cohort.readings["visit"] == "V00"]
    worst = base.groupby(["participant_id", "reading_code"])["kl_grade"].transform("max")
    read = base["osteophyte_tibia_medial"].notna()
    assert (worst[read] >= 2).all()
    assert not read[worst < 2].any()
    assert 0.44 < 1 - read.mean() < 0.58


def test_narrowing_has_decimals_only_after_baseline(cohort: simulation.Simulation) -> None:
    odd = cohort.readings["jsn_medial"].mod(1).gt(0)
    assert set(cohort.readings.loc[odd, "visit"]) == {"V01", "V03", "V05", "V06", "V08", "V10"}
    assert cohort.readings["jsn_medial"].dropna().between(0, 3).all()


def test_replaced_knees_are_no_longer_read(cohort: simulation.Simulation) -> None:
    replaced = cohort.states[cohort.states["replaced"]]
    read = replaced.merge(cohort.readings, on=["knee_id", "visit"])
    assert len(read) > 50
    assert read["kl_grade"].isna().all()


def test_replacements_and_deaths_are_as_frequent_as_published(
    cohort: simulation.Simulation,
) -> None:
    found = observed.release(cohort)
    confirmed = found.replacements[found.replacements["status"].eq(3)]
    four, two = (
        confirmed.loc[confirmed["months"] <= months, "participant_id"].nunique()
        for months in (48, 24)
    )
    assert four == pytest.approx(171, rel=0.2)
    assert two == pytest.approx(68, rel=0.35)
    assert 0.02 < (found.ends["death_months"] <= 96).mean() < 0.06
