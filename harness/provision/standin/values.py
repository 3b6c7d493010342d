"""Comparing and merging values of one schema block: planned, stored and observed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.provision.standin.wire import UNKNOWN

Block = Mapping[str, Any]
Values = dict[str, Any]


def equivalent(kind: Any, left: Any, right: Any) -> bool:
    """Say whether two values of a type mean the same: sets unordered, JSON by content."""
    if left is UNKNOWN or right is UNKNOWN:
        return left is right
    if isinstance(kind, list) and kind[0] in ("set", "list"):
        if not isinstance(left, list) or not isinstance(right, list):
            return (left or []) == (right or [])
        if len(left) != len(right):
            return False
        if kind[0] == "set":
            left, right = sorted(left, key=_order), sorted(right, key=_order)
        return all(equivalent(kind[1], a, b) for a, b in zip(left, right, strict=True))
    if isinstance(kind, list) and kind[0] == "object" and left and right:
        return all(equivalent(t, left.get(n), right.get(n)) for n, t in kind[1].items())
    if isinstance(kind, list) and kind[0] == "map":
        return (left or {}) == (right or {})
    if kind == "number" and left is not None and right is not None:
        return float(left) == float(right)
    return left == right or (kind == "string" and _same_json(left, right))


def blocks_equivalent(block: Block, left: Any, right: Any) -> bool:
    """Say whether two values of a block mean the same."""
    if left is None or right is None or left is UNKNOWN or right is UNKNOWN:
        return left is right
    same: bool = all(
        equivalent(attribute["type"], left.get(name), right.get(name))
        for name, attribute in block["attributes"].items()
    )
    return same and all(
        nested_equivalent(nested, left.get(name), right.get(name))
        for name, nested in block["block_types"].items()
    )


def nested_equivalent(nested: Block, left: Any, right: Any) -> bool:
    """Say whether two values of a nested block type mean the same."""
    if nested["nesting_mode"] == "single":
        return bool(left == right)
    if not isinstance(left, list) or not isinstance(right, list):
        return (left or []) == (right or []) and left is not UNKNOWN and right is not UNKNOWN
    if len(left) != len(right):
        return False
    block = nested["block"]
    if nested["nesting_mode"] == "set":
        remaining = list(right)
        for element in left:
            found = next((o for o in remaining if blocks_equivalent(block, element, o)), None)
            if found is None:
                return False
            remaining.remove(found)
        return True
    return all(blocks_equivalent(block, a, b) for a, b in zip(left, right, strict=True))


def changed(block: Block, prior: Mapping[str, Any], wanted: Mapping[str, Any]) -> set[str]:
    """Return the names of attributes and nested blocks that differ."""
    names = {
        name
        for name, attribute in block["attributes"].items()
        if not equivalent(attribute["type"], prior.get(name), wanted.get(name))
    }
    return names | {
        name
        for name, nested in block["block_types"].items()
        if not nested_equivalent(nested, prior.get(name), wanted.get(name))
    }


def complete(planned: Any, observed: Any) -> Any:
    """Return the planned value with what was unknown filled from the observed one.

    What was planned as known stays as planned, whatever the API answers: a difference then
    shows as drift in the next plan instead of being hidden.
    """
    if planned is UNKNOWN:
        return observed
    if isinstance(planned, dict):
        source: Mapping[str, Any] = observed if isinstance(observed, dict) else {}
        return {name: complete(inner, source.get(name)) for name, inner in planned.items()}
    if isinstance(planned, list):
        return _complete_list(planned, observed if isinstance(observed, list) else [])
    return planned


def _complete_list(planned: list[Any], observed: list[Any]) -> list[Any]:
    # Sets come in an order of their own: an element is filled from the one that agrees with it
    # wherever it is known, and from the one in its place where none does.
    remaining = list(enumerate(observed))
    filled = []
    for number, element in enumerate(planned):
        found = next((pair for pair in remaining if _agrees(element, pair[1])), None)
        if found is None and len(planned) == len(observed):
            found = next((pair for pair in remaining if pair[0] == number), None)
        if found is not None:
            remaining.remove(found)
        filled.append(complete(element, found[1] if found is not None else None))
    return filled


def _agrees(planned: Any, observed: Any) -> bool:
    if planned is UNKNOWN or planned is None:
        return True
    if isinstance(planned, dict):
        return isinstance(observed, dict) and all(
            _agrees(inner, observed.get(name)) for name, inner in planned.items()
        )
    if isinstance(planned, list):
        return isinstance(observed, list) and len(planned) == len(observed)
    return bool(planned == observed)


def refresh(block: Block, stored: Mapping[str, Any], observed: Mapping[str, Any]) -> Values:
    """Return the stored value with what the API shows now.

    An attribute that is optional, not computed and null in the state stays null: what the API
    shows there is its default, not something the configuration asked for. An observed value
    that means the same as the stored one leaves the stored text as it is.
    """
    result = dict(stored)
    for name, attribute in block["attributes"].items():
        if name not in observed:
            continue
        held = stored.get(name)
        if held is None and not attribute.get("computed"):
            continue
        if held == "" and observed[name] is None:
            continue
        if not equivalent(attribute["type"], held, observed[name]):
            result[name] = observed[name]
    for name, nested in block["block_types"].items():
        if name in observed and nested["nesting_mode"] in ("list", "set"):
            result[name] = _refresh_nested(nested, stored.get(name) or [], observed[name])
    return result


def _refresh_nested(nested: Block, stored: list[Values], observed: list[Values]) -> list[Values]:
    block = nested["block"]
    if not stored:
        # A block that the configuration leaves out shows the API's defaults: not drift.
        return []
    if nested["nesting_mode"] == "list":
        kept = [refresh(block, s, o) for s, o in zip(stored, observed, strict=False)]
        return kept + [full(block, extra) for extra in observed[len(stored) :]]
    result: list[Values] = []
    remaining = list(stored)
    unmatched: list[Values] = []
    for element in observed:
        same = next((s for s in remaining if _holds(block, s, element)), None)
        if same is None:
            unmatched.append(element)
        else:
            remaining.remove(same)
            result.append(same)
    return result + [full(block, element) for element in unmatched]


def _holds(block: Block, stored: Values, observed: Values) -> bool:
    return blocks_equivalent(block, stored, refresh(block, stored, observed))


def full(block: Block, value: Mapping[str, Any]) -> Values:
    """Return a value with every attribute and nested block of the schema present."""
    result: Values = {name: value.get(name) for name in block["attributes"]}
    for name, nested in block["block_types"].items():
        if nested["nesting_mode"] == "single":
            result[name] = value.get(name)
        else:
            result[name] = [full(nested["block"], inner) for inner in value.get(name) or []]
    return result


def _same_json(left: Any, right: Any) -> bool:
    if not isinstance(left, str) or not isinstance(right, str):
        return False
    if not left.lstrip().startswith(("{", "[")) or not right.lstrip().startswith(("{", "[")):
        return False
    try:
        return bool(json.loads(left) == json.loads(right))
    except ValueError:
        return False


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
