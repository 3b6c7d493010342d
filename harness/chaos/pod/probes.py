"""Probes that read the backend's pods; none changes anything."""

from __future__ import annotations

from typing import Any

from harness.chaos import names
from harness.chaos import session as sessions
from harness.chaos.pod import reading

__all__ = [
    "await_full_readiness",
    "backend_nodes_crowding",
    "backends_ready",
    "disruption_budget_minimum",
]


def backends_ready() -> int:
    """Return how many backend pods are Ready and not being deleted."""
    return sum(pod.serves for pod in reading.backend_pods(sessions.current().tools.kube))


def backend_nodes_crowding() -> int:
    """Return by how many pods the fullest application node exceeds the emptiest."""
    kube = sessions.current().tools.kube
    answer = kube.get(names.NODES, {"labelSelector": names.APPLICATION_NODES})
    by_node = reading.serving_by_node(reading.backend_pods(kube))
    counts = [len(by_node.get(item["metadata"]["name"], ())) for item in answer["items"]]
    return max(counts) - min(counts) if counts else 0


def disruption_budget_minimum() -> int:
    """Return the disruption budget's minAvailable; -1 when there is no budget."""
    budget = sessions.current().tools.kube.find(f"{names.DISRUPTION_BUDGETS}/{names.BACKEND_PDB}")
    return -1 if budget is None else int(budget["spec"].get("minAvailable", -1))


def await_full_readiness(limit_seconds: float, exclude_fault_nodes: bool = False) -> dict[str, Any]:
    """Watch until every wanted backend replica serves; returns whether and after how long.

    With ``exclude_fault_nodes`` pods on the nodes that the trial broke do not count.
    """
    now = sessions.current()
    kube = now.tools.kube
    broken = set(now.notes.get("fault_nodes", ())) if exclude_fault_nodes else set()

    def serving() -> bool:
        wanted = kube.get(names.BACKEND_DEPLOYMENT)["spec"].get("replicas", 1)
        pods = reading.backend_pods(kube)
        return sum(pod.serves and pod.node not in broken for pod in pods) >= int(wanted)

    return now.watch_until(
        serving,
        what="every wanted backend replica to serve",
        limit_seconds=limit_seconds,
        interval_seconds=1.0,
    )
