"""What faults, probes and undos reach the stack with; made when first needed, once a process."""

from __future__ import annotations

import threading
from functools import cached_property

from docker.models.containers import Container

from harness.chaos.cache.sentinel import Sentinels
from harness.chaos.database.patroni import Patroni
from harness.chaos.kube import Kube
from harness.errors import FaultFailed
from harness.stack import attach, containers
from harness.stack.context import Context

_lock = threading.Lock()
_current: list[Tools] = []


class Tools:
    """The running stack's context with one client for each part."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._kube: tuple[int, Kube] | None = None

    @property
    def kube(self) -> Kube:
        """Return the client of the harness's own cluster.

        Made anew when the kubeconfig changed: a cluster made anew has new certificates.
        """
        try:
            version = self.context.folders.kubeconfig.stat().st_mtime_ns
        except FileNotFoundError:
            version = 0
        found = self._kube
        if found is None or found[0] != version:
            found = (version, Kube(self.context.folders))
            self._kube = found
        return found[1]

    @cached_property
    def patroni(self) -> Patroni:
        """Return the client of the database's failover manager."""
        return Patroni(self.context)

    @cached_property
    def sentinels(self) -> Sentinels:
        """Return the client of the cache's failover managers."""
        return Sentinels(self.context.layout, self.context.credentials)

    def container(self, name: str) -> Container:
        """Return a container of the stack, freshly inspected.

        Raises FaultFailed when it does not exist.
        """
        found = containers.find(self.context, name)
        if found is None:
            raise FaultFailed(
                f"Container {name}: expected it in the engine, got none of that name. "
                "Next step: python -m harness up"
            )
        return found


def current() -> Tools:
    """Return this process's tools, attached to the stack that is up.

    Raises EnvironmentUnavailable when no stack is up.
    """
    with _lock:
        if not _current:
            _current.append(Tools(attach.attach(report=lambda line: None)))
        return _current[0]
