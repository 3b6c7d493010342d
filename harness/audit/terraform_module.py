"""One Terraform module of a folder: its names, its values and the resources it declares."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.audit import registry_modules
from harness.audit.hcl_names import names_used
from harness.audit.hcl_places import line_in, remark_in
from harness.audit.hcl_tree import Block, read_blocks, source
from harness.audit.hcl_types import with_defaults
from harness.audit.hcl_value import Scope, evaluate
from harness.audit.resource import (
    Domain,
    NotJudged,
    Place,
    Reference,
    Resource,
    without_indexes,
)
from harness.audit.value import Unknown, dig, is_known

MODULE_DEPTH_MAX = 12
INSTANCES_MAX = 2000
_BUILT_IN = frozenset({"each", "count", "self", "path", "terraform"})
_META = frozenset({"count", "for_each", "depends_on", "provider", "providers"})
# Arguments whose words are no references to values.
_NAMELESS = frozenset({"provider", "providers", "ignore_changes", "type", "configuration_aliases"})


class Arguments(Mapping[str, Any]):
    """The arguments of a module call, evaluated when somebody asks.

    Modules may use each other's outputs in any order, also both ways round; an argument that is
    computed from itself is unknown.
    """

    def __init__(self, block: Block, scope: Scope) -> None:
        kept = block.attributes.keys() - _META - {"source", "version"}
        self._attributes = {name: block.attributes[name] for name in sorted(kept)}
        self._scope = scope
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        attribute = self._attributes[name]
        if name not in self._values:
            self._values[name] = Unknown(source(attribute.expression))
            self._values[name] = evaluate(attribute.expression, self._scope)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._attributes)

    def __len__(self) -> int:
        return len(self._attributes)


class Module:
    """A folder of HCL files, read with the arguments that its caller gives.

    ``prefix`` is the module's address with a dot behind it, empty for the root.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prefix: str,
        arguments: Mapping[str, Any],
        problems: list[str],
        stack: tuple[Path, ...] = (),
    ) -> None:
        self.folder, self.prefix = folder, prefix
        # References name a resource without the index of its instance.
        self.base = without_indexes(prefix)
        self.arguments, self.problems = arguments, problems
        self.scope = Scope(self)
        self._stack = (*stack, folder.resolve())
        self._locals: dict[str, Any] = {}
        blocks = [
            block
            for path in sorted(folder.glob("*.tf"))
            for block in read_blocks(path, str(path), problems)
        ]
        self.blocks = blocks
        self.variables = {b.labels[0]: b for b in blocks if b.type == "variable" and b.labels}
        self.outputs = {b.labels[0]: b for b in blocks if b.type == "output" and b.labels}
        self.locals = {
            name: attribute
            for block in blocks
            if block.type == "locals"
            for name, attribute in block.attributes.items()
        }
        self.declared = {
            (b.type, *b.labels[:2]): b
            for b in blocks
            if b.type in ("resource", "data") and len(b.labels) == 2
        }
        self.calls = {b.labels[0]: b for b in blocks if b.type == "module" and b.labels}
        # By name of the call and key of the instance, such as ``["a"]``; without one, empty.
        self.children: dict[str, dict[str, Module]] = {}
        for name, block in self.calls.items():
            self._call(name, block)

    def look_up(self, words: tuple[str | int, ...], text: str) -> Any:
        """Return what a dotted name stands for in this module."""
        head, *rest = words
        if head == "var" and rest:
            return self._rest(self._variable(str(rest[0])), rest[1:], text)
        if head == "local" and rest:
            return self._rest(self._local(str(rest[0])), rest[1:], text)
        if head == "module" and rest:
            return self._module(rest, text)
        if head == "path":
            return str(self.folder) if rest[:1] == ["module"] else "."
        if head == "data" and len(rest) >= 2:
            return Unknown(text, frozenset({f"{self.base}data.{rest[0]}.{rest[1]}"}))
        if head in _BUILT_IN or not rest:
            return Unknown(text)
        return self._resource(str(head), rest, text)

    def resources(self) -> Iterator[Resource]:
        """Return every declared thing of this module and of those it calls."""
        for block in self.blocks:
            if block.type in ("resource", "data") and len(block.labels) == 2:
                yield from self._instances(block)
            elif block.type == "terraform":
                yield from self._settings(block)
            elif block.type in ("provider", "variable", "output") and block.labels:
                # Only the root's outputs are seen by anybody outside.
                if block.type != "output" or not self.prefix:
                    yield self._plain(f"@{block.type}", block)
            elif block.type == "module" and block.labels[0] not in self.children:
                yield from self._remote(block)
        for child in self._inner():
            yield from child.resources()

    def not_judged(self) -> Iterator[NotJudged]:
        """Return the modules and files whose contents cannot be read here."""
        for path in sorted(self.folder.glob("*.tf.json")):
            yield NotJudged(str(path), "the JSON syntax of HCL is not read", Place(str(path), 1))
        for name, block in self.calls.items():
            where = self._source(block)
            if name not in self.children and not registry_modules.is_known(where):
                what = f"{self.prefix}module.{name} ({where})"
                yield NotJudged(what, "a module that is not in the folder", block.place)
        for child in self._inner():
            yield from child.not_judged()

    def references(self) -> Iterator[Reference]:
        """Return every name that is used, and whether it is declared."""
        for block in self.blocks:
            yield from self._used(block, frozenset())
        for child in self._inner():
            yield from child.references()

    def _inner(self) -> Iterator[Module]:
        for instances in self.children.values():
            yield from instances.values()

    def output(self, name: str, text: str) -> Any:
        """Return the value of an output."""
        block = self.outputs.get(name)
        if block is None or "value" not in block.attributes:
            return Unknown(text)
        return evaluate(block.attributes["value"].expression, self.scope)

    def _call(self, name: str, block: Block) -> None:
        where = self._source(block)
        if not where.startswith(("./", "../")):
            return
        folder = Path(os.path.normpath(self.folder / where))
        if not any(folder.glob("*.tf")):
            self.problems.append(
                f"{block.place}: module {name!r}: expected a folder with .tf files, got {where!r}"
            )
            return
        if folder.resolve() in self._stack or len(self._stack) > MODULE_DEPTH_MAX:
            self.problems.append(
                f"{block.place}: module {name!r}: expected modules that do not call themselves, "
                f"got {where!r} inside itself"
            )
            return
        self.children[name] = {
            suffix: Module(
                folder,
                prefix=f"{self.prefix}module.{name}{suffix}.",
                arguments=Arguments(block, self.scope.with_variables(variables)),
                problems=self.problems,
                stack=self._stack,
            )
            for suffix, variables in self._keys(block)
        }

    def _source(self, block: Block) -> str:
        attribute = block.attributes.get("source")
        value = evaluate(attribute.expression, self.scope) if attribute else ""
        return value if isinstance(value, str) else ""

    def _variable(self, name: str) -> Any:
        block = self.variables.get(name)
        value = self.arguments.get(name)
        if value is None:
            if block is None or "default" not in block.attributes:
                return Unknown(f"var.{name}")
            value = evaluate(block.attributes["default"].expression, self.scope)
        if block is not None and "type" in block.attributes:
            return with_defaults(value, block.attributes["type"].expression, self.scope)
        return value

    def _local(self, name: str) -> Any:
        if name not in self._locals:
            self._locals[name] = Unknown(f"local.{name}")  # what a local sees that names itself
            if name in self.locals:
                self._locals[name] = evaluate(self.locals[name].expression, self.scope)
        return self._locals[name]

    def _module(self, rest: list[str | int], text: str) -> Any:
        name = str(rest[0])
        steps = list(rest[1:])
        address = f"{self.base}module.{name}"
        instances = self.children.get(name)
        if instances is not None and "" not in instances and steps:
            key = steps.pop(0)
            chosen = instances.get(f'["{key}"]') or instances.get(f"[{key}]")
            instances = {"": chosen} if chosen is not None else None
        output = str(steps[0]) if steps else ""
        if instances:
            return self._rest(instances[""].output(output, text), steps[1:], text)
        block = self.calls.get(name)
        found_in = registry_modules.output_of(self._source(block), address, output) if block else ""
        return Unknown(text, frozenset({found_in or address}))

    def _resource(self, kind: str, rest: list[str | int], text: str) -> Any:
        name, *steps = rest
        address = f"{self.base}{kind}.{name}"
        unknown = Unknown(text, frozenset({address}))
        block = self.declared.get(("resource", kind, str(name)))
        if block is None:
            return unknown
        instance: Mapping[str, Any] = {}
        if "for_each" in block.attributes or "count" in block.attributes:
            if not steps:
                return self._all_instances(block, unknown)
            instance = self._instance_variables(block, steps.pop(0))
        if not steps or str(steps[0]) not in block.attributes:
            return unknown
        value = evaluate(
            block.attributes[str(steps[0])].expression, self.scope.with_variables(instance)
        )
        found = self._rest(value, steps[1:], text)
        return found if is_known(found) else unknown

    def _all_instances(self, block: Block, unknown: Unknown) -> Any:
        """Return the instances by key or in order, each of them unknown but there."""
        if "count" in block.attributes:
            count = evaluate(block.attributes["count"].expression, self.scope)
            known = isinstance(count, int | float) and count <= INSTANCES_MAX
            return [unknown] * int(count) if known else unknown
        each = evaluate(block.attributes["for_each"].expression, self.scope)
        return unknown if isinstance(each, Unknown) else {str(k): unknown for k in each or ()}

    def _instance_variables(self, block: Block, key: str | int) -> dict[str, Any]:
        if "count" in block.attributes:
            return {"count": {"index": key}}
        each = evaluate(block.attributes["for_each"].expression, self.scope)
        value = dig(each, key) if isinstance(each, Mapping) else key
        return {"each": {"key": key, "value": value}}

    def _rest(self, value: Any, steps: list[Any], text: str) -> Any:
        for step in steps:
            if isinstance(value, Unknown):
                return Unknown(text, value.references)
            found = dig(value, step)
            if found is None and not (isinstance(value, Mapping) and step in value):
                return Unknown(text)
            value = found
        return value

    def _instances(self, block: Block) -> Iterator[Resource]:
        for suffix, variables in self._keys(block):
            data = "data." if block.type == "data" else ""
            kind, name = block.labels
            yield Resource(
                domain=Domain.TERRAFORM,
                kind=f"{data}{kind}",
                name=name,
                address=f"{self.prefix}{data}{kind}.{name}{suffix}",
                values=self.values(block, self.scope.with_variables(variables)),
                place=block.place,
                locate=lambda path: line_in(block, path),
                remark=lambda path: remark_in(block, path),
            )

    def _keys(self, block: Block) -> list[tuple[str, dict[str, Any]]]:
        if "count" in block.attributes:
            count = evaluate(block.attributes["count"].expression, self.scope)
            if isinstance(count, int | float) and count <= INSTANCES_MAX:
                return [(f"[{n}]", {"count": {"index": n}}) for n in range(int(count))]
            return [("[*]", {"count": {"index": Unknown("count.index")}})]
        if "for_each" not in block.attributes:
            return [("", {})]
        each = evaluate(block.attributes["for_each"].expression, self.scope)
        if isinstance(each, Unknown):
            unknown = {
                "key": Unknown("each.key", each.references),
                "value": Unknown("each.value", each.references),
            }
            return [("[*]", {"each": unknown})]
        pairs = each.items() if isinstance(each, Mapping) else ((item, item) for item in each or ())
        return [(f'["{k}"]', {"each": {"key": k, "value": v}}) for k, v in pairs]

    def values(self, block: Block, scope: Scope) -> dict[str, Any]:
        """Return a block's arguments, nested blocks as lists of mappings."""
        found: dict[str, Any] = {}
        for name, attribute in block.attributes.items():
            if name in ("provider", "ignore_changes"):
                found[name] = source(attribute.expression)
            elif name not in ("count", "for_each"):
                found[name] = evaluate(attribute.expression, scope)
        for inner in block.blocks:
            if inner.type == "dynamic" and inner.labels:
                found.setdefault(inner.labels[0], []).extend(self._dynamic(inner, scope))
            else:
                found.setdefault(inner.type, []).append(self.values(inner, scope))
        return found

    def _dynamic(self, block: Block, scope: Scope) -> list[Any]:
        each_attribute, content = block.attributes.get("for_each"), block.named("content")
        if each_attribute is None or not content:
            return []
        iterator = block.attributes.get("iterator")
        name = source(iterator.expression) if iterator else block.labels[0]
        each = evaluate(each_attribute.expression, scope)
        if isinstance(each, Unknown):
            return [Unknown(f"dynamic {name}", each.references)]
        pairs = each.items() if isinstance(each, Mapping) else enumerate(each or ())
        return [
            self.values(content[0], scope.with_variables({name: {"key": key, "value": value}}))
            for key, value in pairs
        ]

    def _plain(self, kind: str, block: Block, name: str = "") -> Resource:
        values = self.values(block, self.scope)
        if block.type == "variable":
            values = {key: values.get(key) for key in values if key != "type"}
        label = name or (block.labels[0] if block.labels else block.type)
        return Resource(
            domain=Domain.TERRAFORM,
            kind=kind,
            name=label,
            address=f"{self.prefix}{kind.removeprefix('@')}.{label}",
            values=values,
            place=block.place,
            locate=lambda path: line_in(block, path),
        )

    def _settings(self, block: Block) -> Iterator[Resource]:
        yield self._plain("@terraform", block)
        for backend in block.named("backend"):
            yield self._plain("@backend", backend)
        for required in block.named("required_providers"):
            yield self._plain("@required_providers", required)

    def _remote(self, block: Block) -> Iterator[Resource]:
        call = self._plain("@module", block)
        yield call
        yield from registry_modules.expand(
            self._source(block), call, f"{self.prefix}module.{call.name}"
        )

    def _used(self, block: Block, bound: frozenset[str]) -> Iterator[Reference]:
        if block.type == "dynamic" and block.labels:
            iterator = block.attributes.get("iterator")
            bound |= {source(iterator.expression) if iterator else block.labels[0]}
        for name, attribute in block.attributes.items():
            if name in _NAMELESS or (block.type == "dynamic" and name == "iterator"):
                continue
            for words, line in names_used(attribute.expression):
                declared = words[0] in bound or self._is_declared(words)
                shown = ".".join(words[: 3 if words[0] in ("data", "module") else 2])
                place = Place(block.place.file, line)
                yield Reference(shown, place, declared, self.prefix.rstrip("."))
        for inner in block.blocks:
            yield from self._used(inner, bound)

    def _is_declared(self, words: tuple[str, ...]) -> bool:
        head, *rest = words
        if head in _BUILT_IN or not rest:
            return True
        if head == "var":
            return rest[0] in self.variables
        if head == "local":
            return rest[0] in self.locals
        if head == "data":
            return ("data", *rest[:2]) in self.declared
        if head == "module":
            instances = self.children.get(rest[0])
            child = next(iter(instances.values()), None) if instances else None
            known = child is None or len(rest) < 2 or rest[1] in child.outputs
            return rest[0] in self.calls and known
        return ("resource", head, rest[0]) in self.declared
