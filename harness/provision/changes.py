"""What a plan changes, read from its JSON. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import InputInvalid

# The first of Terraform's plan format; a later second number only adds.
FORMAT_MAJOR = "1"


@dataclass(frozen=True)
class Row:
    """How many resources of a type are added, changed, replaced and destroyed."""

    type: str
    add: int = 0
    change: int = 0
    replace: int = 0
    destroy: int = 0


@dataclass(frozen=True)
class Unmapped:
    """A change that the stand-in cannot carry out: address, type, and what is missing."""

    address: str
    type: str
    reason: str


def summary(plan: Mapping[str, Any]) -> list[Row]:
    """Return one row for each type that changes, in alphabetical order.

    Raises InputInvalid for JSON that is no plan of a known format.
    """
    counts: dict[str, Counter[str]] = {}
    for change in _changes(plan):
        kind = action(change)
        if kind != "no-op":
            counts.setdefault(str(change["type"]), Counter())[kind] += 1
    return [
        Row(name, c["add"], c["change"], c["replace"], c["destroy"])
        for name, c in sorted(counts.items())
    ]


def action(change: Mapping[str, Any]) -> str:
    """Return add, change, replace, destroy or no-op for one resource of a plan."""
    actions = list((change.get("change") or {}).get("actions") or [])
    if sorted(actions) == ["create", "delete"]:
        return "replace"
    names = {"create": "add", "update": "change", "delete": "destroy", "forget": "destroy"}
    return names.get(actions[0], "no-op") if actions else "no-op"


def totals(rows: list[Row]) -> dict[str, int]:
    """Return the sums over all types."""
    kinds = ("add", "change", "replace", "destroy")
    return {kind: sum(getattr(row, kind) for row in rows) for kind in kinds}


def digest(data: bytes) -> str:
    """Return the SHA-256 of a plan's JSON as it is stored."""
    return hashlib.sha256(data).hexdigest()


def unmapped(
    plan: Mapping[str, Any],
    types: Mapping[str, Any],
    lost: Callable[[str, Mapping[str, Any]], Sequence[str]],
) -> list[Unmapped]:
    """Return every change of a plan that the stand-in's mappings cannot carry out.

    ``types``: the mapped types; each says with ``covers`` which attributes change in place.
    ``lost`` says, for a type and planned values, which attributes no call would take.
    """
    found = []
    for change in _changes(plan):
        kind, name = action(change), str(change["type"])
        if kind == "no-op" or not str(change.get("provider_name", "")).endswith("hashicorp/aws"):
            continue
        row = types.get(name)
        if row is None:
            found.append(Unmapped(str(change["address"]), name, "type without API mapping"))
        elif kind in ("add", "replace"):
            missing = list(lost(name, change["change"].get("after") or {}))
            if missing:
                what = f"attributes without API mapping: {', '.join(missing)}"
                found.append(Unmapped(str(change["address"]), name, what))
        elif kind == "change":
            missing = sorted(a for a in _differing(change["change"]) if not row.covers(a))
            if missing:
                what = f"change in place of {', '.join(missing)} without API mapping"
                found.append(Unmapped(str(change["address"]), name, what))
    return found


def _differing(change: Mapping[str, Any]) -> set[str]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    return {
        name
        for name in {*before, *after}
        if before.get(name) != after.get(name) and unknown.get(name) is not True
    }


def _changes(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    version = str(plan.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_MAJOR:
        raise InputInvalid(
            f"plan JSON: expected format version {FORMAT_MAJOR}.x, got {version or 'none'}. "
            "Next step: make the plan with Terraform or OpenTofu 1.10 or newer."
        )
    listed = plan.get("resource_changes") or []
    return [change for change in listed if change.get("mode") == "managed"]
