"""Headers: the reader and the synthetic release both use the headings that real releases have.

`headers.csv` holds what is known, and from where: `bytes` of a real file, the `dictionary` of a
package, `code` that reads it, `later release`; what nobody has seen is `unconfirmed`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from kneephen_utils.oai import catalog, nda
from oai_twin import release, simulation

KNOWN = pd.read_csv(Path(__file__).parent / "headers.csv")
SEEN = KNOWN[KNOWN["known"].ne("unconfirmed")]


def headings(table: pd.DataFrame, file: str) -> list[str]:
    return table.loc[table["file"].str.lower().eq(file.lower()), "heading"].tolist()


def ascii_headings(table: pd.DataFrame, stem: str, visit: str) -> set[str]:
    """Return the headings of a release table at a visit, in upper case."""
    own = headings(table, stem) or headings(table, f"{stem}{visit}") or headings(table, f"{stem}00")
    at_visit = [re.sub(r"^V00", "V##", name) if "kxr_sq" in stem.lower() else name for name in own]
    return {name.replace("##", visit or "00").upper() for name in at_visit}


def names(spec: catalog.Column) -> set[str]:
    return set(spec.release.split("|"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written")
    people = simulation.simulate(
        participants=12, seed=7, planted=True, defects=0.0, reader_noise=0.007, floor=True
    )
    for flavour in ("ascii", "nda"):
        release.write(people, home / flavour, flavour=flavour)
    return home


def first_line(path: Path) -> list[str]:
    return re.split(r"[|\t,]", path.read_text("latin-1").splitlines()[0].replace('"', ""))


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("Enrollees", "General_ASCII/Enrollees.txt"),
        ("kxr_sq_bu00", f"{release.READINGS}/kxr_sq_bu00.txt"),
        ("contents.csv", "00m/contents.csv"),
    ],
)
def test_the_synthetic_release_has_the_headings_of_real_bytes(
    written: Path, file: str, path: str
) -> None:
    assert first_line(written / "ascii" / path) == headings(KNOWN, file)


def test_the_synthetic_release_has_no_heading_that_is_not_listed(written: Path) -> None:
    for path in (written / "ascii").rglob("*.txt"):
        stem, digits = re.fullmatch(r"(.*?)(\d*)", path.stem).groups()
        file = path.stem if digits == "99" else stem
        listed = ascii_headings(KNOWN, file, digits)
        assert {name.upper() for name in first_line(path)} <= listed, path.name


def test_the_synthetic_package_has_no_heading_that_is_not_listed(written: Path) -> None:
    files = sorted((written / "nda").glob("*.txt"))
    assert len(files) == 8
    for path in files:
        assert set(first_line(path)) <= set(headings(KNOWN, path.stem)), path.name
    assert "examtype" in first_line(written / "nda" / "oai_xrmeta01.txt")
    assert "e_cohort" in first_line(written / "nda" / "oai_enrollee01.txt")


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.stem)
def test_the_reader_asks_for_headings_that_were_seen(table: catalog.Table) -> None:
    for visit in table.visits:
        stem = table.name(visit) if visit == "V99" else table.stem
        seen = ascii_headings(SEEN, stem, visit[1:])
        for spec in table.columns_at(visit):
            assert names(spec) & seen, f"{table.name(visit)}: {spec.release} was never seen"


@pytest.mark.parametrize("stem", nda.ORIGINS)
def test_the_reader_of_packages_asks_for_headings_that_were_seen(stem: str) -> None:
    table = next(each for each in catalog.TABLES if each.stem.lower() == stem)
    origins = nda.ORIGINS[stem]
    for origin in origins:
        assert headings(SEEN, origin.file), f"{origin.file} was never seen"
    for visit in table.visits[:2]:
        seen = {
            nda.renamed(name.upper(), origin, visit[1:] or "00")
            for origin in origins
            for name in headings(SEEN, origin.file)
        }
        for spec in (each for each in table.columns_at(visit) if each.required):
            assert names(spec) & seen, f"{stem}: {spec.release} has no heading that was seen"
