"""Reading fields of stored JSON so that every problem is named, not only the first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from harness.model.claim import Bound, Comparison

E = TypeVar("E", bound=Enum)


def load_object(path: Path, problems: list[str]) -> dict[str, Any] | None:
    """Return the JSON object in ``path``; on failure add a problem and return None."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(
            f"{path}: expected this file of a stored run, got nothing; name a folder that "
            "`python -m harness run` wrote, for example results/latest"
        )
        return None
    except OSError as error:
        problems.append(f"{path}: expected a readable file, got: {error.strerror}")
        return None
    except UnicodeDecodeError as error:
        problems.append(f"{path}: expected UTF-8 text, got byte {error.start} that is not")
        return None
    except json.JSONDecodeError as error:
        problems.append(
            f"{path}: line {error.lineno}, column {error.colno}: expected JSON, got: {error.msg}"
        )
        return None
    if not isinstance(data, dict):
        problems.append(f"{path}: expected a JSON object, got {type(data).__name__}")
        return None
    return data


class Fields:
    """One object of a stored file; its methods return usable values and collect problems."""

    def __init__(self, path: Path, prefix: str, data: dict[str, Any], problems: list[str]) -> None:
        """``prefix`` leads to this object, like ``claims[2].``; problems go to ``problems``."""
        self._path, self._prefix, self._data, self._problems = path, prefix, data, problems

    def problem(self, name: str, expected: str, got: object) -> None:
        """Record that field ``name`` is not what was expected."""
        shown = "nothing" if got is None else repr(got)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        self._problems.append(
            f"{self._path}: field '{self._prefix}{name}': expected {expected}, got {shown}"
        )

    def value(self, name: str) -> Any:
        """Return the raw value, None when absent."""
        return self._data.get(name)

    def text(self, name: str, *, required: bool = True) -> str:
        """Return a string; empty when absent and not required."""
        value = self._data.get(name)
        if isinstance(value, str) and (value or not required):
            return value
        if value is not None or required:
            self.problem(name, "a text", value)
        return ""

    def number(self, name: str) -> float:
        """Return a finite number."""
        value = self._data.get(name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            self.problem(name, "a finite number", value)
            return 0.0
        return float(value)

    def enum(self, name: str, kind: type[E], fallback: E) -> E:
        """Return a member of ``kind`` by its value; ``fallback`` stands in for a bad one."""
        value = self._data.get(name)
        try:
            return kind(value)
        except ValueError:
            members = ", ".join(str(member.value) for member in kind)
            self.problem(name, f"one of {members}", value)
            return fallback

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings; empty when absent."""
        value = self._data.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.problem(name, "a list of texts", value)
            return ()
        return tuple(value)

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return labelled texts, stored as an object or as a list of pairs."""
        value = self._data.get(name)
        if value is None:
            return ()
        items = list(value.items()) if isinstance(value, dict) else value
        if not isinstance(items, list) or not all(
            isinstance(each, list | tuple) and len(each) == 2 for each in items
        ):
            self.problem(name, "a list of [label, text] pairs", value)
            return ()
        return tuple((str(label), str(text)) for label, text in items)

    def object(self, name: str, *, required: bool = True) -> Fields | None:
        """Return an object's fields, None when absent."""
        value = self._data.get(name)
        if isinstance(value, dict):
            return Fields(self._path, f"{self._prefix}{name}.", value, self._problems)
        if value is not None or required:
            self.problem(name, "an object", value)
        return None

    def objects(self, name: str, *, required: bool = True) -> Iterator[Fields]:
        """Yield each object of a list."""
        value = self._data.get(name)
        if value is None and not required:
            return
        if not isinstance(value, list):
            self.problem(name, "a list of objects", value)
            return
        for number, each in enumerate(value):
            if isinstance(each, dict):
                yield Fields(self._path, f"{self._prefix}{name}[{number}].", each, self._problems)
            else:
                self.problem(f"{name}[{number}]", "an object", each)

    def objects_or_texts(self, name: str) -> Iterator[Fields | str]:
        """Yield each entry of a list whose entries are objects or plain texts."""
        value = self._data.get(name)
        if not isinstance(value, list):
            self.problem(name, "a list", value)
            return
        for number, each in enumerate(value):
            if isinstance(each, str):
                yield each
            elif isinstance(each, dict):
                yield Fields(self._path, f"{self._prefix}{name}[{number}].", each, self._problems)
            else:
                self.problem(f"{name}[{number}]", "an object or a text", each)

    def bound(self, name: str) -> Bound:
        """Return a bound with comparison, value and unit."""
        fields = self.object(name)
        if fields is None:
            return Bound(Comparison.EQUAL, 0.0, "")
        return Bound(
            fields.enum("comparison", Comparison, Comparison.EQUAL),
            fields.number("value"),
            fields.text("unit"),
        )
