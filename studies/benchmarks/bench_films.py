"""Films: decode, locate and crop against plain pydicom decode of the same files, in one run.

    python studies/benchmarks/bench_films.py [--release artefacts/demo/release] [--films 50 100]

One process. Films per second of its own processor time, of both, their ratio, and the peak
memory of the process that cuts, each size in a process of its own: memory must not grow with
the films. More films than there are means the same files again under other identifiers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pydicom
import speed

import workflow
from kneephen_utils import cohort, oai, radiograph
from kneephen_utils.cohort import reading_selection
from kneephen_utils.radiograph import crop
from workflow import params


def settings() -> crop.Settings:
    """Return the settings of the demo profile."""
    declared = params.load(workflow.ROOT / "notebooks" / "params.yml")
    places = {"profile": "demo", "release": "", "weights": "embedded"}
    found = params.resolve(declared, "radiograph", profile="demo", places=places)
    return params.pick(crop.Settings, found)


def tables(release: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return films whose file can be decoded, and their knees."""
    source = oai.read(release)
    knees = cohort.knees(source, reading_selection.choose(source.readings, projects="by_design"))
    films = cohort.films(source)
    good = films["path"].map(lambda path: _decoded(release / path))
    films = films[good]
    knees = knees[knees["participant_id"].isin(films["participant_id"])]
    return films, knees[~knees["replaced_at_baseline"]]


def repeated(
    films: pd.DataFrame, knees: pd.DataFrame, count: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return at least `count` films: the files there are, again under other identifiers.

    A path that begins with `./` names the same file and still is another path.
    """
    rounds = range(-(-count // max(films["participant_id"].isin(knees["participant_id"]).sum(), 1)))
    names = ("participant_id", "knee_id", "film_id")
    again = [
        [
            table.assign(
                **{name: f"{turn} " + table[name] for name in names if name in table},
                **({"path": "./" * turn + table["path"]} if "path" in table else {}),
            )
            for turn in rounds
        ]
        for table in (films, knees)
    ]
    return tuple(pd.concat(tables, ignore_index=True) for tables in again)


def once(release: Path, count: int) -> dict[str, float]:
    """Decode and cut the first `count` films; return seconds of both and megabytes."""
    films, knees = repeated(*tables(release), count)
    films = films[films["participant_id"].isin(knees["participant_id"])].head(count)
    knees = knees[knees["participant_id"].isin(films["participant_id"])]
    start = time.process_time()
    for path in films["path"]:
        _decoded(release / path)
    decoded = time.process_time() - start
    before = speed.peak()
    with tempfile.TemporaryDirectory() as artefacts:
        start = time.process_time()
        crops = radiograph.cut(
            films, knees, settings=settings(), release=release, artefacts=artefacts, workers=1
        )
        cut = time.process_time() - start
    return {
        "films": len(films),
        "knees_ok": int(crops["status"].eq("ok").sum()),
        "decode_films_per_s": len(films) / decoded,
        "cut_films_per_s": len(films) / cut,
        "ratio": cut / decoded,
        "before_mb": before,
        "peak_mb": speed.peak(),
    }


def _decoded(path: Path) -> bool:
    """Decode one file as pydicom does by itself; say whether that worked."""
    try:
        return bool(pydicom.dcmread(path).pixel_array.size)
    except Exception:
        return False


def told(found: list[dict[str, float]]) -> list[speed.Row]:
    """Return the rows of the table of the book: every size, and the largest beside decoding."""
    path, rows = "films", []
    for one in found:
        seconds = one["films"] / one["cut_films_per_s"]
        size = {"n": int(one["films"]), "seconds": seconds, "memory": one["peak_mb"]}
        rows.append(speed.row(path, "films decoded, located and cut", **size))
    beside = found[-1]["films"] / found[-1]["decode_films_per_s"]
    more = {"reference": "pydicom decodes the same files", "beside": beside}
    return [*rows, speed.row(path, "decode, locate and cut", **size, **more)]


def main() -> None:
    """Measure each size in a process of its own and print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", type=Path, default=Path("artefacts/demo/release"))
    parser.add_argument("--films", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    parser.add_argument("--once", action="store_true", help="measure here, print as JSON")
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.release, given.films[0])))
        return
    words = [sys.executable, __file__, "--once", "--release", str(given.release)]
    rows = []
    for count in given.films:
        done = subprocess.run(
            [*words, "--films", str(count)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    print(pd.DataFrame(rows).round(2).to_string(index=False))
    if given.keep:
        speed.keep(told(rows), command=speed.command())


if __name__ == "__main__":
    main()
