"""Parameter editor: write a setting of one grade into the parameter file, and keep its comments.

The file is edited as text, at the places a YAML parser points to, so every other line stays
as it was. What was written is read back and checked before the file is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workflow import notation, params, stamps


def save(path: Path, stage: str, grade: int, values: Mapping[str, Any]) -> None:
    """Set parameters of one stage for one grade under `grades:`; the file changes whole or not.

    Parameters
    ----------
    path
        The parameter file.
    stage, grade
        Whose parameters they are.
    values
        Names and values.

    Raises
    ------
    ParamsError
        If a name is unknown, a value of another kind, or the file cannot be edited safely.
    """
    text = path.read_text(encoding="utf-8")
    wanted = notation.read(text)
    own = wanted["grades"].setdefault(grade, {}) or {}
    wanted["grades"][grade] = own | {stage: (own.get(stage) or {}) | dict(values)}
    params.check(wanted)
    for name, value in reversed(list(values.items())):  # each goes before the others
        text = put(text, ["grades", grade, stage, name], value)
    if notation.read(text) != wanted:
        raise params.ParamsError(
            f"{path}: grade {grade} is written in a way that cannot be edited here; "
            f"write  {grade}: {notation.written(wanted['grades'][grade])}  under grades: by hand"
        )
    stamps.replace(path, text)


def put(text: str, keys: list[Any], value: Any) -> str:
    """Return YAML text with one value set; keys that are not there are added."""
    node = yaml.compose(text)
    for depth, key in enumerate(keys):
        child = _child(node, key)
        rest = keys[depth + 1 :]
        if child is None:
            return _insert(text, node, key, _nested(rest, value))
        if not rest or not isinstance(child, yaml.MappingNode) or not child.value:
            return _replace(text, child, _nested(rest, value))
        node = child
    return text


def _child(node: Any, key: Any) -> Any:
    pairs = ((notation.read(name.value), value) for name, value in node.value)
    return next((value for name, value in pairs if name == key), None)


def _nested(keys: list[Any], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _replace(text: str, node: Any, value: Any) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    space = "" if text[start - 1] in " \n" else " "  # a key without a value
    return f"{text[:start]}{space}{notation.written(value)}{text[end:]}"


def _insert(text: str, node: Any, key: Any, value: Any) -> str:
    """Add a key before the first of a mapping, in the way the mapping is written."""
    entry = f"{key}: {notation.written(value)}"
    start = node.start_mark.index
    if node.flow_style:
        return f"{text[: start + 1]}{entry}, {text[start + 1 :]}"
    return f"{text[:start]}{entry}\n{' ' * node.start_mark.column}{text[start:]}"
