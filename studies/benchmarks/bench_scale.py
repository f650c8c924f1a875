"""Scale: stages 0, 4, 5, 7 and 8 on tables of large studies, time and memory of each.

    python studies/benchmarks/bench_scale.py [--people 10000 5000 2500 1250] [--keep]

A release of tables is written for each size; numbers stand in for its pictures. Then the cells
of the notebooks are run as they are, figures included, each stage in a process of its own.
Resampling in stage 5, one draw after another, is shortened to a few draws; every other parameter
is that of the demo.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib as mpl
import nbformat
import speed

import workflow
from workflow import params

SEED, RELEASE, STANDINS = 20, "release", "stand-ins"
STAGES = ["cohort", "fusion", "phenotype", "pain", "progression"]
SHORT = {"phenotype": {"draws": 4, "null_draws": 1}}
BOUND = 4096  # MB that no stage may exceed at 20,000 knees


def runs() -> list[workflow.Run]:
    """Return the runs that are measured, in their order."""
    return [run for run in workflow.RUNS if run.stage in STAGES]


def cells(run: workflow.Run, artefacts: Path) -> None:
    """Run the code of a notebook in this process, with the parameters of the demo."""
    notebook = nbformat.read(workflow.ROOT / "notebooks" / run.notebook, as_version=4)
    declared = params.load(workflow.ROOT / "notebooks" / "params.yml")
    places = {"profile": "demo", "release": str(artefacts / RELEASE)}
    places |= {"weights": "embedded", "dask": ""}
    given = params.resolve(declared, run.stage, profile="demo", places=places, grade=run.grade)
    given = given | SHORT.get(run.stage, {}) | {"artefacts": str(artefacts)}
    known: dict[str, object] = {}
    mpl.use("agg")
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        exec(compile(cell.source, run.notebook, "exec"), known)
        if "parameters" in cell.metadata.get("tags", []):
            known |= given


def once(name: str, artefacts: Path, people: int) -> dict[str, float]:
    """Do one step here; return its CPU seconds, and the peak memory of this process in MB."""
    start = time.process_time()
    if name == RELEASE:
        from oai_twin.__main__ import main as write

        words = ["--out", str(artefacts), "--participants", str(people), "--seed", str(SEED)]
        if write([*words, "--tables-only"]):
            raise RuntimeError("the release was not written")
    elif name == STANDINS:
        import standins

        standins.write(artefacts, participants=people, seed=SEED)
    else:
        cells(workflow.run_called(name), artefacts)
    return {"seconds": time.process_time() - start, "memory": speed.peak()}


def measure(people: int, artefacts: Path) -> dict[str, dict[str, float]]:
    """Do every step at one size, each in a process of its own."""
    first, *rest = [run.name for run in runs()]
    found = {}
    for name in (RELEASE, first, STANDINS, *rest):
        words = [sys.executable, __file__, "--once", name, "--artefacts", str(artefacts)]
        done = subprocess.run(
            [*words, "--people", str(people)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name}, {2 * people:,} knees: {done.stderr[-2000:]}")
        found[name] = json.loads(done.stdout.splitlines()[-1])
        said = f"{found[name]['seconds']:.1f} s, {found[name]['memory']:,.0f} MB"
        print(f"{2 * people:,} knees, {name}: {said}", flush=True)
    return {name: told for name, told in found.items() if name != STANDINS}


def main() -> None:
    """Measure all sizes, and say whether the bound on memory holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[10_000, 5000, 2500, 1250])
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    parser.add_argument("--once", default="", help="one step, here, told as JSON")
    parser.add_argument("--artefacts", type=Path)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once, given.artefacts, given.people[0])))
        return
    rows = []
    for people in given.people:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(people, Path(folder))
        rows += [speed.row("scale", name, 2 * people, **told) for name, told in found.items()]
        if given.keep:
            speed.keep(rows, command=speed.command())
    most = max(row["memory"] for row in rows)
    print(f"most memory of a stage: {most:,.0f} MB, {'under' if most < BOUND else 'OVER'} {BOUND}")


if __name__ == "__main__":
    main()
