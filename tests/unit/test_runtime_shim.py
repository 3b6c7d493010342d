"""The runtime shim drops exactly the capabilities that the host lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.stack import runtime_shim

ALL = "CapBnd:\t000001ffffffffff"
NO_RESOURCE = "CapBnd:\t000001fffeffffff"


def test_a_full_bounding_set_lacks_nothing() -> None:
    """On an ordinary host the shim has nothing to drop."""
    assert runtime_shim.missing_capabilities(ALL) == frozenset()


def test_a_cleared_bit_is_named() -> None:
    """Bit 24 is CAP_SYS_RESOURCE (linux/capability.h)."""
    assert runtime_shim.missing_capabilities(NO_RESOURCE) == {"CAP_SYS_RESOURCE"}


@pytest.mark.parametrize(
    ("arguments", "file", "wrap"),
    [
        (["create", "--bundle", "{}", "id"], "config.json", True),
        (["run", "-b={}", "id"], "config.json", True),
        (["exec", "--process", "{}/process.json", "id"], "process.json", False),
    ],
)
def test_what_runc_reads_is_rewritten(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    file: str,
    wrap: bool,
) -> None:
    """Bundle and process files lose the missing capability and keep everything else."""
    process = {"args": ["sh"], "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"]}}
    path = tmp_path / file
    path.write_text(json.dumps({"process": process, "hostname": "h"} if wrap else process))
    started: list[list[str]] = []
    monkeypatch.setattr(runtime_shim.os, "execv", lambda program, argv: started.append(argv))
    monkeypatch.setattr(
        runtime_shim, "missing_capabilities", lambda text: frozenset({"CAP_SYS_RESOURCE"})
    )
    words = [word.format(tmp_path) for word in arguments]
    runtime_shim.main(["/usr/sbin/runc", *words])

    document = json.loads(path.read_text())
    rewritten = document["process"] if wrap else document
    assert rewritten == {"args": ["sh"], "capabilities": {"bounding": ["CAP_CHOWN"]}}
    assert started == [["/usr/sbin/runc", *words]]
