"""What network policies admit, as pure look-ups over an inventory."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.value import as_list, dig

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOAD_BALANCER_TAG = "kubernetes.io/role/elb"


def policies_for(inventory: Inventory, workload: Resource, direction: str) -> list[Resource]:
    """Return the policies of one direction (Ingress, Egress) that select a workload's pods."""
    return [p for p in inventory.policies(workload) if direction in directions(p)]


def directions(policy: Resource) -> list[str]:
    """Return a policy's directions; without policyTypes they follow from its rules."""
    types = policy.get("spec", "policyTypes")
    if types:
        return [str(t) for t in as_list(types)]
    return ["Ingress", *(["Egress"] if policy.get("spec", "egress") is not None else [])]


def rules(policy: Resource, direction: str) -> Iterator[tuple[int, Any]]:
    """Return index and values of the rules of one direction."""
    yield from enumerate(as_list(policy.get("spec", direction.lower())))


def opens(rule: Any, port: int, protocol: str = "TCP") -> bool:
    """Say whether a rule's ports include one; no ports at all are all ports."""
    ports = as_list(dig(rule, "ports"))
    for entry in ports:
        if (dig(entry, "protocol") or "TCP") != protocol:
            continue
        low, high = dig(entry, "port"), dig(entry, "endPort")
        if (
            low is None
            or low == port
            or (isinstance(low, int) and isinstance(high, int) and low <= port <= high)
        ):
            return True
        if isinstance(low, str) and not low.isdigit():
            return True  # a named port of the pod: which one is the pod's matter
    return not ports


def peers(rule: Any, direction: str) -> list[Any] | None:
    """Return the peers of a rule; None where everybody is meant."""
    found = dig(rule, "from" if direction == "Ingress" else "to")
    return as_list(found) or None


def blocks_of(rule: Any, direction: str) -> list[Network] | None:
    """Return the networks that a rule names; None where everybody is meant."""
    everybody = peers(rule, direction)
    if everybody is None:
        return None
    found = []
    for peer in everybody:
        cidr = dig(peer, "ipBlock", "cidr")
        if isinstance(cidr, str):
            try:
                found.append(ipaddress.ip_network(cidr, strict=False))
            except ValueError:
                continue
    return found


def uncovered(
    policies: list[Resource], direction: str, port: int, networks: list[Network]
) -> list[Network]:
    """Return the networks that no rule of the policies admits on a port."""
    missing = list(networks)
    for policy in policies:
        for _, rule in rules(policy, direction):
            if not opens(rule, port):
                continue
            admitted = blocks_of(rule, direction)
            if admitted is None:
                return []
            missing = [n for n in missing if not any(_inside(n, block) for block in admitted)]
    return missing


def _inside(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def subnet_networks(subnets: list[Resource]) -> list[Network]:
    """Return the networks of subnets as far as they are known."""
    found = []
    for subnet in subnets:
        cidr = subnet.get("cidr_block")
        if isinstance(cidr, str):
            found.append(ipaddress.ip_network(cidr, strict=False))
    return sorted(found, key=str)


def store_subnets(inventory: Inventory, kinds: tuple[str, ...], group_kind: str) -> list[Resource]:
    """Return the subnets of the subnet groups that stores of some kinds use."""
    field = "db_subnet_group_name" if "db_" in group_kind else "subnet_group_name"
    found: dict[str, Resource] = {}
    for store in inventory.of(*kinds):
        for group in inventory.linked(store, field, group_kind, "name"):
            for subnet in inventory.referred(group.refers("subnet_ids"), "aws_subnet"):
                found[subnet.address] = subnet
    return list(found.values())


def public_subnets(inventory: Inventory) -> list[Resource]:
    """Return the subnets that internet-facing load balancers stand in."""
    found = []
    for subnet in inventory.of("aws_subnet"):
        tags = subnet.get("tags")
        if subnet.get("tier") == "public" or (
            isinstance(tags, Mapping) and LOAD_BALANCER_TAG in tags
        ):
            found.append(subnet)
    return found
