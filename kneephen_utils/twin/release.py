"""Release: a simulated cohort written as the folders and files of the real release.

`AllClinical`, readings, widths, film lists and outcomes lie where the real release has
them. What was planted and what truly happened lies in `truth`, beside the release.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from kneephen_utils.twin import assessment, cells, clinical, registry
from kneephen_utils.twin.disease import CLINIC
from kneephen_utils.twin.simulation import Simulation

MONTH = "00m"
FILM = "001"  # name of the one file in a series folder
FOLDERS = ("release", "truth")
PARTIAL, REPLACED = ".twin.partial", ".twin.replaced"
READINGS = Path("X-Ray Image Assessments_ASCII") / "Semi-Quant Scoring_ASCII"
WIDTHS = Path("X-Ray Image Assessments_ASCII") / "Quant JSW_ASCII"
READING_STEMS = {"V00": "kxr_sq_bu", "V01": "kXR_SQ_BU", "V03": "KXR_SQ_BU"}


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Give a folder to write `release` and `truth` into; both move to `out` when it is done.

    Nothing appears in `out` if writing fails or is killed; an earlier release is kept then.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial, replaced = out / PARTIAL, out / REPLACED
    for left_over in (partial, replaced):
        shutil.rmtree(left_over, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        raise
    replaced.mkdir()
    for name in FOLDERS:
        if (out / name).exists():
            (out / name).rename(replaced / name)
        (partial / name).rename(out / name)
    partial.rmdir()
    shutil.rmtree(replaced)


def write(simulation: Simulation, folder: Path) -> None:
    """Write every table of the release into `folder`; films are written by others.

    The same simulation gives the same bytes.
    """
    book = registry.keep(simulation)
    enrolled = registry.enrollees(simulation)
    cells.write(enrolled, folder / "General_ASCII" / "Enrollees.txt", line=cells.CRLF)
    outcomes = registry.outcomes(simulation, book)
    cells.write(outcomes, folder / "General_ASCII" / "Outcomes99.txt", line=cells.LF)
    for visit, columns in clinical.tables(simulation, book).items():
        path = folder / "AllClinical_ASCII" / f"AllClinical{visit[1:]}.txt"
        cells.write(columns, path, line=cells.LF)
    for visit in CLINIC:
        digits, stem = visit[1:], READING_STEMS.get(visit, "kxr_sq_bu")
        read = assessment.readings(simulation, book, visit)
        cells.write(read, folder / READINGS / f"{stem}{digits}.txt", line=cells.LF)
        widths = assessment.widths(simulation, book, visit)
        cells.write(widths, folder / WIDTHS / f"kxr_qjsw_duryea{digits}.txt", line=cells.LF)
        films = assessment.pictures(simulation, book, visit)
        path = folder / "X-Ray MetaAnalysis_ASCII" / f"XRay{digits}.txt"
        cells.write(films, path, line=cells.LF)
    (folder / MONTH).mkdir(parents=True, exist_ok=True)
    text = assessment.contents(simulation, book)
    (folder / MONTH / "contents.csv").write_bytes(text.encode("ascii"))


def film_paths(simulation: Simulation) -> list[Path]:
    """Return where the baseline film of each person lies inside the release."""
    folders = registry.film_folders(simulation, registry.keep(simulation))
    return [Path(MONTH) / folder / FILM for folder in folders["folder"]]


def write_truth(simulation: Simulation, films: pd.DataFrame, folder: Path) -> None:
    """Write what was planted and what truly happened: `planted`, `films`, `outcomes`.

    Parameters
    ----------
    simulation
        The cohort.
    films
        Its films with `rows`, `columns` and joint centres as rendered.
    folder
        Folder beside the release.
    """
    folder.mkdir(parents=True, exist_ok=True)
    simulation.knees.to_parquet(folder / "planted.parquet", index=False)
    films.to_parquet(folder / "films.parquet", index=False)
    truth(simulation).to_parquet(folder / "outcomes.parquet", index=False)


def truth(simulation: Simulation) -> pd.DataFrame:
    """Return true times of events (months, missing if never) and latent pain at each visit."""
    fates = simulation.fates.replace(np.inf, np.nan)
    pain = simulation.scores["pain_true"].to_numpy().reshape(len(fates), -1)
    return fates.assign(**{f"pain_{visit}": pain[:, at] for at, visit in enumerate(CLINIC)})
