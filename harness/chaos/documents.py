"""Reading YAML documents with the line of each field, for messages that people can act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.documents import lined
from harness.errors import ExperimentInvalid

Place = tuple[str | int, ...]


def _nowhere(place: Place) -> int | None:
    return None


@dataclass(frozen=True)
class Document:
    """A parsed mapping, the file it came from and how to find the line of a field."""

    path: Path
    data: dict[str, Any]
    locate: Callable[[Place], int | None] = field(default=_nowhere, compare=False)

    def at(self, *place: str | int) -> str:
        """Return ``file, line N, field a.b`` for the nearest field whose line is known."""
        known: Place = place
        while known and self.locate(known) is None:
            known = known[:-1]
        line = self.locate(known)
        shown = f", line {line}" if line is not None else ""
        name = ".".join(map(str, place))
        return f"{self.path}{shown}" + (f", field {name!r}" if name else "")


def read(path: Path) -> Document:
    """Read a YAML mapping.

    Raises ExperimentInvalid when there is no such file or it is no YAML mapping.
    """
    problems: list[str] = []
    found = lined.read_file(path, problems)
    if problems:
        raise ExperimentInvalid(problems)
    if len(found) != 1:
        raise ExperimentInvalid(f"{path}:1: expected one document, got {len(found)}.")
    value = found[0].value
    if not isinstance(value, dict):
        raise ExperimentInvalid(f"{path}:1: expected a mapping, got {type(value).__name__}.")
    return Document(path, value, found[0].locate)
