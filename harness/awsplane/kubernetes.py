"""Reads of the Kubernetes API that stands for EKS, with a token that may only read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
import urllib3.exceptions

from . import tls
from .wiring import Cluster

LIMIT_SECONDS = 2.0


class ClusterUnreachable(Exception):
    """The Kubernetes API gave no usable answer."""


@dataclass(frozen=True)
class NodeState:
    """One node: its name, labels and whether it is Ready."""

    name: str
    labels: Mapping[str, str]
    ready: bool


@dataclass(frozen=True)
class Endpoint:
    """One address of a service, as its EndpointSlices have it; ``ports`` are container ports."""

    address: str
    ports: tuple[int, ...]
    ready: bool
    terminating: bool


def parse_nodes(document: Mapping[str, Any]) -> tuple[NodeState, ...]:
    """Return the nodes in a NodeList."""
    nodes = []
    for item in document.get("items") or []:
        conditions = (item.get("status") or {}).get("conditions") or []
        ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
        metadata = item.get("metadata") or {}
        nodes.append(NodeState(str(metadata.get("name")), metadata.get("labels") or {}, ready))
    return tuple(nodes)


def parse_endpoints(document: Mapping[str, Any]) -> tuple[Endpoint, ...]:
    """Return the endpoints in an EndpointSliceList.

    A condition that is missing counts as Kubernetes says: ready is then true, terminating false.
    """
    endpoints = []
    for item in document.get("items") or []:
        ports = tuple(int(p["port"]) for p in item.get("ports") or [] if p.get("port"))
        for entry in item.get("endpoints") or []:
            conditions = entry.get("conditions") or {}
            ready = conditions.get("ready")
            for address in entry.get("addresses") or []:
                endpoints.append(
                    Endpoint(
                        address=str(address),
                        ports=ports,
                        ready=ready is None or bool(ready),
                        terminating=bool(conditions.get("terminating")),
                    )
                )
    return tuple(endpoints)


class Kubernetes:
    """Client of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pool = urllib3.PoolManager(retries=False, ssl_context=tls.context(cluster.ca))

    def version(self) -> str:
        """Return major and minor version, such as 1.34. Raises ClusterUnreachable."""
        answer = self._get("/version")
        return f"{answer.get('major')}.{str(answer.get('minor', '')).rstrip('+')}"

    def nodes(self) -> tuple[NodeState, ...]:
        """Return all nodes. Raises ClusterUnreachable."""
        return parse_nodes(self._get("/api/v1/nodes"))

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the endpoints of all services. Raises ClusterUnreachable."""
        return parse_endpoints(self._get("/apis/discovery.k8s.io/v1/endpointslices"))

    def _get(self, path: str) -> dict[str, Any]:
        url = self._cluster.server + path
        try:
            answer = self._pool.request(
                "GET",
                url,
                headers={"Authorization": f"Bearer {self._cluster.token}"},
                timeout=LIMIT_SECONDS,
            )
            document = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ClusterUnreachable(f"GET {url}: {error}.") from error
        if answer.status != 200 or not isinstance(document, dict):
            raise ClusterUnreachable(
                f"GET {url}: expected HTTP 200 and an object, got HTTP {answer.status}."
            )
        return document
