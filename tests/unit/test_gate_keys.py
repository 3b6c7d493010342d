"""Key files: created once, readable by their owner only, and told apart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from harness.errors import InputInvalid
from harness.gate import keys


def test_a_key_pair_is_created_and_loads(tmp_path: Path) -> None:
    """The private file is 0600; both halves name the same key."""
    pair = keys.create(tmp_path / "gate.key")

    assert pair.private.stat().st_mode & 0o777 == 0o600
    assert pair.public == tmp_path / "gate.key.pub"
    assert keys.fingerprint(keys.load_public(pair.public)) == pair.fingerprint
    assert keys.fingerprint(keys.load_private(pair.private).public_key()) == pair.fingerprint
    assert pair.fingerprint != keys.create(tmp_path / "other.key").fingerprint


def test_a_wide_umask_does_not_open_the_key(tmp_path: Path) -> None:
    """The mode does not depend on how the caller's shell is set."""
    before = os.umask(0)
    try:
        pair = keys.create(tmp_path / "gate.key")
    finally:
        os.umask(before)

    assert pair.private.stat().st_mode & 0o777 == 0o600


def test_a_narrow_umask_does_not_hide_the_public_key(tmp_path: Path) -> None:
    """Whoever verifies may be another user."""
    before = os.umask(0o077)
    try:
        pair = keys.create(tmp_path / "gate.key")
    finally:
        os.umask(before)

    assert pair.public.stat().st_mode & 0o777 == 0o644


def test_a_file_that_comes_in_between_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking first is for the message; the system call itself refuses."""
    (tmp_path / "gate.key").write_text("precious")
    monkeypatch.setattr(keys.os.path, "lexists", lambda path: False)
    with pytest.raises(InputInvalid, match="File exists"):
        keys.create(tmp_path / "gate.key")

    assert (tmp_path / "gate.key").read_text() == "precious"


@pytest.mark.parametrize("taken", [["gate.key"], ["gate.key.pub"], ["gate.key", "gate.key.pub"]])
def test_a_key_is_never_overwritten(tmp_path: Path, taken: list[str]) -> None:
    """Either file in the way refuses, both are named, and nothing is written."""
    for name in taken:
        (tmp_path / name).write_text("precious")
    with pytest.raises(InputInvalid) as caught:
        keys.create(tmp_path / "gate.key")

    assert len(caught.value.problems) == len(taken)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == dict.fromkeys(
        taken, "precious"
    )


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    """The key does not end up where somebody's link points."""
    (tmp_path / "gate.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputInvalid, match="never overwritten"):
        keys.create(tmp_path / "gate.key")

    assert not (tmp_path / "elsewhere").exists()


def test_half_a_key_pair_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the public file cannot be written, the private one goes again."""
    real = keys._write_new

    def fail_second(path: Path, data: bytes, mode: int) -> None:
        if path.suffix == ".pub":
            raise InputInvalid("no space")
        real(path, data, mode)

    monkeypatch.setattr(keys, "_write_new", fail_second)
    with pytest.raises(InputInvalid):
        keys.create(tmp_path / "gate.key")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing folder is an input error, not a traceback."""
    with pytest.raises(InputInvalid, match="expected a new file"):
        keys.create(tmp_path / "nowhere" / "gate.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Its signatures would prove nothing."""
    path = keys.create(tmp_path / "gate.key").private
    path.chmod(mode)
    with pytest.raises(InputInvalid, match=f"{mode:04o}.*chmod 600"):
        keys.load_private(path)


def _pem(
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b""
) -> bytes:
    secret = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)


def _public(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


EDWARDS = ed25519.Ed25519PrivateKey.generate()
OTHER_KIND = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "something else"),
        (b"text", "something else"),
        (_pem(EDWARDS, b"secret"), "without a password, got something else"),
        (_pem(OTHER_KIND), "got ECPrivateKey|got .*EllipticCurve"),
        (_public(EDWARDS), "got a public key"),
        (_pem(EDWARDS)[:60], "something else"),
    ],
)
def test_what_is_no_signing_key_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Each mix-up is named."""
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputInvalid, match=words):
        keys.load_private(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "something else"),
        (_pem(EDWARDS), "got a private key.*ending .pub"),
        (_public(OTHER_KIND), "got .*EC|got .*EllipticCurve"),
        (_public(EDWARDS)[:60], "something else"),
    ],
)
def test_what_is_no_verification_key_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """A private key does not belong where attestations are verified."""
    path = tmp_path / "key.pub"
    path.write_bytes(content)
    with pytest.raises(InputInvalid, match=words):
        keys.load_public(path)


def test_missing_keys_are_named(tmp_path: Path) -> None:
    """Both loaders say which file they looked for."""
    for load in (keys.load_private, keys.load_public):
        with pytest.raises(InputInvalid, match="nowhere: expected a key file"):
            load(tmp_path / "nowhere")
