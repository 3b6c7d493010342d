"""All inputs of one audit as one typed model, with the look-ups that rules share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from harness.audit.resource import (
    Alertmanager,
    AlertRule,
    Domain,
    NotJudged,
    Reference,
    Resource,
    ScrapeJob,
    Script,
)
from harness.audit.value import as_list, dig

# Kinds whose spec.template holds pods.
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet")
REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet")


@dataclass(frozen=True)
class Inventory:
    """What was read: ``given`` are the domains that had an input at all.

    ``resources`` are of Terraform, ``objects`` of Kubernetes; ``releases`` are Helm values files
    of the monitoring folder. ``notes`` say what could not be read from an input and how it was
    read instead.
    """

    given: frozenset[Domain] = frozenset()
    resources: tuple[Resource, ...] = ()
    references: tuple[Reference, ...] = ()
    objects: tuple[Resource, ...] = ()
    alerts: tuple[AlertRule, ...] = ()
    jobs: tuple[ScrapeJob, ...] = ()
    alertmanagers: tuple[Alertmanager, ...] = ()
    releases: tuple[Resource, ...] = ()
    scripts: tuple[Script, ...] = ()
    workflows: tuple[Resource, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    notes: tuple[str, ...] = ()
    # The day of the audit, which decides what is past its support.
    today: date = date.min

    def __add__(self, other: Inventory) -> Inventory:
        """Return both inputs as one."""
        merged = {
            name: (*getattr(self, name), *getattr(other, name))
            for name in self.__dataclass_fields__
            if name not in ("given", "today")
        }
        today = max(self.today, other.today)
        return Inventory(given=self.given | other.given, today=today, **merged)

    @cached_property
    def _by_kind(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = defaultdict(list)
        for resource in (*self.resources, *self.objects):
            found[resource.kind].append(resource)
        return found

    @cached_property
    def _by_base(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.resources:
            found[resource.base].append(resource)
        return found

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str, str], Resource]:
        return {(o.kind, o.namespace, o.name): o for o in self.objects}

    @cached_property
    def _by_label(self) -> Mapping[tuple[str, str, str], list[Resource]]:
        found: dict[tuple[str, str, str], list[Resource]] = defaultdict(list)
        for workload in self.of(*WORKLOADS):
            for key, value in pod_labels(workload).items():
                found[workload.namespace, str(key), str(value)].append(workload)
        return found

    @cached_property
    def _scalers(self) -> Mapping[tuple[str, str, str], Resource]:
        return {
            (s.namespace, str(dig(target, "kind")), str(dig(target, "name"))): s
            for s in self.of("HorizontalPodAutoscaler")
            for target in [s.get("spec", "scaleTargetRef")]
        }

    @cached_property
    def _policies(self) -> Mapping[tuple[str, str, str], list[Resource]]:
        found: dict[tuple[str, str, str], list[Resource]] = defaultdict(list)
        for policy in self.of("NetworkPolicy"):
            labels = policy.get("spec", "podSelector", "matchLabels") or {}
            key, value = next(iter(labels.items()), ("", ""))
            found[policy.namespace, str(key), str(value)].append(policy)
        return found

    def scaler(self, workload: Resource) -> Resource | None:
        """Return the autoscaler of a workload."""
        return self._scalers.get((workload.namespace, workload.kind, workload.name))

    def policies(self, workload: Resource) -> list[Resource]:
        """Return the network policies that select a workload's pods."""
        labels = pod_labels(workload)
        keys = [("", ""), *((str(key), str(value)) for key, value in labels.items())]
        return [
            policy
            for key in keys
            for policy in self._policies.get((workload.namespace, *key), ())
            if matches(labels, policy.get("spec", "podSelector") or {})
        ]

    def of(self, *kinds: str) -> list[Resource]:
        """Return everything of these kinds, in the order of the input."""
        return [resource for kind in kinds for resource in self._by_kind.get(kind, ())]

    def object(self, kind: str, namespace: str, name: str) -> Resource | None:
        """Return one Kubernetes object."""
        return self._by_name.get((kind, namespace, name))

    def referred(self, names: Iterable[str], *kinds: str) -> list[Resource]:
        """Return the Terraform resources of some kinds with one of these addresses."""
        return [r for name in sorted(names) for r in self._by_base.get(name, ()) if r.kind in kinds]

    def linked(self, resource: Resource, field: str, kind: str, *by: str) -> list[Resource]:
        """Return the resources of a kind that a field names by reference or by a value.

        ``by`` are the fields of the other side that the value may be equal to.
        """
        found = self.referred(resource.refers(field), kind)
        values = [value for value in as_list(resource.get(field)) if isinstance(value, str)]
        if found or not values:
            return found
        return [r for r in self.of(kind) if any(r.get(name) in values for name in by)]

    def selected(self, namespace: str, selector: Any) -> list[Resource]:
        """Return the workloads whose pods a label selector selects."""
        if not isinstance(selector, Mapping):
            return []
        labels = selector.get("matchLabels") or {}
        if labels and isinstance(labels, Mapping):
            key, value = next(iter(labels.items()))
            candidates = self._by_label.get((namespace, str(key), str(value)), [])
        else:
            candidates = [w for w in self.of(*WORKLOADS) if w.namespace == namespace]
        return [w for w in candidates if matches(pod_labels(w), selector)]

    def declares(self, *kinds: str) -> bool:
        """Say whether anything of these kinds is there."""
        return any(self._by_kind.get(kind) for kind in kinds)


def pod_labels(workload: Resource) -> Mapping[str, Any]:
    """Return the labels of a workload's pods."""
    labels = workload.get("spec", "template", "metadata", "labels")
    return labels if isinstance(labels, Mapping) else {}


def pod_spec(workload: Resource) -> Mapping[str, Any]:
    """Return the pod's spec of a workload, a CronJob or a bare Pod."""
    paths: tuple[tuple[str, ...], ...] = (
        ("spec", "jobTemplate", "spec", "template", "spec"),
        ("spec", "template", "spec"),
    )
    if workload.kind == "Pod":
        paths = (("spec",),)
    for path in paths:
        found = workload.get(*path)
        if isinstance(found, Mapping):
            return found
    return {}


def containers(workload: Resource) -> list[Mapping[str, Any]]:
    """Return the containers of a workload's pods, without those that end before they serve."""
    return [c for c in as_list(pod_spec(workload).get("containers")) if isinstance(c, Mapping)]


def matches(labels: Mapping[str, Any], selector: Mapping[str, Any]) -> bool:
    """Say whether labels satisfy a selector (Kubernetes: labels and expressions are joined)."""
    wanted = selector.get("matchLabels")
    wanted = wanted if isinstance(wanted, Mapping) else {}
    if any(str(labels.get(key)) != str(value) for key, value in wanted.items()):
        return False
    return all(_expression(labels, item) for item in as_list(selector.get("matchExpressions")))


def _expression(labels: Mapping[str, Any], item: Any) -> bool:
    key, values = str(dig(item, "key")), as_list(dig(item, "values"))
    match dig(item, "operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
