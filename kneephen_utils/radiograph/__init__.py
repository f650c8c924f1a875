"""Radiographs: films become aligned, quality-checked knee pictures, one row per knee.

Every knee of the cohort gets exactly one row: the place of its picture, or the reason
there is none. Reading films and writing pictures happens here because pixels do not fit
in a table; the work on one film is done by module crop.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from tqdm import tqdm

from kneephen_utils import images, parallel, small_cells, tables
from kneephen_utils.radiograph import crop, quality

PERCENTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
CRASH = "reading the film ends the program that reads it"
Settings = crop.Settings


def cut(
    films: pd.DataFrame,
    knees: pd.DataFrame,
    *,
    settings: Settings,
    release: str | Path,
    artefacts: str | Path,
    workers: int,
) -> pd.DataFrame:
    """Cut every knee out of its baseline film and write the pictures to `images`.

    Parameters
    ----------
    films
        `films` table.
    knees
        `knees` table; only its keys, side, film and `replaced_at_baseline` are used.
    settings
        Size and grey values of the crops, and the confidence below which to abstain.
    release
        Folder the paths of `films` start from.
    artefacts
        Folder of the pictures; those of an earlier run are replaced.
    workers
        Processes; the result does not depend on it.

    Returns
    -------
    `crops` table in the order of `knees`.
    """
    asked = choose_films(films, knees)
    pixels = settings.pixels
    store = images.create(artefacts, len(asked), pixels)
    rows = _run(_requests(asked), release, store, settings, workers)
    store.resize((max((row["image"] for row in rows), default=-1) + 1, pixels, pixels))
    return _table(asked, rows)


def choose_films(films: pd.DataFrame, knees: pd.DataFrame) -> pd.DataFrame:
    """Return `knees` with the film to read: `path`, `view`, and `status` where there is none.

    The film is the one with the barcode of the reading; without a barcode, or where the
    barcode is not listed, the fixed-flexion film of that person.
    """
    listed = films.sort_values("path").drop_duplicates("film_id").set_index("film_id")
    frontal = films[films["view"].map(quality.is_frontal).astype(bool)]
    own = frontal.sort_values(["view", "path"]).drop_duplicates("participant_id")
    own = own.set_index("participant_id")["film_id"]
    asked = knees[["knee_id", "participant_id", "side", "replaced_at_baseline"]].copy()
    named = knees["film_id"].where(knees["film_id"].isin(listed.index))
    asked["film_id"] = named.fillna(knees["participant_id"].map(own))
    asked["path"] = asked["film_id"].map(listed["path"])
    asked["view"] = asked["film_id"].map(listed["view"])
    asked["status"] = ""
    asked.loc[asked["path"].isna(), "status"] = "no_film"
    asked.loc[asked["replaced_at_baseline"], "status"] = "prosthesis"
    return asked


def _requests(asked: pd.DataFrame) -> list[crop.Request]:
    wanted = asked[asked["status"] == ""]
    return [
        crop.Request(
            str(path),
            str(group["view"].iloc[0]),
            dict(zip(group["side"], group["knee_id"], strict=True)),
        )
        for path, group in wanted.groupby("path", sort=False)
    ]


def _run(
    requests: list[crop.Request],
    release: str | Path,
    store: zarr.Array,
    settings: Settings,
    workers: int,
) -> list[dict[str, Any]]:
    """Read films in parallel and return rows; pictures go to disk a chunk at a time."""
    image = 0
    tasks = ((Path(release), request, settings) for request in requests)
    films = parallel.surviving(
        crop.answer,
        tasks,
        workers=workers,
        deadly=lambda folder, request, _: crop.is_coded(folder, request),
        lost=lambda _folder, request, _settings: crop.unreadable(request, CRASH),
    )
    rows: list[dict[str, Any]] = []
    pictures: list[np.ndarray] = []
    progress = tqdm(films, total=len(requests), desc="films", unit="film", mininterval=2)
    for request, cuts in zip(requests, progress, strict=True):
        for knee_id, found in cuts:
            place = -1 if found.image is None else image + len(pictures)
            pictures += [] if found.image is None else [found.image]
            row = {"knee_id": knee_id, "path": request.path, "image": place}
            rows.append(row | {"status": found.status, "detail": found.detail} | found.measured)
        if len(pictures) >= images.CHUNK:
            image, pictures = _save(store, pictures, image), []
    _save(store, pictures, image)
    return rows


def _save(store: zarr.Array, pictures: list[np.ndarray], image: int) -> int:
    if pictures:
        store[image : image + len(pictures)] = np.stack(pictures)
    return image + len(pictures)


def _table(asked: pd.DataFrame, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Join what was asked for and what became of it: one row per knee."""
    columns = tables.SCHEMAS["crops"].columns
    found = pd.DataFrame(rows, columns=["knee_id", *(c for c in columns if c not in asked)])
    status = pd.Series({row["knee_id"]: row["status"] for row in rows}, dtype=object)
    crops = asked.merge(found, on="knee_id", how="left", validate="one_to_one")
    crops["status"] = crops["knee_id"].map(status).fillna(crops["status"])
    unread = {name: quality.REASONS[name] for name in ("no_film", "prosthesis")}
    crops["detail"] = crops["detail"].fillna(crops["status"].map(unread))
    crops["image"] = crops["image"].fillna(-1).astype("int64")
    numbers = [name for name, spec in columns.items() if str(spec.dtype) == "float64"]
    crops[numbers] = crops[numbers].astype("float64")
    return tables.check(crops[list(columns)], "crops")


def reasons(crops: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Count knees by status: columns `status`, `meaning`, `knees`, `share`.

    Where single knees may not be shown, reasons with fewer than `small_cells.FEW` knees are put
    together and a count still below that is missing.
    """
    counts = crops["status"].value_counts()
    order = [name for name in quality.REASONS if name in counts.index]
    counted = pd.DataFrame(
        {"status": order, "meaning": [quality.REASONS[s] for s in order], "knees": counts[order]}
    )
    rare = counted["knees"] < small_cells.FEW
    if not disclose and rare.any():
        together = pd.DataFrame(
            {
                "status": ["rarer"],
                "meaning": ["each of the other reasons"],
                "knees": [counted.loc[rare, "knees"].sum()],
            }
        )
        counted = pd.concat([counted[~rare], together])
    whole = pd.Series(len(crops), index=counted.index)
    counted["share"] = small_cells.share(counted["knees"], whole, disclose=disclose)
    counted["knees"] = small_cells.counts(counted["knees"], disclose=disclose)
    return counted.reset_index(drop=True)


def tally(
    films: pd.DataFrame, knees: pd.DataFrame, crops: pd.DataFrame, *, disclose: bool = True
) -> pd.DataFrame:
    """Follow the counts from films to pictures: columns `step`, `count`."""
    asked = choose_films(films, knees)
    steps = {
        "films listed at baseline": len(films),
        "films asked for": asked.loc[asked["status"] == "", "path"].nunique(),
        "knees of the cohort": len(knees),
        "knees without a film": int((crops["status"] == "no_film").sum()),
        "knees replaced before baseline": int((asked["status"] == "prosthesis").sum()),
        "knees refused on their film": int(
            (crops["status"].ne("ok") & asked["status"].eq("").to_numpy()).sum()
        ),
        "knees with a picture": int((crops["status"] == "ok").sum()),
    }
    counted = small_cells.counts(pd.Series(list(steps.values())), disclose=disclose)
    return pd.DataFrame({"step": list(steps), "count": counted})


def exposure(crops: pd.DataFrame, participants: pd.DataFrame, *, disclose: bool) -> pd.DataFrame:
    """Describe exposure and contrast of the pictured knees at each site.

    Returns
    -------
    Columns `measure`, `site`, `knees` and the percentiles `p5` to `p95`, share of full
    scale. Where single knees may not be shown, sites with fewer than `small_cells.FEW` knees are
    left out.
    """
    pictured = crops[crops["status"] == "ok"]
    sites = pictured["participant_id"].map(participants.set_index("participant_id")["site"])
    long = pictured.assign(site=sites.fillna("not known")).melt(
        id_vars="site", value_vars=["exposure", "contrast"], var_name="measure"
    )
    groups = long.groupby(["measure", "site"])["value"]
    described = groups.describe(percentiles=list(PERCENTILES.values())).reset_index()
    names = {"count": "knees", **{f"{level:.0%}": name for name, level in PERCENTILES.items()}}
    counted = described.rename(columns=names).astype({"knees": "int64"})
    shown = counted if disclose else counted[counted["knees"] >= small_cells.FEW]
    return shown[["measure", "site", "knees", *PERCENTILES]].reset_index(drop=True)


def text_none(crops: pd.DataFrame) -> str:
    """Say why no knee has a picture, and where the films are looked for."""
    commonest = crops["status"].mode().iloc[0].replace("_", " ")
    return (
        f"no knee has a picture, most often because of: {commonest}. Films are read from the "
        "folder of the release, under the paths its lists of films give (such as 00m/contents.csv)"
    )


def text_counts(crops: pd.DataFrame, *, disclose: bool = True) -> str:
    """Return one sentence: how many knees have a picture, and how sure the locator is."""
    pictured = crops[crops["status"] == "ok"]
    told, whole = (small_cells.written(len(each), disclose=disclose) for each in (pictured, crops))
    sizes = pd.Series([len(pictured)]), pd.Series([max(len(crops), 1)])
    part = float(small_cells.share(*sizes, disclose=disclose).iloc[0])
    share = f" ({part:.1%})" if np.isfinite(part) else ""
    sure = pictured["confidence"].quantile([0.05, 0.5]) if len(pictured) else [np.nan, np.nan]
    low, middle = (float(value) for value in sure)
    return (
        f"{told} of {whole} knees{share} have a picture; the confidence "
        f"of their place is {middle:.2f} in the median and above {low:.2f} for 95 % of them."
    )
