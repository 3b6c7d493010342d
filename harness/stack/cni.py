"""The pod network: one range of addresses per node, routed between nodes.

``ptp`` gives each pod a link to its node and ``host-local`` an address of the node's range; each
node has a route to every other node's range. Traffic that leaves the pod network is masqueraded,
so that databases see the node's address. Routes and masquerading are applied at every boot of a
node by the node image's ``smart-dairy-network`` unit from the files written here.
"""

from __future__ import annotations

import io
import ipaddress
import json
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from docker.models.containers import Container

from harness.errors import EnvironmentUnavailable
from harness.polling import wait_until
from harness.stack.containers import execute, find
from harness.stack.context import Context
from harness.stack.folders import INFRA

TEMPLATE = INFRA / "kubernetes" / "cluster" / "cni.conflist"
CONFIGURATION = "etc/cni/net.d/10-smart-dairy.conflist"
POD_NETWORK = "10.244.0.0/16"  # kind's default
SERVICE_NETWORK = "10.96.0.0/16"  # likewise

# The controller manager hands out ranges within a second of a node's registration.
RANGES_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class NodeNetwork:
    """A node's own address and the range of its pods' addresses."""

    name: str
    address: str
    pods: str


def configure(context: Context, nodes: Sequence[str]) -> None:
    """Give each node container its CNI configuration, routes and masquerading.

    The first name is the control plane's. May be called again at any time.
    Raises LimitExceeded when a node has no range of addresses, EnvironmentUnavailable when a
    node container is missing or does not take its configuration.
    """
    containers = {name: _container(context, name) for name in nodes}
    networks = wait_until(
        lambda: _networks(containers[nodes[0]], nodes),
        what=f"a range of pod addresses for each of {len(nodes)} nodes",
        limit_seconds=RANGES_LIMIT_SECONDS,
        hint=f"docker logs {nodes[0]}",
    )
    with ThreadPoolExecutor(max_workers=len(networks)) as pool:
        list(pool.map(lambda node: _apply(containers[node.name], files(node, networks)), networks))


def files(node: NodeNetwork, nodes: Sequence[NodeNetwork]) -> dict[str, str]:
    """Return the text of each file that ``node`` needs, by path without the leading slash."""
    others = sorted((o for o in nodes if o.name != node.name), key=lambda o: o.name)
    return {
        CONFIGURATION: TEMPLATE.read_text().replace("{{pods}}", node.pods),
        "kind/pod-network": f"{POD_NETWORK}\n",
        "kind/service-network": f"{SERVICE_NETWORK}\n",
        "kind/routes": "".join(f"{other.pods} {other.address}\n" for other in others),
    }


def parse_nodes(document: Mapping[str, object], expected: Sequence[str]) -> list[NodeNetwork]:
    """Return the networks of a Kubernetes node list; empty while one of ``expected`` lacks any."""
    found = []
    items = document.get("items")
    for item in items if isinstance(items, list) else []:
        name = item["metadata"]["name"]
        ranges = item["spec"].get("podCIDRs") or []
        addresses = [
            entry["address"]
            for entry in item.get("status", {}).get("addresses", [])
            if entry["type"] == "InternalIP"
        ]
        pods = _first_ipv4(ranges)
        address = _first_ipv4(addresses)
        if name in expected and pods and address:
            found.append(NodeNetwork(name=name, address=address, pods=pods))
    return found if {node.name for node in found} == set(expected) else []


def _first_ipv4(values: Sequence[str]) -> str | None:
    for value in values:
        if ipaddress.ip_interface(value).version == 4:
            return value
    return None


def _container(context: Context, name: str) -> Container:
    container = find(context, name)
    if container is None:
        raise EnvironmentUnavailable(
            f"Node container {name} is missing while its network is configured. "
            "Next step: python -m harness down, then up"
        )
    return container


def _networks(control_plane: Container, expected: Sequence[str]) -> list[NodeNetwork]:
    code, output = execute(
        control_plane,
        ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "get", "nodes", "-o", "json"],
    )
    return parse_nodes(json.loads(output), expected) if code == 0 else []


def _apply(container: Container, texts: Mapping[str, str]) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, text in texts.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text.encode()), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
    container.put_archive("/", archive.getvalue())
    code, output = execute(container, ["systemctl", "restart", "smart-dairy-network.service"])
    if code != 0:
        raise EnvironmentUnavailable(
            f"Node {container.name}: expected routes and masquerading to be applied, got exit code "
            f"{code}: {output.strip()}. "
            f"Next step: docker exec {container.name} systemctl status smart-dairy-network"
        )
