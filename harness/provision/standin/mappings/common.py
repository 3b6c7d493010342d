"""Pieces that several services' mappings share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Computed, Hook, Values

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

MANAGED = "Managed by Terraform"
"""The description that the provider gives where the API needs one and none is configured."""


def tagged(kind: str) -> dict[str, Any]:
    """Return the EC2 create parameter that tags a new resource of a kind."""
    return {
        "TagSpecifications": lambda values: (
            [{"ResourceType": kind, "Tags": values["tag_list"]}] if values["tag_list"] else None
        )
    }


def arn(service: str, rest: str) -> str:
    """Return the template of an ARN of a service in the session's region and account."""
    return f"arn:aws:{service}:{{region}}:{{account}}:{rest}"


def looked_up(service: str, operation: str, path: str, **params: Any) -> Computed:
    """Return a rule that reads one value with another call; ``params`` are templates."""

    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        return session.find(service, operation, path, **session.resolve(params, values))

    return read


def filters(**named: str) -> list[dict[str, Any]]:
    """Return EC2 filters from names with underscores for hyphens, and templates."""
    return [
        {"Name": n.replace("_", "-").replace("--", "."), "Values": [v]} for n, v in named.items()
    ]


def kept(name: str, same: Callable[[Any, Any], bool], shown: str) -> Computed:
    """Return a rule that keeps an attribute's text where the API's means the same.

    ``shown`` is the API member with its text, ``same`` compares stored and shown. A member that
    the API leaves out says nothing.
    """

    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        held, got = values.get(name), found.get(shown)
        return held if got is None or (held is not None and same(held, got)) else got

    return read


def is_version_prefix(held: str, got: str) -> bool:
    """Say whether a configured version (``16``) means the exact one that runs (``16.9``)."""
    return got == held or got.startswith(f"{held.removesuffix('.x')}.")


def is_same_name(held: str, got: str) -> bool:
    """Say whether two domain names are the same but for the closing dot and the case."""
    return held.rstrip(".").lower() == got.rstrip(".").lower().replace("\\052", "*")


def set_difference(
    attribute: str, wanted: Values, prior: Values | None
) -> tuple[list[Any], list[Any]]:
    """Return what to add to and to remove from an attribute that is a set."""
    before = (prior or {}).get(attribute) or []
    after = wanted.get(attribute) or []
    return [v for v in after if v not in before], [v for v in before if v not in after]


def parameters(service: str, operation: str, group: str, *, chunk: int) -> Hook:
    """Return the hook that sets a parameter group's parameters, so many a call.

    ``group`` is the API parameter with the group's name. Parameters that are configured no longer
    are reset.
    """

    def write(session: Session, wanted: Values, prior: Values | None) -> None:
        after = wanted.get("parameter") or []
        before = (prior or {}).get("parameter") or []
        key = {group: wanted.get("name") or wanted["id"]}
        names = {p["name"] for p in after}
        for part in _chunks([p for p in after if p not in before], chunk):
            listed = [_parameter(p) for p in part]
            member = "ParameterNameValues" if service == "elasticache" else "Parameters"
            session.call(service, f"modify_{operation}", **key, **{member: listed})
        for part in _chunks([p for p in before if p["name"] not in names], chunk):
            listed = [_parameter(p) for p in part]
            member = "ParameterNameValues" if service == "elasticache" else "Parameters"
            session.call(service, f"reset_{operation}", **key, **{member: listed})

    return write


def _parameter(block: Mapping[str, Any]) -> dict[str, Any]:
    entry = {"ParameterName": block["name"], "ParameterValue": block["value"]}
    if block.get("apply_method"):
        entry["ApplyMethod"] = block["apply_method"]
    return entry


def _chunks(values: list[Any], size: int) -> list[list[Any]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def shown_parameters(service: str, operation: str, group: str) -> Computed:
    """Return a rule that reads those of a group's parameters that the state names."""

    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        held = {p["name"]: p for p in values.get("parameter") or []}
        if not held:
            return []
        client = session.client(service)
        pages = client.get_paginator(f"describe_{operation}").paginate(
            **{group: values.get("name") or values["id"]}
        )
        shown = []
        for parameter in (p for page in pages for p in page["Parameters"]):
            name = parameter["ParameterName"]
            if name in held and "ParameterValue" in parameter:
                entry = {"name": name, "value": parameter["ParameterValue"]}
                if "apply_method" in held[name]:
                    entry["apply_method"] = held[name]["apply_method"]
                shown.append(entry)
        return shown

    return read


def json_text(value: Any) -> str:
    """Return a document as the text that the provider stores."""
    return value if isinstance(value, str) else json.dumps(value)
