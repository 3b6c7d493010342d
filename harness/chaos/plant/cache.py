"""Planted defect in the cache's failover. WARNING: the running stack will not fail over."""

from __future__ import annotations

from typing import Any

from harness import polling
from harness.chaos import session as sessions
from harness.errors import FaultFailed, LimitExceeded
from harness.model.history import Phase
from harness.stack import layout

__all__ = ["break_quorum", "flush"]

FAULT = "plant"
# More votes than there are Sentinels: nobody can ever agree.
UNREACHABLE_QUORUM = 9


def break_quorum() -> dict[str, Any]:
    """Ask for more votes than there are Sentinels before a primary counts as down."""
    now = sessions.current()
    sentinels = now.tools.sentinels
    quorums = {name: sentinels.quorum(name) for name in layout.SENTINELS}
    now.begin(
        FAULT,
        what="no Sentinel quorum",
        undo="harness.chaos.cache.undo:set_quorums",
        arguments={"quorums": quorums},
        evidence={"quorums": quorums},
    )
    for name in layout.SENTINELS:
        sentinels.set_quorum(name, UNREACHABLE_QUORUM)
    found = {name: sentinels.quorum(name) for name in layout.SENTINELS}
    if set(found.values()) != {UNREACHABLE_QUORUM}:
        raise FaultFailed(f"Quorum: expected {UNREACHABLE_QUORUM} everywhere, got {found}.")
    now.recorder.fault(FAULT, Phase.PROVEN, {"quorums": found})
    return {"targets": list(found)}


def flush(hold_seconds: float) -> dict[str, Any]:
    """Let clients write for ``hold_seconds``, then delete every key, as a faulty resync does.

    There is nothing to set back: a cache may lose its content at any time.
    """
    now = sessions.current()
    sentinels = now.tools.sentinels
    if polling.pause(hold_seconds, stop=now.waiting):
        raise LimitExceeded("Stopped before the cache was flushed.")
    primary = sentinels.primary()
    if primary is None:
        raise FaultFailed("Flush: expected most Sentinels to name one primary, got none.")
    before = sentinels.keys(primary)
    now.begin(
        FAULT,
        what=f"cache flushed on {primary}",
        undo="harness.chaos.cache.undo:rejoin",
        arguments={"server": primary},
        evidence={"server": primary},
    )
    sentinels.flush(primary)
    now.recorder.fault(FAULT, Phase.PROVEN, {"keys": [before, sentinels.keys(primary)]})
    return {"targets": [primary]}
