"""Policies of the cluster to the nftables text of one node: pure, nothing is touched.

The result is one table that replaces the last in a single transaction. Only pods of this node
are subjects: what they receive is judged here, what they send is judged here, and the other
node judges its own side. Two base chains on hook forward, egress before ingress, so that an
``accept`` of the first still meets the second. Each subject's address goes to a chain that
allows what its policies allow and drops the rest.

Hook forward comes after a service's address was replaced by a pod's and before masquerading, so
both true addresses are visible. Traffic from the node itself (probes of the kubelet) is never
forwarded and always passes, as the API documents.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from policy_agent.model import Block, Labels, Namespace, Pod, Policy, Port, Rule

TABLE = "smart_dairy_policy"
INGRESS, EGRESS = "ingress", "egress"
_PRIORITY = {EGRESS: "filter", INGRESS: "filter + 1"}
_SUBJECT = {EGRESS: "saddr", INGRESS: "daddr"}
_PEER = {EGRESS: "daddr", INGRESS: "saddr"}


@dataclass(frozen=True)
class Compiled:
    """The table's text and the addresses of the node's pods that it takes into account."""

    text: str
    addresses: frozenset[str]


def compile_table(
    node: str,
    pods: Iterable[Pod],
    namespaces: Iterable[Namespace],
    policies: Iterable[Policy],
) -> Compiled:
    """Return the table that enforces ``policies`` for the pods of ``node``."""
    placed = sorted((pod for pod in pods if pod.address), key=_pod_order)
    local = [pod for pod in placed if pod.node == node]
    labels = {namespace.name: namespace.labels for namespace in namespaces}
    chains: dict[str, list[str]] = {}
    governing: dict[str, dict[str, list[str]]] = {INGRESS: {}, EGRESS: {}}
    for policy in sorted(policies, key=lambda p: (p.namespace, p.name)):
        subjects = [
            pod
            for pod in local
            if pod.namespace == policy.namespace and policy.pods.matches(pod.labels)
        ]
        for direction, rules in ((INGRESS, policy.ingress), (EGRESS, policy.egress)):
            if rules is None or not subjects:
                continue
            chain = _chain_name(direction, f"{policy.namespace}/{policy.name}")
            lines = [
                line
                for rule in rules
                for line in compile_rule(
                    rule,
                    direction,
                    namespace=policy.namespace,
                    pods=placed,
                    labels=labels,
                    subjects=subjects,
                )
            ]
            chains[chain] = [f"# {policy.namespace}/{policy.name}", *dict.fromkeys(lines)]
            for pod in subjects:
                governing[direction].setdefault(str(pod.address), []).append(chain)
    return Compiled(
        text=_table(chains, governing),
        addresses=frozenset(str(pod.address) for pod in local),
    )


def compile_rule(
    rule: Rule,
    direction: str,
    *,
    namespace: str,
    pods: Sequence[Pod],
    labels: Mapping[str, Labels],
    subjects: Sequence[Pod],
) -> list[str]:
    """Return the nft rules, each ending in ``accept``, for one entry of a policy."""
    selected = [pod for pod in pods if _is_selected(pod, rule, namespace, labels)]
    peers = [_block(peer, direction) for peer in rule.peers if isinstance(peer, Block)]
    matches = [match for match in peers if match is not None]
    if selected:
        addresses = _set(dict.fromkeys(str(pod.address) for pod in selected))
        matches.append(f"ip {_PEER[direction]} {addresses}")
    if not rule.peers:
        matches = [""]
    reached = selected if rule.peers else pods
    receivers = subjects if direction == INGRESS else reached
    ports = compile_ports(rule.ports, receivers)
    return [
        " ".join(part for part in (match, port, "accept") if part)
        for match in matches
        for port in ports
    ]


def compile_ports(ports: Sequence[Port], receivers: Sequence[Pod]) -> list[str]:
    """Return one nft match for each way in which ``ports`` allow traffic; "" allows all.

    Named ports are resolved on the pods that receive the traffic; a name that none of them has
    allows nothing.
    """
    if not ports:
        return [""]
    matches = []
    ranges: dict[str, list[tuple[int, int]]] = {}
    whole: list[str] = []
    for port in ports:
        if port.port is None:
            whole.append(port.protocol)
        elif isinstance(port.port, int):
            last = port.end if port.end is not None else port.port
            ranges.setdefault(port.protocol, []).append((port.port, last))
        else:
            key = (port.port, port.protocol)
            having = [pod for pod in receivers if key in pod.ports]
            elements = {f"{pod.address} . {pod.ports[key]}" for pod in having}
            if elements:
                matches.append(
                    f"meta l4proto {port.protocol.lower()} "
                    f"ip daddr . th dport {_set(sorted(elements))}"
                )
    for protocol in dict.fromkeys(whole):
        matches.append(f"meta l4proto {protocol.lower()}")
    for protocol, intervals in ranges.items():
        if protocol not in whole:
            merged = merge_ranges(intervals)
            matches.append(
                f"meta l4proto {protocol.lower()} th dport "
                + _set(str(a) if a == b else f"{a}-{b}" for a, b in merged)
            )
    return matches


def merge_ranges(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same ports as ranges that neither overlap nor touch, as nft asks for."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _is_selected(pod: Pod, rule: Rule, namespace: str, labels: Mapping[str, Labels]) -> bool:
    for peer in rule.peers:
        if isinstance(peer, Block):
            continue
        if peer.namespaces is None:
            in_namespace = pod.namespace == namespace
        else:
            in_namespace = peer.namespaces.matches(labels.get(pod.namespace, {}))
        if in_namespace and peer.pods.matches(pod.labels):
            return True
    return False


def _block(block: Block, direction: str) -> str | None:
    """Return the match of an address range; None for IPv6, "" for every address."""
    network = ipaddress.ip_network(block.cidr, strict=False)
    if network.version != 4:
        return None
    address = f"ip {_PEER[direction]}"
    parts = [] if network.prefixlen == 0 else [f"{address} {network}"]
    excepted = [ipaddress.ip_network(cidr, strict=False) for cidr in block.excepted]
    ranges = [cidr for cidr in excepted if isinstance(cidr, ipaddress.IPv4Network)]
    if ranges:
        parts.append(f"{address} != {_set(map(str, ipaddress.collapse_addresses(ranges)))}")
    return " ".join(parts)


def _table(
    chains: Mapping[str, list[str]], governing: Mapping[str, Mapping[str, list[str]]]
) -> str:
    lines = [f"table ip {TABLE}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
    for name, body in sorted(chains.items()):
        lines += _chain(name, body)
    dispatch = {}
    for direction in (EGRESS, INGRESS):
        groups: dict[tuple[str, ...], list[str]] = {}
        for address, names in governing[direction].items():
            groups.setdefault(tuple(dict.fromkeys(names)), []).append(address)
        entries = []
        for members, addresses in sorted(groups.items()):
            group = _chain_name(f"{direction}_pods", ",".join(members))
            lines += _chain(group, [*(f"jump {name}" for name in members), "counter drop"])
            entries += [f"{address} : goto {group}" for address in addresses]
        dispatch[direction] = sorted(entries)
    for direction in (EGRESS, INGRESS):
        lines += _base(direction, "forward", dispatch[direction])
    # A pod's traffic to its own node is not forwarded but received by it.
    lines += _base(EGRESS, "input", dispatch[EGRESS])
    return "\n".join([*lines, "}"]) + "\n"


def _base(direction: str, hook: str, entries: Sequence[str]) -> list[str]:
    name = direction if hook == "forward" else f"{direction}_{hook}"
    body = [
        f"type filter hook {hook} priority {_PRIORITY[direction]}; policy accept;",
        # Replies of what was allowed; the other direction is judged again at each packet, so that
        # a new denial is seen at once on open connections.
        "ct direction reply accept",
        "ct state related accept",
    ]
    if entries:
        body.append(f"ip {_SUBJECT[direction]} vmap {_set(entries)}")
    return _chain(name, body)


def _chain(name: str, body: Iterable[str]) -> list[str]:
    return [f"  chain {name} {{", *(f"    {line}" for line in body), "  }"]


def _set(elements: Iterable[str]) -> str:
    return f"{{ {', '.join(elements)} }}"


def _chain_name(prefix: str, text: str) -> str:
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _pod_order(pod: Pod) -> tuple[int, str, str]:
    return (int(ipaddress.IPv4Address(str(pod.address))), pod.namespace, pod.name)
