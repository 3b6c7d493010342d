"""The bridge that stands for the VPC, at the document's addresses where the host allows it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable

import docker
import docker.errors
from docker.types import IPAMConfig, IPAMPool

from harness import command
from harness.errors import EnvironmentUnavailable
from harness.stack import layout
from harness.stack.layout import Layout

BRIDGE = "sd-vpc0"

# Tried in order; the first is the document's own range (section 3, day 701).
PREFIXES = ("10.0", "10.64", "10.128", "10.192", "172.30", "192.168")


def ensure(engine: docker.DockerClient, run: str) -> Layout:
    """Return the layout of the network, created on the first range the host does not use.

    A network that is there keeps its range, so that a second ``up`` finds the same addresses.
    """
    found = existing(engine)
    if found is not None:
        return found
    prefix = choose_prefix(host_ranges())
    addresses = Layout(prefix)
    pool = IPAMPool(subnet=addresses.cidr, gateway=addresses.gateway, iprange=f"{prefix}.255.0/24")
    engine.networks.create(
        layout.NETWORK,
        driver="bridge",
        ipam=IPAMConfig(pool_configs=[pool]),
        options={"com.docker.network.bridge.name": BRIDGE},
        labels={layout.STACK_LABEL: "smart-dairy", layout.RUN_LABEL: run},
    )
    return addresses


def existing(engine: docker.DockerClient) -> Layout | None:
    """Return the layout of the stack's network if it is there."""
    try:
        network = engine.networks.get(layout.NETWORK)
    except docker.errors.NotFound:
        return None
    subnet = network.attrs["IPAM"]["Config"][0]["Subnet"]
    return Layout(".".join(subnet.split(".")[:2]))


def remove(engine: docker.DockerClient) -> bool:
    """Remove the network; False when there was none."""
    try:
        engine.networks.get(layout.NETWORK).remove()
    except docker.errors.NotFound:
        return False
    return True


def host_ranges() -> list[ipaddress.IPv4Network]:
    """Return every IPv4 range that the host routes somewhere other than our own bridge."""
    answer = command.run(["ip", "-json", "-4", "route", "show", "table", "all"], limit_seconds=10)
    return parse_routes(json.loads(answer.stdout or "[]"))


def parse_routes(routes: Iterable[dict[str, object]]) -> list[ipaddress.IPv4Network]:
    """Return the ranges of ``ip -json route`` entries, without default and own routes."""
    ranges = []
    for route in routes:
        destination = str(route.get("dst", "default"))
        if destination == "default" or route.get("dev") == BRIDGE:
            continue
        ranges.append(ipaddress.IPv4Network(destination, strict=False))
    return ranges


def choose_prefix(used: Iterable[ipaddress.IPv4Network]) -> str:
    """Return the first /16 prefix that overlaps none of ``used``.

    Raises EnvironmentUnavailable when every candidate overlaps.
    """
    taken = list(used)
    for prefix in PREFIXES:
        candidate = ipaddress.IPv4Network(f"{prefix}.0.0/16")
        if not any(candidate.overlaps(network) for network in taken):
            return prefix
    raise EnvironmentUnavailable(
        f"No free /16 for the VPC: expected one of {', '.join(PREFIXES)} (.0.0/16) to be unused, "
        f"got routes to {', '.join(map(str, taken))}. "
        "Next step: take down the VPN or network that uses one of them."
    )
