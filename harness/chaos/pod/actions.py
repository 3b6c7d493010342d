"""Faults on backend pods. WARNING: they kill and move the pods of the running stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import clock
from harness.chaos import session as sessions
from harness.chaos.kube import Answer
from harness.chaos.pod import reading, spread
from harness.chaos.pod.choice import victims
from harness.chaos.pod.eviction import evict
from harness.chaos.pod.reading import BackendPod
from harness.chaos.session import Session
from harness.errors import FaultFailed
from harness.stack import containers, layout

__all__ = ["kill_containers", "respread"]

FAULT = "pod_kill"


def kill_containers(count: int, proof_limit_seconds: float = 60.0) -> dict[str, Any]:
    """Send SIGKILL to the main container of ``count`` serving backend pods, chosen by seed.

    Proven when the kubelet reports a later start or a further restart of each.
    """
    now = sessions.current()
    kube = now.tools.kube
    chosen = victims(reading.backend_pods(kube), count, now.random)
    now.begin(
        FAULT,
        what=f"kill containers of {', '.join(p.name for p in chosen)}",
        undo="harness.chaos.pod.undo:await_serving",
        arguments={"limit_seconds": 240.0},
        evidence={"pods": [p.name for p in chosen], "seed": now.seed},
    )
    issued_at = clock.monotonic()
    for pod in chosen:
        _kill(now, pod)
    effective_at = clock.monotonic()
    now.prove(
        FAULT,
        lambda: restarted(chosen, reading.backend_pods(kube)),
        what=f"a restart of {count} containers as the kubelet reports it",
        limit_seconds=proof_limit_seconds,
        issued_at=issued_at,
        effective_at=effective_at,
        interval_seconds=0.5,
    )
    return {"targets": [p.name for p in chosen]}


def restarted(
    before: Sequence[BackendPod], after: Sequence[BackendPod]
) -> Mapping[str, Any] | None:
    """Return the proof that each container died: started again, in back-off, or pod replaced."""
    found = {pod.name: pod for pod in after}
    changes = []
    for old in before:
        new = found.get(old.name)
        if new is not None and new.uid == old.uid and _same_container(old, new):
            return None
        changes.append(
            {
                "pod": old.name,
                "restarts": [old.restarts, new.restarts if new else None],
                "started_at": [old.started_at, new.started_at if new else None],
            }
        )
    return {"containers": changes}


def respread(limit_seconds: float = 300.0) -> dict[str, Any]:
    """Move backend pods until no application node has two more than another.

    A drain or a lost node leaves the pods crowded, and the next experiment would then test
    another stack. Goes through the Eviction API, so the budget is kept.
    """
    now = sessions.current()
    if now.stop.is_set():
        return {"targets": [], "skipped": "the trial was asked to stop"}
    moved: list[str] = []

    kube = now.tools.kube

    def evict_recorded(pod: BackendPod) -> Answer:
        return evict(now, kube, namespace=layout.NAMESPACE, pod=pod.name, node=str(pod.node))

    def settle() -> bool:
        even, evicted = spread.step(kube, evict_recorded)
        moved.extend(evicted)
        return even

    now.wait_until(
        settle,
        what="backend pods spread evenly over the application nodes",
        limit_seconds=limit_seconds,
        interval_seconds=2.0,
    )
    return {"targets": moved}


def _kill(now: Session, pod: BackendPod) -> None:
    node = now.tools.container(str(pod.node))
    # The runtime's own client inside the node: SIGKILL from outside the pod, which no handler,
    # preStop hook or grace period softens.
    argv = ["ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL"]
    code, output = containers.execute(node, [*argv, str(pod.container_id)])
    if code != 0:
        raise FaultFailed(
            f"Kill of container {pod.container_id} on {pod.node}: expected exit 0, got {code}: "
            f"{output.strip()[-300:]}."
        )


def _same_container(old: BackendPod, new: BackendPod) -> bool:
    return (
        new.container_id == old.container_id
        and new.restarts == old.restarts
        and new.started_at == old.started_at
    )
