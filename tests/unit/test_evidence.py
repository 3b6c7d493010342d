"""What run.json names, as far as it needs no engine."""

from __future__ import annotations

import hashlib

from harness import evidence
from harness.stack import deployment
from harness.stack.layout import Layout


def test_the_production_digest_does_not_depend_on_this_host() -> None:
    """It is the digest of what a pipeline renders; the emulation's is of what runs here."""
    one = evidence.manifest_digests(Layout(), {"backend": "a:1"})
    other = evidence.manifest_digests(Layout("10.77"), {"backend": "a:2"})
    plain = hashlib.sha256(deployment.render("production").encode()).hexdigest()

    assert one["production"] == other["production"] == f"sha256:{plain}"
    assert one["emulation"] != other["emulation"]
