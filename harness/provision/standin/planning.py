"""What a change would make of a resource: defaults, what is unknown, what forces a replacement.

Pure: a plan needs no API and no mapping, so every type with a schema can be planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.provision.standin.mapping import NAMING, ResourceType, Values
from harness.provision.standin.values import Block, changed, equivalent, nested_equivalent
from harness.provision.standin.wire import UNKNOWN

_ZEROES: Mapping[str, Any] = {"string": "", "number": 0, "bool": False}


@dataclass(frozen=True)
class Planned:
    """The planned state (None: removed) and the attributes that force a replacement."""

    state: Values | None
    replaced_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What the provider's configuration adds to every resource."""

    region: str
    default_tags: Mapping[str, str]


def plan(
    block: Block,
    row: ResourceType | None,
    prior: Values | None,
    proposed: Values | None,
    around: Surroundings,
) -> Planned:
    """Return what is planned for one resource."""
    if proposed is None:
        return Planned(None)
    state = _with_defaults(row, proposed)
    state = _fill(block, state, prior)
    if "region" in block["attributes"] and state.get("region") in (None, UNKNOWN):
        state["region"] = around.region if prior is None else prior.get("region") or around.region
    if "tags_all" in block["attributes"] and state.get("tags") is not UNKNOWN:
        state["tags_all"] = _merged_tags(around.default_tags, state.get("tags"))
    elif "tags_all" in block["attributes"]:
        state["tags_all"] = UNKNOWN
    if row is not None and row.plan is not None:
        state = row.plan(state, prior)
    if prior is None:
        return Planned(state)
    _keep_equivalent(block, state, prior)
    differing = changed(block, prior, state)
    forces = (row.forces if row is not None else frozenset()) | NAMING
    replaced_for = tuple(sorted(differing & forces))
    if replaced_for:
        return Planned(_fill_anew(block, row, proposed, state), replaced_for)
    if differing and row is not None:
        for name in row.volatile & set(block["attributes"]):
            if proposed.get(name) == prior.get(name):
                state[name] = UNKNOWN
    return Planned(state)


def _with_defaults(row: ResourceType | None, proposed: Values) -> Values:
    state = dict(proposed)
    for name, value in (row.defaults if row is not None else {}).items():
        _put_default(state, name.split("."), value)
    return state


def _put_default(state: Values, path: list[str], value: Any) -> None:
    name, *rest = path
    if not rest:
        if name in state and state[name] is None:
            state[name] = value
        return
    held = state.get(name)
    if isinstance(held, list):
        state[name] = [dict(inner) if isinstance(inner, dict) else inner for inner in held]
        for inner in state[name]:
            if isinstance(inner, dict):
                _put_default(inner, rest, value)


def _merged_tags(defaults: Mapping[str, str], tags: Any) -> Any:
    return {**defaults, **(tags or {})}


def _fill(block: Block, value: Values, prior: Values | None) -> Values:
    """Return the value with computed attributes that are null made unknown, where new."""
    filled = dict(value)
    for name, attribute in block["attributes"].items():
        held = filled.get(name)
        if held is None and attribute.get("computed"):
            if prior is None or name not in prior:
                filled[name] = UNKNOWN
        elif held is not None and held is not UNKNOWN and attribute.get("optional"):
            filled[name] = _zeroed(attribute["type"], held)
    for name, nested in block["block_types"].items():
        held = filled.get(name)
        if isinstance(held, list):
            before = (prior or {}).get(name)
            before = before if isinstance(before, list) else []
            paired = before if nested["nesting_mode"] == "list" else []
            filled[name] = [
                _fill(nested["block"], element, _pair(nested, element, paired, before, number))
                if isinstance(element, dict)
                else element
                for number, element in enumerate(held)
            ]
    return filled


def _pair(
    nested: Block, element: Values, paired: list[Any], before: list[Any], number: int
) -> Values | None:
    if nested["nesting_mode"] == "list":
        return paired[number] if number < len(paired) else None
    return next((b for b in before if _set_matches(nested["block"], b, element)), None)


def _set_matches(block: Block, before: Values, element: Values) -> bool:
    # Elements of a set have no place; one that says the same wherever it says something is the
    # same element, with its computed attributes kept.
    for name, attribute in block["attributes"].items():
        held = element.get(name)
        if held is None and attribute.get("computed"):
            continue
        if not equivalent(attribute["type"], before.get(name), held):
            return False
    for name, nested in block["block_types"].items():
        mine, other = element.get(name) or [], before.get(name) or []
        if mine is UNKNOWN or len(mine) != len(other):
            return False
        if not all(_set_matches(nested["block"], b, e) for b, e in zip(other, mine, strict=True)):
            return False
    return True


def _zeroed(kind: Any, value: Any) -> Any:
    """Return objects inside an attribute with zero values for null, as the provider shows them."""
    if value is UNKNOWN or isinstance(kind, str):
        return value
    if kind[0] in ("list", "set") and isinstance(value, list) and isinstance(kind[1], list):
        return [_zeroed(kind[1], element) for element in value]
    if kind[0] == "object" and isinstance(value, dict):
        return {name: _zero(inner, value.get(name)) for name, inner in kind[1].items()}
    return value


def _zero(kind: Any, value: Any) -> Any:
    if value is None:
        return _ZEROES[kind] if isinstance(kind, str) else {} if kind[0] == "map" else []
    return _zeroed(kind, value)


def _keep_equivalent(block: Block, state: Values, prior: Values) -> None:
    for name, attribute in block["attributes"].items():
        if equivalent(attribute["type"], state.get(name), prior.get(name)):
            state[name] = prior.get(name)
    for name, nested in block["block_types"].items():
        if nested_equivalent(nested, state.get(name), prior.get(name)):
            state[name] = prior.get(name)


def _fill_anew(block: Block, row: ResourceType | None, proposed: Values, state: Values) -> Values:
    # Terraform plans a replacement again as a creation, so the values of this plan that come from
    # the old resource only have to be consistent.
    return {**_with_defaults(row, proposed), **state}
