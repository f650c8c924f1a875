"""DICOM writer: a film becomes a DICOM file, the same bytes for the same film."""

from __future__ import annotations

import gzip
import tarfile
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from oai_twin.detector import LOOKS

SERIES = "Bilateral PA Fixed Flexion Knee"
NAMESPACE = uuid.UUID("5b1f0a52-7f5b-5c0e-9d3c-3f6a7c2f9d10")


def write(
    pixels: np.ndarray, film: pd.Series, path: str | Path, *, study_date: str, visit: str
) -> None:
    """Write a film as an uncompressed DICOM file.

    Parameters
    ----------
    pixels
        Stored values (rows, columns), uint16, as the photometric tag says.
    film
        Row of the planted `films` table.
    path
        File to write; its folder is made.
    study_date
        Day the film is taken, `YYYYMMDD`.
    visit
        Name of the visit, such as `V00`.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = _uid(film, "instance")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid(pd.Series({"film_id": "kneephen"}), "writer")
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    _describe(dataset, film, study_date=study_date, visit=visit)
    _picture(dataset, pixels, film)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def pack(path: Path) -> None:
    """Put the film of a series into `<series>.tar.gz` beside its folder, which goes away.

    Nothing of the clock or the writer enters the archive: the same film, the same bytes.
    """
    member = tarfile.TarInfo(path.name)
    member.size = path.stat().st_size
    target = path.parent.with_name(f"{path.parent.name}.tar.gz")
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as series,
        path.open("rb") as content,
    ):
        series.addfile(member, content)
    path.unlink()
    path.parent.rmdir()


def _describe(dataset: Dataset, film: pd.Series, *, study_date: str, visit: str) -> None:
    """Say whose film it is, of what, when and by which machine."""
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = _uid(film, "instance")
    dataset.StudyInstanceUID = _uid(film, "study")
    dataset.SeriesInstanceUID = _uid(film, "series")
    dataset.StudyDate = dataset.SeriesDate = study_date
    dataset.StudyTime, dataset.StudyID = "", ""
    dataset.AccessionNumber = film["film_id"]
    dataset.ReferringPhysicianName = ""
    dataset.Modality = "CR"
    dataset.Manufacturer = LOOKS[film["site"]].manufacturer
    dataset.SeriesDescription = SERIES
    dataset.PatientID = dataset.PatientName = film["participant_id"]
    dataset.PatientBirthDate, dataset.PatientSex = "", ""
    dataset.BodyPartExamined, dataset.ViewPosition = "KNEE", "PA"
    dataset.PatientOrientation, dataset.Laterality = ["R", "F"], ""
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.ClinicalTrialSponsorName, dataset.ClinicalTrialProtocolID = "OAI", "OAI"
    dataset.ClinicalTrialSubjectID = film["participant_id"]
    dataset.ClinicalTrialTimePointID = visit


def _picture(dataset: Dataset, pixels: np.ndarray, film: pd.Series) -> None:
    """Add the pixels and what is needed to read them."""
    look = LOOKS[film["site"]]
    spacing = [format(float(film["spacing"]), ".4f")] * 2
    for tag in look.tags:
        setattr(dataset, tag, spacing)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = film["photometric"]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, look.bits, look.bits - 1
    dataset.PixelRepresentation = 0
    if look.window:
        full = 2**look.bits
        dataset.WindowCenter, dataset.WindowWidth = str(full // 2), str(full)
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _uid(film: pd.Series, kind: str) -> UID:
    """Return an identifier that follows from the film alone."""
    name = f"{film['film_id']} {kind}"
    return UID(f"2.25.{uuid.uuid5(NAMESPACE, name).int}")
