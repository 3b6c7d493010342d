"""Values on the wire between Terraform and the provider: msgpack with one extension for unknown.

Values are plain Python: None, bool, int, float, str, list, dict and ``UNKNOWN``. A number that
msgpack cannot carry exactly comes as a string of digits, as Terraform itself sends it.
"""

from __future__ import annotations

import json
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb


class _Unknown:
    """A value that is known only after apply; there is one instance."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN = _Unknown()
_EXTENSION_UNKNOWN = 0
# Terraform refines what it knows of an unknown (not null, prefix) under this code.
_EXTENSION_REFINED = 12


def read(value: pb.DynamicValue) -> Any:
    """Return the Python value of a message; None for null and for an empty message."""
    if value.msgpack:
        return unpack(value.msgpack)
    return json.loads(value.json) if value.json else None


def write(value: Any) -> pb.DynamicValue:
    """Return the message of a Python value; null is sent as msgpack nil."""
    return pb.DynamicValue(msgpack=pack(value))


def pack(value: Any) -> bytes:
    """Return a value as msgpack."""
    packed: bytes = msgpack.packb(value, default=_encode)
    return packed


def unpack(data: bytes) -> Any:
    """Return the value in msgpack data."""
    return msgpack.unpackb(data, ext_hook=_decode, strict_map_key=False)


def known(value: Any) -> Any:
    """Return a value with every unknown in it replaced by None."""
    if value is UNKNOWN:
        return None
    if isinstance(value, list):
        return [known(inner) for inner in value]
    if isinstance(value, dict):
        return {name: known(inner) for name, inner in value.items()}
    return value


def is_known(value: Any) -> bool:
    """Say whether nothing in a value is unknown."""
    if isinstance(value, list):
        return all(is_known(inner) for inner in value)
    if isinstance(value, dict):
        return all(is_known(inner) for inner in value.values())
    return value is not UNKNOWN


def _encode(value: Any) -> Any:
    if value is UNKNOWN:
        return msgpack.ExtType(_EXTENSION_UNKNOWN, b"\x00")
    raise TypeError(f"No msgpack form for {type(value).__name__}: {value!r}")


def _decode(code: int, data: bytes) -> Any:
    if code in (_EXTENSION_UNKNOWN, _EXTENSION_REFINED):
        return UNKNOWN
    raise ValueError(f"Unexpected msgpack extension {code}: {data!r}")
