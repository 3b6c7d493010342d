"""Provider schemas read back from generated TypeScript, as the CDK for Terraform ships it.

Each folder of the package holds one type. Its ``index.js`` carries the TypeScript it was made from
in an inline source map, and only that names which attributes are computed, optional or required.
What is rebuilt: types, nesting, computed/optional/required, and the counts that the generated
classes tell apart. What is not in the source: sensitivity, defaults, replacement, value checks.
A type whose shape cannot be rebuilt exactly is left out and named: Terraform rejects a whole
schema for one wrong type.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
"""A block as in ``terraform providers schema -json``: ``attributes`` and ``block_types``."""

_MEMBER = re.compile(
    r"^  // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"((?:.*\n){1,4})",
    re.MULTILINE,
)
_HCL = re.compile(
    r"^ +(\w+): \{\n\s+value: (.*),\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\","
    r"\n\s+storageClassType: \"(\w+)\",",
    re.MULTILINE,
)
_CLASS = re.compile(
    r"^export class (\w+) extends cdktf\.(\w+) \{\n.*?^\}", re.MULTILINE | re.DOTALL
)
_FUNCTION = re.compile(r"^export function (\w+)ToHclTerraform\(.*?^\}", re.MULTILINE | re.DOTALL)
_MAIN_KINDS = {"TerraformResource", "TerraformDataSource", "TerraformProvider"}
_PRIMITIVES = {"String": "string", "Number": "number", "Boolean": "bool"}
_REFERENCE = "OutputReference"


class ShapeUnknown(Exception):
    """A type's shape cannot be rebuilt from its source; the message says at which attribute."""


@dataclass(frozen=True)
class Extracted:
    """All schemas of a package; ``left_out`` has the folder of each missing type, and why."""

    provider: Schema
    resources: dict[str, Schema]
    data_sources: dict[str, Schema]
    left_out: dict[str, str]


@dataclass(frozen=True)
class _Member:
    """One settable or computed member of a generated class."""

    name: str
    computed: bool
    optional: bool
    required: bool
    code: str
    hcl: _HclEntry | None


@dataclass(frozen=True)
class _HclEntry:
    """What the generated conversion to HCL says of one member."""

    value: str
    is_block: bool
    kind: str
    storage: str


def extract(library: Path) -> Extracted:
    """Return the schemas of every folder of ``library`` (the package's ``lib``)."""
    found = Extracted({}, {}, {}, {})
    provider: Schema = {}
    for folder in sorted(path.parent for path in library.glob("*/index.js")):
        try:
            source = _Source.read(folder)
            schema = source.schema()
        except ShapeUnknown as error:
            found.left_out[folder.name] = str(error)
            continue
        if folder.name == "provider":
            provider = schema
        elif folder.name.startswith("data-aws"):
            found.data_sources[source.type_name] = schema
        else:
            found.resources[source.type_name] = schema
    return Extracted(provider, found.resources, found.data_sources, found.left_out)


class _Source:
    """The TypeScript of one type: its classes and its conversions to HCL, by name."""

    def __init__(self, folder: str, text: str) -> None:
        self._is_provider = folder == "provider"
        self._kinds: dict[str, str] = {}
        self._bodies: dict[str, str] = {}
        for match in _CLASS.finditer(text):
            self._kinds[match[1]], self._bodies[match[1]] = match[2], match[0]
        self._hcl = {m[1]: _entries(m[0]) for m in _FUNCTION.finditer(text)}
        main = [name for name, kind in self._kinds.items() if kind in _MAIN_KINDS]
        if not main:
            raise ShapeUnknown("no class of a resource, data source or provider")
        self._main = main[0]
        named = re.search(r'tfResourceType = "(\w+)"', self._bodies[self._main])
        if named is None:
            raise ShapeUnknown(f"class {self._main} has no tfResourceType")
        self.type_name = named[1]

    @classmethod
    def read(cls, folder: Path) -> _Source:
        paths = [folder / "index.js", *sorted(folder.glob("*structs*.js"))]
        paths += sorted(folder.glob("*/*.js"))
        return cls(folder.name, "\n".join(filter(None, map(_typescript, paths))))

    def schema(self) -> Schema:
        """Return the type's whole block."""
        return self._block(self._main, _entries(self._bodies[self._main]))

    def _block(self, name: str, hcl: dict[str, _HclEntry]) -> Schema:
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for member in self._members(name, hcl):
            if member.name == "alias" and self._is_provider:
                continue  # Terraform's own argument, not the provider's
            struct, single = _struct(member)
            if struct is not None and member.hcl is not None:
                blocks[member.name] = self._nested(member, member.hcl, struct, single)
                continue
            entry: dict[str, Any] = {"type": self._type(member)}
            for flag in ("computed", "optional", "required"):
                if getattr(member, flag):
                    entry[flag] = True
            attributes[member.name] = entry
        return {"attributes": attributes, "block_types": blocks}

    def _nested(self, member: _Member, hcl: _HclEntry, struct: str, single: bool) -> Schema:
        mode = "single" if hcl.storage == "struct" else hcl.storage
        reference = struct + _REFERENCE
        if reference in self._kinds:
            block = self._block(reference, self._hcl.get(_lower(struct), {}))
        else:
            block = self._from_conversion(struct)
        nested: Schema = {"nesting_mode": mode, "block": block}
        if mode != "single":
            if member.required:
                nested["min_items"] = 1
            if single:
                nested["max_items"] = 1
        return nested

    def _from_conversion(self, struct: str) -> Schema:
        # The provider's own blocks have no class; their conversion to HCL is all there is.
        if _lower(struct) not in self._hcl:
            raise ShapeUnknown(f"block {struct} has neither class nor conversion")
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for name, entry in self._hcl[_lower(struct)].items():
            if entry.is_block:
                inner = self._from_conversion(entry.kind.removesuffix("List"))
                blocks[name] = {"nesting_mode": entry.storage, "block": inner}
            else:
                attributes[name] = {"type": _plain_type(name, entry), "optional": True}
        return {"attributes": attributes, "block_types": blocks}

    def _members(self, name: str, hcl: dict[str, _HclEntry]) -> Iterator[_Member]:
        if name not in self._bodies:
            raise ShapeUnknown(f"class {name} is missing")
        for match in _MEMBER.finditer(self._bodies[name]):
            computed, optional, required = (match[number] == "true" for number in (2, 3, 4))
            yield _Member(match[1], computed, optional, required, match[5], hcl.get(match[1]))

    def _object(self, struct: str) -> list[Any]:
        members = self._members(struct + _REFERENCE, self._hcl.get(_lower(struct), {}))
        return ["object", {member.name: self._type(member) for member in members}]

    def _type(self, member: _Member) -> Any:
        made = re.search(r'= new (cdktf\.)?(\w+)\(this, "\w+"(?:, (true|false))?\)', member.code)
        if made is not None:
            collection = "set" if made[3] == "true" else "list"
            return self._made_type(member, bool(made[1]), made[2], collection)
        returned = re.search(r"return (.*);", member.code)
        expression = returned[1] if returned else ""
        is_set = "Fn.tolist" in expression or (
            member.hcl is not None and member.hcl.storage == "set"
        )
        return _returned_type(member, expression, "set" if is_set else "list")

    def _made_type(self, member: _Member, is_library: bool, name: str, collection: str) -> Any:
        if is_library:
            matched = re.match(r"(String|Number|Boolean)Map(List)?", name)
            if matched is None:
                raise ShapeUnknown(f"{member.name}: {name}")
            inner = ["map", _PRIMITIVES[matched[1]]]
            return [collection, inner] if matched[2] else inner
        if name.endswith(_REFERENCE):
            return self._object(name.removesuffix(_REFERENCE))
        if name.endswith("MapList"):
            raise ShapeUnknown(f"{member.name}: {name}")
        if name.endswith("Map"):
            return ["map", self._object(name.removesuffix("Map"))]
        if name.endswith("ListList") and self._kinds.get(name) == "ComplexList":
            return [collection, ["list", self._object(name.removesuffix("ListList"))]]
        return [collection, self._object(name.removesuffix("List"))]


def _typescript(path: Path) -> str | None:
    text = path.read_text()
    at = text.rfind("base64,")
    if at < 0:
        return None
    encoded = text[at + len("base64,") :].split()[0]
    return str(json.loads(base64.b64decode(encoded))["sourcesContent"][0])


def _entries(text: str) -> dict[str, _HclEntry]:
    return {m[1]: _HclEntry(m[2], m[3] == "true", m[5], m[4]) for m in _HCL.finditer(text)}


def _struct(member: _Member) -> tuple[str | None, bool]:
    """Return the name of the class behind a nested block, and whether there is one at most.

    None for an attribute. ``isBlock`` alone misleads: ``listMapperHcl(convert, false)`` is an
    attribute of object type (Terraform's "attributes as blocks").
    """
    hcl = member.hcl
    if hcl is None or not hcl.is_block or re.search(r"listMapperHcl\(\w+, false\)", hcl.value):
        return None, False
    made = re.search(rf'= new (\w+?)(List|{_REFERENCE})\(this, "\w+"', member.code)
    if made is not None:
        return made[1], made[2] == _REFERENCE
    private = re.search(r"private _\w+\?: (\w+?)(?:\[\])?(?: \|.*)?;", member.code)
    return (private[1], False) if private is not None else (None, False)


def _returned_type(member: _Member, expression: str, collection: str) -> Any:
    getter = re.search(r"get(String|Number|Boolean)(Map)?(List)?Attribute", expression)
    if "getListAttribute" in expression:
        return [collection, "string"]
    if getter is not None:
        inner: Any = _PRIMITIVES[getter[1]]
        if getter[2]:
            inner = ["map", inner]
        return [collection, inner] if getter[3] else inner
    if re.match(r"this\._", expression) and member.hcl is not None:
        return _plain_type(member.name, member.hcl)
    private = re.search(r"private _\w+\?: (.*); *$", member.code, re.MULTILINE)
    if "interpolationForAttribute" in expression and private is not None and member.hcl:
        if "string[][]" in private[1] or "(string[])" in private[1]:
            return [collection, ["list", "string"]]
        if "{ [key: string]: string[] }" in private[1]:
            return ["map", ["list", "string"]]
    raise ShapeUnknown(f"{member.name}: {expression or member.code.strip()}")


def _plain_type(name: str, entry: _HclEntry) -> Any:
    types: dict[str, Any] = {
        "string": "string",
        "number": "number",
        "boolean": "bool",
        "stringMap": ["map", "string"],
        "stringList": [entry.storage, "string"],
    }
    if entry.kind not in types:
        raise ShapeUnknown(f"{name}: {entry.kind}")
    return types[entry.kind]


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
