"""What every trial does around its fault: heal what is pending, hold, settle."""

from __future__ import annotations

from typing import Any

from harness import polling
from harness.chaos import session as sessions
from harness.chaos.undo import UndoEntry
from harness.errors import LimitExceeded

__all__ = ["heal", "hold"]


def heal() -> dict[str, Any]:
    """Heal every fault and plant of this trial that is still pending, newest first."""
    results = sessions.current().heal()
    return {"targets": [_what(result.entry) for result in results]}


def hold(seconds: float) -> dict[str, Any]:
    """Let the clients go on for a stated time, so that the edges of an outage are seen.

    Raises LimitExceeded when the trial is asked to stop.
    """
    now = sessions.current()
    if polling.pause(seconds, stop=now.waiting):
        raise LimitExceeded("Stopped while clients were observed.")
    return {"targets": ["clients"], "seconds": seconds}


def _what(entry: UndoEntry | None) -> str:
    return entry.what if entry is not None else "undo log"
