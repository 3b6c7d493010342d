"""Waiting, after the rollbacks, for the steady state that the next trial needs."""

from __future__ import annotations

from typing import Any

from chaoslib.activity import run_activity
from chaoslib.exceptions import ActivityFailed
from chaoslib.hypothesis import within_tolerance

from harness.chaos import session as sessions

__all__ = ["await_steady"]


def await_steady(limit_seconds: float) -> dict[str, Any]:
    """Watch until the experiment's own steady-state hypothesis holds again.

    Not reaching it does not spoil this trial; the next one would not begin.
    """
    now = sessions.current()
    if now.stop.is_set():
        return {"reached": False, "skipped": "the trial was asked to stop"}
    probes = (now.notes.get("hypothesis") or {}).get("probes", [])
    return now.watch_until(
        lambda: all(_holds(probe) for probe in probes),
        what="the steady state to hold again",
        limit_seconds=limit_seconds,
        interval_seconds=1.0,
    )


def _holds(probe: dict[str, Any]) -> bool:
    try:
        output = run_activity(probe, {}, {})
    except ActivityFailed:
        return False
    return bool(within_tolerance(probe["tolerance"], output))
