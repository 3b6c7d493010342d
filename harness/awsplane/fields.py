"""Reading an object of JSON or YAML field by field, with every problem collected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


class Malformed(ValueError):
    """A document that the control routes were given is malformed; ``problems`` has them all."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Fields:
    """One JSON object; each method returns a usable value and records what was wrong."""

    def __init__(self, raw: object, where: str, problems: list[str]) -> None:
        """``problems`` is shared by all objects of one document and takes one sentence each."""
        self._where = where
        self._problems = problems
        self._known: set[str] = set()
        self._raw: Mapping[str, Any] = {}
        self.usable = isinstance(raw, Mapping)
        if isinstance(raw, Mapping):
            self._raw = raw
        else:
            problems.append(f"{where}: expected an object, got {_shown(raw)}")

    def problem(self, name: str, expected: str, got: object) -> None:
        """Record that field ``name`` is not what was expected."""
        self._problems.append(f"{self._where}: {name}: expected {expected}, got {_shown(got)}")

    def text(self, name: str, default: str | None = None, *, secret: bool = False) -> str:
        """Return a text that is not empty; a ``secret`` one is not quoted in the problem."""
        value = self._take(name, default)
        if isinstance(value, str) and value:
            return value
        if self.usable:
            self.problem(name, "a text", type(value).__name__ if secret else value)
        return ""

    def optional(self, name: str) -> str:
        """Return a text, empty where there is none."""
        value = self._take(name, "")
        if isinstance(value, str):
            return value
        self.problem(name, "a text", value)
        return ""

    def has(self, name: str) -> bool:
        """Say whether the field is there and says something (0 and "" say nothing)."""
        self._known.add(name)
        return bool(self._raw.get(name))

    def ignore(self, *names: str) -> None:
        """Accept fields without a look at them."""
        self._known.update(names)

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Return one of ``choices``."""
        value = self._take(name, None)
        if isinstance(value, str) and value in choices:
            return value
        if self.usable:
            self.problem(name, f"one of {', '.join(choices)}", value)
        return choices[0]

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """Return a finite number from ``low`` to ``high``."""
        value = self._take(name, default)
        proper = isinstance(value, int | float) and not isinstance(value, bool)
        if proper and math.isfinite(value) and low <= value <= high:
            return float(value)
        if self.usable:
            self.problem(name, f"a number from {low:g} to {high:g}", value)
        return low

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number from ``low`` to ``high``."""
        value = self._take(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        if self.usable:
            self.problem(name, f"a whole number from {low} to {high}", value)
        return low

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts with at least one entry."""
        value = self._take(name, None)
        if isinstance(value, list) and value and all(isinstance(v, str) and v for v in value):
            return tuple(value)
        if self.usable:
            self.problem(name, "a list of texts", value)
        return ()

    def inner(self, name: str) -> Fields:
        """Return the object under ``name``."""
        return Fields(self._take(name, None), f"{self._where}: {name}", self._problems)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object as it is."""
        value = self._take(name, None)
        if isinstance(value, Mapping):
            return dict(value)
        if self.usable:
            self.problem(name, "an object", value)
        return {}

    def entries(self, name: str) -> dict[str, Fields]:
        """Return an object of objects by key, with at least one entry."""
        value = self._take(name, None)
        if isinstance(value, Mapping) and value:
            where = f"{self._where}: {name}"
            return {k: Fields(v, f"{where}: {k}", self._problems) for k, v in value.items()}
        if self.usable:
            self.problem(name, "an object of objects", value)
        return {}

    def finish(self) -> None:
        """Record every field that nobody asked for."""
        for name in sorted(set(self._raw) - self._known):
            known = ", ".join(sorted(self._known))
            self._problems.append(f"{self._where}: {name}: expected only {known}")

    def _take(self, name: str, default: object) -> Any:
        self._known.add(name)
        return self._raw.get(name, default)


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
