"""Planted defect in the cache's failover. WARNING: the running stack will not fail over."""

from __future__ import annotations

from typing import Any

from harness.chaos import session as sessions
from harness.errors import FaultFailed
from harness.model.history import Phase
from harness.stack import layout

__all__ = ["break_quorum"]

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
