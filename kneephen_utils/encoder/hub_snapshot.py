"""Hub snapshot: a published encoder kept in a folder, for machines that reach no network.

The folder has the layout of the repository, with the configuration of the text tower beside
it and the checksum of every file. A folder with checksums is checked whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from kneephen_utils.encoder.model import WeightsError

CONFIG_FILE = "open_clip_config.json"
TEXT_CONFIG_FILE = "config.json"
WEIGHT_FILES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
VOCABULARY_FILES = ("tokenizer.json", "vocab.txt")
WORD_FILES = (*VOCABULARY_FILES, "tokenizer_config.json", "special_tokens_map.json")
SUMS_FILE = "SHA256SUMS"

SUM = re.compile(r"(?P<sum>[0-9a-fA-F]{64}) [ *](?P<name>.+)")  # as sha256sum, -b too, writes

Fetch = Callable[[str, str], Path | None]  # repository and file name to a copy on this machine


def keep(hub: str, folder: Path, *, fetch: Fetch) -> None:
    """Copy an encoder from the hub into `folder`; the folder appears whole or not at all.

    Parameters
    ----------
    hub
        `hf-hub:owner/name`.
    folder
        New folder. One that already holds this encoder, unharmed, is left as it is.
    fetch
        Gives a file of a repository, or None where the repository has no such file.

    Raises
    ------
    WeightsError
        If the repository lacks a part, or `folder` holds something else or is damaged.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / SUMS_FILE).exists():
            raise WeightsError(f"{folder}: not empty and without {SUMS_FILE}; name a new folder")
        return verify(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _fill(partial, hub.removeprefix("hf-hub:"), fetch)
    except BaseException:
        shutil.rmtree(partial)
        raise
    if folder.exists():
        folder.rmdir()
    partial.replace(folder)
    return None


def verify(folder: Path) -> None:
    """Compare every file of `folder` with the checksums noted there, if there are any.

    Raises
    ------
    WeightsError
        If a file is missing or differs.
    """
    noted = folder / SUMS_FILE
    if not noted.exists():
        return
    for line in noted.read_text(encoding="utf-8-sig").splitlines():
        if not line.strip():
            continue
        if not (found := SUM.fullmatch(line.strip())):
            raise WeightsError(
                f"{folder.name}/{SUMS_FILE}: a line is not understood; expected a sha256 and a file"
            )
        expected, name = found["sum"].lower(), found["name"].removeprefix("./")
        if not (folder / name).exists():
            raise WeightsError(f"{folder.name}/{name} is missing; {SUMS_FILE} names it")
        if checksum(folder / name) != expected:
            raise WeightsError(f"{folder.name}/{name} is damaged: it differs from {SUMS_FILE}")


def checksum(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fill(folder: Path, name: str, fetch: Fetch) -> None:
    """Copy what a published encoder consists of, and note the checksums."""
    _one_of((CONFIG_FILE,), name, folder, fetch)
    _one_of(WEIGHT_FILES, name, folder, fetch)
    text = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))["model_cfg"]["text_cfg"]
    if text_name := text.get("hf_model_name"):
        _one_of((TEXT_CONFIG_FILE,), text_name, folder, fetch)
        found = [file for file in WORD_FILES if _copy(name, file, folder, fetch)]
        if not set(found) & set(VOCABULARY_FILES):
            words_name = text.get("hf_tokenizer_name", text_name)
            _one_of(VOCABULARY_FILES, words_name, folder, fetch)
    lines = [f"{checksum(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / SUMS_FILE).write_text("".join(lines), encoding="utf-8")


def _one_of(files: Sequence[str], name: str, folder: Path, fetch: Fetch) -> None:
    """Copy the first of `files` the repository has."""
    if not any(_copy(name, file, folder, fetch) for file in files):
        raise WeightsError(f"{name}: the repository has no {' or '.join(files)}")


def _copy(name: str, file: str, folder: Path, fetch: Fetch) -> bool:
    path = fetch(name, file)
    if path is not None:
        shutil.copyfile(path, folder / file)
    return path is not None
