"""What differs between two renders of the manifests, field by field, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from harness.errors import InputInvalid

_TEXTS = ("what", "production", "emulation", "why")


@dataclass(frozen=True)
class Difference:
    """One stated difference; ``fields`` are those that the two renders really differ in.

    ``weakens`` names the claims that say less because of it. No fields: no manifest shows it.
    """

    what: str
    production: str
    emulation: str
    why: str
    weakens: tuple[str, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    difference: Difference
    patterns: tuple[str, ...]


def explain(production: str, emulation: str, *, path: Path) -> list[Difference]:
    """Return the entries of ``path``, each with the fields of the two renders that it covers.

    Raises InputInvalid with every malformed entry, every field that differs without an entry,
    and every entry that names fields of which none differs.
    """
    problems: list[str] = []
    entries = _read(path, problems)
    if problems:
        raise InputInvalid(problems)
    open_fields = set(changed_fields(production, emulation))
    result: list[Difference] = []
    covered: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        matched = {f for f in open_fields if any(fnmatchcase(f, p) for p in entry.patterns)}
        covered |= matched
        if entry.patterns and not matched:
            problems.append(
                f"{path}: differences[{number}] ({entry.difference.what}): expected a field that "
                f"differs, got none for {', '.join(entry.patterns)}"
            )
        result.append(replace(entry.difference, fields=tuple(sorted(matched))))
    problems += [
        f"{path}: {field} differs between production and emulation; expected an entry that says why"
        for field in sorted(open_fields - covered)
    ]
    if problems:
        raise InputInvalid(problems)
    return result


def changed_fields(one: str, other: str) -> list[str]:
    """Return the fields, as ``Kind/name:path``, whose values differ between two YAML renders."""
    first, second = flat(one), flat(other)
    return sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))


def flat(text: str) -> dict[str, Any]:
    """Return every leaf of a YAML stream by ``Kind/name:path``; list members by their name."""
    result: dict[str, Any] = {}
    for document in yaml.safe_load_all(text):
        if document:
            name = f"{document['kind']}/{document['metadata']['name']}"
            for path, value in _leaves(document):
                result[f"{name}:{'.'.join(path)}"] = value
    return result


def _leaves(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        members = [(str(key), member) for key, member in value.items()]
    elif isinstance(value, list) and value:
        members = [
            (str(m["name"]) if isinstance(m, dict) and "name" in m else str(index), m)
            for index, m in enumerate(value)
        ]
    else:
        yield (), value
        return
    for key, member in members:
        for path, leaf in _leaves(member):
            yield (key, *path), leaf


def _read(path: Path, problems: list[str]) -> list[_Entry]:
    document = yaml.safe_load(path.read_text())
    listed = document.get("differences") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        problems.append(f"{path}: field 'differences': expected a list of entries, got {listed!r}")
        return []
    return [
        _entry(item, f"{path}: differences[{number}]", problems)
        for number, item in enumerate(listed, start=1)
    ]


def _entry(item: Any, where: str, problems: list[str]) -> _Entry:
    if not isinstance(item, dict):
        problems.append(f"{where}: expected a mapping, got {item!r}")
        item = {}
    unknown = set(item) - {*_TEXTS, "weakens", "fields"}
    if unknown:
        problems.append(f"{where}: unknown field {', '.join(sorted(unknown))}")
    for name in _TEXTS:
        if not isinstance(item.get(name), str) or not item[name]:
            problems.append(f"{where}: field {name!r}: expected a text, got {item.get(name)!r}")
    lists: dict[str, tuple[str, ...]] = {}
    for name, needed in (("weakens", True), ("fields", False)):
        value = item.get(name, None if needed else [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            problems.append(f"{where}: field {name!r}: expected a list of texts, got {value!r}")
            value = []
        lists[name] = tuple(value)
    difference = Difference(
        what=str(item.get("what")),
        production=str(item.get("production")),
        emulation=str(item.get("emulation")),
        why=str(item.get("why")),
        weakens=lists["weakens"],
        fields=(),
    )
    return _Entry(difference, lists["fields"])
