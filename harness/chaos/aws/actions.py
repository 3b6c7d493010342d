"""Faults on the AWS API. WARNING: calls of every client of the emulator are hit, not only yours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import clock
from harness.awsplane.faults import Rule, parse
from harness.awsplane.fields import Malformed
from harness.chaos import session as sessions
from harness.errors import ExperimentInvalid
from harness.stack import aws
from harness.stack.aws_control import Control

__all__ = ["fail_calls"]

# The control route answers from memory.
PROOF_LIMIT_SECONDS = 10.0


def fail_calls(rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Throttle, fail or delay AWS calls as ``rules`` say, until the fault is healed.

    A rule has ``id``, ``kind`` (throttle, error, latency) and may have ``service``,
    ``operation``, ``region``, ``probability``, ``seed``, ``code``, ``status`` and ``seconds``;
    harness.awsplane.faults says what they mean. Proven by the rules that the emulator has in
    force; how many calls they hit is for ``calls_hit`` to say.
    """
    try:
        wanted = parse([dict(rule) for rule in rules])
    except Malformed as error:
        raise ExperimentInvalid(error.problems) from error
    now = sessions.current()
    control = Control(aws.endpoint(now.tools.context))
    ids = [rule.id for rule in wanted]
    now.begin(
        "aws_api",
        what=f"faults of the AWS API: {', '.join(ids)}",
        undo="harness.chaos.aws.undo:clear_faults",
        arguments={},
        evidence={"rules": [rule.as_json() for rule in wanted]},
    )
    issued_at = clock.monotonic()
    control.set_faults(wanted)
    effective_at = clock.monotonic()
    now.prove(
        "aws_api",
        lambda: in_force(wanted, control.faults()),
        what="the emulator to have the faults in force",
        limit_seconds=PROOF_LIMIT_SECONDS,
        issued_at=issued_at,
        effective_at=effective_at,
    )
    return {"targets": ids}


def in_force(wanted: Sequence[Rule], found: Sequence[Rule]) -> dict[str, Any] | None:
    """Return the evidence that exactly the wanted rules are in force, or None."""
    ids = [rule.id for rule in found]
    return {"in_force": ids} if ids == [rule.id for rule in wanted] else None
