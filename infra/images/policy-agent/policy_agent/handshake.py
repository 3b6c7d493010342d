"""The agreement with the CNI plugin ``policy-ptp``: a pod starts once its rules are loaded.

The plugin leaves ``waiting/ADDRESS`` holding "namespace name" and waits for ``loaded/ADDRESS``.
An entry stays until the API shows the pod with that address, because until then this is the
only place where the address is known; it is given up after a while, since the pod may be gone.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from policy_agent.model import Pod

# The kubelet publishes an address about a second after the start; a slow image unpack, longer.
FORGET_SECONDS = 60.0

PodName = tuple[str, str]


class Handshake:
    """The folder in which the plugin asks and the agent answers."""

    def __init__(self, folder: Path) -> None:
        """Name the folder that the node and the agent share."""
        self._waiting, self._loaded = folder / "waiting", folder / "loaded"

    def open(self) -> None:
        """Make the folders; from now on the plugin waits for this agent."""
        self._loaded.mkdir(parents=True, exist_ok=True)
        self._waiting.mkdir(parents=True, exist_ok=True)

    def waiting(self) -> dict[PodName, str]:
        """Return the addresses of pods that are being started, by namespace and name."""
        found: dict[PodName, str] = {}
        for entry in self._entries():
            try:
                words = entry.read_text().split()
                ipaddress.IPv4Address(entry.name)
            except (OSError, ValueError):
                continue
            if len(words) == 2:
                found[words[0], words[1]] = entry.name
        return found

    def answer(self, known: Collection[PodName], addresses: Collection[str]) -> None:
        """Tell the plugin about each waiting pod that is known and whose rules are loaded."""
        for name, address in self.waiting().items():
            if name in known and address in addresses:
                (self._loaded / address).touch()

    def forget(self, published: Mapping[PodName, str | None], now: float | None = None) -> None:
        """Drop entries whose address the API shows by now, and those older than the limit."""
        now = time.time() if now is None else now
        for name, address in self.waiting().items():
            entry = self._waiting / address
            try:
                old = now - entry.stat().st_mtime > FORGET_SECONDS
            except OSError:
                continue
            if old or published.get(name) == address:
                entry.unlink(missing_ok=True)

    def _entries(self) -> list[Path]:
        try:
            return list(self._waiting.iterdir())
        except OSError:
            return []


def with_waiting(pods: Iterable[Pod], waiting: Mapping[PodName, str], node: str) -> list[Pod]:
    """Return ``pods`` with the addresses of those that ``node`` is starting.

    Such an address is newer than one that the API still shows from before a node's restart.
    """
    return [
        replace(pod, address=waiting[pod.namespace, pod.name])
        if pod.node == node and (pod.namespace, pod.name) in waiting
        else pod
        for pod in pods
    ]
