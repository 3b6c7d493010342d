"""Rules on network policies against what has to be reached, in all zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit.inventory import Inventory, containers, matches
from harness.audit.resource import Resource
from harness.audit.rule import (
    FINE,
    KUBERNETES,
    MONITORING,
    TERRAFORM,
    Mark,
    Severity,
    defect,
    rule,
    undecided,
)
from harness.audit.rules import networks
from harness.audit.rules.references import ROUTES, backends
from harness.audit.value import as_list, as_number, dig

_EGRESS, _INGRESS = "Egress", "Ingress"
_DAY = "section 3, day 703 (network policies)"


def _restricted(inventory: Inventory, direction: str) -> Iterator[tuple[Resource, list[Resource]]]:
    """Return the workloads that policies of a direction select, with those policies."""
    for workload in inventory.of("Deployment", "StatefulSet"):
        found = networks.policies_for(inventory, workload, direction)
        if found:
            yield workload, found


def _reaches(inventory: Inventory, subnets: list[Resource], port: int, what: str) -> Iterator[Mark]:
    """Judge each policy that opens a port to some of the subnets: does it name all of them."""
    wanted = networks.subnet_networks(subnets)
    for workload, policies in _restricted(inventory, _EGRESS):
        some = [
            (policy, index)
            for policy in policies
            for index, one in networks.rules(policy, _EGRESS)
            if dig(one, "ports") and networks.opens(one, port)
        ]
        if not some:
            continue
        if len(wanted) < len(subnets) or not wanted:
            yield undecided(
                some[0][0], ("spec", "egress", some[0][1]), f"subnets of {what} unknown"
            )
            continue
        missing = networks.uncovered(policies, _EGRESS, port, wanted)
        if not missing:
            yield FINE
            continue
        policy, index = some[0]
        yield defect(
            policy,
            ("spec", "egress", index, "to"),
            expected=f"port {port} to {', '.join(map(str, wanted))}, the subnets of {what}",
            got=f"{workload.address} cannot reach {', '.join(map(str, missing))}",
            next_step="name the subnets of all zones: the primary moves on failover",
        )


@rule(
    "policy-reaches-database",
    promises=("database-failover-time-*", _DAY),
    why="after a failover the primary is in another zone, whose subnet the policy does not name",
    source="RDS user guide: the standby is in another zone; Kubernetes, NetworkPolicy ipBlock",
    needs=(TERRAFORM, KUBERNETES),
)
def reaches_database(inventory: Inventory) -> Iterator[Mark]:
    """Egress to PostgreSQL covers the database subnets of all zones."""
    kinds = ("aws_db_instance", "aws_rds_cluster")
    if not inventory.declares(*kinds):
        return
    ports = {int(as_number(db.get("port")) or 5432) for db in inventory.of(*kinds)}
    subnets = networks.store_subnets(inventory, kinds, "aws_db_subnet_group")
    for port in sorted(ports):
        yield from _reaches(inventory, subnets, port, "the database")


@rule(
    "policy-reaches-cache",
    promises=("cache-failover-time", _DAY),
    why="after a failover the primary is in another zone, whose subnet the policy does not name",
    source="ElastiCache user guide, AutoFailover: nodes in several zones",
    needs=(TERRAFORM, KUBERNETES),
)
def reaches_cache(inventory: Inventory) -> Iterator[Mark]:
    """Egress to Redis covers the cache subnets of all zones."""
    kinds = ("aws_elasticache_replication_group",)
    if not inventory.declares(*kinds):
        return
    ports = {int(as_number(c.get("port")) or 6379) for c in inventory.of(*kinds)}
    subnets = networks.store_subnets(inventory, kinds, "aws_elasticache_subnet_group")
    for port in sorted(ports):
        yield from _reaches(inventory, subnets, port, "the cache")


@rule(
    "policy-dns-tcp",
    promises=(_DAY, "database-failover-time-*"),
    why="a truncated answer is asked again by TCP, which a rule for UDP alone drops",
    source="RFC 7766; EKS cluster DNS serves 53/UDP and 53/TCP",
    needs=(KUBERNETES,),
)
def dns_tcp(inventory: Inventory) -> Iterator[Mark]:
    """Policies that restrict egress admit DNS by UDP and TCP."""
    seen: set[str] = set()
    for _, policies in _restricted(inventory, _EGRESS):
        for policy in policies:
            rules = [one for _, one in networks.rules(policy, _EGRESS)]
            udp = [i for i, one in enumerate(rules) if networks.opens(one, 53, "UDP")]
            if not udp or policy.address in seen:
                continue
            seen.add(policy.address)
            if any(networks.opens(one, 53, "TCP") for one in rules):
                yield FINE
            else:
                yield defect(
                    policy,
                    ("spec", "egress", udp[0], "ports"),
                    expected="port 53 by UDP and TCP",
                    got="UDP only",
                    next_step="add protocol TCP, port 53",
                )


def _targets(inventory: Inventory) -> Iterator[tuple[Resource, int]]:
    """Return workloads and pod ports that Ingresses send to."""
    found: dict[tuple[str, int], tuple[Resource, int]] = {}
    for ingress in inventory.of(*ROUTES):
        for name, port, _ in backends(ingress):
            service = inventory.object("Service", ingress.namespace, name)
            wanted = dig(port, "number") or dig(port, "name")
            for entry in as_list(service.get("spec", "ports")) if service else []:
                if wanted not in (dig(entry, "port"), dig(entry, "name")):
                    continue
                assert service is not None
                selector = {"matchLabels": service.get("spec", "selector") or {}}
                for workload in inventory.selected(service.namespace, selector):
                    number = pod_port(workload, dig(entry, "targetPort") or dig(entry, "port"))
                    if number is not None:
                        found[workload.address, number] = (workload, number)
    yield from found.values()


def pod_port(workload: Resource, target: Any) -> int | None:
    """Return the number of a target port, which may be a name."""
    if isinstance(target, int):
        return target
    for container in containers(workload):
        for port in as_list(container.get("ports")):
            if dig(port, "name") == target:
                number = dig(port, "containerPort")
                return number if isinstance(number, int) else None
    return None


@rule(
    "policy-admits-load-balancer",
    promises=("NFR-AVAIL-01", "section 1.2, objective 6"),
    why="with target-type ip the balancer sends from its own addresses, which no selector matches",
    source="AWS Load Balancer Controller documentation, target-type ip",
    needs=(TERRAFORM, KUBERNETES),
)
def admits_balancer(inventory: Inventory) -> Iterator[Mark]:
    """Policies of an Ingress's targets admit the subnets of the load balancer."""
    by_address = any(
        i.annotations.get("alb.ingress.kubernetes.io/target-type") == "ip"
        for i in inventory.of("Ingress")
    ) or any(b.get("spec", "targetType") == "ip" for b in inventory.of("TargetGroupBinding"))
    if not by_address:
        return
    subnets = networks.public_subnets(inventory)
    wanted = networks.subnet_networks(subnets)
    for workload, port in _targets(inventory):
        policies = networks.policies_for(inventory, workload, _INGRESS)
        if not policies:
            yield FINE
        elif not wanted or len(wanted) < len(subnets):
            yield undecided(policies[0], ("spec",), "the public subnets are not known")
        elif missing := networks.uncovered(policies, _INGRESS, port, wanted):
            own = [p for p in policies if p.get("spec", "ingress")] or policies
            yield defect(
                own[0],
                ("spec", "ingress"),
                expected=f"port {port} from {', '.join(map(str, wanted))}, the public subnets",
                got=f"{', '.join(map(str, missing))} cannot reach {workload.address}",
                next_step="add an ipBlock for each subnet of the balancer",
            )
        else:
            yield FINE


@rule(
    "policy-admits-ports",
    promises=(_DAY,),
    why="a port that the container and the Service open and no policy admits is closed",
    source="Kubernetes, NetworkPolicy: what no rule admits is denied",
    needs=(KUBERNETES,),
)
def admits_ports(inventory: Inventory) -> Iterator[Mark]:
    """Each port that a Service leads to is admitted by some policy of its pods."""
    for service in inventory.of("Service"):
        selector = service.get("spec", "selector")
        if not isinstance(selector, Mapping) or not selector:
            continue
        for workload in inventory.selected(service.namespace, {"matchLabels": selector}):
            policies = networks.policies_for(inventory, workload, _INGRESS)
            for index, entry in (
                enumerate(as_list(service.get("spec", "ports"))) if policies else ()
            ):
                port = pod_port(workload, dig(entry, "targetPort") or dig(entry, "port"))
                admitted = port is None or any(
                    networks.opens(one, port)
                    for p in policies
                    for _, one in networks.rules(p, _INGRESS)
                )
                if admitted:
                    yield FINE
                else:
                    yield defect(
                        service,
                        ("spec", "ports", index),
                        expected=f"a policy that admits port {port} of {workload.address}",
                        got="none",
                        next_step="add the port to the policy, or drop it from the Service",
                    )


@rule(
    "policy-peer-exists",
    promises=(_DAY,),
    why="a peer that nothing matches admits nobody: what was meant stays cut off",
    source="Kubernetes, NetworkPolicy: namespaceSelector and podSelector",
    needs=(KUBERNETES,),
    severity=Severity.WARNING,
)
def peer_exists(inventory: Inventory) -> Iterator[Mark]:
    """Pods that a policy names as peers are declared, in its namespace."""
    for policy in inventory.of("NetworkPolicy"):
        for direction in networks.directions(policy):
            for index, one in networks.rules(policy, direction):
                for at, peer in enumerate(networks.peers(one, direction) or []):
                    selector = dig(peer, "podSelector")
                    if not isinstance(selector, Mapping) or dig(peer, "namespaceSelector"):
                        continue
                    if inventory.selected(policy.namespace, selector):
                        yield FINE
                        continue
                    field = "from" if direction == _INGRESS else "to"
                    yield defect(
                        policy,
                        ("spec", direction.lower(), index, field, at),
                        expected="a workload whose pods have these labels",
                        got=f"none with {selector.get('matchLabels')}",
                        next_step="declare the workload, or name the one that is meant",
                    )


def _scraped(inventory: Inventory) -> Iterator[tuple[Resource, int]]:
    """Return workloads that ask to be scraped, with the port."""
    for workload in inventory.of("Deployment", "StatefulSet"):
        annotations = workload.get("spec", "template", "metadata", "annotations")
        port = as_number(dig(annotations, "prometheus.io/port"))
        if str(dig(annotations, "prometheus.io/scrape")).lower() == "true" and port:
            yield workload, int(port)


@rule(
    "policy-admits-monitoring",
    promises=("section 1.5, Prometheus scraping all targets",),
    why="Prometheus scrapes pods from its own namespace, which default deny cuts off",
    source="Kubernetes, NetworkPolicy; document day 704, scrape jobs of role pod",
    needs=(KUBERNETES,),
)
def admits_monitoring(inventory: Inventory) -> Iterator[Mark]:
    """Pods that ask to be scraped are reachable from another namespace on that port."""
    for workload, port in _scraped(inventory):
        policies = networks.policies_for(inventory, workload, _INGRESS)
        if not policies or any(
            networks.opens(one, port) and _from_monitoring(one)
            for policy in policies
            for _, one in networks.rules(policy, _INGRESS)
        ):
            yield FINE
            continue
        own = [p for p in policies if p.get("spec", "ingress")] or policies
        yield defect(
            own[0],
            ("spec", "ingress"),
            expected=f"port {port} from the namespace of Prometheus",
            got=f"nobody there can reach {workload.address}",
            next_step="admit namespace monitoring by kubernetes.io/metadata.name",
        )


def _from_monitoring(one: Any) -> bool:
    everybody = networks.peers(one, _INGRESS)
    if everybody is None:
        return True
    labels = {"kubernetes.io/metadata.name": "monitoring", "name": "monitoring"}
    for peer in everybody:
        selector = dig(peer, "namespaceSelector")
        if isinstance(selector, Mapping) and matches(labels, selector):
            return True
    return False


@rule(
    "service-port-enforced",
    promises=(_DAY,),
    why="the VPC CNI applies policies to a Service only where its port equals the container's",
    source="EKS user guide, network policy: the service port must match the container port",
    needs=(KUBERNETES,),
    severity=Severity.WARNING,
)
def port_enforced(inventory: Inventory) -> Iterator[Mark]:
    """Pods that policies protect have a Service port with the number of each container port."""
    for service in inventory.of("Service"):
        selector = service.get("spec", "selector")
        if not isinstance(selector, Mapping) or not selector:
            continue
        for workload in inventory.selected(service.namespace, {"matchLabels": selector}):
            if not networks.policies_for(inventory, workload, _INGRESS):
                continue
            ports = as_list(service.get("spec", "ports"))
            equal = {
                dig(p, "port")
                for p in ports
                if dig(p, "port") == pod_port(workload, dig(p, "targetPort") or dig(p, "port"))
            }
            for index, entry in enumerate(ports):
                target = pod_port(workload, dig(entry, "targetPort") or dig(entry, "port"))
                if target is None or target in equal:
                    yield FINE
                else:
                    yield defect(
                        service,
                        ("spec", "ports", index),
                        expected=f"a port {target} -> {target} for clients in the cluster",
                        got=f"{dig(entry, 'port')} -> {target} only",
                        next_step="add the port beside the one of the Ingress",
                    )


@rule(
    "monitoring-namespace-declared",
    promises=("section 1.5, Prometheus",),
    why="objects of a namespace that nothing makes cannot be applied",
    source="Kubernetes: namespaces have to exist before their objects",
    needs=(KUBERNETES, MONITORING),
)
def namespace_declared(inventory: Inventory) -> Iterator[Mark]:
    """Each namespace that objects are in is declared."""
    declared = {n.name for n in inventory.of("Namespace")} | {"default", "kube-system"}
    if not inventory.declares("Namespace"):
        return
    seen: set[str] = set()
    for found in inventory.objects:
        if not found.namespace or found.namespace in seen:
            continue
        seen.add(found.namespace)
        if found.namespace in declared:
            yield FINE
        else:
            yield defect(
                found,
                ("metadata", "namespace"),
                expected=f"a Namespace {found.namespace!r}",
                got="none",
                next_step="declare it",
            )


RULES = (
    reaches_database,
    reaches_cache,
    dns_tcp,
    admits_balancer,
    admits_ports,
    peer_exists,
    admits_monitoring,
    port_enforced,
    namespace_declared,
)
