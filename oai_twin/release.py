"""Release: a simulated cohort written as the folders and files of the real release.

`AllClinical`, readings, widths, film lists and outcomes lie where the real release has
them, as text, as SAS files or as the package of the NIMH Data Archive. What was planted and
what truly happened lies in `truth`, beside the release.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from oai_twin import assessment, clinical, nda_writer, registry, sas, value_format
from oai_twin.progression_model import CLINIC
from oai_twin.simulation import Simulation

MONTH = "00m"
FILM = "001"  # name of the one file in a series folder
FOLDERS = ("release", "truth")
PARTIAL, REPLACED = ".twin.partial", ".twin.replaced"
READINGS = Path("X-Ray Image Assessments_ASCII") / "Semi-Quant Scoring_ASCII"
PICTURES = Path("X-Ray MetaAnalysis_ASCII")
GENERAL, CLINICAL = Path("General_ASCII"), Path("AllClinical_ASCII")
FLAVOURS = ("ascii", "sas", "nda")
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


class Sheet(NamedTuple):
    """One table: its folder, its name up to the digits, its visit, and its line ends."""

    folder: Path
    stem: str
    visit: str
    columns: value_format.Columns
    line: str = value_format.LF


def write(simulation: Simulation, folder: Path, *, flavour: str = "ascii") -> None:
    """Write every table of the release into `folder`; films are written by others.

    The same simulation gives the same bytes.

    Parameters
    ----------
    simulation
        The cohort.
    folder
        Folder of the release.
    flavour
        `ascii`, `sas` or `nda`: the same tables as text between pipes, as SAS files, or as
        the package of the NIMH Data Archive.

    Raises
    ------
    ValueError
        If the flavour is unknown.
    """
    if flavour not in FLAVOURS:
        raise ValueError(f"flavour is {flavour!r}; expected {', '.join(FLAVOURS)}")
    book = registry.keep(simulation)
    (folder / MONTH).mkdir(parents=True, exist_ok=True)
    if flavour == "nda":
        nda_writer.write(sheets(simulation, book, packed=True), folder)
        nda_writer.write_series(assessment.series(simulation, book), folder, month=MONTH)
        return
    for sheet in sheets(simulation, book, packed=False):
        path = folder / sheet.folder / f"{sheet.stem}{sheet.visit[1:]}.txt"
        if flavour == "ascii":
            value_format.write(sheet.columns, path, line=sheet.line)
        else:
            home = Path(str(sheet.folder).replace("_ASCII", "_SAS"))
            sas.write(sheet.columns, folder / home / f"{path.stem.lower()}.sas7bdat")
    text = assessment.contents(simulation, book)
    (folder / MONTH / "contents.csv").write_bytes(text.encode("ascii"))


def sheets(simulation: Simulation, book: registry.Registry, *, packed: bool) -> Iterator[Sheet]:
    """Yield every table of the release, its cells spelled as in the ASCII flavour.

    `packed` says that they go into the package of the archive, whose outcomes hold more.
    """
    enrolled = registry.enrollees(simulation)
    yield Sheet(GENERAL, "Enrollees", "", enrolled, line=value_format.CRLF)
    yield Sheet(GENERAL, "Outcomes", "V99", registry.outcomes(simulation, book, packed=packed))
    for visit, columns in clinical.tables(simulation, book).items():
        yield Sheet(CLINICAL, "AllClinical", visit, columns)
    for visit in CLINIC:
        stem = READING_STEMS.get(visit, "kxr_sq_bu")
        yield Sheet(READINGS, stem, visit, assessment.readings(simulation, book, visit))
        widths = assessment.widths(simulation, book, visit)
        yield Sheet(WIDTHS, "kxr_qjsw_duryea", visit, widths)
        yield Sheet(PICTURES, "XRay", visit, assessment.pictures(simulation, book, visit))


def film_paths(simulation: Simulation) -> list[Path]:
    """Return where the baseline film of each person lies inside the release."""
    folders = registry.film_folders(simulation, registry.keep(simulation))
    return [Path(MONTH) / folder / FILM for folder in folders["folder"]]


def write_truth(simulation: Simulation, films: pd.DataFrame, folder: Path) -> None:
    """Write what no study knows: `planted`, `films`, true `outcomes`, a second reader's grades.

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
    simulation.readers.to_parquet(folder / "readers.parquet", index=False)
    films.to_parquet(folder / "films.parquet", index=False)
    truth(simulation).to_parquet(folder / "outcomes.parquet", index=False)


def truth(simulation: Simulation) -> pd.DataFrame:
    """Return true times of events (months, missing if never) and latent pain at each visit."""
    fates = simulation.fates.replace(np.inf, np.nan)
    pain = simulation.scores["pain_true"].to_numpy().reshape(len(fates), -1)
    return fates.assign(**{f"pain_{visit}": pain[:, at] for at, visit in enumerate(CLINIC)})
