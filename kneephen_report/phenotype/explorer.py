"""Explorer: the sweep of one grade as an instrument on its page, moved by `explorer.js`.

The page receives what was computed and nothing else: it draws, and cannot search anew.
Pain stays covered until the reader asks for it, and the command it hands out then says so.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.colors import to_hex
from PIL import Image

from kneephen_report import figure
from kneephen_report.phenotype import explorer_data
from kneephen_utils import images, small_cells
from kneephen_utils.phenotype import contribution

ACROSS = 40  # thumbnails in one row of the sheet
EDGE = 48  # pixels along the side of a thumbnail
QUALITIES = (70, 55, 40, 25)  # of the sheet: the first that is small enough is taken
HEAVIEST = 1_600_000  # bytes of the sheet, about
SHADES = 11  # colours from nothing found again to everything
CLIFF = 0.2  # a step between neighbouring sizes that is called a cliff
DEFAULT_PROFILE = "demo"  # of the Makefile


def sheet(pictures: Any, crops: pd.DataFrame, of: pd.DataFrame, *, disclose: bool) -> str:
    """Return the thumbnails of the knees on one sheet, as a data URI; empty if knees are closed.

    Parameters
    ----------
    pictures
        The `images` array.
    crops
        `crops` table.
    of
        As `explorer_data.known` returns; thumbnails follow its order, `ACROSS` in a row.
    disclose
        Whether single knees may be shown.
    """
    if not disclose or of.empty:
        return ""
    stack = images.take(pictures, crops.set_index("knee_id")["image"].loc[of["knee_id"]].to_numpy())
    page = np.zeros((-(-len(stack) // ACROSS) * EDGE, ACROSS * EDGE), dtype=np.uint8)
    for number, picture in enumerate(stack):
        row, column = (place * EDGE for place in divmod(number, ACROSS))
        small = Image.fromarray(picture).resize((EDGE, EDGE), Image.Resampling.LANCZOS)
        page[row : row + EDGE, column : column + EDGE] = np.asarray(small)
    for quality in QUALITIES:
        buffer = io.BytesIO()
        Image.fromarray(page).save(buffer, "WEBP", quality=quality)
        if buffer.tell() <= HEAVIEST:
            break
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def pack(
    arms: dict[str, Any],
    of: pd.DataFrame,
    null: pd.DataFrame,
    *,
    arm: str,
    thumbnails: str,
    artefacts: str | Path,
    disclose: bool,
) -> dict[str, Any]:
    """Return everything the explorer of a page is given.

    Parameters
    ----------
    arms
        As `explorer_data.survey` returns.
    of
        As `explorer_data.known` returns.
    null
        `null` table of the grade.
    arm
        The arm shown first.
    thumbnails
        As `sheet` returns.
    artefacts
        Folder of the run's tables, named after its profile.
    disclose
        Whether single knees may be shown.
    """
    found = [len(p["groups"]) - 1 for own in arms.values() for p in own["partitions"]]
    packed: dict[str, Any] = {
        "arm": arm if arm in arms else next(iter(arms), ""),
        "arms": arms,
        "reference": {name: _reference(null, name) for name in arms},
        "variables": list(explorer_data.VARIABLES.values()),
        "colors": [figure.phenotype_color(k) for k in range(max(found, default=0))],
        "unassigned": figure.UNASSIGNED_COLOR,
        "ramp": [to_hex(mpl.colormaps["cividis"](k / (SHADES - 1))) for k in range(SHADES)],
        "cliff": CLIFF,
        "same": contribution.SAME,
        "command": _command(Path(artefacts).name),
        "cells": explorer_data.side(len(of)),
        "few": small_cells.FEW,
    }
    if not disclose:
        return packed
    tiles = {"sheet": thumbnails, "across": ACROSS, "edge": EDGE}
    return packed | explorer_data.places(of) | {"knees": len(of)} | (tiles if thumbnails else {})


def show(packed: dict[str, Any], *, kl_grade: int) -> HTML:
    """Return the explorer for the page; a grade without settings says so in words."""
    if not packed["arms"]:
        return HTML("<p>Too few discover knees: there is no setting to explore in this grade.</p>")
    data = json.dumps({"grade": kl_grade, **packed}, separators=(",", ":")).replace("</", "<\\/")
    return HTML(
        f'<section class="kneephen-explorer" aria-label="Explorer of grade KL{kl_grade}">'
        "<p>The explorer moves in the built book, where its script is at hand.</p>"
        f'<script type="application/json">{data}</script></section>'
    )


def _reference(null: pd.DataFrame, arm: str) -> dict[str, list[float]]:
    """Return what the draws of each kind of data without groups reached in one arm."""
    drawn = null[(null["arm"] == arm) & (null["reference"] != "observed")]
    return {
        str(name): [round(float(value), 4) for value in sorted(own["statistic"])]
        for name, own in drawn.groupby("reference")
    }


def _command(profile: str) -> str:
    if profile == DEFAULT_PROFILE:
        return "make all"
    given = " OAI=/path/to/release" if profile == "oai" else ""
    return f"make all PROFILE={profile}{given}"
