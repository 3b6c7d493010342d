"""Fault on the cache's primary. WARNING: it kills a cache server of the running stack."""

from __future__ import annotations

from typing import Any

from harness import clock
from harness.chaos import session as sessions
from harness.chaos.database.actions import PROOF_LIMIT_SECONDS, state_proof
from harness.errors import FaultFailed

__all__ = ["kill_primary"]


def kill_primary() -> dict[str, Any]:
    """Kill the container of the primary that most Sentinels name.

    Proven by the container's exit; whether another server is promoted is the system's answer,
    which the ``cache`` observations show.
    """
    now = sessions.current()
    server = now.tools.sentinels.primary()
    if server is None:
        raise FaultFailed(
            "Cache fault: expected most Sentinels to name one primary, got none. "
            "Next step: python -m harness status"
        )
    container = now.tools.container(server)
    replicas = now.tools.sentinels.role(server).get("connected_slaves")
    now.begin(
        "cache_primary_kill",
        what=f"kill of container {server}",
        undo="harness.chaos.cache.undo:rejoin",
        arguments={"server": server},
        evidence={"server": server, "connected_replicas": replicas},
    )
    now.notes["cache_old_primary"] = server
    issued_at = clock.monotonic()
    container.kill()
    effective_at = clock.monotonic()
    now.prove(
        "cache_primary_kill",
        lambda: state_proof(container, "exited"),
        what=f"container {server} to be gone",
        limit_seconds=PROOF_LIMIT_SECONDS,
        issued_at=issued_at,
        effective_at=effective_at,
    )
    return {"targets": [server]}
