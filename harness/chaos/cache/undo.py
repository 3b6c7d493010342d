"""Undos of faults on the cache; each may run again at any time."""

from __future__ import annotations

from typing import Any

from harness import polling
from harness.chaos import tools
from harness.errors import ProbeFailed

# A node that was primary waits up to 30 s for a successor before it starts, then copies a data
# set of a few MB; the Sentinels turn a stray primary into a replica after 10 s.
REJOIN_LIMIT_SECONDS = 120.0


def rejoin(server: str) -> dict[str, Any]:
    """Start a cache server and wait until it leads or follows the primary."""
    hand = tools.current()
    container = hand.container(server)
    if container.status == "paused":
        container.unpause()
    elif container.status != "running":
        container.start()
    role = polling.wait_until(
        lambda: _role(hand, server),
        what=f"{server} to be the primary or a connected replica of it",
        limit_seconds=REJOIN_LIMIT_SECONDS,
        interval_seconds=0.5,
        ignore=(ProbeFailed,),
        hint=f"docker logs {server}",
    )
    return {"server": server, "role": role}


def set_quorums(quorums: dict[str, int]) -> dict[str, Any]:
    """Set each Sentinel's quorum back."""
    hand = tools.current()
    for sentinel, quorum in quorums.items():
        hand.sentinels.set_quorum(sentinel, quorum)
    return {"quorums": quorums}


def _role(hand: tools.Tools, server: str) -> str | None:
    primary = hand.sentinels.primary()
    state = hand.sentinels.role(server)
    if primary == server and state.get("role") == "master":
        return "primary"
    if (
        primary is not None
        and primary != server
        and state.get("role") == "slave"
        and state.get("master_link_status") == "up"
    ):
        return "replica"
    return None
