"""Probes that read the database's roles; none changes anything."""

from __future__ import annotations

from typing import Any

from harness.chaos import session as sessions
from harness.stack import layout

__all__ = ["await_promotion", "await_synchronous", "replicas_streaming", "roles"]


def roles() -> str:
    """Return ``primary and synchronous standby`` when both are there, else what is."""
    view = sessions.current().tools.patroni.cluster()
    primary, synchronous = view.primary, view.synchronous
    if primary is not None and primary.serves and len(synchronous) == 1:
        return "primary and synchronous standby"
    return str(view.observation())


def replicas_streaming() -> int:
    """Return how many servers stream from the primary."""
    view = sessions.current().tools.patroni.cluster()
    return sum(m.serves for m in view.members if m != view.primary)


def await_promotion(limit_seconds: float) -> dict[str, Any]:
    """Watch until another server leads on a later timeline; returns whether and after how long."""
    now = sessions.current()
    old, timeline = now.notes["database_old_primary"], now.notes["database_old_timeline"]

    def promoted() -> bool:
        view = now.tools.patroni.cluster()
        return (
            view.primary is not None
            and view.primary.name != old
            and view.timeline is not None
            and view.timeline > timeline
        )

    return now.watch_until(
        promoted,
        what=f"another primary than {old} on a timeline after {timeline}",
        limit_seconds=limit_seconds,
        interval_seconds=0.25,
    )


def await_synchronous(limit_seconds: float) -> dict[str, Any]:
    """Watch until primary, synchronous standby and read replica are all there."""
    now = sessions.current()
    wanted = len(layout.DATABASES)
    return now.watch_until(
        lambda: roles() == "primary and synchronous standby" and replicas_streaming() == wanted,
        what="primary, synchronous standby and read replica",
        limit_seconds=limit_seconds,
        interval_seconds=1.0,
    )
