"""Rules on how pods come, serve and go: probes, grace, the balancer, look-ups, nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit import facts
from harness.audit.inventory import REPLICATED, Inventory, containers, matches, pod_spec
from harness.audit.resource import Resource
from harness.audit.rule import FINE, KUBERNETES, TERRAFORM, Mark, Severity, defect, rule
from harness.audit.rules.addons import ingress_class
from harness.audit.rules.disruption import behind_ingress
from harness.audit.value import as_list, as_number, dig

_ATTRIBUTES = "alb.ingress.kubernetes.io/target-group-attributes"


_GATE = "elbv2.k8s.aws/pod-readiness-gate-inject"


@rule(
    "deregistration-fits-grace",
    promises=("pod-kill-failed-requests",),
    why="a balancer that still sends for 300 s to pods that are gone after 60 s loses requests",
    source="EKS best practices, load balancing; ELB: deregistration delay is 300 s by default",
    needs=(KUBERNETES,),
)
def deregistration_fits(inventory: Inventory) -> Iterator[Mark]:
    """The deregistration delay ends before the grace period of the targets."""
    graces = [
        as_number(pod_spec(w).get("terminationGracePeriodSeconds")) or 30
        for w in behind_ingress(inventory)
    ]
    for ingress in inventory.of("Ingress"):
        if ingress_class(ingress) != "alb" or not graces:
            continue
        text = str(ingress.annotations.get(_ATTRIBUTES, ""))
        found = re.search(r"deregistration_delay\.timeout_seconds=(\d+)", text)
        delay = int(found[1]) if found else facts.DEREGISTRATION_SECONDS
        if delay <= min(graces):
            yield FINE
        else:
            yield defect(
                ingress,
                ("metadata", "annotations", _ATTRIBUTES),
                expected=f"deregistration_delay.timeout_seconds of at most {min(graces):g}",
                got=f"{delay}{'' if found else ', the default'}",
                next_step="set it below the pods' grace period",
            )


@rule(
    "grace-outlasts-prestop",
    promises=("pod-kill-failed-requests",),
    why="preStop runs inside the grace period: what is left is all that the application has",
    source="Kubernetes, container lifecycle hooks; pod termination",
    needs=(KUBERNETES,),
)
def grace_outlasts(inventory: Inventory) -> Iterator[Mark]:
    """Pods behind an Ingress wait before they stop, and have time left afterwards."""
    for workload in behind_ingress(inventory):
        grace = as_number(pod_spec(workload).get("terminationGracePeriodSeconds")) or 30
        for index, container in enumerate(containers(workload)):
            stop = dig(container, "lifecycle", "preStop")
            words = " ".join(map(str, as_list(dig(stop, "exec", "command"))))
            found = re.search(r"sleep\s+(\d+)", words)
            seconds = as_number(dig(stop, "sleep", "seconds")) or (float(found[1]) if found else 0)
            path = ("spec", "template", "spec", "containers", index, "lifecycle")
            if not seconds:
                yield defect(
                    workload,
                    path,
                    expected="a preStop wait while endpoints are removed",
                    got="none",
                    next_step="sleep 10 to 15 s in preStop",
                )
            elif seconds + 10 > grace:
                yield defect(
                    workload,
                    path,
                    expected=f"a grace period of at least {seconds + 10:g} s",
                    got=f"{grace:g} s for a preStop of {seconds:g} s",
                    next_step="raise terminationGracePeriodSeconds",
                )
            else:
                yield FINE


@rule(
    "readiness-gate-injected",
    promises=("NFR-AVAIL-01",),
    why="without the gate a rollout goes on while all new targets are still Initial: an outage",
    source="AWS Load Balancer Controller documentation, pod readiness gates",
    needs=(KUBERNETES,),
    severity=Severity.WARNING,
)
def readiness_gate(inventory: Inventory) -> Iterator[Mark]:
    """Namespaces of Ingresses with target-type ip inject readiness gates."""
    wanted = {
        i.namespace
        for i in inventory.of("Ingress")
        if i.annotations.get("alb.ingress.kubernetes.io/target-type") == "ip"
    }
    for namespace in inventory.of("Namespace"):
        if namespace.name not in wanted:
            continue
        if namespace.labels.get(_GATE) == "enabled":
            yield FINE
        else:
            yield defect(
                namespace,
                ("metadata", "labels"),
                expected=f"label {_GATE}: enabled",
                got="none",
                next_step="add the label",
            )


@rule(
    "probe-spares-failover",
    promises=("database-failover-time-*", "pod-kill-full-readiness"),
    why="a liveness probe shorter than a failover restarts every pod while the database moves",
    source="Kubernetes, probes; RDS: a cluster's failover takes up to 35 s",
    needs=(KUBERNETES,),
)
def probe_spares(inventory: Inventory) -> Iterator[Mark]:
    """Liveness probes endure longer than a database failover."""
    bound = facts.CLUSTER_FAILOVER_SECONDS
    for workload in behind_ingress(inventory):
        for index, container in enumerate(containers(workload)):
            probe = container.get("livenessProbe")
            if not isinstance(probe, Mapping):
                continue
            period = as_number(probe.get("periodSeconds")) or 10
            seconds = period * (as_number(probe.get("failureThreshold")) or 3)
            if seconds > bound:
                yield FINE
            else:
                yield defect(
                    workload,
                    ("spec", "template", "spec", "containers", index, "livenessProbe"),
                    expected=f"more than {bound} s before a restart",
                    got=f"{seconds:g} s",
                    next_step="raise periodSeconds or failureThreshold",
                )


@rule(
    "lookups-short",
    promises=("database-failover-time-*", "cache-failover-time"),
    why="with ndots 5 each look-up of a store's name first asks three or four that do not exist",
    source="EKS best practices, cluster services (CoreDNS, ndots)",
    needs=(KUBERNETES,),
    severity=Severity.WARNING,
)
def lookups_short(inventory: Inventory) -> Iterator[Mark]:
    """Pods whose names are looked up outside the cluster lower ndots."""
    for workload in behind_ingress(inventory):
        options = as_list(dig(pod_spec(workload), "dnsConfig", "options"))
        values = [as_number(dig(o, "value")) for o in options if dig(o, "name") == "ndots"]
        if any(v is not None and v <= 2 for v in values):
            yield FINE
        else:
            yield defect(
                workload,
                ("spec", "template", "spec"),
                expected="dnsConfig with ndots of at most 2",
                got="5, the default",
                next_step="add the option",
            )


@rule(
    "node-selector-served",
    promises=("pod-kill-full-readiness", "hpa-scale-up"),
    why="pods that require a label no node group has stay Pending",
    source="Kubernetes, node affinity; EKS managed node groups, labels and taints",
    needs=(TERRAFORM, KUBERNETES),
)
def selector_served(inventory: Inventory) -> Iterator[Mark]:
    """The nodes that pods require are there, and their taints are tolerated."""
    groups = inventory.of("aws_eks_node_group")
    for workload in inventory.of(*REPLICATED) if groups else ():
        terms = as_list(
            dig(
                pod_spec(workload),
                "affinity",
                "nodeAffinity",
                "requiredDuringSchedulingIgnoredDuringExecution",
                "nodeSelectorTerms",
            )
        )
        plain = pod_spec(workload).get("nodeSelector")
        if not terms and not plain:
            continue
        fitting = [g for g in groups if _accepts(g, terms, plain) and _tolerated(g, workload)]
        if fitting:
            yield FINE
        else:
            yield defect(
                workload,
                ("spec", "template", "spec", "affinity"),
                expected="a node group with these labels whose taints are tolerated",
                got=", ".join(str(g.get("labels")) for g in groups),
                next_step="correct the labels of the node groups or of the pods",
            )


def _accepts(group: Resource, terms: list[Any], plain: Any) -> bool:
    labels = group.get("labels")
    labels = labels if isinstance(labels, Mapping) else {}
    if isinstance(plain, Mapping) and not matches(labels, {"matchLabels": plain}):
        return False
    return not terms or any(
        matches(labels, {"matchExpressions": dig(t, "matchExpressions")}) for t in terms
    )


def _tolerated(group: Resource, workload: Resource) -> bool:
    tolerated = {str(dig(t, "key")) for t in as_list(pod_spec(workload).get("tolerations"))}
    return all(str(dig(t, "key")) in tolerated for t in as_list(group.get("taint")))


RULES = (
    deregistration_fits,
    grace_outlasts,
    readiness_gate,
    probe_spares,
    lookups_short,
    selector_served,
)
