"""What run.json names, as far as it needs no engine."""

from __future__ import annotations

import hashlib
import json

import pytest

from harness import cli, evidence
from harness.documents import load_documents
from harness.stack import deployment
from harness.stack.folders import EXPERIMENTS
from harness.stack.layout import Layout


def test_the_production_digest_does_not_depend_on_this_host() -> None:
    """It is the digest of what a pipeline renders; the emulation's is of what runs here."""
    one = evidence.manifest_digests(Layout(), {"backend": "a:1"})
    other = evidence.manifest_digests(Layout("10.77"), {"backend": "a:2"})
    plain = hashlib.sha256(deployment.render("production").encode()).hexdigest()

    assert one["production"] == other["production"] == f"sha256:{plain}"
    assert one["emulation"] != other["emulation"]


def test_every_difference_says_why_and_names_claims_that_exist() -> None:
    """The list needs no stack, and none of its entries is without a reason."""
    found = evidence.differences(None)
    known = {claim.id for claim in load_documents(EXPERIMENTS).claims}

    assert len(found) > 20
    for each in found:
        assert all(str(each[field]).strip() for field in ("what", "production", "emulation", "why"))
        assert set(each["weakens"]) <= known, each["what"]


def test_differences_are_shown_to_people_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """The command tells every one of them, engine or not."""
    assert cli.main(["differences", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["differences"]
    assert cli.main(["differences"]) == 0
    table = capsys.readouterr().out

    assert [each["what"] for each in told] == [e["what"] for e in evidence.differences(None)]
    assert "Weakens" in table
    assert table.count("\n") > len(told)
