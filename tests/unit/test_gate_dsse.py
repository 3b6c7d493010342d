"""Envelopes: what a signature covers, and every way to break one."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness.errors import InputInvalid
from harness.gate import canonical, dsse, keys

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
PAYLOAD = b'{"a":1,"b":[2,3]}'


def stored(tmp_path: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    document = json.loads(dsse.encode(dsse.seal(PAYLOAD, KEY)))
    if change is not None:
        change(document)
    path = tmp_path / "attestation.json"
    path.write_text(json.dumps(document))
    return path


def test_what_is_signed_is_the_specified_encoding() -> None:
    """The example of the DSSE specification."""
    assert (
        dsse.pre_authentication("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_are_those_of_bytes() -> None:
    """A character of two bytes counts as two, else two payloads could have one encoding."""
    assert dsse.pre_authentication("t", "é".encode()).startswith(b"DSSEv1 1 t 2 ")


def test_a_signature_holds_for_its_key_only() -> None:
    """Signed, read back and checked; another key and no signature do not hold."""
    assert dsse.seal(PAYLOAD, KEY).signed_by(PUBLIC)
    assert not dsse.seal(PAYLOAD, KEY).signed_by(OTHER)
    assert not dsse.seal(PAYLOAD, None).signed_by(PUBLIC)


def test_one_good_signature_among_others_is_enough() -> None:
    """Several people may sign; the name of a key proves nothing."""
    good = dsse.seal(PAYLOAD, KEY).signatures[0]
    bad = dsse.Signature(keys.fingerprint(PUBLIC), bytes(64))
    unnamed = dsse.Signature("", good.value)

    assert dsse.Envelope(dsse.PAYLOAD_TYPE, PAYLOAD, (bad, good)).signed_by(PUBLIC)
    assert dsse.Envelope(dsse.PAYLOAD_TYPE, PAYLOAD, (unnamed,)).signed_by(PUBLIC)
    assert not dsse.Envelope(dsse.PAYLOAD_TYPE, PAYLOAD, (bad,)).signed_by(PUBLIC)


def test_equal_content_has_equal_bytes(tmp_path: Path) -> None:
    """Signing twice gives the same file, and reading gives what was written."""
    one = dsse.encode(dsse.seal(PAYLOAD, KEY))
    path = tmp_path / "attestation.json"
    path.write_bytes(one)

    assert one == dsse.encode(dsse.seal(PAYLOAD, KEY))
    assert dsse.read(path) == dsse.seal(PAYLOAD, KEY)


def test_order_and_spaces_of_the_envelope_do_not_matter(tmp_path: Path) -> None:
    """The JSON around the payload is not signed, so that other tools may write it their way."""

    def reorder(document: dict[str, Any]) -> None:
        for name in ("payload", "payloadType"):
            document[name] = document.pop(name)

    assert dsse.read(stored(tmp_path, reorder)).signed_by(PUBLIC)


@pytest.mark.parametrize(
    "payload", [b'{"b":[2,3],"a":1}', b'{"a": 1,"b":[2,3]}', PAYLOAD + b" ", PAYLOAD[:-1], b""]
)
def test_any_other_payload_breaks_the_signature(tmp_path: Path, payload: bytes) -> None:
    """Also one that means the same: re-ordered, spaced, lengthened, cut."""

    def tamper(document: dict[str, Any]) -> None:
        document["payload"] = base64.b64encode(payload).decode()

    assert not dsse.read(stored(tmp_path, tamper)).signed_by(PUBLIC)


def test_every_flipped_bit_of_a_signature_breaks_it() -> None:
    """No bit of an Ed25519 signature is free."""
    good = dsse.seal(PAYLOAD, KEY).signatures[0].value
    for bit in range(len(good) * 8):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << (bit % 8)
        signature = dsse.Signature("", bytes(changed))
        assert not dsse.Envelope(dsse.PAYLOAD_TYPE, PAYLOAD, (signature,)).signed_by(PUBLIC)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """No prefix of an attestation is read as one."""
    data = dsse.encode(dsse.seal(PAYLOAD, KEY)).rstrip()
    path = tmp_path / "attestation.json"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(InputInvalid):
            dsse.read(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"payloadType": "text/plain"}, ["'payloadType': expected 'application/vnd.in-toto+json'"]),
        ({"payload": "e30"}, ["'payload': expected base64 text"]),
        ({"payload": "e3\n0="}, ["'payload': expected base64 text"]),
        ({"payload": "e3 0="}, ["'payload': expected base64 text"]),
        ({"payload": None}, ["'payload': expected base64 text, got None"]),
        ({"signatures": None}, ["'signatures': expected a list"]),
        ({"signatures": ["x"]}, ["'signatures[0]': expected an object"]),
        ({"signatures": [{"sig": 1}]}, ["'signatures[0].sig': expected base64 text"]),
        ({"payload": 1, "signatures": 2, "payloadType": 3}, ["'payloadType'", "'payload'", "'sig"]),
    ],
)
def test_every_malformed_field_is_named(
    tmp_path: Path, change: dict[str, Any], words: list[str]
) -> None:
    """All problems at once, each with the file."""
    path = stored(tmp_path, lambda document: document.update(change))
    with pytest.raises(InputInvalid) as caught:
        dsse.read(path)

    assert len(caught.value.problems) == len(words)
    for problem, word in zip(caught.value.problems, words, strict=True):
        assert word in problem
        assert problem.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "expected JSON"),
        (b"\xff", "expected UTF-8"),
        (b"[]", "expected a JSON object, got list"),
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b'{"x": {"a": 1, "a": 1}}', "the key 'a' twice"),
        (b'{"a": NaN}', "the number NaN"),
        (b"[" * 200_000, "expected plain JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "expected plain JSON"),
        (b'{"a": "\\ud800"}', "file: Expected Unicode text, got half a character"),
    ],
)
def test_json_that_can_be_read_in_two_ways_is_refused(text: bytes, words: str) -> None:
    """Only plain objects, each key once."""
    with pytest.raises(InputInvalid, match=words):
        canonical.decode(text, "file")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A file of the wrong kind is refused before it fills the memory."""
    path = tmp_path / "attestation.json"
    with path.open("wb") as file:
        file.truncate(dsse.BYTES_MAX + 1)
    with pytest.raises(InputInvalid, match="at most"):
        dsse.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A person is told which file was looked for."""
    with pytest.raises(InputInvalid, match=r"nowhere\.json: expected an attestation"):
        dsse.read(tmp_path / "nowhere.json")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_another_program_accepts_the_signature(tmp_path: Path) -> None:
    """openssl checks it with the public key and what the specification says is signed."""
    (tmp_path / "key").write_bytes(
        PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "sig").write_bytes(dsse.seal(PAYLOAD, KEY).signatures[0].value)
    message = tmp_path / "message"
    check = "openssl pkeyutl -verify -rawin -pubin -inkey key -sigfile sig -in message".split()
    for payload, code in ((PAYLOAD, 0), (PAYLOAD + b" ", 1)):
        head = f"DSSEv1 28 application/vnd.in-toto+json {len(payload)} ".encode()
        message.write_bytes(head + payload)
        assert _exit_code(check, tmp_path) == code


def _exit_code(argv: list[str], folder: Path) -> int:
    return subprocess.run(argv, cwd=folder, capture_output=True, check=False).returncode
