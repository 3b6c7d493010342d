"""Faults on the AWS API: refused before anything is injected, proven by what is in force."""

from __future__ import annotations

import pytest

from harness.awsplane.faults import Rule
from harness.chaos import undo
from harness.chaos.aws import actions
from harness.errors import ExperimentInvalid

A, B = Rule("a", "error"), Rule("b", "throttle")


@pytest.mark.parametrize(
    ("found", "evidence"),
    [
        ([A, B], {"in_force": ["a", "b"]}),
        ([A], None),
        ([], None),
        ([B, A], None),
        ([A, B, Rule("c", "error")], None),
    ],
)
def test_only_exactly_the_wanted_rules_prove_the_fault(
    found: list[Rule], evidence: dict[str, list[str]] | None
) -> None:
    assert actions.in_force([A, B], found) == evidence


def test_malformed_rules_are_refused_with_every_problem() -> None:
    with pytest.raises(ExperimentInvalid) as refusal:
        actions.fail_calls([{"id": "x", "kind": "slow"}, {"kind": "error", "probability": 3}])

    assert len(refusal.value.problems) == 3


def test_the_undo_can_be_imported_by_its_name() -> None:
    assert callable(undo.resolve("harness.chaos.aws.undo:clear_faults"))
