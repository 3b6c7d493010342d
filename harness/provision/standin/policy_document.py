"""The ``aws_iam_policy_document`` data source: a policy's JSON from blocks. Pure.

Written after the provider's documentation: versions, merging by Sid, one value as a text and
several as a sorted list, principals by type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_VERSION = "2012-10-17"


def render(config: Mapping[str, Any]) -> str:
    """Return the JSON text of a policy document's configuration.

    Raises ValueError where two statements of one document have the same Sid.
    """
    statements: list[dict[str, Any]] = []
    for text in config.get("source_policy_documents") or []:
        _merge(statements, _statements_of(text), same_sid_refused=True)
    own = [_statement(block) for block in config.get("statement") or []]
    _merge(statements, own, same_sid_refused=False)
    for text in config.get("override_policy_documents") or []:
        _merge(statements, _statements_of(text), same_sid_refused=False)
    document: dict[str, Any] = {"Version": config.get("version") or _VERSION}
    if config.get("policy_id"):
        document["Id"] = config["policy_id"]
    document["Statement"] = statements
    return json.dumps(document, indent=2)


def _statements_of(text: str) -> list[dict[str, Any]]:
    listed = json.loads(text).get("Statement") or [] if text else []
    return [listed] if isinstance(listed, dict) else list(listed)


def _merge(
    into: list[dict[str, Any]], added: list[dict[str, Any]], *, same_sid_refused: bool
) -> None:
    for statement in added:
        sid = statement.get("Sid")
        place = next((n for n, s in enumerate(into) if sid and s.get("Sid") == sid), None)
        if place is None:
            into.append(statement)
        elif same_sid_refused:
            raise ValueError(f"duplicate Sid {sid!r} in source_policy_documents")
        else:
            into[place] = statement


def _statement(block: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if block.get("sid"):
        statement["Sid"] = block["sid"]
    statement["Effect"] = block.get("effect") or "Allow"
    pairs = (
        ("Action", "actions"),
        ("NotAction", "not_actions"),
        ("Resource", "resources"),
        ("NotResource", "not_resources"),
    )
    for name, attribute in pairs:
        values = block.get(attribute)
        if values:
            statement[name] = _one_or_many(values)
    for name, attribute in (("Principal", "principals"), ("NotPrincipal", "not_principals")):
        if block.get(attribute):
            statement[name] = _principals(block[attribute])
    if block.get("condition"):
        statement["Condition"] = _conditions(block["condition"])
    return statement


def _principals(blocks: list[Mapping[str, Any]]) -> Any:
    gathered: dict[str, list[str]] = {}
    for block in blocks:
        gathered.setdefault(block["type"], []).extend(block["identifiers"])
    if gathered == {"*": ["*"]}:
        return "*"
    return {kind: _one_or_many(values) for kind, values in sorted(gathered.items())}


def _conditions(blocks: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    gathered: dict[str, dict[str, list[str]]] = {}
    for block in blocks:
        held = gathered.setdefault(block["test"], {}).setdefault(block["variable"], [])
        held.extend(block["values"])
    return {
        test: {variable: _in_order(values) for variable, values in sorted(variables.items())}
        for test, variables in sorted(gathered.items())
    }


def _in_order(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def _one_or_many(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else sorted(values, reverse=True)
