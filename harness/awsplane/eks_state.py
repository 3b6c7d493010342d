"""How the real cluster appears in EKS's answers; pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from .kubernetes import NodeState
from .wiring import Cluster


def overlay_cluster(
    record: Mapping[str, Any], cluster: Cluster, version: str | None
) -> dict[str, Any]:
    """Return moto's cluster with the real endpoint, CA and version.

    ``version`` is None when the API server does not answer: the cluster then has the health
    issue ClusterUnreachable, and keeps moto's version.
    """
    shown = {
        **record,
        "endpoint": cluster.server,
        "certificateAuthority": {"data": base64.b64encode(cluster.ca.encode()).decode()},
        "health": {"issues": []},
    }
    if version is not None:
        shown["version"] = version
        return shown
    message = f"The Kubernetes API at {cluster.server} does not answer."
    issue = {"code": "ClusterUnreachable", "message": message, "resourceIds": [cluster.name]}
    shown["health"] = {"issues": [issue]}
    return shown


def overlay_nodegroup(
    record: Mapping[str, Any], nodes: Sequence[NodeState] | None
) -> dict[str, Any]:
    """Return moto's node group with the health of the real nodes that carry its labels.

    A group without labels, or whose labels no node has, is a record only and stays as it is.
    ``nodes`` is None when the API server does not answer.
    """
    labels = record.get("labels") or {}
    if nodes is None:
        message = "The Kubernetes API does not answer."
        issue = {"code": "ClusterUnreachable", "message": message, "resourceIds": []}
        return {**record, "status": "DEGRADED", "health": {"issues": [issue]}}
    ours = [n for n in nodes if labels and labels.items() <= n.labels.items()]
    if not ours:
        return dict(record)
    failing = [node.name for node in ours if not node.ready]
    if not failing:
        return {**record, "status": "ACTIVE", "health": {"issues": []}}
    issue = {
        # The nearest of the codes that EKS documents for a node that does not join.
        "code": "NodeCreationFailure",
        "message": f"{len(failing)} of {len(ours)} nodes are not Ready.",
        "resourceIds": failing,
    }
    return {**record, "status": "DEGRADED", "health": {"issues": [issue]}}


def changed_labels(labels: Mapping[str, str], change: Mapping[str, Any]) -> dict[str, str]:
    """Return a node group's labels after an UpdateLabelsPayload."""
    kept = {k: v for k, v in labels.items() if k not in (change.get("removeLabels") or ())}
    return kept | dict(change.get("addOrUpdateLabels") or {})


def changed_taints(
    taints: Sequence[Mapping[str, Any]], change: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a node group's taints after an UpdateTaintsPayload; key and effect name a taint."""

    def named(taint: Mapping[str, Any]) -> tuple[Any, Any]:
        return taint.get("key"), taint.get("effect")

    wanted = change.get("addOrUpdateTaints") or []
    gone = {named(taint) for taint in [*(change.get("removeTaints") or []), *wanted]}
    return [dict(t) for t in taints if named(t) not in gone] + [dict(t) for t in wanted]
