"""How long the explorer takes from a move of the slider to the picture, for 3,400 knees.

python studies/benchmarks/explorer_redraw.py [--keep]
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import speed
from playwright.sync_api import sync_playwright

STATIC = Path(__file__).parents[2] / "book" / "_static"
SIZES, SETTINGS, MOVES = (425, 850, 1700, 3400), 32, 40
FRAME = 1 / 60  # seconds of one frame of a usual screen
LOOK = "--pst-color-surface:#fff;--pst-color-text-base:#222;--pst-color-border:#888"
MEASURE = """async (moves) => {
  const slider = document.querySelector("input[aria-label=min_cluster_size]"), times = [];
  for (let move = 0; move < moves; move += 1) {
    await new Promise((done) => requestAnimationFrame(done));
    const before = performance.now();
    slider.value = move % 8;
    slider.dispatchEvent(new Event("input"));
    const script = performance.now() - before;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push([script, performance.now() - before]);
  }
  return times;
}"""


def given(knees: int) -> dict[str, object]:
    """Return an explorer of many knees, its groups drawn at random."""
    rng = np.random.default_rng(1)
    parts = []
    for _ in range(SETTINGS):
        labels = "".join(rng.choice(list("ABCDEF."), knees))
        names = [*"ABCDEF", "unassigned"]
        groups = [
            {"name": name, "knees": labels.count(name[0]), "values": [1.0] * 5, "covered": 1.0}
            for name in names
        ]
        parts.append({"labels": labels, "dbcv": 0.1, "noise": 0.1, "groups": groups})
    settings = [
        {"partition": k, "again": float(rng.random()), "taken": k == 0} for k in range(SETTINGS)
    ]
    arm = {"sizes": list(range(8, 16)), "samples": [1, 3, 5, 10], "inputs": [False] * 6}
    arm |= {"settings": settings, "partitions": parts}
    place = {axis: rng.integers(0, 1000, knees).tolist() for axis in ("x", "y")}
    look = {"colors": ["#0072B2"] * 6, "unassigned": "#B5B5B5", "ramp": ["#00224e", "#fee838"]}
    told = {"grade": 2, "arm": "image", "arms": {"image": arm}, "reference": {"image": []}}
    told |= {"variables": ["a", "b", "c", "d", "e", "pain"], "cliff": 0.2, "command": "make all"}
    return told | place | look | {"knees": knees, "cells": 18, "few": 10}


def moves(knees: int) -> list[tuple[float, float]]:
    """Return milliseconds of every move of the slider: of the script, and to the next frame."""
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page_file = Path(folder) / "page.html"
        page_file.write_text(
            f'<html style="{LOOK}"><link rel="stylesheet" href="{STATIC.as_uri()}/explorer.css">'
            '<section class="kneephen-explorer"><script type="application/json">'
            f"{json.dumps(given(knees))}</script></section>"
            f'<script src="{STATIC.as_uri()}/explorer.js"></script></html>',
            encoding="utf-8",
        )
        launched = driver.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        page = launched.new_page(viewport={"width": 1280, "height": 900})
        page.goto(page_file.as_uri())
        page.wait_for_selector(".kx-strip button")
        times = page.evaluate(MEASURE, MOVES)
        launched.close()
    return times


def main() -> int:
    """Measure, and print the median and the slowest of the moves."""
    rows = []
    for knees in SIZES:
        script, frame = zip(*moves(knees), strict=True)
        for name, values in (("script", script), ("to the next frame", frame)):
            middle, most = statistics.median(values), max(values)
            print(f"{knees:,} knees, {name}: median {middle:.1f} ms, slowest {most:.1f} ms")
        drawn = statistics.median(script) / 1000
        rows.append(speed.row("explorer", "script of one move", knees, drawn))
    beside = {"reference": "one frame at 60 a second", "beside": FRAME}
    rows.append(speed.row("explorer", "script of one move", SIZES[-1], drawn, **beside))
    if "--keep" in sys.argv:
        speed.keep(rows, command=speed.command())
    return 0


if __name__ == "__main__":
    sys.exit(main())
