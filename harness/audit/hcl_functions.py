"""The Terraform functions that a folder's arguments are computed with.

Pure; a function that is not here, or arguments that are not known, make a value unknown.
Meanings as in Terraform's language reference, "Functions".
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

# Their result differs at each plan, so an argument made of them never settles.
UNSETTLED = frozenset({"timestamp", "uuid", "plantimestamp", "bcrypt"})


def cidrsubnet(prefix: str, bits: int, number: int) -> str:
    """Return the ``number``-th network of ``bits`` further bits."""
    network = ipaddress.ip_network(prefix)
    length = network.prefixlen + int(bits)
    size = 2 ** (network.max_prefixlen - length)
    start = network.network_address + int(number) * size
    return str(ipaddress.ip_network((start, length)))


def cidrhost(prefix: str, number: int) -> str:
    """Return an address inside a network."""
    return str(ipaddress.ip_network(prefix)[int(number)])


def _cidrsubnets(prefix: str, *bits: int) -> list[str]:
    found = []
    network = ipaddress.ip_network(prefix)
    start = int(network.network_address)
    for more in bits:
        length = network.prefixlen + int(more)
        size = 2 ** (network.max_prefixlen - length)
        start = -(-start // size) * size
        found.append(str(ipaddress.ip_network((start, length))))
        start += size
    return found


def _merge(*maps: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for one in maps if one for key, value in one.items()}


def _flatten(value: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in value:
        found.extend(_flatten(item) if isinstance(item, list) else [item])
    return found


def _lookup(where: Mapping[str, Any], key: str, *default: Any) -> Any:
    if key in where:
        return where[key]
    if default:
        return default[0]
    raise KeyError(key)


def _coalesce(*values: Any) -> Any:
    return next(value for value in values if value not in (None, ""))


def _contains(where: list[Any], value: Any) -> bool:
    return value in where


def _element(where: list[Any], index: int) -> Any:
    return where[int(index) % len(where)]


def _format(template: str, *values: Any) -> str:
    return template.replace("%q", '"%s"').replace("%v", "%s") % tuple(values)


def _slice(where: list[Any], start: int, end: int) -> list[Any]:
    return where[int(start) : int(end)]


def _range(*values: int) -> list[int]:
    return list(range(*map(int, values)))


def _unique(where: list[Any]) -> list[Any]:
    return list(dict.fromkeys(where))


def _setproduct(*sets: list[Any]) -> list[list[Any]]:
    return [list(found) for found in itertools.product(*sets)]


FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "abs": abs,
        "ceil": math.ceil,
        "chomp": lambda text: text.rstrip("\n"),
        "cidrhost": cidrhost,
        "cidrsubnet": cidrsubnet,
        "cidrsubnets": _cidrsubnets,
        "coalesce": _coalesce,
        "compact": lambda where: [value for value in where if value not in (None, "")],
        "concat": lambda *lists: [value for one in lists for value in one],
        "contains": _contains,
        "distinct": _unique,
        "element": _element,
        "endswith": lambda text, end: text.endswith(end),
        "flatten": _flatten,
        "floor": math.floor,
        "format": _format,
        "index": lambda where, value: where.index(value),
        "join": lambda between, where: between.join(map(str, where)),
        "jsondecode": json.loads,
        "jsonencode": json.dumps,
        "keys": sorted,
        "length": len,
        "lookup": _lookup,
        "lower": lambda text: text.lower(),
        "max": max,
        "merge": _merge,
        "min": min,
        "nonsensitive": lambda value: value,
        "one": lambda where: where[0] if where else None,
        "range": _range,
        "replace": lambda text, old, new: text.replace(old, new),
        "reverse": lambda where: where[::-1],
        "sensitive": lambda value: value,
        "setproduct": _setproduct,
        "slice": _slice,
        "sort": sorted,
        "split": lambda between, text: text.split(between),
        "startswith": lambda text, start: text.startswith(start),
        "substr": lambda text, start, size: text[int(start) :][: int(size)],
        "sum": sum,
        "tolist": list,
        "tomap": dict,
        "tonumber": float,
        "toset": _unique,
        "tostring": str,
        "trimprefix": lambda text, start: text.removeprefix(start),
        "trimspace": lambda text: text.strip(),
        "trimsuffix": lambda text, end: text.removesuffix(end),
        "upper": lambda text: text.upper(),
        "values": lambda where: [where[key] for key in sorted(where)],
        "zipmap": lambda keys, values: dict(zip(keys, values, strict=True)),
    }
)
