"""Probes that read the cache's roles; none changes anything."""

from __future__ import annotations

from typing import Any

from harness.chaos import session as sessions
from harness.errors import ProbeFailed

__all__ = ["await_promotion", "connected_replicas"]


def connected_replicas() -> int:
    """Return how many replicas follow the primary that most Sentinels name.

    Raises ProbeFailed when there is no such primary.
    """
    sentinels = sessions.current().tools.sentinels
    primary = sentinels.primary()
    if primary is None:
        raise ProbeFailed("Cache: expected most Sentinels to name one primary, got none.")
    state = sentinels.role(primary)
    return sum(
        1
        for key, value in state.items()
        if key.startswith("slave")
        and key[5:].isdigit()
        and isinstance(value, dict)
        and value.get("state") == "online"
    )


def await_promotion(limit_seconds: float) -> dict[str, Any]:
    """Watch until most Sentinels name another primary; returns whether and after how long."""
    now = sessions.current()
    old = now.notes["cache_old_primary"]

    def promoted() -> bool:
        primary = now.tools.sentinels.primary()
        return primary is not None and primary != old

    return now.watch_until(
        promoted,
        what=f"another primary than {old}",
        limit_seconds=limit_seconds,
        interval_seconds=0.25,
    )
