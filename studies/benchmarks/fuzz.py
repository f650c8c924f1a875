"""Fuzz: readers are given what a coverage-guided fuzzer thinks of, and must read it or refuse it.

    pip install atheris; python studies/benchmarks/fuzz.py [--seconds 60] [--keep]

Each target is fuzzed in a process of its own for so many seconds, from one sound example. A
refusal is the typed error of the reader; anything else, a hang of more than 20 seconds or more
than 2 GB of memory is a crash, and what caused it is left in `build/fuzz`. Atheris is no
dependency of the project: the lock stays what a run needs.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable

import pandas as pd

import workflow
from kneephen_report import benchmark_results

sys.path.insert(0, str(workflow.ROOT / "tests"))

FOLDER = workflow.ROOT / "build" / "fuzz"
LIMITS = ["-timeout=20", "-rss_limit_mb=2048", "-max_len=60000"]


def table(content: bytes) -> None:
    """Read bytes as a table of a release."""
    path = FOLDER / "enrollees.txt"
    path.write_bytes(content)
    try:
        release_format.delimited(path, "|", None)
    except release_format.ReleaseError:
        return


def parameters(content: bytes) -> None:
    """Read bytes as the file of parameters."""
    path = FOLDER / "params.yml"
    path.write_bytes(content)
    try:
        params.check(params.load(path))
    except params.ParamsError:
        return


def words(content: bytes) -> None:
    """Read bytes as what a user sets on the command line."""
    try:
        params.parse(content.decode("utf-8", "replace"))
    except params.ParamsError:
        return


def film(content: bytes) -> None:
    """Read bytes as a film."""
    path = FOLDER / "001"
    path.write_bytes(content)
    try:
        dicom.read(path)
    except dicom.FilmError:
        return


def published_table(content: bytes) -> None:
    """Read bytes as the wide table of the published study."""
    folder = FOLDER / "published"
    folder.mkdir(exist_ok=True)
    (folder / "wide.csv").write_bytes(content)
    try:
        kneeoa_vlm_audit.read(folder)
    except kneeoa_vlm_audit.LayoutError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    "table of a release": table,
    "file of parameters": parameters,
    "SET on the command line": words,
    "film": film,
    "published table": published_table,
}


def sound(name: str) -> bytes:
    """Return one example that a target reads."""
    import phantom
    import test_dicom
    import tiny

    from studies.kneeoa_vlm_audit import example_tables

    if name == "film":
        return phantom.write(FOLDER / "sound", test_dicom.PICTURE).read_bytes()
    if name == "published table":
        wide, _ = example_tables.draw(people=3, seed=0)
        return wide.to_csv(index=False).encode()
    if name == "table of a release":
        return next(text for path, text in tiny.texts().items() if "Enrollees" in path).encode()
    if name == "file of parameters":
        return (workflow.ROOT / "notebooks" / "params.yml").read_bytes()
    return b"phenotype.min_cluster_size=40@2 grading.epochs=3"


def fuzz(name: str, seconds: int) -> tuple[int, int]:
    """Fuzz one target in a process of its own; return how often it was tried, and crashes."""
    place = FOLDER / name.replace(" ", "_")
    place.mkdir(parents=True, exist_ok=True)
    (place / "sound").write_bytes(sound(name))
    more = [*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={FOLDER}/", str(place)]
    done = subprocess.run(
        [sys.executable, __file__, "--once", name, *more],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    runs = [int(each) for each in re.findall(r"(?:^#|Done )(\d+)", done.stderr, re.MULTILINE)]
    if not runs:
        raise RuntimeError(f"{name}: nothing was tried: {done.stderr[-1500:]}")
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
    return max(runs), int(done.returncode != 0)


def once(name: str) -> None:
    """Fuzz one target here, as the rest of the command line says; does not return."""
    atheris.Setup([sys.argv[0], *sys.argv[3:]], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """Fuzz every target; return how many crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    code, rows = benchmark_results.state(), []
    for name in TARGETS:
        tried, crashed = fuzz(name, given.seconds)
        rows.append({"input": name, "tried": tried, "crashed": crashed})
        print(f"{name}: {tried:,} tried, {crashed} crashed", flush=True)
    if given.keep:
        command = f"python studies/benchmarks/fuzz.py --seconds {given.seconds}"
        path = benchmark_results.FOLDER / "fuzz.csv"
        benchmark_results.write(pd.DataFrame(rows), path, command=command, code=code)
    return sum(row["crashed"] for row in rows)


if sys.argv[1:2] == ["--once"]:
    import atheris

    with atheris.instrument_imports(include=["kneephen_utils", "pydicom", "yaml"]):
        from kneephen_utils import dicom
        from kneephen_utils.oai import release_format
        from studies import kneeoa_vlm_audit
        from workflow import params

    once(sys.argv[2])
elif __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    sys.exit(main())
