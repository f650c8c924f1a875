"""Pictures: which radiographs of the baseline visit the release lists, and where they lie.

`contents.csv` lists every series of the image folders; its barcodes have lost their leading
zeros. The package of the NIMH Data Archive lists them in `image03`, by the address each was
downloaded from. Without either, the X-ray table names the films and the folders are searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kneephen_utils.oai import days, flavour, values

MANIFEST = "image03"  # also the folder into which the archive's tool downloads
ADDRESS = r"((?:\d\dm/)*0\.[A-Z]\.\d+/[^/]+/\d{8}/0\d{7})(?:\.tar\.gz|\.tgz|/.*)?$"  # of an X-ray
BASELINE_RELEASE = r"^(?:.*/)?0\.[A-Z]\.\d+/"
UPWARDS = r"(?:^|/)\.\.(?:/|$)"
COLUMNS = ["film_id", "participant_id", "visit", "view", "date", "path", "on_disk"]


def listed(folder: Path, xrays: pd.DataFrame, manifests: Sequence[Path]) -> pd.DataFrame:
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
    release and `on_disk`, false where no file lies at that path.
    """
    lists = flavour.film_lists(folder)
    rows = [_contents(folder, path) for path in lists]
    rows = rows or [_manifest(folder, path, xrays) for path in manifests]
    if not any(len(part) for part in rows):
        rows = [_searched(folder, xrays)]
    films = pd.concat(rows, ignore_index=True)
    films = films[films["film_id"].notna() & films["participant_id"].notna()]
    return films[COLUMNS].drop_duplicates("path").sort_values("path", ignore_index=True)


def _contents(folder: Path, path: Path) -> pd.DataFrame:
    cells, _ = flavour.delimited(path, ",", None)
    needed = {"FOLDER", "PARTICIPANTID", "BARCODE", "SERIESDESCRIPTION"}
    if missing := sorted(needed - set(cells.columns)):
        raise flavour.ReleaseError(
            f"{path.relative_to(folder)}: column {missing[0]} is missing; expected the columns "
            "Folder, ParticipantID, StudyDate, Barcode, StudyDescription, SeriesDescription"
        )
    series = cells["FOLDER"].str.strip().str.replace("\\", "/").str.strip("/")
    inside = ~series.str.contains(UPWARDS, regex=True)  # no path leads out of the release
    baseline = series.str.contains(BASELINE_RELEASE, regex=True)
    cells = cells[baseline & inside].assign(series=series)
    files = [_file(folder, path.parent, each) for each in cells["series"]]
    return pd.DataFrame(
        {
            "film_id": values.barcode(cells["BARCODE"]).to_numpy(),
            "participant_id": values.text(cells["PARTICIPANTID"]).to_numpy(),
            "visit": "V00",
            "view": values.text(cells["SERIESDESCRIPTION"]).to_numpy(),
            "date": days.read(cells.get("STUDYDATE", cells["BARCODE"].str[:0])).to_numpy(),
            "path": [file.relative_to(folder).as_posix() for file in files],
            "on_disk": [file.is_file() for file in files],
        }
    )


def _manifest(folder: Path, path: Path, xrays: pd.DataFrame) -> pd.DataFrame:
    """Read the baseline radiographs of an `image03`, whose second line describes the fields."""
    cells, _ = flavour.delimited(path, "\t", None)
    for name in ("SRC_SUBJECT_ID", "IMAGE_FILE"):
        if name not in cells.columns:
            raise flavour.ReleaseError(
                f"{path.relative_to(folder)}: column {name.lower()} is missing; expected the "
                "person and the address of each series"
            )
    series = cells["IMAGE_FILE"].str.strip().str.extract(ADDRESS)[0]
    cells = cells.assign(series=series)[series.notna()]
    parts = cells["series"].str.split("/")
    blank = pd.Series("", index=cells.index)
    barcodes = cells.get("ACCESSION_NUMBER", blank).str.strip()
    film_id = values.barcode(barcodes.where(barcodes.ne(""), parts.str[-1]))
    views = values.text(cells.get("IMAGE_DESCRIPTION", blank))
    named = xrays.drop_duplicates("film_id").set_index("film_id")["view"]
    files = [_file(folder, folder / MANIFEST, each) for each in cells["series"]]
    return pd.DataFrame(
        {
            "film_id": film_id,
            "participant_id": values.text(cells["SRC_SUBJECT_ID"]),
            "visit": "V00",
            "view": views.fillna(film_id.map(named)),
            "date": days.read(parts.str[-2]),
            "path": [file.relative_to(folder).as_posix() for file in files],
            "on_disk": [file.is_file() for file in files],
        }
    )


def _searched(folder: Path, xrays: pd.DataFrame) -> pd.DataFrame:
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
        on_disk=[bool(file and file.is_file()) for file in files],
    )
    return rows[rows["path"].notna()]


def _file(folder: Path, home: Path, series: str) -> Path:
    """Return the file of a series folder: `001`, or the archive the NDA delivers."""
    roots = [home, *(root for root in home.parents if root.is_relative_to(folder))]
    places = [root / series for root in roots]
    candidates = [each for place in places for each in (place / "001", place)]
    candidates += [place.with_name(f"{place.name}.tar.gz") for place in places]
    return next((each for each in candidates if each.is_file()), places[0] / "001")
