"""Reading the backend's pods, deployment and autoscaler from what the API sends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.chaos import names
from harness.chaos.kube import Kube, Object
from harness.errors import ProbeFailed

_NANO = {
    "n": 1.0, "u": 1e3, "m": 1e6, "": 1e9, "k": 1e12, "M": 1e15, "G": 1e18,
}  # fmt: skip
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_QUANTITY = re.compile(r"^(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$")


@dataclass(frozen=True)
class BackendPod:
    """One backend pod; ``container_id`` and ``started_at`` are those of its main container."""

    name: str
    uid: str
    node: str | None
    phase: str
    ready: bool
    deleting: bool
    restarts: int = 0
    container_id: str | None = None
    started_at: str | None = None

    @property
    def serves(self) -> bool:
        """Say whether it counts as available for a disruption budget: Ready, not deleting."""
        return self.ready and not self.deleting

    def observation(self) -> dict[str, Any]:
        """Return the value of the ``backend_pod`` observation."""
        return {
            "pod": self.name,
            "uid": self.uid,
            "node": self.node,
            "phase": self.phase,
            "ready": self.ready,
            "deleting": self.deleting,
        }


def parse_pod(document: Object) -> BackendPod:
    """Read one pod of the backend."""
    metadata, status = document["metadata"], document.get("status", {})
    container: Mapping[str, Any] = next(
        (
            c
            for c in status.get("containerStatuses") or []
            if c.get("name") == names.BACKEND_CONTAINER
        ),
        {},
    )
    identifier = str(container.get("containerID") or "").rpartition("//")[2]
    running = (container.get("state") or {}).get("running") or {}
    return BackendPod(
        name=metadata["name"],
        uid=metadata["uid"],
        node=document.get("spec", {}).get("nodeName"),
        phase=str(status.get("phase", "Unknown")),
        ready=condition(document, "Ready") == "True",
        deleting="deletionTimestamp" in metadata,
        restarts=int(container.get("restartCount", 0)),
        container_id=identifier or None,
        started_at=running.get("startedAt"),
    )


def condition(document: Object, kind: str) -> str | None:
    """Return the status of a condition ("True", "False", "Unknown"), None when it is absent."""
    for entry in document.get("status", {}).get("conditions") or []:
        if entry.get("type") == kind:
            return str(entry.get("status"))
    return None


def backend_pods(kube: Kube) -> list[BackendPod]:
    """Return all pods of the backend, deleting ones included."""
    answer = kube.get(names.PODS, {"labelSelector": names.BACKEND_SELECTOR})
    return [parse_pod(item) for item in answer.get("items", [])]


def serving_by_node(pods: Iterable[BackendPod]) -> dict[str, list[BackendPod]]:
    """Return the serving pods of each node that has any."""
    result: dict[str, list[BackendPod]] = {}
    for pod in pods:
        if pod.serves and pod.node is not None:
            result.setdefault(pod.node, []).append(pod)
    return result


def rolled_out(deployment: Object) -> bool:
    """Say whether every replica of a Deployment is of its newest template, and available."""
    status, spec = deployment.get("status", {}), deployment["spec"]
    wanted = spec.get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
    )


def cpu_request_millicores(kube: Kube) -> float:
    """Return the CPU that the backend container requests.

    Raises ProbeFailed when it requests none.
    """
    deployment = kube.get(names.BACKEND_DEPLOYMENT)
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        if container["name"] == names.BACKEND_CONTAINER:
            request = container.get("resources", {}).get("requests", {}).get("cpu")
            if request is not None:
                return cores(request) * 1000
    raise ProbeFailed(
        f"Deployment {names.BACKEND}: expected container {names.BACKEND_CONTAINER} with a CPU "
        "request, got none."
    )


def cores(quantity: str | int | float) -> float:
    """Return a Kubernetes quantity such as ``250m`` or ``1234567n`` as a plain number.

    Raises ProbeFailed for text that is no quantity.
    """
    match = _QUANTITY.match(str(quantity))
    if match is not None:
        number, unit = float(match[1]), match[2]
        if unit in _BINARY:
            return number * _BINARY[unit]
        if unit in _NANO:
            return number * _NANO[unit] / 1e9
    raise ProbeFailed(f"Quantity: expected a number such as 250m, got {quantity!r}.")
