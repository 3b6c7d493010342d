"""Values of an input: plain data, or known to be unknown before the apply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unknown:
    """A value that the input does not state.

    ``text`` is the expression as written; ``references`` are the addresses of the resources,
    data sources and modules that it is computed from.
    """

    text: str
    references: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Return the expression, for messages."""
        return f"unknown ({self.text})"


def dig(value: Any, *path: str | int) -> Any:
    """Return what stands at a path of keys and indexes.

    None where there is nothing, the Unknown where the path leads through one.
    """
    for step in path:
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def is_known(value: Any) -> bool:
    """Say whether a value is known in all its parts."""
    if isinstance(value, Unknown):
        return False
    if isinstance(value, Mapping):
        return all(map(is_known, value.values()))
    return all(map(is_known, value)) if isinstance(value, list | tuple) else True


def references(value: Any) -> frozenset[str]:
    """Return the addresses that any part of a value is computed from."""
    return frozenset(name for part in unknowns(value) for name in part.references)


def unknowns(value: Any) -> Iterator[Unknown]:
    """Return the unknown parts of a value."""
    if isinstance(value, Unknown):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from unknowns(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from unknowns(inner)


def as_number(value: Any) -> float | None:
    """Return a number, also from text; None when it is none or unknown."""
    if isinstance(value, bool | Unknown):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def as_switch(value: Any) -> bool | None:
    """Return a truth value, also from the text of one; None when it is none or unknown."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).lower())


def as_list(value: Any) -> list[Any]:
    """Return a list's parts, nothing for None, and any other value as a list of one."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def texts(value: Any) -> list[str]:
    """Return the known texts of a list."""
    return [item for item in as_list(value) if isinstance(item, str)]
