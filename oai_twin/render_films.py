"""Render films: the films of a simulated cohort, exposed side by side in several processes.

Each film has its own seed, so the bytes do not depend on the number of processes; only a
few films are in memory at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from oai_twin import dicom_writer, film, release
from oai_twin.simulation import Simulation

BASELINE = "V00"
TRUNCATED_TO = 0.4  # share of the file that is left
GEOMETRY = ("rows", "columns", "right_x", "right_y", "left_x", "left_y")


def expose_all(
    simulation: Simulation, folder: Path, *, workers: int, packed: bool = False
) -> pd.DataFrame:
    """Render and write the baseline film of every person.

    Parameters
    ----------
    simulation
        The cohort.
    folder
        Folder of the release.
    workers
        Processes to work with.
    packed
        Whether each series becomes a `.tar.gz`, as the NIMH Data Archive delivers it.

    Returns
    -------
    `films` with `rows`, `columns` (pixels) and the joint centres (mm from the left and upper
    edge) as rendered; all missing for a knee that is not on the film.
    """
    knees = simulation.knees
    pairs = [knees.iloc[at : at + 2] for at in range(0, len(knees), 2)]
    films = [row for _, row in simulation.films.iterrows()]
    paths = [folder / path for path in release.film_paths(simulation)]
    jobs = (
        delayed(expose)(pair, row, path, seed=simulation.seed, packed=packed)
        for pair, row, path in zip(pairs, films, paths, strict=True)
    )
    done = Parallel(n_jobs=workers, return_as="generator")(jobs)
    rows = list(tqdm(done, total=len(films), desc="films", unit="film", mininterval=1.0))
    geometry = pd.DataFrame(rows, columns=list(GEOMETRY))
    return pd.concat([simulation.films, geometry], axis=1)


def expose(
    knees: pd.DataFrame, shot: pd.Series, path: Path, *, seed: int, packed: bool
) -> dict[str, Any]:
    """Render one film and write its file, with the defects that concern the file itself."""
    rendered = film.render(knees, shot, seed=seed)
    if shot["defect"] != "missing_file":
        path.parent.mkdir(parents=True, exist_ok=True)
        date = path.parts[-3]  # participant/date/series/001
        film.write(rendered, shot, path, study_date=date, visit=BASELINE)
    if shot["defect"] == "truncated":
        content = path.read_bytes()
        path.write_bytes(content[: int(TRUNCATED_TO * len(content))])
    if packed and path.exists():
        dicom_writer.pack(path)
    height, width = rendered.pixels.shape
    geometry: dict[str, Any] = {"rows": height, "columns": width}
    for side, (x, y) in rendered.centres.items():
        geometry |= {f"{side}_x": x, f"{side}_y": y}
    return geometry
