"""Notation: how values of parameters are written, in the file and on the command line.

YAML as its core schema of version 1.2 has it: `1e-4` is a number, and `no`, `010` or `1:30` are
not turned into something else than what they look like.

References
----------
YAML 1.2.2, section 10.3, https://yaml.org/spec/1.2.2/#103-core-schema.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

DEEPEST, LONGEST = 20, 10_000  # brackets, characters of a line
SETTING = re.compile(r"\s+(?=[^\s.=]+\.[^\s.=]+=)")  # blanks before the next stage.name=
PLAIN = {
    "tag:yaml.org,2002:null": r"~|null|Null|NULL|",
    "tag:yaml.org,2002:bool": r"true|True|TRUE|false|False|FALSE",
    "tag:yaml.org,2002:int": r"[-+]?[0-9]+",
    "tag:yaml.org,2002:float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}


class _Loader(yaml.SafeLoader):
    """Plain YAML whose words become numbers by the core schema."""

    yaml_implicit_resolvers: dict[str | None, list[Any]] = {}  # noqa: RUF012

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number: ten is the base, whatever it begins with."""
        return int(self.construct_scalar(node))


class _Dumper(yaml.SafeDumper):
    """What `_Loader` reads back as it was."""

    yaml_implicit_resolvers: dict[str | None, list[Any]] = {}  # noqa: RUF012


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
for _tag, _words in PLAIN.items():
    for _reader in (_Loader, _Dumper):
        _reader.add_implicit_resolver(_tag, re.compile(rf"(?:{_words})\Z"), None)


def read(text: str) -> Any:
    """Return what YAML text says.

    Raises
    ------
    ValueError
        If it is no plain YAML, repeats a block by an alias or a key, or would keep a parser busy
        without end.
    """
    _refuse_deep(text)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise ValueError("aliases such as *name are not understood; write the values out")
        node = yaml.compose(text, _Loader)
        _refuse_twice(node)
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"not readable as YAML: {error}") from None


def written(value: Any) -> str:
    """Return a value on one line of YAML, as `read` reads it back."""
    line = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=LONGEST, sort_keys=False)
    return line.removesuffix("\n").removesuffix("\n...")


def settings(text: str) -> list[str]:
    """Return the settings of a command line, each `stage.name=value`; values may hold blanks."""
    return SETTING.split(text.strip()) if text.strip() else []


def _refuse_deep(text: str) -> None:
    """Refuse text that would keep the parser busy without end: it is quadratic in the nesting."""
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"brackets are nested more than {DEEPEST} deep")
    if max(map(len, text.splitlines()), default=0) > LONGEST:
        raise ValueError(f"a line is longer than {LONGEST} characters")


def _refuse_twice(node: yaml.Node | None) -> None:
    """Refuse a key that stands twice in one block: YAML readers keep the last and say nothing."""
    if isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            _refuse_twice(inner)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[Any] = set()
    for key, inner in node.value:
        if isinstance(key.value, str):
            if key.value in seen:
                raise ValueError(f"{key.value!r} stands twice, in line {key.start_mark.line + 1}")
            seen.add(key.value)
        _refuse_twice(inner)
