"""Typed: what was given on the command line, as the pipeline takes it."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path

TYPED = ("name", "oai", "weights", "dask", "set", "table")  # what may hold any letter


class UsageError(ValueError):
    """The command line asks for something that cannot be done; the message says what."""


def speak_anywhere() -> None:
    """Let messages be told at a terminal that lacks some letter of theirs."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter is told its number
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def trimmed(given: argparse.Namespace) -> argparse.Namespace:
    """Leave out blanks around what was typed, unless a folder or file is called so."""
    for name in TYPED:
        value = getattr(given, name)
        if value and not (value.strip() != value and Path(value).exists()):
            setattr(given, name, value.strip())
    for name in TYPED:
        try:  # what a locale without that letter took for bytes is UTF-8 as a rule
            setattr(given, name, os.fsencode(getattr(given, name) or "").decode("utf-8"))
        except UnicodeError:
            raise SystemExit(
                f"kneephen: {name} is not UTF-8; link to it by a name that is"
            ) from None
    return given


def places(given: argparse.Namespace) -> Mapping[str, str]:
    """Return what the places in texts of the parameter file stand for."""
    release = f"../artefacts/{given.profile}/release"
    if given.profile == "oai":
        if not given.oai:
            raise UsageError("PROFILE=oai needs OAI=, the folder of the OAI release")
        release = str(Path(given.oai).expanduser().resolve())
        if not Path(release).is_dir():
            raise UsageError(f"OAI={given.oai}: there is no such folder")
        if not any(Path(release).iterdir()):
            raise UsageError(f"OAI={given.oai}: the folder is empty; expected an OAI release")
    found = {"profile": given.profile, "release": release, "dask": given.dask}
    return found | {"weights": _weights(given.weights)}


def _weights(weights: str) -> str:
    """Return the encoder as notebooks find it: a folder by its whole path."""
    if weights == "embedded" or weights.startswith("hf-hub:"):
        return weights
    folder = Path(weights).expanduser().resolve()
    if not folder.is_dir():
        raise UsageError(
            f"WEIGHTS={weights}: there is no such folder; expected embedded, a folder or "
            "hf-hub:owner/name"
        )
    return str(folder)
