"""Fuzz films: films of every kind, with tags and bytes changed at random, are read or refused.

    python studies/benchmarks/fuzz_films.py [--films 100000] [--seed 0] [--keep]

Every film has its own seed. It must be read, or be refused as a film is (`dicom.FilmError`), within
20 seconds and 3 GB; greys must lie between 0 and 1; no sentence and nothing on the terminal may
hold what was planted of a person. What is read is cut as the stage cuts it, one in `WHOLE` films at
full size, and nothing may be raised there, not even a warning. A process may end at a film that
the stage reads in a process of its own; the rest go on.
"""

from __future__ import annotations

import argparse
import copy
import functools
import resource
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom

import workflow
from kneephen_report import benchmark_results
from kneephen_utils import dicom
from kneephen_utils.radiograph import crop

sys.path.insert(0, str(workflow.ROOT / "tests"))
import odd
import phantom

SECONDS, MEMORY = 20, 3 * 2**30
BATCH = 5_000  # films of one process
WHOLE = 1_000
SETTINGS = crop.Settings(
    region=140.0, pixels=224, window=[5.0, 99.0], clahe=False, min_confidence=0.5
)
PERSON = {"PatientID": "9000001", "PatientName": "SECRET^NAME", "PatientBirthDate": "19400102"}
SECRETS = ("9000001", "SECRET", "19400102")
NUMBERS = [-1, 0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 64, 255, 4095, 32767, 32768, 65535]
TEXTS = ["", "0", "-1", "NaN", "1e999", "-inf", "1\\2", "\\\\", "9000001", "SECRET^NAME", "x" * 300]
TEXTS += ["MONOCHROME1", "RGB", "YBR_FULL", "SIGMOID", "1.2.840.10008.1.2.5", "1.2.9000001"]
TAGS = ["Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"]
TAGS += ["SamplesPerPixel", "NumberOfFrames", "PhotometricInterpretation", "PixelPaddingValue"]
TAGS += ["PixelPaddingRangeLimit", "PixelSpacing", "ImagerPixelSpacing", "RescaleSlope"]
TAGS += ["RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction", "SeriesDescription"]
TAGS += ["SpecificCharacterSet", "BodyPartExamined", "PlanarConfiguration", "AccessionNumber"]


@functools.cache
def sound(kind: str, whole: bool) -> tuple[bytes, pydicom.Dataset | None]:  # noqa: FBT001
    """Return a film of a kind, small or at full size, as bytes and, if it parses, as tags."""
    with tempfile.TemporaryDirectory() as home:
        spacing = 0.8 if whole else 5.0
        plain = Path(home) / "plain"
        phantom.write(plain, phantom.film(phantom.both(), spacing=spacing), spacing=0.8, **PERSON)
        odd.write(plain, Path(home) / "001", kind)
        content = (Path(home) / "001").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return content, None if kind in odd.BY_HAND else pydicom.dcmread(_stream(content))


def _stream(content: bytes) -> pydicom.filebase.DicomBytesIO:
    return pydicom.filebase.DicomBytesIO(content)


def mutant(seed: int) -> bytes:
    """Return the film of a seed. The writer warns of what is wrong; that is meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _mutant(seed)


def _mutant(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    kind = list(odd.CUT)[rng.integers(len(odd.CUT))]
    content, dataset = sound(kind, seed % WHOLE == 0)
    if dataset is not None and rng.random() < 0.5:
        content = _retagged(copy.deepcopy(dataset), content, rng)
    for _ in range(rng.integers(0, 4)):
        content = BYTES[rng.integers(len(BYTES))](content, rng)
    return content


def _retagged(dataset: pydicom.Dataset, content: bytes, rng: np.random.Generator) -> bytes:
    """Change up to four tags; where the writer refuses the result, leave the film."""
    for _ in range(rng.integers(1, 5)):
        place = dataset
        for sequence in ("VOILUTSequence", "ModalityLUTSequence"):
            if dataset.get(sequence) and rng.random() < 0.5:
                place = dataset[sequence].value[0]
        own = [element.keyword for element in place if element.keyword]
        tag = [*TAGS, *own, *own][rng.integers(len(TAGS) + 2 * len(own))]
        values = [*NUMBERS, *TEXTS, None]
        value = values[rng.integers(len(values))]
        try:
            if rng.random() < 0.15:
                delattr(place, tag)
            elif tag == "PixelData":
                place.PixelData = place.PixelData[: rng.integers(len(place.PixelData))]
            elif tag.endswith("Descriptor"):
                setattr(place, tag, [int(each) for each in rng.choice(NUMBERS, 3)])
            else:
                setattr(place, tag, [value, value] if rng.random() < 0.1 else value)
        except Exception:  # the tag does not take such a value
            continue
    target = pydicom.filebase.DicomBytesIO()
    try:
        dataset.save_as(target, enforce_file_format=False)
    except Exception:  # nor does the writer
        return content
    return target.getvalue()


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    reach = min(len(changed), 1500) if rng.random() < 0.7 else len(changed)
    for at in rng.integers(0, max(reach, 1), rng.integers(1, 9)):
        if changed:
            changed[at] = rng.integers(256)
    return bytes(changed)


def _cut_short(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(len(content) + 1)]


def _taken_out(content: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(content) + 1))
    return content[:at] + content[at + int(rng.integers(1, 40)) :]


def _put_in(content: bytes, rng: np.random.Generator) -> bytes:
    at, many = int(rng.integers(min(len(content), 2000) + 1)), int(rng.integers(1, 40))
    return content[:at] + rng.bytes(many) + content[at:]


def _twice(content: bytes, rng: np.random.Generator) -> bytes:
    at, many = int(rng.integers(len(content) + 1)), int(rng.integers(1, 400))
    return content[:at] + content[at : at + many] + content[at:]


def _extreme(content: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(max(min(len(content), 1500) - 4, 1)))
    put = [
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\xff\x7f",
        b"\xfe\xff\0\xe0",
        b"SQ\0\0\xff\xff\xff\xff",
    ]
    word = put[rng.integers(len(put))]
    return content[:at] + word + content[at + len(word) :]


BYTES: list[Callable[[bytes, np.random.Generator], bytes]] = [
    _flip, _flip, _flip, _extreme, _cut_short, _taken_out, _put_in, _twice,
]  # fmt: skip


def judge(path: Path) -> tuple[str, str]:
    """Read and cut one film; return what became of it, and the sentence or the fault."""
    try:
        film = dicom.read(path)
    except dicom.FilmError as error:
        told = any(secret in str(error) for secret in SECRETS)
        return ("fault", "a sentence tells of the person") if told else ("refused", str(error))
    except Exception as error:
        return "fault", f"reading raises {type(error).__name__}: {error}"
    good = film.pixels.ndim == 2 and film.pixels.dtype == np.float32 and film.spacing > 0
    if not good or not 0 <= film.pixels.min() <= film.pixels.max() <= 1:
        return "fault", "greys or spacing are out of range"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cuts = crop.cut_film(film, ["right", "left"], SETTINGS)
    except Exception as error:
        return "fault", f"cutting raises {type(error).__name__}: {error}"
    if any(secret in cut.detail for secret in SECRETS for cut in cuts.values()):
        return "fault", "a sentence tells of the person"
    return "read", f"read, {cuts['right'].status}"


def batch(first: int, last: int, home: Path) -> None:
    """Judge the films of these seeds here; write faults and counts to `home`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    def stop(*_: object) -> None:
        raise SystemExit(
            f"film {(home / 'at').read_text(encoding='utf-8')} takes more than {SECONDS} seconds"
        )

    signal.signal(signal.SIGALRM, stop)
    counts: Counter[str] = Counter()
    for seed in range(first, last):
        (home / "at").write_text(str(seed), encoding="utf-8")
        (home / "001").write_bytes(mutant(seed))
        signal.alarm(SECONDS)
        became, said = judge(home / "001")
        signal.alarm(0)
        counts[became] += 1
        counts[f"  {said}"] += 1
        if became == "fault":
            print(f"FAULT {seed} {said}", flush=True)
    for text, count in counts.items():
        print(f"COUNT {count} {text}")


def run(first: int, last: int, home: Path, counts: Counter[str]) -> tuple[int, list[str]]:
    """Judge films in a process of its own; return the seed to go on with, and faults."""
    words = ["--batch", str(first), str(last), "--home", str(home)]
    done = subprocess.run(
        [sys.executable, __file__, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    told = done.stdout.splitlines()
    faults = [line for line in told if line.startswith("FAULT")]
    for line in told:
        if line.startswith("COUNT"):
            _, count, text = line.split(" ", 2)
            counts[text] += int(count)
    if any(secret in done.stderr for secret in SECRETS):
        faults.append(f"FAULT {first}-{last} the terminal tells of the person")
    if not done.returncode:
        return last, faults
    at = int((home / "at").read_text(encoding="utf-8"))
    counts["lost with a process"] += at - first
    return at + 1, [*faults, f"FAULT {at} ended with {done.returncode}: {done.stderr[-300:]}"]


def main() -> int:
    """Judge all films; return how many went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, nargs=2)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    if given.batch:
        batch(*given.batch, given.home)
        return 0
    faults, counts, seed, code = [], Counter[str](), given.seed, benchmark_results.state()
    end = given.seed + given.films
    with tempfile.TemporaryDirectory() as home:
        while seed < end:
            seed, found = run(seed, min(seed + BATCH, end), Path(home), counts)
            faults += found
            print(f"{seed - given.seed:,} films, {len(faults)} faults", flush=True)
    print("\n".join([f"{count:9,} {text}" for text, count in counts.most_common()]))
    print("\n".join(faults))
    if given.keep:
        row = {"input": "film of any kind, changed", "tried": given.films, "crashed": len(faults)}
        command = (
            f"python studies/benchmarks/fuzz_films.py --films {given.films} --seed {given.seed}"
        )
        path = benchmark_results.FOLDER / "fuzz_films.csv"
        benchmark_results.write(pd.DataFrame([row]), path, command=command, code=code)
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
