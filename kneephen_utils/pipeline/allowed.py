"""Allowed: the values of parameters that not every value of their kind will do for."""

from __future__ import annotations

from typing import Any, NamedTuple


class Range(NamedTuple):
    """Numbers from `low` to `high`, both allowed."""

    low: float
    high: float

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


class Names(frozenset[str]):
    """Words one of which is expected."""

    def __str__(self) -> str:
        return ", ".join(sorted(self))


ALLOWED: dict[str, dict[str, Range | Names]] = {
    "grading": {
        "batch_size": Range(1, 1e6),
        "layer_decay": Range(0.05, 1),
        "views": Range(0, 100),
        "head": Names({"sigmoid", "corn", "coral"}),
        "balance": Names({"none", "weights", "sampler"}),
        "patch_dropout": Range(0, 0.9),
        "frozen_blocks": Range(0, 64),
        "accumulate": Range(1, 1024),
        "precision": Names({"auto", "fp32", "bf16", "fp16"}),
        "compiler": Names({"none", "inductor"}),
    },
}


def fault(stage: str, name: str, value: Any) -> str | None:
    """Return what is wrong with a value, or None."""
    expected = ALLOWED.get(stage, {}).get(name)
    if expected is None or value in expected:
        return None
    return f"{stage}.{name} is {value!r}; expected {expected}"
