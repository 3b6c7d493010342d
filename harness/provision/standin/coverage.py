"""Which attributes of a mapped type reach the API: none that is set may be lost silently."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from harness.provision.standin.mapping import LOCAL, NAMING, Call, ResourceType
from harness.provision.standin.shapes import member_of

_REFERENCE = re.compile(r"\$(\w+)|\{(\w+)\}")
_HANDLED_BY_ALL = frozenset({"id", "region", "tags", "tags_all"})


def lost(row: ResourceType, block: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return the attributes of a new resource that are set and that no call would take.

    ``values`` are planned ones: what the configuration says and the provider's defaults.
    """
    named = (*block["attributes"].items(), *block["block_types"].items())
    return sorted(
        name
        for name, schema in named
        if not _computed_only(schema)
        and values.get(name) not in (None, [], {}, "", False)
        and name not in row.defaults
        and not reaches(row, name)
    )


def reaches(row: ResourceType, name: str) -> bool:
    """Say whether a call of a mapping takes an attribute."""
    if name in LOCAL | NAMING | _HANDLED_BY_ALL | row.handles:
        return True
    calls = [row.create, *(change.act for change in row.changes)]
    if any(name in change.attributes for change in row.changes):
        return True
    return any(isinstance(call, Call) and _takes(row, call, name) for call in calls)


def _takes(row: ResourceType, call: Call, name: str) -> bool:
    if call.fields is not None and name in call.fields:
        return True
    if name in _references(call.params):
        return True
    if call.fields is not None:
        return False
    members = parameters(call.service or row.service, call.operation)
    return member_of(name, members, row.names) is not None


def _references(template: Any) -> set[str]:
    if isinstance(template, Mapping):
        return {name for inner in template.values() for name in _references(inner)}
    if isinstance(template, list):
        return {name for inner in template for name in _references(inner)}
    if isinstance(template, str):
        return {found[1] or found[2] for found in _REFERENCE.finditer(template)}
    return set()


def _computed_only(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("computed")) and not schema.get("optional")


@functools.cache
def parameters(service: str, operation: str) -> tuple[str, ...]:
    """Return the parameters of an API operation; KeyError where there is none of that name."""
    model = _model(service)
    shape = model.operation_model(_names(service)[operation]).input_shape
    return tuple(shape.members) if shape is not None else ()


@functools.cache
def _names(service: str) -> dict[str, str]:
    from botocore import xform_name  # noqa: PLC0415 (as below)

    return {xform_name(name): name for name in _model(service).operation_names}


@functools.cache
def _model(service: str) -> Any:
    # Here, because a plan needs the tables and not the client library.
    import botocore.session  # noqa: PLC0415

    return botocore.session.Session().get_service_model(service)
