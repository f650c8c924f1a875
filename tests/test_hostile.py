"""Hostile input: whatever a file holds, it is read or refused in a sentence, and no more."""

from __future__ import annotations

import ast
import gzip
import io
import struct
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import phantom
import pydicom
import pytest
import test_dicom
import tiny
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian

from kneephen_report import report
from kneephen_utils import PACKAGES, dicom, oai, tables
from kneephen_utils.oai import release_format
from oai_twin import sas
from workflow import params

FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MEGABYTE = 2**20
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=6), st.integers(0, 40)),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[tuple[float, bytes, int]]) -> bytes:
    """Put bytes in place of others, at shares of the length."""
    for share, put, gone in edits:
        at = int(share * len(content))
        content = content[:at] + put + content[at + gone :]
    return content


def attempt(work: Callable[[], Any], refusal: type[ValueError]) -> tuple[Any, str | None]:
    """Return what the work gives and nothing, or nothing and why it was refused."""
    try:
        return work(), None
    except refusal as error:
        return None, str(error)


# --- tables of a release


@FEW
@given(st.binary(max_size=300), st.sampled_from(["|", ",", "\t"]))
def test_any_bytes_are_a_table_or_an_error_that_names_the_file(
    tmp_path: Path, content: bytes, mark: str
) -> None:
    path = tmp_path / "enrollees.txt"
    path.write_bytes(content)
    found, said = attempt(
        lambda: release_format.delimited(path, mark, None), release_format.ReleaseError
    )
    assert found.cells.shape[1] == found.columns if said is None else "enrollees.txt" in said


@settings(FEW, max_examples=12, deadline=None)
@given(st.sampled_from(sorted(tiny.texts())), EDITS)
def test_a_release_with_one_damaged_table_is_read_or_refused(
    tmp_path: Path, name: str, edits: list[tuple[float, bytes, int]]
) -> None:
    path = tiny.write(tmp_path) / name
    path.write_bytes(edited(path.read_bytes(), edits))
    release, said = attempt(lambda: oai.read(tmp_path), oai.ReleaseError)
    assert len(release.ingest) if said is None else said


@FEW
@given(EDITS)
def test_a_damaged_sas_table_is_read_or_refused(
    tmp_path: Path, edits: list[tuple[float, bytes, int]]
) -> None:
    path = tmp_path / "enrollees.sas7bdat"
    sas.write({"ID": ["9000001", "9000002"], "P02SEX": ["1: Male", "2: Female"]}, path)
    path.write_bytes(edited(path.read_bytes(), edits))
    sheet, said = attempt(
        lambda: release_format.load([path], {"ID", "P02SEX"}), release_format.ReleaseError
    )
    assert sheet.flavour == "sas" if said is None else "enrollees.sas7bdat" in said


def test_a_film_list_does_not_lead_out_of_the_release(tmp_path: Path) -> None:
    outside = tmp_path / "0.C.2" / "9000001" / "20050215" / "00839603" / "001"
    outside.parent.mkdir(parents=True)
    outside.write_bytes(b"a file of somebody else")
    release = tiny.write(tmp_path / "a" / "release")
    path = next(release.rglob("contents.csv"))
    lines = path.read_text().splitlines()
    for way in ("../../../0.C.2", "x/../../../../0.C.2", "..\\..\\..\\0.C.2"):
        lines.append(lines[1].replace("0.C.2", way))
    path.write_text("\n".join(lines))
    found = oai.read(release).films
    assert len(found)
    for place in found["path"]:
        assert (release / place).resolve().is_relative_to(release.resolve()), place


# --- films


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantom.write(tmp_path_factory.mktemp("film") / "001", test_dicom.PICTURE)


@FEW
@given(EDITS)
def test_a_damaged_film_is_read_or_refused(
    film: Path, tmp_path: Path, edits: list[tuple[float, bytes, int]]
) -> None:
    head = film.read_bytes()
    edits = [(share * 0.2, put, gone) for share, put, gone in edits]  # where the tags are
    (tmp_path / "001").write_bytes(edited(head, edits))
    read, said = attempt(lambda: dicom.read(tmp_path / "001"), dicom.FilmError)
    assert read.pixels.ndim == 2 if said is None else "001" not in said


def refusal(path: Path, *, megabytes: float = 40, seconds: float = 5) -> str:
    """Return why a film is refused; it must not take memory or time to find out."""
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(dicom.FilmError) as stop:
        dicom.read(path)
    peak = tracemalloc.get_traced_memory()[1] / MEGABYTE
    tracemalloc.stop()
    assert time.process_time() - start < seconds
    assert peak < megabytes
    return str(stop.value)


@pytest.mark.parametrize("tags", [{"Rows": 65535, "Columns": 65535}, {"Rows": 0}])
def test_a_film_that_claims_a_size_no_film_has_is_refused(
    film: Path, tmp_path: Path, tags: dict[str, int]
) -> None:
    dataset = pydicom.dcmread(film)
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.save_as(tmp_path / "001")
    assert "which is no film" in refusal(tmp_path / "001")


def test_a_film_of_nested_sequences_is_refused(film: Path, tmp_path: Path) -> None:
    open_sequence = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF)
    open_item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    content = film.read_bytes()
    at = content.index(struct.pack("<HH", 0x7FE0, 0x0010))
    (tmp_path / "001").write_bytes(content[:at] + 20_000 * (open_sequence + open_item))
    assert refusal(tmp_path / "001")


def test_a_deflated_film_is_refused_before_it_is_inflated(film: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(film)
    dataset.private_block(0x0011, "BOMB", create=True).add_new(0x01, "OB", bytes(100 * MEGABYTE))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "001")
    del dataset
    assert (tmp_path / "001").stat().st_size < MEGABYTE
    assert "deflated" in refusal(tmp_path / "001")


# --- archives


def packed(folder: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Write a packed series of these members; return the path that asks for it."""
    with tarfile.open(folder / "00000001.tar.gz", "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return folder / "00000001" / "001"


@pytest.mark.parametrize("name", ["../../evil/001", "/tmp/evil/001", "a/b/../../../001"])
def test_an_archive_writes_nothing_wherever_its_members_point(
    film: Path, tmp_path: Path, name: str
) -> None:
    inner = tmp_path / "x" / "y"
    inner.mkdir(parents=True)
    path = packed(inner, (tarfile.TarInfo(name), film.read_bytes()))
    before = sorted(tmp_path.rglob("*"))
    assert dicom.read(path).pixels.shape == test_dicom.PICTURE.shape
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_in_an_archive_is_not_followed(film: Path, tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("001")
    info.type, info.linkname = kind, str(film)
    assert "empty" in refusal(packed(tmp_path, (info, b"")))


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_an_archive_that_unpacks_to_more_than_a_film_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    """A member of zeros, or a header of zeros, which tar would read whole; limits made small."""
    monkeypatch.setattr(dicom, "MAX_BYTES", 4 * MEGABYTE)
    info = tarfile.TarInfo("001")
    info.type, info.size = kind, 200 * MEGABYTE
    with gzip.open(tmp_path / "00000001.tar.gz", "wb", compresslevel=1) as archive:
        archive.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(200):
            archive.write(bytes(MEGABYTE))
    assert "larger than any film" in refusal(tmp_path / "00000001" / "001")


# --- parameters


@pytest.fixture(scope="module")
def declared(root: Path) -> str:
    return (root / "notebooks" / "params.yml").read_text()


@FEW
@given(EDITS)
def test_a_damaged_parameter_file_is_read_or_refused(
    declared: str, tmp_path: Path, edits: list[tuple[float, bytes, int]]
) -> None:
    path = tmp_path / "params.yml"
    path.write_bytes(edited(declared.encode(), edits))
    said = attempt(lambda: params.check(params.load(path)), params.ParamsError)[1]
    assert said is None or said


@pytest.mark.parametrize(
    "text",
    [
        "shared: {a: &a [x, x], b: [*a, *a]}\nstages: {}\ngrades: {}\nprofiles: {}",
        "[" * 20_000,
        "shared: !!python/object/apply:os.system ['true']",
        "shared: 1\nstages: 2\ngrades: 3\nprofiles: 4",
        "shared: {a: 1}\nstages: {b: {}}\ngrades: {0: [1]}\nprofiles: {demo: 3}",
        "\0",
    ],
    ids=["aliases", "nested", "python object", "no blocks", "wrong blocks", "binary"],
)
def test_a_parameter_file_that_is_meant_to_harm_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yml"
    path.write_text(text)
    with pytest.raises(params.ParamsError):
        params.check(params.load(path))


@FEW
@given(st.text(max_size=60) | st.from_regex(r"[a-z]{1,4}\.[a-z]{1,4}=[\[{&*!'\"%@ a-z0-9]{1,9}"))
def test_any_words_set_are_understood_or_refused(words: str) -> None:
    said = attempt(lambda: params.parse(words), params.ParamsError)[1]
    assert said is None or "SET" in said


# --- what a reader sees


MARK = "<img src=x onerror=alert(1)>&amp;<script>"


def test_text_of_a_release_is_text_on_the_page() -> None:
    drawn = report.table(pd.DataFrame({"site": [MARK], MARK: [1.0]}), title="Sites", note="").data
    assert "<img" not in drawn
    assert "<script" not in drawn


def test_an_error_about_a_table_names_no_person() -> None:
    spec = tables.SCHEMAS["participants"].columns
    assert {"participant_id", "sex"} <= set(spec)
    rows = pd.DataFrame({"participant_id": ["9000099", "9000099"], "sex": ["x", "y"]})
    with pytest.raises(tables.TableError) as stop:
        tables.check(rows, "participants")
    assert "table participants: column" in str(stop.value)
    assert "9000099" not in str(stop.value)


# --- the code itself


def sources(root: Path) -> list[Path]:
    """Return the modules of the project, and those of the book."""
    paths = [path for name in (*PACKAGES, "book") for path in (root / name).rglob("*.py")]
    return [path for path in paths if "benchmarks" not in path.parts]


def calls(root: Path) -> Iterator[tuple[str, ast.Call, str]]:
    """Yield each call in the package, the notebooks' modules and the book: file, node, name."""
    for path in sources(root):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield path.name, node, ast.unparse(node.func)


def test_nothing_is_executed_that_was_read(root: Path) -> None:
    """No pickle, no eval, no unsafe YAML, no weights that could hold code, no shell."""
    banned = {"eval", "exec", "compile", "yaml.load", "yaml.unsafe_load", "os.system", "os.popen"}
    banned |= {"pickle.load", "pickle.loads", "joblib.load", "pd.read_pickle", "dill.load"}
    for file, node, name in calls(root):
        told = {word.arg: ast.unparse(word.value) for word in node.keywords}
        assert name not in banned, f"{file}: {name}"
        assert told.get("shell") != "True", f"{file}: {name} through a shell"
        assert told.get("allow_pickle") != "True", f"{file}: {name} would unpickle"
        if name == "torch.load":
            assert told.get("weights_only") == "True", f"{file}: {name} without weights_only"
    assert not [path for path in sources(root) if "import pickle" in path.read_text()]


def test_no_table_leaves_as_text_a_spreadsheet_would_execute(root: Path) -> None:
    """Only the synthetic release and counts of simulations leave as text; results are parquet."""
    written = {file for file, _, name in calls(root) if name.endswith(".to_csv")}
    assert written == {"nda_writer.py", "benchmark_results.py"}
    assert yaml.safe_load("=1+1") == "=1+1"


def test_a_film_whose_name_no_file_can_have_is_not_on_disk(tmp_path: Path) -> None:
    release = tiny.write(tmp_path)
    path = next(release.rglob("contents.csv"))
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("/2", f"/{'n' * 300}2", 1)
    path.write_text("\n".join(lines), encoding="utf-8")
    films = oai.read(release).films
    assert not films.loc[films["path"].str.contains("nnn"), "on_disk"].any()
    assert films["path"].str.contains("nnn").sum() == 1
