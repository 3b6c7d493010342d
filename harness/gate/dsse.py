"""DSSE envelopes: a payload with its type and signatures over both.

The form is the one of the in-toto project (DSSE v1), so that other tools can check it: the
signature covers ``DSSEv1 <length> <type> <length> <payload>``, never the JSON around it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from harness.errors import InputInvalid
from harness.gate import canonical, keys

PAYLOAD_TYPE = "application/vnd.in-toto+json"
# The largest file that is read as an envelope: a statement on 200 claims has some 200 kB.
BYTES_MAX = 16 * 2**20


@dataclass(frozen=True)
class Signature:
    """A signature and the name of the key that made it; the name is a hint, never a proof."""

    key: str
    value: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload with its type and any number of signatures."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def signed_by(self, key: Ed25519PublicKey) -> bool:
        """Say whether any of the signatures over type and payload was made with ``key``."""
        message = pre_authentication(self.payload_type, self.payload)
        return any(_verifies(key, signature.value, message) for signature in self.signatures)


def seal(payload: bytes, key: Ed25519PrivateKey | None) -> Envelope:
    """Return an envelope of an in-toto statement, without any signature when there is no key."""
    if key is None:
        return Envelope(PAYLOAD_TYPE, payload, ())
    value = key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    name = keys.fingerprint(key.public_key())
    return Envelope(PAYLOAD_TYPE, payload, (Signature(name, value),))


def encode(envelope: Envelope) -> bytes:
    """Return the bytes of an envelope file; equal envelopes have equal bytes."""
    document = {
        "payloadType": envelope.payload_type,
        "payload": base64.b64encode(envelope.payload).decode(),
        "signatures": [
            {"keyid": each.key, "sig": base64.b64encode(each.value).decode()}
            for each in envelope.signatures
        ],
    }
    return canonical.encode(document) + b"\n"


def read(path: Path) -> Envelope:
    """Return the envelope in a file.

    Raises InputInvalid with every problem of its form; signatures are not checked here.
    """
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputInvalid(f"{path}: expected an attestation, got: {error.strerror}") from error
    if len(data) > BYTES_MAX:
        raise InputInvalid(f"{path}: expected at most {BYTES_MAX} bytes, got more")
    return _envelope(canonical.decode(data, path), path)


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed (DSSE v1, pre-authentication encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _envelope(document: Mapping[str, Any], path: Path) -> Envelope:
    problems: list[str] = []
    kind = document.get("payloadType")
    if kind != PAYLOAD_TYPE:
        problems.append(f"{path}: field 'payloadType': expected {PAYLOAD_TYPE!r}, got {kind!r}")
    payload = _decoded(document.get("payload"), "payload", path, problems)
    listed = document.get("signatures")
    if not isinstance(listed, list):
        problems.append(f"{path}: field 'signatures': expected a list, got {listed!r}")
        listed = []
    signatures = []
    for index, each in enumerate(listed):
        name = f"signatures[{index}]"
        if not isinstance(each, dict):
            problems.append(f"{path}: field '{name}': expected an object, got {each!r}")
            continue
        value = _decoded(each.get("sig"), f"{name}.sig", path, problems)
        signatures.append(Signature(str(each.get("keyid", "")), value))
    if problems:
        raise InputInvalid(problems)
    return Envelope(PAYLOAD_TYPE, payload, tuple(signatures))


def _decoded(value: object, name: str, path: Path, problems: list[str]) -> bytes:
    if isinstance(value, str):
        try:
            # validate: characters outside the alphabet would be skipped, and two texts be one.
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    problems.append(f"{path}: field '{name}': expected base64 text, got {shown}")
    return b""


def _verifies(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
