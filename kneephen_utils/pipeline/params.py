"""Params: one YAML file becomes the flat parameters of one notebook run.

Precedence, weakest first: shared, stage, grade, profile, command line. A name that no
layer declares is an error before anything runs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from kneephen_utils.pipeline import allowed, declared

Kind = TypeVar("Kind")
GRADES, PER_GRADE = declared.GRADES, declared.PER_GRADE
PLACES = ("profile", "release", "weights", "dask")
DEEPEST, LONGEST = 20, 10_000  # brackets, characters of a line
DEPTHS = (1, 2, 3, 3)  # how deep the four blocks of the file nest


class ParamsError(ValueError):
    """A parameter is unknown, of the wrong kind, or written in a way that is not understood."""


class Override(NamedTuple):
    """One parameter set on the command line, for all grades (`grade` None) or for one."""

    stage: str
    name: str
    value: Any
    grade: int | None


def load(path: str | Path) -> dict[str, Any]:
    """Read the parameter file and check that its four blocks are there.

    Raises
    ------
    ParamsError
        If the file is not plain YAML or lacks `shared`, `stages`, `grades` or `profiles`.
    """
    try:
        text = Path(path).read_text()
        _refuse_deep(text)
        aliases = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text))
        params: Any = None if aliases else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParamsError(f"{path}: not readable as YAML: {error}") from None
    if aliases:  # they repeat a block by name, and can be made to repeat it without end
        raise ParamsError(f"{path}: aliases such as *name are not understood; write the values out")
    blocks = ["shared", "stages", "grades", "profiles"]
    missing = [block for block in blocks if not isinstance(params, dict) or not params.get(block)]
    if missing:
        raise ParamsError(f"{path}: block {missing[0]!r} is missing; expected {', '.join(blocks)}")
    for block, depth in zip(blocks, DEPTHS, strict=True):
        if not _nests(params[block], depth):
            raise ParamsError(f"{path}: block {block!r} does not consist of names and values")
    return params


def _refuse_deep(text: str) -> None:
    """Refuse text that would keep the parser busy without end: it is quadratic in the nesting."""
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"brackets are nested more than {DEEPEST} deep")
    if max(map(len, text.splitlines()), default=0) > LONGEST:
        raise ValueError(f"a line is longer than {LONGEST} characters")


def _nests(block: Any, depth: int) -> bool:
    """Say whether a block consists of named blocks, so many levels deep, or of nothing."""
    if not isinstance(block, dict):
        return block is None
    named = all(isinstance(name, str) for name in block) or set(block) <= set(GRADES)
    return named and (depth == 1 or all(_nests(inner, depth - 1) for inner in block.values()))


def parse(settings: str) -> list[Override]:
    """Read `SET`: words such as `phenotype.min_cluster_size=40@2` or `shared.seed=7`.

    Raises
    ------
    ParamsError
        If a word is not `stage.name=value` with an optional `@grade`.
    """
    overrides = []
    for word in settings.split():
        name, equals, rest = word.partition("=")
        stage, dot, key = name.partition(".")
        value, at, grade = rest.partition("@")
        if not (equals and dot and key and value):
            raise ParamsError(
                f"SET: {word!r} is not understood; expected stage.name=value, with @grade for one "
                "grade, such as phenotype.min_cluster_size=40@2"
            )
        if at and grade not in {str(k) for k in GRADES}:
            raise ParamsError(f"SET: {word!r} names grade {grade!r}; expected 0, 1, 2, 3 or 4")
        try:
            _refuse_deep(value)
            found = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise ParamsError(f"SET: the value in {word!r} is not understood") from None
        overrides.append(Override(stage, key, found, int(grade) if at else None))
    return overrides


def resolve(
    params: Mapping[str, Any],
    stage: str,
    *,
    profile: str,
    places: Mapping[str, str],
    grade: int | None = None,
    overrides: Sequence[Override] = (),
) -> dict[str, Any]:
    """Return the flat parameters of one run of `stage`.

    Parameters
    ----------
    params
        Content of `notebooks/params.yml`.
    stage
        Name of a block under `stages`.
    profile
        Name of a block under `profiles`.
    places
        What `{profile}`, `{release}`, `{weights}` and `{dask}` stand for in text values.
    grade
        Kellgren-Lawrence grade of this run, for a stage that runs once per grade.
    overrides
        What the command line set.

    Raises
    ------
    ParamsError
        If the stage or profile is unknown, a layer names a parameter that neither `shared`
        nor the stage declares, or a value is of another kind than the declared one or not
        among those that are allowed.
    """
    declared = _declared(params, stage)
    if profile not in params["profiles"]:
        raise ParamsError(
            f"profile {profile!r} is unknown; known profiles: {', '.join(params['profiles'])}"
        )
    run = dict(declared)
    for where, layer in (
        (f"grades: {grade}", _layer(params["grades"].get(grade), stage)),
        (f"profiles: {profile}", _layer(params["profiles"][profile], stage)),
        ("SET", _chosen(overrides, stage, grade)),
    ):
        for name, value in layer.items():
            run[name] = _same_kind(declared, name, value, f"{where}: {stage}.{name}")
            if wrong := allowed.fault(stage, name, run[name]):
                raise ParamsError(f"{where}: {wrong}")
    run = {name: _fill(value, places) for name, value in run.items()}
    return run if grade is None else {"kl_grade": grade, **run}


def check(params: Mapping[str, Any], overrides: Sequence[Override] = ()) -> None:
    """Check every layer of the file and of the command line, whatever is run.

    Raises
    ------
    ParamsError
        As `resolve`, and if an override or a layer names an unknown stage.
    """
    for layer, block in {**params["grades"], **params["profiles"]}.items():
        if unknown := sorted((block or {}).keys() - {"shared", *params["stages"]}):
            raise ParamsError(f"{layer}: stage {unknown[0]!r} is unknown; {_known(params)}")
    for override in overrides:
        _check_override(params, override)
    places = dict.fromkeys(PLACES, "")
    runs: list[tuple[str, int | None]] = [(stage, None) for stage in params["stages"]]
    runs += [(stage, grade) for stage in PER_GRADE for grade in GRADES]
    for profile, (stage, grade) in itertools.product(params["profiles"], runs):
        resolve(params, stage, profile=profile, places=places, grade=grade, overrides=overrides)


def _check_override(params: Mapping[str, Any], override: Override) -> None:
    if override.stage not in {"shared", *params["stages"]}:
        raise ParamsError(f"SET: stage {override.stage!r} is unknown; {_known(params)}")
    if override.stage == "shared" and override.name not in params["shared"]:
        raise ParamsError(_unknown("SET: shared", override.name, params["shared"]))
    if override.grade is not None and override.stage not in PER_GRADE:
        raise ParamsError(
            f"SET: {override.stage}.{override.name}@{override.grade} names a grade, but stage "
            f"{override.stage} runs once for all grades; only {', '.join(PER_GRADE)} takes @grade"
        )


def _declared(params: Mapping[str, Any], stage: str) -> dict[str, Any]:
    if stage not in params["stages"]:
        raise ParamsError(f"stage {stage!r} is unknown; {_known(params)}")
    own = params["stages"][stage] or {}
    if both := sorted(own.keys() & params["shared"].keys()):
        raise ParamsError(f"stages: {stage}.{both[0]} is declared in shared already")
    return {**params["shared"], **own}


def _layer(block: Mapping[str, Any] | None, stage: str) -> dict[str, Any]:
    block = block or {}
    return {**(block.get("shared") or {}), **(block.get(stage) or {})}


def _chosen(overrides: Sequence[Override], stage: str, grade: int | None) -> dict[str, Any]:
    """Return the overrides of this run; one for a single grade beats one for all."""
    fitting = [o for o in overrides if o.stage in {"shared", stage} and o.grade in {None, grade}]
    return {o.name: o.value for o in sorted(fitting, key=lambda o: o.grade is not None)}


def _same_kind(declared: Mapping[str, Any], name: str, value: Any, where: str) -> Any:
    if name not in declared:
        raise ParamsError(_unknown(where.rpartition(".")[0], name, declared))
    expected = type(declared[name])
    if expected is float and type(value) is int:
        return float(value)
    if expected is list and not isinstance(value, list):
        return [value]
    if type(value) is not expected:
        raise ParamsError(
            f"{where} is {value!r} ({type(value).__name__}); expected {expected.__name__}, "
            f"such as {declared[name]!r}"
        )
    return value


def _fill(value: Any, places: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    for place in PLACES:
        if (mark := f"{{{place}}}") in value:
            value = value.replace(mark, places[place])
    return value


def _unknown(where: str, name: str, declared: Mapping[str, Any]) -> str:
    return f"{where}: parameter {name!r} is unknown; known: {', '.join(sorted(declared))}"


def _known(params: Mapping[str, Any]) -> str:
    return f"known stages: {', '.join(params['stages'])}"


def pick(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """Return settings of a kind from resolved parameters, which may hold more than those."""
    return kind(**{name: values[name] for name in kind.__annotations__})
