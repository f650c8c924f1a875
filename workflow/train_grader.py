"""Train grader: any folder of knee pictures and a table of their grades, trained on and scored.

Stage grading without a release before it. Pictures are knees cut out of PA films, 8-bit or
DICOM; left knees are mirrored here, so that the medial side is on the right of every picture.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps

from kneephen_utils import (
    baseline,
    cohort,
    dicom,
    encoder,
    grading,
    images,
    parallel,
    redaction,
    tables,
)
from kneephen_utils.encoder import distributed as machines
from kneephen_utils.encoder import trainer
from kneephen_utils.grading import calibration
from kneephen_utils.oai import release_format
from kneephen_utils.radiograph import intensity
from workflow import params

COLUMNS = ["path", "participant_id", "side", "kl_grade"]
SIDES = {"right": "right", "r": "right", "left": "left", "l": "left"}
TRAIN_SHARE, DISCOVER_SHARE = 0.6, 0.2  # of the people; all others are scored on
LOOSE = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


class TableError(ValueError):
    """The table or a picture it names cannot be used; the message says which and why."""


class Place(NamedTuple):
    """Folder of the pictures, file of the table, and folder to write to."""

    pictures: Path
    table: Path
    out: Path


def grade(
    place: Place, *, settings: Mapping[str, Any], devices: int = 1, nodes: int = 1
) -> list[str]:
    """Train on some of the people and score on the others.

    Parameters
    ----------
    place
        Where to read and to write.
    settings
        Parameters of stage grading, and those of stage radiograph under `radiograph`.
    devices, nodes
        Processes on each machine and machines that train together; each runs this.

    Returns
    -------
    Lines that tell how well it went and where the tables are; none but in the first process.

    Raises
    ------
    TableError
        If the table or one of its pictures cannot be used.
    """
    training = params.pick(trainer.Settings, settings)
    known = read(place.table, place.pictures, seed=training.seed)
    trainer.use_threads(settings["threads"])
    fabric = machines.fabric(devices=devices, nodes=nodes, precision=training.precision)
    fabric.launch()
    if fabric.is_global_zero:
        place.out.mkdir(parents=True, exist_ok=True)
        keep(known, place, **{name: settings["radiograph"][name] for name in ("pixels", "window")})
    fabric.barrier()
    reader, pictures = encoder.load(settings["weights"], text=False), images.read(place.out)
    upper, history = grading.fit(
        reader,
        pictures,
        known,
        settings=training,
        artefacts=place.out,
        cache_gb=settings["cache_gb"],
        fabric=fabric,
    )
    grades, embeddings = grading.apply(
        reader, upper, pictures, known, settings=training, int8=settings["int8"], fabric=fabric
    )
    if not fabric.is_global_zero:
        return []
    predicted = baseline.predictors(
        grades, known[["knee_id"]].assign(kl_predicted=np.nan), pictures, known
    )
    scores = grading.score(predicted, known, draws=settings["draws"], seed=training.seed)
    encoder.save_tuned(
        reader,
        place.out / "encoder.safetensors",
        head=upper.head,
        frozen_blocks=training.frozen_blocks,
    )
    curve = calibration.curve(grades, known, draws=settings["draws"], seed=training.seed)
    made = {"history": history, "grades": grades, "grading_scores": scores}
    made |= {"grading_calibration": curve}
    for name, table in made.items():
        tables.write(table, name, place.out)
    tables.write(embeddings, "embeddings", place.out, "finetuned")
    return list(_told(scores, known, place))


def read(path: Path, folder: Path, *, seed: int) -> pd.DataFrame:
    """Read the table of the pictures and give every person one use.

    Returns
    -------
    As `grading.pictured` returns, with the column `path`.

    Raises
    ------
    TableError
        If a file, a column or a value is missing or not understood, or a knee is there twice.
    """
    if not folder.is_dir():
        raise TableError(f"IMAGES={folder}: there is no such folder")
    table = _table(path)
    table = table.assign(**{name: table[name].str.strip() for name in COLUMNS})
    if not len(table):
        raise TableError(f"{path.name}: the table has no rows")
    side = table["side"].str.lower().map(SIDES)
    _refuse(path, table["side"], side.isna(), "right or left")
    _refuse(path, table["participant_id"], table["participant_id"] == "", "a participant")
    grade = pd.to_numeric(table["kl_grade"].replace("", np.nan), errors="coerce")
    odd = ~grade.isin(range(5)) & (table["kl_grade"] != "")
    _refuse(path, table["kl_grade"], odd, "0 to 4, or nothing where it was not read")
    there = np.array([(folder / name).is_file() for name in table["path"]])
    _refuse(path, table["path"], pd.Series(~there), f"a file in {folder}")
    _refuse(path, table["path"], table["path"].duplicated(), "each picture once")
    knee = table["participant_id"] + "-" + side.str[0].str.upper()
    _refuse(path, knee, knee.duplicated(), "each knee once")
    known = pd.DataFrame(
        {
            "knee_id": knee,
            "image": np.arange(len(table)),
            "participant_id": table["participant_id"],
            "side": side,
            "kl_grade": grade.astype("Int64"),
            "jsw_medial": np.nan,
            "jsw_lateral": np.nan,
            "path": table["path"],
        }
    )
    return known.merge(_uses(known, seed), on="participant_id", validate="many_to_one")


def _table(path: Path) -> pd.DataFrame:
    """Read the columns that are needed as text, from text in any encoding or from a workbook."""
    if not path.is_file():
        raise TableError(f"TABLE={path}: there is no such file; expected a CSV or xlsx file")
    try:
        sheet = release_format.load([path], [name.upper() for name in COLUMNS], mark=",")
    except release_format.ReleaseError as error:
        raise TableError(str(error)) from None
    for note in sheet.notes:
        warnings.warn(f"{path.name}: {note}", stacklevel=2)
    table = sheet.cells.rename(columns=str.lower)
    if missing := [name for name in COLUMNS if name not in table]:
        raise TableError(f"{path.name}: no column {missing[0]}; expected {', '.join(COLUMNS)}")
    return table


def keep(known: pd.DataFrame, place: Place, *, pixels: int, window: Iterable[float]) -> None:
    """Write the pictures of `known` as stage radiograph would, side by side on disk.

    Compressed DICOM is decoded in another process, which a decoder may bring down.
    """
    kept = images.create(place.out, len(known), pixels)
    made = partial(picture, pixels=pixels, to=list(window))
    for start in range(0, len(known), images.CHUNK):
        rows = known.iloc[start : start + images.CHUNK]
        jobs = [(place.pictures / row.path, row.side) for row in rows.itertuples()]
        found = parallel.surviving(made, jobs, workers=1, deadly=_is_coded, lost=_refuse_crash)
        kept[start : start + len(rows)] = np.stack(list(found))


def _is_coded(path: Path, _: str) -> bool:
    return path.suffix.lower() not in LOOSE and dicom.is_coded(path)


def _refuse_crash(path: Path, _: str) -> np.ndarray:
    raise TableError(f"{path.name}: not readable as a picture (its decoder crashed)")


def picture(path: Path, side: str, *, pixels: int, to: list[float]) -> np.ndarray:
    """Return a picture (pixels, pixels) of bytes: the middle square, bone bright; left mirrored.

    A DICOM file is windowed between the percentiles `to`; an 8-bit picture is taken as it is,
    turned as its EXIF data say and every viewer shows it.

    Raises
    ------
    TableError
        If the file is neither, is damaged, holds more than 8 bits or too many pixels.
    """
    try:
        if path.suffix.lower() in LOOSE:
            with Image.open(path) as opened:
                if opened.mode not in {"L", "RGB", "RGBA", "P", "LA"}:
                    raise ValueError(f"mode {opened.mode}; expected 8 bits, or DICOM")
                grey = ImageOps.exif_transpose(opened).convert("L")
        else:
            grey = Image.fromarray(intensity.window(dicom.read(path).pixels, to))
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise TableError(f"{path.name}: more than {most:,} pixels; expected a knee") from None
    except Exception as error:  # of a damaged picture decoders raise of every kind
        said = str(error) or type(error).__name__
        raise TableError(f"{path.name}: not readable as a picture ({said})") from None
    edge = min(grey.size)
    left, top = ((length - edge) // 2 for length in grey.size)
    square = grey.crop((left, top, left + edge, top + edge))
    made = np.asarray(square.resize((pixels, pixels), Image.Resampling.BICUBIC))
    return made[:, ::-1] if side == "left" else made


def _uses(known: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return `split` and `site` of every person; the worst grade of a person is their stratum."""
    people = pd.DataFrame(
        {"participant_id": sorted(known["participant_id"].unique()), "site": None}
    )
    shares = {"train_share": TRAIN_SHARE, "discover_share": DISCOVER_SHARE}
    return cohort.split(people, known, **shares, seed=seed)


def _refuse(path: Path, values: pd.Series, wrong: pd.Series, expected: str) -> None:
    """Raise if any value is wrong, naming the first with its line in the file."""
    rows = np.flatnonzero(wrong.to_numpy(bool))
    if len(rows):
        raise TableError(
            f"{path.name}: {len(rows)} value(s) of {values.name or 'knee'} cannot be used, first "
            f"of the form {redaction.form(values.iloc[rows[0]])!r} in line {rows[0] + 2}; "
            f"expected {expected}"
        )


def _told(scores: pd.DataFrame, known: pd.DataFrame, place: Place) -> Iterator[str]:
    people = known.groupby("split")["participant_id"].nunique()
    device = "a GPU" if torch.cuda.is_available() else "the CPU"
    yield f"Trained on {people['train']} people on {device}; nobody scored on was trained on."
    yield from grading.text_verdict(scores)
    yield grading.table_scores(scores).to_string(index=False)
    made = "grades, grading_scores, grading_calibration, history, encoder"
    yield f"The tables: {place.out.resolve()} ({made})"
