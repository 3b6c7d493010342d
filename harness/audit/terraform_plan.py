"""A plan as ``terraform show -json`` writes it -> resources; unknown values known as unknown.

Format as in Terraform's documentation, "JSON Output Format". Places come from the HCL folder of
the same configuration where one is given, else from the plan file itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.resource import Domain, Place, Resource
from harness.audit.value import Unknown, as_list, dig

FORMAT = re.compile(r"1\.\d+")
BYTES_MAX = 64 * 1024 * 1024
_MODULE = re.compile(r"module\.([A-Za-z0-9_-]+)(?:\[[^\]]*\])?\.")


def load(path: Path, problems: list[str], folder: Inventory | None = None) -> Inventory:
    """Return the planned resources of a plan file; problems are added as sentences.

    ``folder`` is the inventory of the HCL that was planned: it gives file and line, and what a
    plan does not hold (providers, backend, references).
    """
    document = _read(path, problems)
    if document is None:
        return Inventory()
    configuration = _Configuration(document)
    planned = list(_planned(document, path, configuration))
    if not planned:
        problems.append(f"{path}:1: expected planned resources, got none: is the plan a destroy?")
    if folder is None:
        return Inventory(
            given=frozenset({Domain.TERRAFORM}),
            resources=(*planned, *_outputs(document, path)),
            notes=(f"{path}: read from the plan; lines need the folder of its HCL beside it",),
        )
    known = {r.base: r for r in folder.resources}
    placed = [_placed(r, known[r.base]) if r.base in known else r for r in planned]
    bases = {r.base for r in placed}
    kept = [r for r in folder.resources if r.kind.startswith("@") or r.base not in bases]
    missing = [r for r in kept if not r.kind.startswith(("@", "data."))]
    notes = [f"{path}: values from the plan, lines from the HCL beside it"]
    if missing:
        some = ", ".join(sorted({r.base for r in missing})[:5])
        notes.append(f"{path}: in the HCL and not in the plan: {some}")
    return replace(folder, resources=(*placed, *kept), notes=tuple(notes))


def _placed(planned: Resource, written: Resource) -> Resource:
    """Return a planned resource at its place in the HCL, with what the HCL says of unknown values.

    A plan knows nothing of a policy in which one ARN is unknown; the HCL still has its statements.
    """
    values = dict(planned.values)
    for name, value in planned.values.items():
        said = written.values.get(name)
        if isinstance(value, Unknown) and isinstance(said, Unknown):
            values[name] = Unknown(said.text, value.references | said.references)
    return replace(
        planned,
        values=values,
        place=written.place,
        locate=written.locate,
        remark=written.remark,
    )


def _read(path: Path, problems: list[str]) -> dict[str, Any] | None:
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            problems.append(
                f"{path}:1: expected a plan of at most {BYTES_MAX // 1024**2} MiB, "
                f"got {size / 1024**2:.1f} MiB"
            )
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{path}:1: expected a readable plan, got {error.strerror}")
        return None
    except UnicodeDecodeError:
        problems.append(
            f"{path}:1: expected JSON text, got a binary file. Next step: "
            "terraform show -json PLAN > plan.json"
        )
        return None
    except json.JSONDecodeError as error:
        problems.append(
            f"{path}:{error.lineno}: expected JSON as of terraform show -json, got: {error.msg}"
        )
        return None
    except RecursionError:
        problems.append(f"{path}:1: expected a plan, got JSON nested without end")
        return None
    version = dig(document, "format_version")
    if not isinstance(version, str) or not FORMAT.fullmatch(version):
        problems.append(
            f"{path}:1: field 'format_version': expected '1.x', got {version!r}. Next step: write "
            "the plan again with terraform show -json of Terraform 1.x or OpenTofu 1.x"
        )
        return None
    if not isinstance(dig(document, "planned_values", "root_module"), Mapping):
        problems.append(
            f"{path}:1: field 'planned_values': expected a root_module, got none: it is a state, "
            "not a plan. Next step: terraform show -json PLAN > plan.json"
        )
        return None
    return dict(document)


def _planned(
    document: Mapping[str, Any], path: Path, configuration: _Configuration
) -> Iterator[Resource]:
    unknown = {
        str(dig(change, "address")): dig(change, "change", "after_unknown")
        for change in as_list(document.get("resource_changes"))
    }
    for entry in _entries(dig(document, "planned_values", "root_module")):
        address = str(entry.get("address"))
        kind = str(entry.get("type"))
        expressions = configuration.expressions(address)
        data = "data." if entry.get("mode") == "data" else ""
        values = _with_unknowns(
            entry.get("values") or {}, unknown.get(address), expressions, address
        )
        yield Resource(
            domain=Domain.TERRAFORM,
            kind=f"{data}{kind}",
            name=str(entry.get("name")),
            address=address,
            values=values,
            place=Place(str(path), 1),
            origins=expressions,
        )


def _outputs(document: Mapping[str, Any], path: Path) -> Iterator[Resource]:
    """Return the root's outputs, as a folder's ``output`` blocks are returned."""
    values = dig(document, "planned_values", "outputs")
    outputs = dig(document, "configuration", "root_module", "outputs")
    for name, output in outputs.items() if isinstance(outputs, Mapping) else ():
        known = dig(values, name, "value")
        value = Unknown(f"output.{name}") if known is None else known
        yield Resource(
            domain=Domain.TERRAFORM,
            kind="@output",
            name=str(name),
            address=f"output.{name}",
            values={"description": dig(output, "description"), "value": value},
            place=Place(str(path), 1),
        )


def _entries(module: Any) -> Iterator[Mapping[str, Any]]:
    for entry in as_list(dig(module, "resources")):
        if isinstance(entry, Mapping):
            yield entry
    for child in as_list(dig(module, "child_modules")):
        yield from _entries(child)


def _with_unknowns(
    values: Mapping[str, Any], unknown: Any, expressions: Mapping[str, frozenset[str]], text: str
) -> dict[str, Any]:
    found = {key: value for key, value in values.items() if value is not None}
    for key, marks in unknown.items() if isinstance(unknown, Mapping) else ():
        found[key] = _marked(found.get(key), marks, f"{text}.{key}", expressions.get(key))
        if found[key] is None:
            del found[key]
    return found


def _marked(value: Any, marks: Any, text: str, names: frozenset[str] | None) -> Any:
    if marks is True:
        return Unknown(text, names or frozenset())
    if isinstance(marks, Mapping) and marks:
        inner = dict(value) if isinstance(value, Mapping) else {}
        for key, mark in marks.items():
            marked = _marked(inner.get(key), mark, f"{text}.{key}", names)
            if marked is not None:
                inner[key] = marked
        return inner
    if isinstance(marks, list) and marks:
        items = list(value) if isinstance(value, list) else []
        items += [None] * (len(marks) - len(items))
        return [
            _marked(item, mark, f"{text}[{index}]", names)
            for index, (item, mark) in enumerate(zip(items, marks, strict=False))
        ]
    return value


class _Configuration:
    """The plan's configuration part: which addresses an argument is computed from."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._root = dig(document, "configuration", "root_module") or {}
        self._known: dict[str, Mapping[str, frozenset[str]]] = {}

    def expressions(self, address: str) -> Mapping[str, frozenset[str]]:
        """Return the addresses that each top-level argument of a resource refers to."""
        base = re.sub(r"\[[^\]]*\]", "", address)
        if base not in self._known:
            self._known[base] = self._expressions(base)
        return self._known[base]

    def _expressions(self, address: str) -> Mapping[str, frozenset[str]]:
        modules = _MODULE.findall(address)
        rest = _MODULE.sub("", address)
        module = self._module(modules)
        for resource in as_list(dig(module, "resources")):
            if dig(resource, "address") == rest:
                return {
                    name: frozenset(self._resolve(modules, _names(expression)))
                    for name, expression in (dig(resource, "expressions") or {}).items()
                }
        return {}

    def _module(self, modules: list[str]) -> Any:
        found: Any = self._root
        for name in modules:
            found = dig(found, "module_calls", name, "module")
        return found

    def _resolve(self, modules: list[str], names: list[str], depth: int = 0) -> Iterator[str]:
        prefix = "".join(f"module.{name}." for name in modules)
        for name in names if depth < 12 else ():
            words = re.sub(r"\[[^\]]*\]", "", name).split(".")
            if words[0] == "var" and modules and len(words) > 1:
                call = dig(self._module(modules[:-1]), "module_calls", modules[-1])
                given = _names(dig(call, "expressions", words[1]))
                yield from self._resolve(modules[:-1], given, depth + 1)
            elif words[0] == "module" and len(words) > 2:
                inner = [*modules, words[1]]
                output = dig(self._module(inner), "outputs", words[2], "expression")
                yield from self._resolve(inner, _names(output), depth + 1)
            elif words[0] == "data" and len(words) > 2:
                yield f"{prefix}{'.'.join(words[:3])}"
            elif "_" in words[0] and len(words) > 1:
                yield f"{prefix}{'.'.join(words[:2])}"


def _names(expression: Any) -> list[str]:
    """Return all names of an expression, also of those inside nested blocks."""
    if isinstance(expression, Mapping):
        found = [name for name in as_list(expression.get("references")) if isinstance(name, str)]
        return found + [
            n for key, v in expression.items() if key != "references" for n in _names(v)
        ]
    return [n for v in expression for n in _names(v)] if isinstance(expression, list) else []
