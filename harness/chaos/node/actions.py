"""Faults on worker nodes. WARNING: they drain, kill and freeze the nodes of the running stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker.models.containers import Container

from harness import clock
from harness.chaos import names
from harness.chaos import session as sessions
from harness.chaos.node import drain as drains
from harness.chaos.node.choice import nodes_to_hit
from harness.chaos.pod import reading
from harness.chaos.session import Session
from harness.errors import FaultFailed
from harness.model.history import Phase

__all__ = ["drain", "hang", "power_loss"]

# The engine reports an exit or a freeze at once; ten seconds covers a host without CPU.
PROOF_LIMIT_SECONDS = 10.0


def drain(
    *,
    count: int,
    pods_min: int,
    limit_seconds: float,
    backend_retry_seconds: float = 0.2,
    other_retry_seconds: float = 5.0,
    allow_empty_dir: bool = True,
) -> dict[str, Any]:
    """Drain ``count`` application nodes at once, evicting backend pods as fast as possible.

    The nodes are chosen by seed among those that hold at least ``pods_min`` backend pods
    together. Proven by both nodes being cordoned and an eviction of a backend pod accepted.
    """
    now = sessions.current()
    kube = now.tools.kube
    nodes = _choose(now, count=count, pods_min=pods_min)
    drains.check(kube, nodes, allow_empty_dir=allow_empty_dir)
    now.begin(
        "drain",
        what=f"drain {', '.join(nodes)}",
        undo="harness.chaos.node.undo:uncordon",
        arguments={"nodes": nodes},
        evidence={"nodes": nodes, "seed": now.seed},
    )
    for node in nodes:
        drains.cordon(kube, node, unschedulable=True)
    pace = drains.Pace(backend_retry_seconds, other_retry_seconds, limit_seconds)
    results = drains.drain_all(now, nodes, pace)
    cordoned = [
        node
        for node in nodes
        if kube.get(f"{names.NODES}/{node}").get("spec", {}).get("unschedulable")
    ]
    first = min((r.first_accepted_at for r in results if r.first_accepted_at), default=None)
    if first is None or cordoned != nodes:
        raise FaultFailed(
            f"Drain of {', '.join(nodes)} was not proven: expected all cordoned and a backend pod "
            f"evicted, got cordoned {cordoned} and "
            f"{sum(r.accepted for r in results)} accepted evictions."
        )
    evidence = {
        "effect_at": first,
        "cordoned": cordoned,
        "accepted": sum(r.accepted for r in results),
        "refused": sum(r.refused for r in results),
    }
    now.recorder.fault("drain", Phase.PROVEN, evidence)
    return {"targets": nodes, "completed": [r.node for r in results if r.completed]}


def power_loss(pods_min: int = 1) -> dict[str, Any]:
    """Kill one application node as a power loss does (``docker kill``), chosen by seed."""
    return _break(
        "node_power_loss",
        verb="power loss of",
        pods_min=pods_min,
        effect=lambda container: container.kill(),
        state="exited",
    )


def hang(pods_min: int = 1) -> dict[str, Any]:
    """Freeze one application node (``docker pause``): it is there and answers nothing."""
    return _break(
        "node_hang",
        verb="hang of",
        pods_min=pods_min,
        effect=lambda container: container.pause(),
        state="paused",
    )


def _break(fault: str, *, verb: str, pods_min: int, effect: Any, state: str) -> dict[str, Any]:
    now = sessions.current()
    [node] = _choose(now, count=1, pods_min=pods_min)
    container = now.tools.container(node)
    pods = reading.serving_by_node(reading.backend_pods(now.tools.kube)).get(node, [])
    now.begin(
        fault,
        what=f"{verb} {node}",
        undo="harness.chaos.node.undo:restore",
        arguments={"node": node},
        evidence={"node": node, "pods": [p.name for p in pods], "seed": now.seed},
    )
    now.notes["fault_nodes"] = [node]
    issued_at = clock.monotonic()
    effect(container)
    effective_at = clock.monotonic()
    now.prove(
        fault,
        lambda: _state_proof(container, state),
        what=f"{node} to be {state}",
        limit_seconds=PROOF_LIMIT_SECONDS,
        issued_at=issued_at,
        effective_at=effective_at,
    )
    return {"targets": [node]}


def _state_proof(container: Container, wanted: str) -> Mapping[str, Any] | None:
    before = container.attrs.get("State", {}).get("StartedAt")
    container.reload()
    state = container.attrs.get("State", {})
    if container.status != wanted:
        return None
    return {
        "container": container.name,
        "state": [before and "running", container.status],
        "finished_at": state.get("FinishedAt") if wanted == "exited" else None,
    }


def _choose(now: Session, *, count: int, pods_min: int) -> list[str]:
    kube = now.tools.kube
    answer = kube.get(names.NODES, {"labelSelector": names.APPLICATION_NODES})
    serving = reading.serving_by_node(reading.backend_pods(kube))
    held = {
        item["metadata"]["name"]: len(serving.get(item["metadata"]["name"], ()))
        for item in answer.get("items", [])
    }
    return nodes_to_hit(held, count=count, pods_min=pods_min, chance=now.random)
