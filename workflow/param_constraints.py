"""Parameter constraints: type and valid range of every parameter.

A parameter that is taken from another one has the limits of that one, and none of its own.
Where a set of names has its home in a stage, a test holds that it is the same here; the names of
checks are asked for where they are kept.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

MOST = 1_000_000


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both allowed, and `also`, whose meaning stands beside it."""

    low: float
    high: float
    also: float | None = None

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return value == self.also or self.low <= value <= self.high

    def __str__(self) -> str:
        other = "" if self.also is None else f"{self.also:g}, or "
        return f"{other}{self.low:.10g} to {self.high:.10g}"


class Names(frozenset[str]):
    """Words one of which is expected."""

    def __str__(self) -> str:
        return ", ".join(sorted(self))


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Text:
    """A line of text, such as a folder or an address."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and not set("\n\r\0") & set(value)

    def __str__(self) -> str:
        return "one line of text"


@dataclass(frozen=True)
class Each:
    """A list of different names, `least` or more of them."""

    of: Collection[str]
    least: int = 1

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, list) or len(value) < self.least:
            return False
        named = all(isinstance(one, str) and one in self.of for one in value)
        return named and len(set(value)) == len(value)

    def __str__(self) -> str:
        return f"a list of {'one or more' if self.least else 'any'} of {self.of}, none twice"


@dataclass(frozen=True)
class Window:
    """Two percentiles, the lower one first."""

    def __contains__(self, value: object) -> bool:
        inside = Range(0, 100)
        two = isinstance(value, list) and len(value) == 2 and all(one in inside for one in value)
        return two and value[0] < value[1]  # type: ignore[index]

    def __str__(self) -> str:
        return "two percentiles from 0 to 100, the lower one first"


@dataclass(frozen=True)
class Families:
    """Named lists of tests, each written `outcome: contrast` and in one family alone."""

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, dict) or not value:
            return False
        lists = all(isinstance(name, str) and isinstance(own, list) for name, own in value.items())
        tests = [test for own in value.values() for test in own] if lists else []
        named = all(isinstance(test, str) and ": " in test for test in tests)
        return bool(tests) and all(value.values()) and named and len(set(tests)) == len(tests)

    def __str__(self) -> str:
        return "named lists of tests, each written 'outcome: contrast' and in one family alone"


class Checks(Collection[str]):
    """Names of the sanity checks of a release, asked for where they are kept."""

    def _names(self) -> list[str]:
        from kneephen_utils.cohort import data_checks  # with pandas: only where one is accepted

        return [check.name for check in data_checks.CHECKS]

    def __contains__(self, value: object) -> bool:
        return value in self._names()

    def __iter__(self) -> Any:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __str__(self) -> str:
        return ", ".join(self._names())


Limit = Range | Names | Flag | Text | Each | Window | Families

SHARE, COUNT, DRAWS = Range(0, 1), Range(1, MOST), Range(2, MOST)
PROCESSES, BATCH, BLOCKS = Range(1, 1024), Range(1, MOST), Range(0, 64)
CLAIMED, COMPARED = Names({"context", "image"}), Names({"context", "image", "fused"})  # arms
REDUCER = Names({"none", "pca", "umap"})
OUTCOMES = Names({"kl_rise_1", "rise_or_replacement", "kl_rise_2", "jsn_rise", "replacement"})
OUTCOMES = Names({*OUTCOMES, "jsw_loss_0.5", "jsw_loss_0.7"})
FILMED = Range(24, 132)  # months of follow-up: at least two years, at most what was planned

ALLOWED: dict[str, dict[str, Limit]] = {
    "shared": {"artefacts": Text(), "seed": Range(0, 2**32 - 1), "disclose": Flag()},
    "twin": {
        "participants": Range(10, 100_000),
        "planted": Flag(),
        "defect_share": SHARE,
        "difficulty": Names({"easy", "realistic"}),
        "flavour": Names({"ascii", "sas", "nda"}),
    },
    "cohort": {
        "release": Text(),
        "projects": Names({"by_design", "15_only"}),
        "train_share": Range(0.01, 0.98),
        "discover_share": Range(0.01, 0.98),
        "accept": Each(Checks(), least=0),
    },
    "radiograph": {
        "region": Range(40, 400),
        "pixels": Range(16, 2048),
        "window": Window(),
        "clahe": Flag(),
        "min_confidence": SHARE,
        "accept": Each(Names({"film_side"}), least=0),
        "workers": PROCESSES,
    },
    "embedding": {
        "weights": Text(),
        "batch_size": Range(1, MOST, also=0),
        "block": Range(1, 64),
        "draws": DRAWS,
    },
    "grading": {
        "batch_size": BATCH,
        "epochs": COUNT,
        "learning_rate": Range(1e-9, 1),
        "head_learning_rate": Range(1e-9, 1),
        "layer_decay": Range(0.05, 1),
        "weight_decay": Range(0, 10),
        "warmup": Range(0, 0.9),
        "patience": COUNT,
        "views": Range(0, 100),
        "head": Names({"sigmoid", "corn", "coral"}),
        "balance": Names({"none", "weights", "sampler"}),
        "ranking_weight": Range(0, 1000),
        "patch_dropout": Range(0, 0.9),
        "frozen_blocks": BLOCKS,
        "accumulate": Range(1, 1024),
        "precision": Names({"auto", "fp32", "bf16", "fp16"}),
        "compiler": Names({"none", "inductor"}),
        "cache_gb": Range(0, MOST),
        "int8": Flag(),
        "draws": DRAWS,
        "threads": PROCESSES,
    },
    "fusion": {
        "context_share": Range(0, 0.95),
        "structure_share": Range(0, 0.95),
        "fused_weight": Range(0, 1000),
        "embedding": Names({"zeroshot", "block", "finetuned"}),
    },
    "phenotype": {
        "min_cluster_size": Range(2, MOST, also=0),
        "min_samples": Range(1, MOST, also=0),
        "peeked": Flag(),
        "reducer": REDUCER,
        "components": Range(1, 4096),
        "draws": DRAWS,
        "null_draws": DRAWS,
        "arm": CLAIMED,
        "mean_pictures": Flag(),
        "workers": PROCESSES,
        "dask": Text(),
    },
    "attention": {
        "prior_width": Range(1, 400),
        "covered": Range(0.01, 0.9),
        "checked": Range(10, MOST),
        "batch_size": BATCH,
        "draws": DRAWS,
    },
    "pain": {
        "draws": Range(39, MOST),  # fewer leave nothing below 5 %, so no interval has an end
        "horizon": FILMED,
        "arms": Each(COMPARED),
        "min_knees": Range(2, MOST),
        "reference_people": Range(10, MOST),
        "families": Families(),
    },
    "progression": {
        "draws": DRAWS,
        "horizon": FILMED,
        "arms": Each(COMPARED),
        "min_events": COUNT,
        "families": Families(),
    },
    "verdict": {
        "alpha": Range(0.0001, 0.5),
        "draws": DRAWS,
        "power": Range(0.5, 0.999),
        "truth_folder": Text(),
        "published_tables": Text(),
    },
    "multiverse": {
        "embeddings": Each(Names({"finetuned", "zeroshot"})),
        "arms": Each(CLAIMED),
        "reducers": Each(REDUCER),
        "outcomes": Each(OUTCOMES),
        "batch_size": BATCH,
        "workers": PROCESSES,
        "dask": Text(),
    },
}


def limit(stage: str, name: str) -> Limit | None:
    """Return what a parameter may be, as its stage or `shared` says; None if neither does."""
    return ALLOWED.get(stage, {}).get(name) or ALLOWED["shared"].get(name)


def fitted(like: Any, value: Any) -> Any:
    """Return a value as one of the kind of `like` where nothing is lost by it.

    A whole number may stand for a decimal and the reverse, one name for a list of one.
    """
    if isinstance(like, list):
        values = value if isinstance(value, list) else [value]
        return [fitted(like[0], one) for one in values] if like else values
    if type(like) is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    if type(like) is int and type(value) is float and value.is_integer():
        return int(value)
    return value


def fault(stage: str, name: str, value: Any, *, like: Any) -> str | None:
    """Return what is wrong with a value, or None; `like` is one of the right kind."""
    expected = limit(stage, name)
    good = type(value) is type(like) and (expected is None or value in expected)
    if good:
        return None
    kind = f"{type(like).__name__}, such as {like!r}"
    told = textwrap.shorten(repr(value), 80, placeholder=" ...")
    where = stage if name in ALLOWED.get(stage, {}) or expected is None else "shared"
    return f"{where}.{name} is {told}; expected {kind if expected is None else expected}"
