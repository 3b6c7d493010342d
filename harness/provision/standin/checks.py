"""Value checks that are cheap and surely right, as the real provider makes them before a plan."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.provision.standin.wire import UNKNOWN

_CIDR = re.compile(r"(?:.+_)?cidr(?:_blocks?|_ipv[46])?|cidrs|(?:.+_)?cidrs")
_JSON = frozenset({"policy", "assume_role_policy", "policy_document", "access_policy"})
# CIDR by name, something else by meaning.
_NOT_CIDR = frozenset({"customer_owned_ipv4_pool"})


@dataclass(frozen=True)
class Problem:
    """One refused value: the path of attribute names to it, a summary and a detail."""

    path: tuple[str, ...]
    summary: str
    detail: str


def problems(block: Mapping[str, Any], values: Mapping[str, Any]) -> list[Problem]:
    """Return every problem of a configured block and of the blocks in it."""
    return list(_problems(block, values, ()))


def _problems(
    block: Mapping[str, Any], values: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[Problem]:
    for name, attribute in block["attributes"].items():
        value = values.get(name)
        if value is None or value is UNKNOWN:
            continue
        here = (*path, name)
        if attribute.get("computed") and not attribute.get("optional"):
            yield Problem(
                here,
                "Value for unconfigurable attribute",
                f'Can\'t configure a value for "{name}": its value will be decided '
                "automatically based on the result of applying this configuration.",
            )
        yield from _value_problems(name, value, here)
    for name, nested in block["block_types"].items():
        listed = values.get(name)
        for element in listed if isinstance(listed, list) else []:
            if isinstance(element, Mapping):
                yield from _problems(nested["block"], element, (*path, name))


def _value_problems(name: str, value: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    if isinstance(value, list):
        for element in value:
            if isinstance(element, str):
                yield from _value_problems(name, element, path)
            elif isinstance(element, Mapping):
                for inner, held in element.items():
                    yield from _value_problems(inner, held, path)
        return
    if not isinstance(value, str) or value == "":
        return
    if _CIDR.fullmatch(name) and name not in _NOT_CIDR:
        found = cidr_problem(value)
        if found:
            yield Problem(path, "Invalid CIDR block", f"{name}: {found}")
    elif name in _JSON:
        try:
            json.loads(value)
        except ValueError as error:
            yield Problem(path, "Invalid JSON", f"{name}: expected a JSON document, got {error}")


def cidr_problem(text: str) -> str | None:
    """Return what is wrong with a CIDR block, or None.

    >>> cidr_problem("10.0.1.7/24")
    "expected a network address such as 10.0.1.0/24, got '10.0.1.7/24'"
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"expected a CIDR block such as 10.0.0.0/16, got {text!r}"
    if "/" not in text:
        return f"expected a CIDR block with a prefix length, got {text!r}"
    if str(network.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        return f"expected a network address such as {network}, got {text!r}"
    return None
