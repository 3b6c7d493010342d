"""Deciding which nodes a fault hits and which pods a drain evicts: pure functions."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.chaos.kube import Object
from harness.errors import FaultFailed


@dataclass(frozen=True)
class DrainPlan:
    """What a drain does with the pods of a node: (namespace, name) to evict, names skipped."""

    evict: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]
    refused: tuple[str, ...]


def nodes_to_hit(
    pods_by_node: Mapping[str, int], *, count: int, pods_min: int, chance: random.Random
) -> list[str]:
    """Return ``count`` nodes by chance that hold at least ``pods_min`` backend pods together.

    Raises FaultFailed when no choice holds as many: the fault would test nothing.
    """
    choices = [
        sorted(combination)
        for combination in itertools.combinations(sorted(pods_by_node), count)
        if sum(pods_by_node[node] for node in combination) >= pods_min
    ]
    if not choices:
        held = ", ".join(f"{node}: {held}" for node, held in sorted(pods_by_node.items()))
        raise FaultFailed(
            f"No {count} node(s) hold {pods_min} backend pods together; got {held or 'no node'}. "
            "Next step: python -m harness status"
        )
    return chance.choice(choices)


def plan_drain(pods: Sequence[Object], *, allow_empty_dir: bool) -> DrainPlan:
    """Sort the pods of a node as a drain by kubectl does.

    DaemonSet and mirror pods are skipped: they would be back at once. Pods that no controller
    replaces are refused, and so are pods with an emptyDir unless that is allowed.
    """
    evict: list[tuple[str, str]] = []
    skipped: list[str] = []
    refused: list[str] = []
    for pod in pods:
        metadata = pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        owners = {owner.get("kind") for owner in metadata.get("ownerReferences") or []}
        finished = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        volumes = pod.get("spec", {}).get("volumes") or []
        if "DaemonSet" in owners or "kubernetes.io/config.mirror" in (
            metadata.get("annotations") or {}
        ):
            skipped.append(name)
        elif finished:
            evict.append((namespace, name))
        elif not owners:
            refused.append(f"{namespace}/{name} has no controller that would replace it")
        elif not allow_empty_dir and any("emptyDir" in volume for volume in volumes):
            refused.append(f"{namespace}/{name} has an emptyDir, whose data an eviction deletes")
        else:
            evict.append((namespace, name))
    return DrainPlan(tuple(evict), tuple(skipped), tuple(refused))
