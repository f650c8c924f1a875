"""Params: one YAML file becomes the flat parameters of one notebook run.

Precedence, weakest first: shared, stage, grade, profile, command line. A name that no
layer declares, and a value that no run can use, is an error before anything runs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from workflow import declared, notation, param_consistency, param_constraints, reference

Kind = TypeVar("Kind")
GRADES, PER_GRADE = declared.GRADES, declared.PER_GRADE
PLACES = tuple(reference.PLACES)
GRADED = re.compile(r"(.*)@([-+]?\d*)", re.DOTALL)  # value@grade
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
        params = notation.read(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ParamsError(f"{path}: {error}") from None
    blocks = ["shared", "stages", "grades", "profiles"]
    missing = [block for block in blocks if not isinstance(params, dict) or not params.get(block)]
    if missing:
        raise ParamsError(f"{path}: block {missing[0]!r} is missing; expected {', '.join(blocks)}")
    for block, depth in zip(blocks, DEPTHS, strict=True):
        if not _nests(params[block], depth):
            raise ParamsError(f"{path}: block {block!r} does not consist of names and values")
    return params


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
    for word in notation.settings(settings):
        name, equals, rest = word.partition("=")
        stage, dot, key = name.partition(".")
        graded = GRADED.fullmatch(rest)
        value, grade = graded.groups() if graded else (rest, None)
        if not (equals and dot and key and value):
            raise ParamsError(
                f"SET: {word!r} is not understood; expected stage.name=value, with @grade for one "
                "grade, such as phenotype.min_cluster_size=40@2"
            )
        if grade is not None and grade not in {str(k) for k in GRADES}:
            raise ParamsError(f"SET: {word!r} names grade {grade!r}; expected 0, 1, 2, 3 or 4")
        try:
            found = notation.read(value)
        except ValueError:
            raise ParamsError(f"SET: the value in {word!r} is not understood") from None
        overrides.append(Override(stage, key, found, None if grade is None else int(grade)))
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
    if profile not in params["profiles"]:
        raise ParamsError(
            f"profile {profile!r} is unknown; known profiles: {', '.join(params['profiles'])}"
        )
    layers = partial(_layered, params, profile=profile, overrides=overrides)
    run = layers(stage, grade=grade)
    owners = {name: of for name, value in run.items() if (of := reference.owner(value))}
    for name, of in owners.items():
        grades = GRADES if of.stage in PER_GRADE else (None,)
        among = [partial(layers, of.stage, grade=each) for each in grades]
        run[name], wrong = reference.follow(of, among)
        if wrong:
            raise ParamsError(f"PROFILE={profile}: {wrong}")
    if misfit := param_consistency.fault(stage, run, owners):
        raise ParamsError(misfit)
    run = {name: reference.fill(value, places) for name, value in run.items()}
    return run if grade is None else {"kl_grade": grade, **run}


def _layered(
    params: Mapping[str, Any],
    stage: str,
    *,
    profile: str,
    grade: int | None,
    overrides: Sequence[Override],
) -> dict[str, Any]:
    """Return the parameters of a run before values are taken from elsewhere."""
    declared = _declared(params, stage)
    run: dict[str, Any] = {}
    for where, block in (
        ("stages", {stage: declared}),
        (f"grades: {grade}", params["grades"].get(grade)),
        (f"profiles: {profile}", params["profiles"][profile]),
        ("SET", _chosen(overrides, stage, grade)),
    ):
        shared = params["shared"] if where != "stages" else ()
        for name, value in _layer(block, stage, shared, where).items():
            run[name] = _usable(declared, stage, name, value, where)
    return run


def check(
    params: Mapping[str, Any], overrides: Sequence[Override] = (), *, profile: str = ""
) -> None:
    """Check every layer of the file, and those of the command line in the profile that is run.

    Without a profile, what the command line sets must be right in each.

    Raises
    ------
    ParamsError
        As `resolve`, and if an override or a layer names an unknown stage.
    """
    own = {stage: _declared(params, stage) for stage in params["stages"]}
    if wrong := reference.fault(own):
        raise ParamsError(wrong)
    for layer, block in {**params["grades"], **params["profiles"]}.items():
        if unknown := sorted((block or {}).keys() - {"shared", *params["stages"]}):
            raise ParamsError(f"{layer}: stage {unknown[0]!r} is unknown; {_known(params)}")
    for override in overrides:
        _check_override(params, override)
    places = dict.fromkeys(PLACES, "")
    runs: list[tuple[str, int | None]] = [(stage, None) for stage in params["stages"]]
    runs += [(stage, grade) for stage in PER_GRADE for grade in GRADES]
    known = list(params["profiles"])
    asked: list[tuple[str, Sequence[Override]]] = [(name, ()) for name in known]
    if overrides:
        asked += [(name, overrides) for name in ([profile] if profile else known)]
    for (name, words), (stage, grade) in itertools.product(asked, runs):
        resolve(params, stage, profile=name, places=places, grade=grade, overrides=words)


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


def _layer(
    block: Mapping[str, Any] | None, stage: str, shared: Collection[str], where: str
) -> dict[str, Any]:
    block = block or {}
    own = block.get(stage) or {}
    for name in own.keys() & set(shared):
        raise ParamsError(f"{where}: {stage}.{name} is shared.{name}; set that")
    return {**(block.get("shared") or {}), **own}


def _chosen(overrides: Sequence[Override], stage: str, grade: int | None) -> dict[str, Any]:
    """Return the overrides of this run as a layer; one for a single grade beats one for all."""
    fitting = [o for o in overrides if o.stage == stage and o.grade in {None, grade}]
    shared = {o.name: o.value for o in overrides if o.stage == "shared"}
    own = {o.name: o.value for o in sorted(fitting, key=lambda o: o.grade is not None)}
    return {"shared": shared, stage: own}


def _usable(declared: Mapping[str, Any], stage: str, name: str, value: Any, where: str) -> Any:
    """Return a value of a layer in the kind that is declared, if a run can use it."""
    if name not in declared:
        raise ParamsError(_unknown(f"{where}: {stage}", name, declared))
    if of := reference.source(declared[name]):
        if where != "stages":
            raise ParamsError(f"{where}: {stage}.{name} is taken from {of}; set that")
        return value
    fitting = param_constraints.fitted(declared[name], value)
    if wrong := param_constraints.fault(stage, name, fitting, like=declared[name]):
        raise ParamsError(f"{where}: {wrong}")
    return fitting


def _unknown(where: str, name: str, declared: Mapping[str, Any]) -> str:
    return f"{where}: parameter {name!r} is unknown; known: {', '.join(sorted(declared))}"


def _known(params: Mapping[str, Any]) -> str:
    return f"known stages: {', '.join(params['stages'])}"


def pick(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """Return settings of a kind from resolved parameters, which may hold more than those."""
    return kind(**{name: values[name] for name in kind.__annotations__})
