"""Image index: which radiographs of the baseline visit the release lists, and where they lie.

`contents.csv` lists every series of the image folders; its barcodes have lost their leading
zeros. The package of the NIMH Data Archive lists them in `image03`, by the address each was
downloaded from. Without either, the X-ray table names the films and the folders are searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kneephen_utils import redaction
from kneephen_utils.oai import days, missing_codes, release_format

MANIFEST = "image03"  # also the folder into which the archive's tool downloads
ADDRESS = r"((?:\d\dm/)*0\.[A-Z]\.\d+/[^/]+/\d{8}/0\d{7})(?:\.tar\.gz|\.tgz|/.*)?$"  # of an X-ray
BASELINE_RELEASE = r"^(?:.*/)?0\.[A-Z]\.\d+/"
UPWARDS = r"(?:^|/)\.\.(?:/|$)"
LISTS = "films"  # their line in the ingest report
Line = dict[str, Any]
COLUMNS = ["film_id", "participant_id", "visit", "view", "date", "path", "on_disk"]


def listed(
    folder: Path, xrays: pd.DataFrame, manifests: Sequence[Path]
) -> tuple[pd.DataFrame, Line]:
    """Return the baseline films of a release folder, one row per series.

    Parameters
    ----------
    folder
        The release.
    xrays
        Rows of the X-ray table, used where the lists are missing or silent.
    manifests
        The files `image03` of the release, used where there is no `contents.csv`.

    Returns
    -------
    Columns `film_id` (12 digits), `participant_id`, `visit`, `view`, `date`, `path` inside the
    release and `on_disk`, false where no file lies at that path; and a line for the ingest
    report.
    """
    lists = release_format.film_lists(folder)
    parts = [_contents(folder, path) for path in lists]
    if not parts and manifests:
        lists = list(manifests[:1])
        parts = [_manifest(folder, path, xrays) for path in lists]
    if not any(len(part) for part, _ in parts):
        lists, parts = [], [_searched(folder, xrays)]
    films = pd.concat([part for part, _ in parts], ignore_index=True)
    whole = films["film_id"].notna() & films["participant_id"].notna()
    line = _line(folder, lists, films, int((~whole).sum()), [note for _, note in parts])
    films = films[whole].drop_duplicates("path").sort_values("path", ignore_index=True)
    return films[COLUMNS], line


def _line(
    folder: Path, lists: list[Path], films: pd.DataFrame, lost: int, notes: list[str]
) -> Line:
    """Return the line of the ingest report on the lists of films."""
    where = [redaction.place(path.relative_to(folder)) for path in lists]
    said = [
        f"{len(films):,} series of the baseline visit, {int(films['on_disk'].sum()):,} with a file."
        if lists
        else "No list of films is in the release: they are looked for by the X-ray table.",
        *dict.fromkeys(notes),
        f"Series without a person or a barcode, left out: {lost:,}." if lost else "",
    ]
    return {
        "table": LISTS,
        "found": bool(lists),
        "file": ", ".join(where) or None,
        "flavour": None,
        "version": None,
        "rows": len(films),
        "columns": films.shape[1],
        "not_understood": lost,
        "needed_by": "radiograph",
        "sentence": " ".join(filter(None, said)),
    }


def _contents(folder: Path, path: Path) -> tuple[pd.DataFrame, str]:
    cells = release_format.delimited(path, ",", None).cells
    _refuse_twice(cells, folder, path)
    needed = {"FOLDER", "PARTICIPANTID", "BARCODE", "SERIESDESCRIPTION"}
    if missing := sorted(needed - set(cells.columns)):
        raise release_format.ReleaseError(
            f"{path.relative_to(folder)}: column {missing[0]} is missing; expected the columns "
            "Folder, ParticipantID, StudyDate, Barcode, StudyDescription, SeriesDescription"
        )
    series = cells["FOLDER"].str.strip().str.replace("\\", "/").str.strip("/")
    inside = ~series.str.contains(UPWARDS, regex=True)  # no path leads out of the release
    baseline = series.str.contains(BASELINE_RELEASE, regex=True)
    cells = cells[baseline & inside].assign(series=series)
    film_id, note = _barcodes(cells["BARCODE"], cells["series"].str.split("/").str[-1])
    files = [_file(folder, path.parent, each) for each in cells["series"]]
    films = pd.DataFrame(
        {
            "film_id": film_id.to_numpy(),
            "participant_id": missing_codes.person(cells["PARTICIPANTID"]).to_numpy(),
            "visit": "V00",
            "view": missing_codes.text(cells["SERIESDESCRIPTION"]).to_numpy(),
            "date": days.read(cells.get("STUDYDATE", cells["BARCODE"].str[:0])).to_numpy(),
            "path": [file.relative_to(folder).as_posix() for file in files],
            "on_disk": [_is_file(file) for file in files],
        }
    )
    return (
        films,
        note and f"{note} of column Barcode of {redaction.place(path.relative_to(folder))}.",
    )


def _barcodes(cells: pd.Series, series: pd.Series) -> tuple[pd.Series, str]:
    """Return film barcodes, those without all their digits from the folder of the series."""
    whole, named = (
        missing_codes.barcode(cells),
        missing_codes.barcode(series.where(series.str.fullmatch(r"\d{8}"))),
    )
    mended = int((whole.isna() & named.notna()).sum())
    note = f"Barcodes without all their digits, taken from the folder of the film: {mended:,}"
    return whole.fillna(named), note if mended else ""


def _manifest(folder: Path, path: Path, xrays: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Read the baseline radiographs of an `image03`."""
    wanted = {"SUBJECTKEY", "SRC_SUBJECT_ID", "VISIT", "IMAGE_FILE", "IMAGE_DESCRIPTION"}
    cells = release_format.delimited(path, "\t", wanted | {"ACCESSION_NUMBER"}).cells
    _refuse_twice(cells, folder, path)
    for name in ("SRC_SUBJECT_ID", "IMAGE_FILE"):
        if name not in cells.columns:
            raise release_format.ReleaseError(
                f"{path.relative_to(folder)}: column {name.lower()} is missing; expected the "
                "person and the address of each series"
            )
    series = cells["IMAGE_FILE"].str.strip().str.extract(ADDRESS)[0]
    cells = cells.assign(series=series)[series.notna()]
    parts = cells["series"].str.split("/")
    blank = pd.Series("", index=cells.index)
    film_id, note = _barcodes(cells.get("ACCESSION_NUMBER", blank), parts.str[-1])
    views = missing_codes.text(cells.get("IMAGE_DESCRIPTION", blank))
    named = xrays.drop_duplicates("film_id").set_index("film_id")["view"]
    files = [_file(folder, folder / MANIFEST, each) for each in cells["series"]]
    films = pd.DataFrame(
        {
            "film_id": film_id,
            "participant_id": missing_codes.person(cells["SRC_SUBJECT_ID"]),
            "visit": "V00",
            "view": views.fillna(film_id.map(named)),
            "date": days.read(parts.str[-2]),
            "path": [file.relative_to(folder).as_posix() for file in files],
            "on_disk": [_is_file(file) for file in files],
        }
    )
    told = cells.get("ACCESSION_NUMBER", blank).str.strip().ne("").any()  # an empty one is no loss
    return films, f"{note} of column accession_number." if note and told else ""


def _searched(folder: Path, xrays: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Find the films of the X-ray table by the series folder that ends their barcode."""
    found = {
        (path.parts[-3], path.name.split(".")[0]): path
        for pattern in ("*", "*/*", "*/*/*")
        for path in folder.glob(f"{pattern}/0.[A-Z].[0-9]*/*/*/*")
        if path.name[:8].isdigit()
    }
    rows = xrays.assign(series=xrays["film_id"].str[-8:])
    files = [
        _file(folder, found[key].parent, key[1]) if key in found else None
        for key in zip(rows["participant_id"], rows["series"], strict=True)
    ]
    rows = rows.assign(
        visit="V00",
        path=[file.relative_to(folder).as_posix() if file else None for file in files],
        on_disk=[bool(file and _is_file(file)) for file in files],
    )
    lost = int(rows["path"].isna().sum())
    note = f"Films of the X-ray table without a file, left out: {lost:,}." if lost else ""
    return rows[rows["path"].notna()], note


def _file(folder: Path, home: Path, series: str) -> Path:
    """Return the file of a series folder: `001`, or the archive the NDA delivers."""
    roots = [home, *(root for root in home.parents if root.is_relative_to(folder))]
    places = [root / series for root in roots]
    candidates = [each for place in places for each in (place / "001", place)]
    candidates += [place.with_name(f"{place.name}.tar.gz") for place in places]
    return next((each for each in candidates if _is_file(each)), places[0] / "001")


def _is_file(path: Path) -> bool:
    """Say whether a file lies there; a name that no file can have is of none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _refuse_twice(cells: pd.DataFrame, folder: Path, path: Path) -> None:
    """Raise if two headings are the same; they are told by their places, for they may be data."""
    if (twice := cells.columns.duplicated()).any():
        second = int(twice.argmax())
        first = list(cells.columns).index(cells.columns[second])
        raise release_format.ReleaseError(
            f"{redaction.place(path.relative_to(folder))}: columns {first + 1} and {second + 1} "
            "have the same heading; expected each once"
        )
