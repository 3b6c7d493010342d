"""Ed25519 key pairs in PEM files: create, load, name.

The private key is PKCS 8 in a file only its owner can read, the public one SubjectPublicKeyInfo
beside it with the ending ``.pub``; openssl and the usual signing tools read both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from harness.errors import InputInvalid
from harness.gate import canonical

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644
_OTHERS = 0o077


@dataclass(frozen=True)
class KeyPair:
    """The two files of a new key pair and its fingerprint."""

    private: Path
    public: Path
    fingerprint: str


def create(path: Path) -> KeyPair:
    """Create a key pair at ``path`` (mode 0600) and ``path.pub``.

    Raises InputInvalid when either file is there already or cannot be written; nothing of a
    failed attempt is left.
    """
    public_path = path.with_name(path.name + ".pub")
    taken = [each for each in (path, public_path) if os.path.lexists(each)]
    if taken:
        raise InputInvalid(
            [
                f"{each}: expected no such file, got one: a key is never overwritten. "
                "Next step: choose another --out, or move the old key away"
                for each in taken
            ]
        )
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_new(path, private, PRIVATE_MODE)
    try:
        _write_new(public_path, _public_pem(key.public_key()), PUBLIC_MODE)
    except InputInvalid:
        path.unlink()
        raise
    return KeyPair(path, public_path, fingerprint(key.public_key()))


def load_private(path: Path) -> Ed25519PrivateKey:
    """Return the signing key in ``path``.

    Raises InputInvalid for a file that is no Ed25519 private key or that others may read.
    """
    data = _read(path)
    mode = path.stat().st_mode
    if mode & _OTHERS:
        raise InputInvalid(
            f"{path}: expected a key that only its owner can read (0600), got {mode & 0o777:04o}. "
            f"Next step: chmod 600 {path}; if others could read it, make a new key"
        )
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        hint = "a public key" if b"PUBLIC KEY" in data else f"something else: {_short(error)}"
        raise InputInvalid(
            f"{path}: expected an Ed25519 private key in PEM without a password, got {hint}. "
            "Next step: python -m harness key --out FILE makes one"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputInvalid(f"{path}: expected an Ed25519 private key, got {type(key).__name__}")
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Return the verification key in ``path``.

    Raises InputInvalid for anything else; a private key is refused, so that it stays where it is.
    """
    data = _read(path)
    try:
        key = load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        private = b"PRIVATE KEY" in data
        hint = "a private key" if private else f"something else: {_short(error)}"
        raise InputInvalid(
            f"{path}: expected an Ed25519 public key in PEM, got {hint}. "
            "Next step: name the file with the ending .pub"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputInvalid(f"{path}: expected an Ed25519 public key, got {type(key).__name__}")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return ``sha256:`` and the digest of the public key's DER form, which names the key."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{canonical.sha256(der)}"


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    # O_EXCL: whoever put a file or a link there in the meantime keeps it, and the key its secret.
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
    except OSError as error:
        raise InputInvalid(f"{path}: expected a new file, got: {error.strerror}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputInvalid(f"{path}: expected a key file, got: {error.strerror}") from error


def _short(error: Exception) -> str:
    return str(error).split(".")[0][:120] or type(error).__name__
