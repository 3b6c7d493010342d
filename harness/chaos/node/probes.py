"""Probes that read nodes; none changes anything."""

from __future__ import annotations

from typing import Any

from harness.chaos import names
from harness.chaos import session as sessions
from harness.chaos.pod import reading
from harness.chaos.pod.spread import ready_application_nodes

__all__ = ["application_nodes_ready", "await_not_ready"]


def application_nodes_ready() -> int:
    """Return how many application nodes are Ready and schedulable."""
    return len(ready_application_nodes(sessions.current().tools.kube))


def await_not_ready(limit_seconds: float) -> dict[str, Any]:
    """Watch until the broken node is not Ready; returns whether and after how long."""
    now = sessions.current()
    nodes = now.notes.get("fault_nodes", [])
    kube = now.tools.kube
    return now.watch_until(
        lambda: all(
            reading.condition(kube.get(f"{names.NODES}/{node}"), "Ready") != "True"
            for node in nodes
        ),
        what=f"{', '.join(nodes)} to be not Ready",
        limit_seconds=limit_seconds,
        interval_seconds=0.5,
    )
