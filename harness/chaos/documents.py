"""Reading YAML documents with the line of each field, for messages that people can act on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.errors import ExperimentInvalid

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A parsed mapping, the file it came from and the line of each of its fields."""

    path: Path
    data: dict[str, Any]
    lines: dict[Place, int] = field(default_factory=dict)

    def at(self, *place: str | int) -> str:
        """Return ``file, line N, field a.b`` for the nearest field whose line is known."""
        known: Place = place
        while known and known not in self.lines:
            known = known[:-1]
        line = f", line {self.lines[known]}" if known in self.lines else ""
        name = ".".join(map(str, place))
        return f"{self.path}{line}" + (f", field {name!r}" if name else "")


def read(path: Path) -> Document:
    """Read a YAML mapping.

    Raises ExperimentInvalid when there is no such file or it is no YAML mapping.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise ExperimentInvalid(
            f"{path}: expected a readable file, got {error.strerror or error}."
        ) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ExperimentInvalid(f"{path}{line}: expected YAML, got: {problem}.") from error
    if not isinstance(data, dict):
        raise ExperimentInvalid(f"{path}, line 1: expected a mapping, got {type(data).__name__}.")
    lines: dict[Place, int] = {}
    if node is not None:
        _collect(node, (), lines)
    return Document(path, data, lines)


def _collect(node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            lines[inner] = key.start_mark.line + 1
            _collect(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _collect(value, (*place, index), lines)
