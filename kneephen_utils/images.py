"""Images: the crops of all pictured knees, one zarr array on disk.

Row `crops.image` of the array is the picture of that knee: unsigned bytes, bone bright,
left knees mirrored, so the medial side is on the right of every picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zarr

CHUNK = 64  # pictures per chunk: memory follows the batch, not the cohort


def create(artefacts: str | Path, n: int, pixels: int) -> zarr.Array:
    """Make an empty array of `n` pictures, each `pixels` x `pixels`, replacing an older one."""
    return zarr.create_array(
        store=str(path_of(artefacts)),
        shape=(n, pixels, pixels),
        chunks=(min(CHUNK, max(n, 1)), pixels, pixels),
        dtype="uint8",
        overwrite=True,
    )


def read(artefacts: str | Path) -> zarr.Array:
    """Open the array for reading; slices such as `images[0:32]` are numpy arrays.

    Raises
    ------
    FileNotFoundError
        If stage radiograph has not written it yet.
    """
    path = path_of(artefacts)
    if not path.exists():
        raise FileNotFoundError(f"{path}: not there yet; stage radiograph writes it")
    return zarr.open_array(store=str(path), mode="r")


def take(images: zarr.Array, rows: np.ndarray) -> np.ndarray:
    """Return the pictures at `rows`, in that order, as an array (n, pixels, pixels)."""
    return np.asarray(images.oindex[np.asarray(rows, dtype=int)])


def path_of(artefacts: str | Path) -> Path:
    """Return where the pictures lie under `artefacts`."""
    return Path(artefacts) / "images.zarr"
