"""JSON with one possible form, so that equal content has equal bytes and one digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from harness.errors import InputInvalid

_SHA256 = re.compile(r"[0-9a-f]{64}")


def encode(document: Any) -> bytes:
    """Return the one form of a document: sorted keys, no spaces, UTF-8, no NaN, one line.

    Raises InputInvalid for text that is half a character, which JSON can hold and UTF-8 cannot.
    """
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        near = ascii(text[max(0, error.start - 40) : error.start + 1])
        raise InputInvalid(f"Expected Unicode text, got half a character after {near}") from error


def decode(data: bytes, where: object) -> dict[str, Any]:
    """Return the JSON object in ``data``; ``where`` names its origin in messages.

    A key given twice, NaN and infinity are refused: two readers could understand them in two
    ways, and one of the two was signed. Raises InputInvalid.
    """
    try:
        document = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        problem = f"{where}: expected UTF-8 text, got byte {error.start} that is not"
        raise InputInvalid(problem) from error
    except json.JSONDecodeError as error:
        problem = (
            f"{where}: line {error.lineno}, column {error.colno}: expected JSON, got: {error.msg}"
        )
        raise InputInvalid(problem) from error
    except (ValueError, RecursionError) as error:
        raise InputInvalid(f"{where}: expected plain JSON, got: {error}") from error
    if not isinstance(document, dict):
        raise InputInvalid(f"{where}: expected a JSON object, got {type(document).__name__}")
    try:
        encode(document)
    except InputInvalid as error:
        raise InputInvalid(f"{where}: {error}") from error
    return document


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def is_sha256(text: str) -> bool:
    """Say whether a text is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} twice in one object")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")
