"""Reference: a value that two stages use stands once, and the others say where.

`region: "{radiograph.region}"` under a stage takes what `radiograph.region` is in the same run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

PLACES = {"profile": "PROFILE", "release": "OAI", "weights": "WEIGHTS", "dask": "DASK"}
ELSEWHERE = re.compile(r"\{(\w+)\.(\w+)\}")
PLACE = re.compile(r"\{(" + "|".join(PLACES) + r")\}")


class Owner(NamedTuple):
    """The parameter that others refer to."""

    stage: str
    name: str

    def __str__(self) -> str:
        return f"{self.stage}.{self.name}"


def owner(value: Any) -> Owner | None:
    """Return the parameter that a value refers to; None where it is a value of its own."""
    found = ELSEWHERE.fullmatch(value) if isinstance(value, str) else None
    return Owner(*found.groups()) if found else None


def source(value: Any) -> str | None:
    """Return what is to be set instead of a parameter declared so; None if it is set itself."""
    if of := owner(value):
        return str(of)
    place = PLACE.search(value) if isinstance(value, str) else None
    return f"{PLACES[place.group(1)]}=" if place else None


def fill(value: Any, places: Mapping[str, str]) -> Any:
    """Return a value with `{profile}` and its like filled in, each once."""
    if not isinstance(value, str):
        return value
    return PLACE.sub(lambda found: places[found.group(1)], value)


def fault(declared: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return what is wrong with the references of all stages, or None."""
    for stage, own in declared.items():
        for name, value in own.items():
            of = owner(value)
            if of is None:
                continue
            there = declared.get(of.stage, {})
            if of.name not in there:
                return f"stages: {stage}.{name} is taken from {of}, which is not declared"
            if owner(there[of.name]):
                return f"stages: {stage}.{name} is taken from {of}, which is taken from another"
    return None


def follow(of: Owner, among: Sequence[Callable[[], Mapping[str, Any]]]) -> tuple[Any, str]:
    """Return the value of the owner in every run of its stage, and what is wrong with it if any.

    A stage that runs once for each grade has one value for all who refer to it.
    """
    values = [run()[of.name] for run in among]
    if all(value == values[0] for value in values):
        return values[0], ""
    told = ", ".join(repr(value) for value in values)
    return values[0], f"{of} is {told} in grades 0 to 4; other stages use it, so it is one for all"
