"""What the agent knows of the cluster: pods, namespaces and policies, read from API objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Labels = Mapping[str, str]
FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Requirement:
    """One entry of ``matchExpressions``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Say whether ``labels`` satisfy the requirement; an unknown operator is never met."""
        present = self.key in labels
        if self.operator == "In":
            return present and labels[self.key] in self.values
        if self.operator == "NotIn":
            return not present or labels[self.key] not in self.values
        if self.operator == "Exists":
            return present
        return self.operator == "DoesNotExist" and not present


@dataclass(frozen=True)
class Selector:
    """A label selector; an empty one selects everything."""

    labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Say whether all parts of the selector are met."""
        return all(labels.get(key) == value for key, value in self.labels) and all(
            requirement.matches(labels) for requirement in self.requirements
        )


@dataclass(frozen=True)
class Block:
    """A peer given as a range of addresses with exceptions."""

    cidr: str
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selected:
    """A peer given by labels; ``namespaces`` is None for the policy's own namespace."""

    pods: Selector
    namespaces: Selector | None


@dataclass(frozen=True)
class Port:
    """A port: number, name or None for every port of the protocol; ``end`` closes a range."""

    protocol: str = "TCP"
    port: int | str | None = None
    end: int | None = None


@dataclass(frozen=True)
class Rule:
    """What one entry of ``ingress`` or ``egress`` allows; empty peers or ports mean all."""

    peers: tuple[Block | Selected, ...] = ()
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A NetworkPolicy; a direction that it does not govern is None."""

    namespace: str
    name: str
    pods: Selector
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None


@dataclass(frozen=True)
class Pod:
    """A pod on the pod network; ``ports`` maps (name, protocol) to a number."""

    namespace: str
    name: str
    labels: Labels = field(default_factory=dict)
    address: str | None = None
    node: str | None = None
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Namespace:
    """A namespace and its labels."""

    name: str
    labels: Labels = field(default_factory=dict)


def parse_pod(document: Mapping[str, Any]) -> Pod | None:
    """Return the pod, or None for one that is finished or on its node's own network."""
    metadata, spec = document["metadata"], document["spec"]
    status = document.get("status") or {}
    if spec.get("hostNetwork") or status.get("phase") in FINISHED:
        return None
    addresses = [entry["ip"] for entry in status.get("podIPs") or [] if ":" not in entry["ip"]]
    sidecars = [c for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"]
    ports = {
        (port["name"], port.get("protocol", "TCP")): int(port["containerPort"])
        for container in [*(spec.get("containers") or []), *sidecars]
        for port in container.get("ports") or []
        if port.get("name")
    }
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        labels=metadata.get("labels") or {},
        address=addresses[0] if addresses else None,
        node=spec.get("nodeName"),
        ports=ports,
    )


def parse_namespace(document: Mapping[str, Any]) -> Namespace:
    """Return the namespace."""
    metadata = document["metadata"]
    return Namespace(metadata["name"], metadata.get("labels") or {})


def parse_policy(document: Mapping[str, Any]) -> Policy:
    """Return the policy with the defaults that the API documents for ``policyTypes``."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    return Policy(
        namespace=metadata["namespace"],
        name=metadata["name"],
        pods=parse_selector(spec.get("podSelector")),
        ingress=_rules(spec.get("ingress"), "from") if "Ingress" in types else None,
        egress=_rules(spec.get("egress"), "to") if "Egress" in types else None,
    )


def parse_selector(document: Mapping[str, Any] | None) -> Selector:
    """Return the selector; None and the empty one select everything."""
    document = document or {}
    return Selector(
        labels=tuple(sorted((document.get("matchLabels") or {}).items())),
        requirements=tuple(
            Requirement(entry["key"], entry["operator"], tuple(entry.get("values") or ()))
            for entry in document.get("matchExpressions") or []
        ),
    )


def _rules(entries: list[Mapping[str, Any]] | None, peers: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            peers=tuple(_peer(peer) for peer in entry.get(peers) or []),
            ports=tuple(
                Port(port.get("protocol", "TCP"), port.get("port"), port.get("endPort"))
                for port in entry.get("ports") or []
            ),
        )
        for entry in entries or []
    )


def _peer(document: Mapping[str, Any]) -> Block | Selected:
    block = document.get("ipBlock")
    if block is not None:
        return Block(block["cidr"], tuple(block.get("except") or ()))
    namespaces = document.get("namespaceSelector")
    return Selected(
        pods=parse_selector(document.get("podSelector")),
        namespaces=None if namespaces is None else parse_selector(namespaces),
    )
