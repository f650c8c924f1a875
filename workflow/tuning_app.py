"""Tuning app: opens the bench on the tables and the parameters of a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ipywidgets import VBox

import workflow
from kneephen_report.phenotype.tuner import Tuner
from kneephen_report.phenotype.tuner_widget import TunerWidget
from kneephen_utils import tables
from kneephen_utils.phenotype.stratum import Settings
from kneephen_utils.tables.schema import ARMS
from workflow import params, params_editor

PARAMS = workflow.ROOT / "notebooks" / "params.yml"


def desk(*, profile: str, kl_grade: int, arm: str) -> VBox:
    """Return the bench of a profile whose stage fusion has been run, as one widget.

    Raises
    ------
    FileNotFoundError
        If a table is not there yet; the message names the stage that writes it.
    """
    given = _given(profile, kl_grade)
    settings = params.pick(Settings, given)
    artefacts = PARAMS.parent / given["artefacts"]
    fused = {arm: tables.read("fused", artefacts, arm) for arm in ARMS}
    whole = [tables.read(name, artefacts) for name in ("knees", "participants", "map")]
    bench = Tuner(fused, *whole, settings=settings, disclose=given["disclose"])

    def save(grade: int, values: dict[str, Any]) -> str:
        return keep(PARAMS, grade, values, profile=profile)

    return TunerWidget(bench, grade=kl_grade, arm=arm, save=save).widget


def keep(path: Path, grade: int, values: dict[str, Any], *, profile: str) -> str:
    """Write a setting of one grade into the parameter file; say what picks it up, or why not."""
    try:
        params_editor.save(path, "phenotype", grade, values)
    except params.ParamsError as error:
        return f"Not saved: {error}"
    written = ", ".join(f"{name} {value}" for name, value in values.items())
    run = workflow.Run("phenotype", grade).name
    return (
        f"Saved for KL{grade} in {path.name}: {written}. <code>make all PROFILE={profile}</code> "
        f"will run {run} again, and what follows from it; the claims of this grade are then "
        "exploratory."
    )


def _given(profile: str, kl_grade: int) -> dict[str, Any]:
    places = {"profile": profile, "release": "", "weights": "", "dask": ""}
    return params.resolve(
        params.load(PARAMS), "phenotype", profile=profile, places=places, grade=kl_grade
    )
