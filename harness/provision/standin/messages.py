"""Protocol messages from schemas and problems."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tf.gen import tfplugin_pb2 as pb

# The source of the schemas does not say which attributes are sensitive; these are, by name.
SENSITIVE = frozenset(
    "auth_token client_secret customer_master_key master_password master_user_password password"
    " private_key secret secret_access_key secret_binary secret_key secret_string token".split()
)
_NESTING = pb.Schema.NestedBlock.NestingMode


def schema(block: Mapping[str, Any]) -> pb.Schema:
    """Return the message of one type's schema."""
    return pb.Schema(version=0, block=_block(block))


def _block(block: Mapping[str, Any]) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[
            pb.Schema.Attribute(
                name=name,
                type=json.dumps(attribute["type"]).encode(),
                required=attribute.get("required", False),
                optional=attribute.get("optional", False),
                computed=attribute.get("computed", False),
                sensitive=name in SENSITIVE,
            )
            for name, attribute in sorted(block["attributes"].items())
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block(nested["block"]),
                nesting=_NESTING.Value(nested["nesting_mode"].upper()),
                min_items=nested.get("min_items", 0),
                max_items=nested.get("max_items", 0),
            )
            for name, nested in sorted(block["block_types"].items())
        ],
    )


def error(summary: str, detail: str = "", path: Iterable[str] = ()) -> pb.Diagnostic:
    """Return an error message; ``path`` are the attribute names that lead to the value."""
    return _diagnostic(pb.Diagnostic.ERROR, summary, detail, path)


def warning(summary: str, detail: str = "") -> pb.Diagnostic:
    """Return a warning message."""
    return _diagnostic(pb.Diagnostic.WARNING, summary, detail, ())


def attribute_path(name: str) -> pb.AttributePath:
    """Return the path of one attribute."""
    return pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])


def _diagnostic(severity: Any, summary: str, detail: str, path: Iterable[str]) -> pb.Diagnostic:
    message = pb.Diagnostic(severity=severity, summary=summary, detail=detail)
    # Only the first step: the elements in between have no name.
    for name in list(path)[:1]:
        message.attribute.CopyFrom(attribute_path(name))
    return message
