"""What the gate reads of run.json: every malformed field is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.gate.facts import is_commit, read_facts
from tests.unit.gate_sample import COMMIT, IMAGE, MANIFESTS, PLAN, run_facts


def read(change: dict[str, Any]) -> tuple[Any, list[str]]:
    problems: list[str] = []
    return read_facts(Path("run.json"), {**run_facts(), **change}, problems), problems


def test_digests_are_read_without_their_prefix() -> None:
    """Manifests, plan and images become plain hexadecimal."""
    facts, problems = read({})

    assert not problems
    assert (facts.manifests, facts.plan, facts.images) == (MANIFESTS, PLAN, {"backend": IMAGE})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"run": ""}, "run"),
        ({"run": None}, "run"),
        ({"commit": 1}, "commit"),
        ({"dirty": "no"}, "dirty"),
        ({"seed": "7"}, "seed"),
        ({"seed": True}, "seed"),
        ({"started": "10:00"}, "started"),
        ({"finished": "2026-03-02T11:00:00"}, "finished"),
        ({"plan_digest": "sha256:" + "0" * 63}, "plan_digest"),
        ({"plan_digest": "sha512:" + "0" * 64}, "plan_digest"),
        ({"plan_digest": "sha256:" + "AB" * 32}, "plan_digest"),
        ({"manifest_digests": {"production": "latest"}}, "manifest_digests.production"),
        ({"manifest_digests": []}, "manifest_digests"),
        ({"image_digests": ["x"]}, "image_digests"),
        ({"image_digests": {"backend": "latest"}}, "image_digests.backend"),
    ],
)
def test_malformed_fields_are_named(change: dict[str, Any], field: str) -> None:
    """One problem each, with file and field."""
    _, problems = read(change)

    assert len(problems) == 1
    assert problems[0].startswith(f"run.json: field '{field}': expected")


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (COMMIT, True),
        ("ab" * 32, True),
        (COMMIT.upper(), False),
        (COMMIT[:-1], False),
        (COMMIT + "\n", False),
        ("", False),
    ],
)
def test_a_commit_has_its_full_name(text: str, known: bool) -> None:
    """SHA-1 and SHA-256 repositories; no abbreviations, no branches."""
    assert is_commit(text) == known
