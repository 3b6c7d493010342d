"""Judging a Chaos Toolkit journal by our own rule, because its exit code is 0 too often.

A failed action, a failed rollback and a fault without a target all leave chaoslib "completed".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class TrialStatus(StrEnum):
    """How a trial ended; this is no verdict.

    ``aborted``: nothing was broken, because the steady state did not hold. ``failed``: the
    harness could not do what the experiment says.
    """

    COMPLETED = "completed"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True)
class Ending:
    """A trial's status and every reason for it."""

    status: TrialStatus
    problems: tuple[str, ...]


def judge(
    journal: Mapping[str, Any], *, problems: Sequence[str] = (), stopped: bool = False
) -> Ending:
    """Say how the trial of ``journal`` ended.

    ``problems`` are those that the session collected; ``stopped`` is whether it was asked to
    stop. Every action of the method must have succeeded with at least one target, and every
    rollback must have succeeded.
    """
    found = list(problems)
    before = (journal.get("steady_states") or {}).get("before")
    for run in journal.get("run") or []:
        found += _problems_of(run, "method", targets=True)
    rollbacks = journal.get("rollbacks") or []
    for run in rollbacks:
        found += _problems_of(run, "rollbacks", targets=False)
    expected = len((journal.get("experiment") or {}).get("rollbacks") or [])
    if len(rollbacks) < expected:
        found.append(f"rollbacks: expected {expected} to run, got {len(rollbacks)}.")
    if stopped:
        return Ending(TrialStatus.INTERRUPTED, tuple(found))
    if found:
        status = TrialStatus.FAILED
    elif before is not None and not before.get("steady_state_met"):
        status = TrialStatus.ABORTED
        found.append(_unsteady(before))
    elif journal.get("status") == "interrupted":
        status = TrialStatus.INTERRUPTED
    elif journal.get("status") != "completed":
        status = TrialStatus.FAILED
        found.append(f"Chaos Toolkit ended with status {journal.get('status')!r}.")
    else:
        status = TrialStatus.COMPLETED
    return Ending(status, tuple(found))


def _problems_of(run: Mapping[str, Any], where: str, *, targets: bool) -> list[str]:
    activity = run.get("activity") or {}
    name = f"{where}, {activity.get('type')} {activity.get('name')!r}"
    status = run.get("status")
    if status != "succeeded":
        reason = "".join(run.get("exception") or ["it was cut short"]).strip().splitlines()[-1]
        if activity.get("type") == "probe" and status == "failed":
            return [f"{name}: a probe could not read: {reason}"]
        return [f"{name}: expected it to succeed, got {status or 'no status'}: {reason}"]
    if targets and activity.get("type") == "action" and not targets_of(run.get("output")):
        return [f"{name}: expected at least one target, got {run.get('output')!r}."]
    return []


def targets_of(output: Any) -> list[Any]:
    """Return what an action says it acted on: ``targets`` of a mapping, or a list itself."""
    if isinstance(output, Mapping):
        output = output.get("targets")
    return list(output) if isinstance(output, list | tuple) else []


def _unsteady(before: Mapping[str, Any]) -> str:
    probes = before.get("probes") or [{}]
    last = probes[-1]
    activity = last.get("activity") or {}
    got = last.get("output")
    if last.get("status") == "failed":
        got = "".join(last.get("exception") or []).strip()
    return (
        f"The steady-state hypothesis did not hold before the fault: {activity.get('name')!r}: "
        f"expected {activity.get('tolerance')!r}, got {got!r}. Nothing was broken."
    )
