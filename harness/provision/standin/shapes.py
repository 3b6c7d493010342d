"""Between Terraform values and the API's parameters: matched by name, converted by shape.

``cidr_block`` and ``CidrBlock`` are the same name. Where they differ, a mapping's ``names`` says
which API member an attribute is (``{"identifier": "DBInstanceIdentifier"}``), at any depth.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.provision.standin.wire import UNKNOWN

Names = Mapping[str, str]
Block = Mapping[str, Any]


@functools.cache
def plain(name: str) -> str:
    """Return a name in lower case without anything but letters and digits."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


class Unencodable(Exception):
    """An attribute was set that the API call has no parameter for: it would be lost silently."""

    def __init__(self, attribute: str, structure: str) -> None:
        super().__init__(
            f"attribute {attribute!r} is set, but the stand-in's mapping has no place for it in "
            f"{structure}. Next step: use the real provider, or leave the attribute out here."
        )


def encode(shape: Any, value: Any, names: Names) -> Any:
    """Return a Terraform value as the parameter that a botocore shape asks for.

    None where nothing is to be sent: null, unknown, the empty string, an empty structure.
    """
    if value is None or value is UNKNOWN or value == "":
        return None
    kind = shape.type_name
    if kind == "structure":
        return _encode_structure(shape, value, names)
    if kind == "list":
        return _encode_list(shape, value, names)
    if kind == "map":
        return {key: encode(shape.value, inner, names) for key, inner in value.items()}
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if kind == "string":
        return _text(value)
    return value


def _encode_structure(shape: Any, value: Any, names: Names) -> Any:
    members = shape.members
    if "Items" in members and "Quantity" in members and not isinstance(value, dict):
        if len(value) == 1 and isinstance(value[0], dict) and set(value[0]) == {"items"}:
            value = value[0]["items"]  # a block that holds nothing but the list
        items = encode(members["Items"], value, names) or []
        return {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}
    if isinstance(value, list):  # a block that may stand once
        if not value:
            return None
        value = value[0]
        if value is None:
            return {}
    found = {}
    for attribute, inner in value.items():
        member = member_of(attribute, members, names)
        if member is None:
            if inner not in (None, "", False, [], {}) and inner is not UNKNOWN:
                raise Unencodable(attribute, shape.name)
            continue
        encoded = encode(members[member], inner, names)
        if encoded is not None:
            found[member] = encoded
    return found


def _encode_list(shape: Any, value: Any, names: Names) -> Any:
    member = shape.member
    if isinstance(value, dict):
        if member.type_name != "structure":
            return [encode(member, inner, names) for inner in value.values()]
        key, content = pair_of(member.members)
        return [{key: name, content: _text(inner)} for name, inner in sorted(value.items())]
    # A null in a list is a reference to something that the API left out; nothing can be sent.
    encoded = (encode(member, inner, names) for inner in value)
    return [inner for inner in encoded if inner is not None]


def pair_of(members: Iterable[str]) -> tuple[str, str]:
    """Return the names of the key and value members of a list that stands for a map.

    >>> pair_of(["TagKey", "TagValue"])
    ('TagKey', 'TagValue')
    """
    listed = list(members)
    key = next(m for m in listed if m.lower().endswith(("key", "name")))
    return key, next(m for m in listed if m.lower().endswith("value"))


def member_of(attribute: str, members: Iterable[str], names: Names) -> str | None:
    """Return the member that an attribute is, by the mapping's names or by its own."""
    wanted = names.get(attribute)
    if wanted is not None and wanted in members:
        return wanted
    flat = plain(attribute)
    index = {plain(member): member for member in members}
    return index.get(flat) or index.get(flat + "s") or index.get(flat + "es")


def decode_block(block: Block, answer: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return those attributes and nested blocks of a schema block that an API answer holds."""
    found: dict[str, Any] = {}
    for name, attribute in block["attributes"].items():
        member = member_of(name, answer, names)
        if member is not None and answer[member] is not None:
            found[name] = decode(attribute["type"], answer[member], names)
    for name, nested in block["block_types"].items():
        member = member_of(name, answer, names)
        if member is not None and answer[member] is not None:
            inner, value = nested["block"], answer[member]
            holds_items = "items" in inner["attributes"] or "items" in inner["block_types"]
            found[name] = [
                decode_block(inner, element, names)
                for element in ([value] if holds_items else elements(value))
                if isinstance(element, Mapping)
            ]
    return found


def decode(kind: Any, value: Any, names: Names) -> Any:
    """Return an API value as one of a Terraform type, such as ``["set", "string"]``."""
    if value is None:
        return None
    if isinstance(kind, str):
        return _decode_primitive(kind, value)
    if kind[0] == "map":
        if isinstance(value, list):
            if not value:
                return {}
            key, content = pair_of(value[0])
            value = {entry[key]: entry.get(content, "") for entry in value}
        return {name: decode(kind[1], inner, names) for name, inner in value.items()}
    if kind[0] in ("list", "set"):
        return [decode(kind[1], inner, names) for inner in elements(value)]
    if not isinstance(value, Mapping):
        return None
    members = {name: member_of(name, value, names) for name in kind[1]}
    return {
        name: decode(kind[1][name], value[member], names) if member is not None else None
        for name, member in members.items()
    }


def elements(value: Any) -> list[Any]:
    """Return the elements of a list, of CloudFront's counted list, or the one value itself."""
    if isinstance(value, Mapping) and "Quantity" in value:
        return list(value.get("Items") or [])
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _decode_primitive(kind: str, value: Any) -> Any:
    if kind == "string":
        return _text(value)
    if kind == "bool":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if isinstance(value, str):
        return float(value) if "." in value else int(value)
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
