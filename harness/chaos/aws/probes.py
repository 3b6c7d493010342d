"""Probes of the faults on the AWS API; none changes anything."""

from __future__ import annotations

from harness.chaos import session as sessions
from harness.stack import aws
from harness.stack.aws_control import Control

__all__ = ["calls_hit"]


def calls_hit() -> int:
    """Return how many calls the faults in force have hit so far."""
    control = Control(aws.endpoint(sessions.current().tools.context))
    return sum(rule.hit for rule in control.faults())
