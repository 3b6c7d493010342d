"""Undos of faults on nodes; each may run again at any time."""

from __future__ import annotations

from typing import Any

from harness import polling
from harness.chaos import names, tools
from harness.chaos.kube import Kube
from harness.chaos.node import drain
from harness.chaos.pod import reading
from harness.errors import ProbeFailed

# systemd, containerd and the kubelet of a node were up in about 20 s on a busy two-core host,
# and the node's status follows within 10 s; the rest is for a host under full load.
READY_LIMIT_SECONDS = 180.0


def uncordon(nodes: list[str]) -> dict[str, Any]:
    """Let pods be scheduled on the nodes again."""
    kube = tools.current().kube
    for node in nodes:
        drain.cordon(kube, node, unschedulable=False)
    return {"nodes": nodes}


def restore(node: str) -> dict[str, Any]:
    """Start or thaw a node and wait until it is Ready."""
    hand = tools.current()
    container = hand.container(node)
    if container.status == "paused":
        container.unpause()
    elif container.status != "running":
        container.start()
    # Routes to the other nodes are laid again at boot by the node image itself.
    polling.wait_until(
        lambda: _ready(hand.kube, node),
        what=f"node {node} to be Ready",
        limit_seconds=READY_LIMIT_SECONDS,
        interval_seconds=1.0,
        ignore=(ProbeFailed,),
        hint=f"docker logs {node}",
    )
    return {"node": node}


def _ready(kube: Kube, node: str) -> bool:
    return reading.condition(kube.get(f"{names.NODES}/{node}"), "Ready") == "True"
