"""Deciding which pods a fault hits: pure functions of what is there and of the seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from harness.chaos.pod.reading import BackendPod
from harness.errors import FaultFailed


def victims(pods: Sequence[BackendPod], count: int, chance: random.Random) -> list[BackendPod]:
    """Return ``count`` serving pods by chance, those restarted least often first.

    A container that was killed before waits longer for its restart (back-off), so trials are
    alike only while fresh containers are preferred. Raises FaultFailed when too few serve.
    """
    serving = sorted((p for p in pods if p.serves and p.container_id), key=lambda p: p.name)
    if len(serving) < count:
        raise FaultFailed(
            f"Pod kill: expected at least {count} serving backend pods, got {len(serving)}."
        )
    chance.shuffle(serving)
    return sorted(serving, key=lambda pod: pod.restarts)[:count]


def surplus(by_node: Mapping[str, Sequence[BackendPod]], nodes: Sequence[str]) -> list[BackendPod]:
    """Return the pods to move so that no node of ``nodes`` has two more than another.

    The scheduler places a replacement where the fewest are, so it is enough to take the pods
    above the even share away.
    """
    total = sum(len(pods) for pods in by_node.values())
    share, rest = divmod(total, len(nodes)) if nodes else (0, 0)
    moved: list[BackendPod] = []
    for node in sorted(by_node, key=lambda name: len(by_node[name]), reverse=True):
        pods = sorted(by_node[node], key=lambda pod: pod.name)
        allowed = share + (1 if rest > 0 else 0) if node in nodes else 0
        if len(pods) >= allowed and rest > 0 and node in nodes:
            rest -= 1
        moved += pods[allowed:]
    return moved
