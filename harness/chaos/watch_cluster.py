"""Watches of the cluster's pods, nodes and endpoints: one record for each change.

Each lists first and records what differs from what it knew, so that a change during a broken
watch is late but not lost.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from harness import clock, polling
from harness.chaos import names
from harness.chaos.kube import Kube, Object, WatchExpired
from harness.chaos.pod import reading
from harness.chaos.session import Session

READY_SPACING_SECONDS = 0.25


class ObjectWatch(ABC):
    """A watch of one collection; subclasses say what an object means."""

    path: str
    query: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.listed = threading.Event()

    def run(self, session: Session, stop: threading.Event) -> None:
        """List, then follow the changes until the watch ends or fails."""
        kube: Kube = session.tools.kube
        answer = kube.get(self.path, self.query)
        found = {item["metadata"]["name"]: item for item in answer.get("items", [])}
        for name in [n for n in self.objects if n not in found]:
            self._drop(session, name)
        for name, item in found.items():
            self._take(session, name, item)
        self.listed.set()
        version = answer["metadata"]["resourceVersion"]
        while not stop.is_set():
            try:
                for kind, item in kube.watch(self.path, self.query, version):
                    if stop.is_set():
                        return
                    version = item["metadata"]["resourceVersion"]
                    if kind == "DELETED":
                        self._drop(session, item["metadata"]["name"])
                    elif kind != "BOOKMARK":
                        self._take(session, item["metadata"]["name"], item)
            except WatchExpired:
                return

    @abstractmethod
    def changed(self, session: Session, old: Object | None, new: Object | None) -> None:
        """Record a change; ``old`` is None for a new object, ``new`` for a removed one."""

    def _take(self, session: Session, name: str, item: Object) -> None:
        old, self.objects[name] = self.objects.get(name), item
        self.changed(session, old, item)

    def _drop(self, session: Session, name: str) -> None:
        old = self.objects.pop(name, None)
        if old is not None:
            self.changed(session, old, None)


class PodWatch(ObjectWatch):
    """Records ``backend_pod`` on each change and ``ready_backends`` four times a second.

    The number is taken from the watch's own state, and only while the watch is alive: an old
    number must not pass for a new one.
    """

    path = names.PODS
    query: Mapping[str, str] = {"labelSelector": names.BACKEND_SELECTOR}

    def run(self, session: Session, stop: threading.Event) -> None:
        """Watch, with the counting thread beside it."""
        self.listed.clear()
        done = threading.Event()
        counter = threading.Thread(
            target=self._count, args=(session, done), name="ready-backends", daemon=True
        )
        counter.start()
        try:
            super().run(session, stop)
        finally:
            done.set()
            counter.join(READY_SPACING_SECONDS * 4)

    def changed(self, session: Session, old: Object | None, new: Object | None) -> None:
        """Record the pod where anything that a claim looks at has changed."""
        before = reading.parse_pod(old) if old else None
        after = reading.parse_pod(new) if new else None
        if after is not None:
            if before is None or before.observation() != after.observation():
                session.recorder.observe("backend_pod", after.observation())
        elif before is not None:
            gone = {**before.observation(), "ready": False, "deleting": True, "phase": "Deleted"}
            session.recorder.observe("backend_pod", gone)

    def _count(self, session: Session, done: threading.Event) -> None:
        while not polling.pause(READY_SPACING_SECONDS, stop=done):
            if not self.listed.is_set():
                continue
            pods = [reading.parse_pod(item) for item in tuple(self.objects.values())]
            session.recorder.observe("ready_backends", sum(pod.serves for pod in pods))


class NodeWatch(ObjectWatch):
    """Records ``node_ready`` on each change of a node's Ready condition."""

    path = names.NODES

    def changed(self, session: Session, old: Object | None, new: Object | None) -> None:
        """Record the node when it became Ready or stopped being so."""
        before = _ready(old)
        after = _ready(new)
        known = new or old
        if known is not None and (old is None or before != after):
            name = known["metadata"]["name"]
            session.recorder.observe("node_ready", {"node": name, "ready": after})


class EndpointWatch(ObjectWatch):
    """Records ``endpoint`` on each change of a pod in the backend Service's EndpointSlices."""

    path = names.ENDPOINT_SLICES
    query: Mapping[str, str] = {
        "labelSelector": f"kubernetes.io/service-name={names.BACKEND_SERVICE}"
    }

    def changed(self, session: Session, old: Object | None, new: Object | None) -> None:
        """Record every endpoint that differs between two versions of a slice."""
        at = clock.monotonic()
        for value in endpoint_changes(endpoints(old), endpoints(new)):
            session.recorder.observe("endpoint", value, at=at)


def endpoints(piece: Object | None) -> dict[str, dict[str, Any]]:
    """Return the endpoints of a slice by pod name."""
    result = {}
    for entry in (piece or {}).get("endpoints") or []:
        target = entry.get("targetRef") or {}
        conditions = entry.get("conditions") or {}
        # The API reads an absent "ready" as true.
        ready = conditions.get("ready", True) is not False
        pod = str(target.get("name") or (entry.get("addresses") or ["?"])[0])
        result[pod] = {"pod": pod, "node": entry.get("nodeName"), "ready": ready}
    return result


def endpoint_changes(
    old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the observations that lead from one state of a slice to the next."""
    changes = [value for pod, value in new.items() if old.get(pod) != value]
    changes += [
        {**value, "ready": False, "removed": True} for pod, value in old.items() if pod not in new
    ]
    return changes


def _ready(node: Object | None) -> bool:
    return node is not None and reading.condition(node, "Ready") == "True"
