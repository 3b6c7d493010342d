"""Rules on disruption budgets, replicas and zones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit import facts
from harness.audit.inventory import REPLICATED, Inventory, pod_spec
from harness.audit.resource import Resource
from harness.audit.rule import FINE, KUBERNETES, TERRAFORM, Mark, Severity, defect, rule
from harness.audit.rules.references import ROUTES, backends
from harness.audit.value import as_list, as_number, dig

_PDB = ("pdb-ready-minimum", "pdb-drains-complete")


_LOSS = ("node-loss-recovery", "node-hang-recovery", "NFR-AVAIL-01")


def replicas_least(inventory: Inventory, workload: Resource) -> int:
    """Return the number of pods that a workload may shrink to."""
    scaler = inventory.scaler(workload)
    if scaler is not None:
        return int(as_number(scaler.get("spec", "minReplicas")) or 1)
    return int(as_number(workload.get("spec", "replicas")) or 1)


def allowed(budget: Resource, replicas: int) -> int:
    """Return how many pods a budget allows to be away (Kubernetes rounds percentages up)."""
    least, most = budget.get("spec", "minAvailable"), budget.get("spec", "maxUnavailable")
    if least is not None:
        return replicas - _share(least, replicas)
    return _share(most, replicas) if most is not None else replicas


def _share(value: Any, replicas: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(float(value[:-1]) * replicas / 100)
    return int(as_number(value) or 0)


@rule(
    "budget-leaves-eviction",
    promises=_PDB,
    why="a budget that allows no pod to go blocks every drain, and EKS updates fail after 15 min",
    source="Kubernetes, configure a PodDisruptionBudget; EKS user guide, node group updates",
    needs=(KUBERNETES,),
    required=True,
)
def budget_leaves(inventory: Inventory) -> Iterator[Mark]:
    """At its smallest size a workload can lose a pod, and its budget exists."""
    for budget in inventory.of("PodDisruptionBudget"):
        selector = budget.get("spec", "selector")
        chosen = inventory.selected(budget.namespace, selector)
        if not chosen:
            yield defect(
                budget,
                ("spec", "selector"),
                expected="pods that this budget is for",
                got="none with these labels",
                next_step="correct the selector",
            )
        for workload in chosen:
            size = replicas_least(inventory, workload)
            if allowed(budget, size) >= 1:
                yield FINE
            else:
                yield defect(
                    budget,
                    ("spec", "minAvailable"),
                    expected=f"at least one of {size} pods that may be away",
                    got=f"minAvailable {budget.get('spec', 'minAvailable')}",
                    next_step="lower it, or use maxUnavailable: 1",
                )


@rule(
    "budget-survives-zone",
    promises=("pdb-ready-minimum", "NFR-AVAIL-01"),
    why="after the loss of a zone fewer pods than the budget asks for are left",
    source="derived: pods spread evenly over zones lose the largest share of them",
    needs=(TERRAFORM, KUBERNETES),
    severity=Severity.WARNING,
)
def budget_survives(inventory: Inventory) -> Iterator[Mark]:
    """At its smallest size a workload keeps its minimum when its fullest zone is lost."""
    zones = {
        str(subnet.get("availability_zone"))
        for group in inventory.of("aws_eks_node_group")
        for subnet in inventory.referred(group.refers("subnet_ids"), "aws_subnet")
    }
    if len(zones) < 2:
        return
    for budget in inventory.of("PodDisruptionBudget"):
        least = budget.get("spec", "minAvailable")
        if least is None:
            continue
        for workload in inventory.selected(budget.namespace, budget.get("spec", "selector")):
            size = replicas_least(inventory, workload)
            left = size - math.ceil(size / len(zones))
            if left >= _share(least, size):
                yield FINE
            else:
                yield defect(
                    budget,
                    ("spec", "minAvailable"),
                    expected=f"at most {left}, what is left of {size} over {len(zones)} zones",
                    got=least,
                    next_step="raise minReplicas, or lower the budget",
                )


@rule(
    "budget-single",
    promises=_PDB,
    why="two budgets for one pod make every eviction fail with 500",
    source="Kubernetes, API-initiated eviction: more than one PodDisruptionBudget",
    needs=(KUBERNETES,),
)
def budget_single(inventory: Inventory) -> Iterator[Mark]:
    """No workload is selected by two budgets."""
    by_namespace: dict[str, list[Resource]] = {}
    for budget in inventory.of("PodDisruptionBudget"):
        by_namespace.setdefault(budget.namespace, []).append(budget)
    seen: dict[str, Resource] = {}
    for budgets in by_namespace.values():
        for budget in budgets:
            for workload in inventory.selected(budget.namespace, budget.get("spec", "selector")):
                other = seen.setdefault(workload.address, budget)
                if other is budget:
                    yield FINE
                else:
                    yield defect(
                        budget,
                        ("spec", "selector"),
                        expected=f"one budget for {workload.address}",
                        got=f"this and {other.address}",
                        next_step="remove one of them",
                    )


@rule(
    "budget-for-replicated",
    promises=_PDB,
    why="without a budget a drain may evict all pods of a workload at once",
    source="Kubernetes, disruptions: voluntary disruptions respect budgets only",
    needs=(KUBERNETES,),
    severity=Severity.WARNING,
)
def budget_there(inventory: Inventory) -> Iterator[Mark]:
    """Workloads of several replicas behind an Ingress have a budget."""
    covered = {
        w.address
        for b in inventory.of("PodDisruptionBudget")
        for w in inventory.selected(b.namespace, b.get("spec", "selector"))
    }
    for workload in behind_ingress(inventory):
        if workload.address in covered:
            yield FINE
        else:
            yield defect(
                workload,
                (),
                expected="a PodDisruptionBudget",
                got="none",
                next_step="add one with maxUnavailable: 1",
            )


def behind_ingress(inventory: Inventory) -> list[Resource]:
    """Return the workloads that Ingresses send to."""
    found: dict[str, Resource] = {}
    for ingress in inventory.of(*ROUTES):
        for name, _, _ in backends(ingress):
            service = inventory.object("Service", ingress.namespace, name)
            selector = service.get("spec", "selector") if service else None
            if isinstance(selector, Mapping) and selector:
                for workload in inventory.selected(ingress.namespace, {"matchLabels": selector}):
                    found[workload.address] = workload
    return [w for w in found.values() if w.kind in REPLICATED]


@rule(
    "replicas-spread-zones",
    promises=_LOSS,
    why="a preferred rule is only scored: all pods may land in one zone and fail with it",
    source="Kubernetes, pod topology spread constraints; anti-affinity, preferred",
    needs=(KUBERNETES,),
)
def spread_zones(inventory: Inventory) -> Iterator[Mark]:
    """Workloads with a budget are spread over zones by a constraint that binds."""
    for workload in _protected(inventory):
        binding = [
            c
            for c in as_list(pod_spec(workload).get("topologySpreadConstraints"))
            if dig(c, "topologyKey") == "topology.kubernetes.io/zone"
            and dig(c, "whenUnsatisfiable") == "DoNotSchedule"
        ]
        terms = as_list(
            dig(
                pod_spec(workload),
                "affinity",
                "podAntiAffinity",
                "requiredDuringSchedulingIgnoredDuringExecution",
            )
        )
        if binding or any(dig(t, "topologyKey") == "topology.kubernetes.io/zone" for t in terms):
            yield FINE
        else:
            yield defect(
                workload,
                ("spec", "template", "spec", "affinity"),
                expected="topologySpreadConstraints over zones with DoNotSchedule",
                got="only preferences",
                next_step="add a constraint with maxSkew 1",
            )


def _protected(inventory: Inventory) -> list[Resource]:
    found: dict[str, Resource] = {}
    for budget in inventory.of("PodDisruptionBudget"):
        for workload in inventory.selected(budget.namespace, budget.get("spec", "selector")):
            if workload.kind in REPLICATED and replicas_least(inventory, workload) > 1:
                found[workload.address] = workload
    return list(found.values())


@rule(
    "tolerations-short",
    promises=("node-loss-replacement", "node-hang-replacement"),
    why="pods of a lost node are replaced after 300 s unless they tolerate less",
    source="Kubernetes, DefaultTolerationSeconds; EKS: the API server's flag cannot be set",
    needs=(KUBERNETES,),
)
def tolerations_short(inventory: Inventory) -> Iterator[Mark]:
    """Workloads with a budget leave lost nodes within a minute."""
    for workload in _protected(inventory):
        for taint in ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"):
            seconds = [
                as_number(dig(t, "tolerationSeconds"))
                for t in as_list(pod_spec(workload).get("tolerations"))
                if dig(t, "key") == taint
            ]
            known = [s for s in seconds if s is not None]
            if known and min(known) <= 60:
                yield FINE
            else:
                yield defect(
                    workload,
                    ("spec", "template", "spec", "tolerations"),
                    expected=f"tolerationSeconds of at most 60 for {taint}",
                    got=min(known) if known else f"{facts.TOLERATION_SECONDS}, the default",
                    next_step="add the toleration with 30 s",
                )


RULES = (
    budget_leaves,
    budget_survives,
    budget_single,
    budget_there,
    spread_zones,
    tolerations_short,
)
