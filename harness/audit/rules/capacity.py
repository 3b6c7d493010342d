"""Rules on what pods ask for against limits, quotas and nodes; and on their volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit import facts
from harness.audit.inventory import REPLICATED, Inventory, containers, pod_spec
from harness.audit.resource import Path, Resource
from harness.audit.rule import (
    FINE,
    KUBERNETES,
    TERRAFORM,
    Mark,
    defect,
    rule,
    undecided,
)
from harness.audit.rules.addons import ingress_class
from harness.audit.value import as_list, as_number, dig

_SCALE = ("hpa-scale-up", "section 1.2, objective 7")
_TLS_POLICY = "alb.ingress.kubernetes.io/ssl-policy"
# Kinds of access that more than one node may have at once.
_SHARED = frozenset({"ReadWriteMany", "ReadOnlyMany"})


def replicas_most(inventory: Inventory, workload: Resource) -> float:
    """Return the largest number of pods of a workload, with those of a rolling update."""
    scaler = inventory.scaler(workload)
    most = as_number(scaler.get("spec", "maxReplicas")) if scaler else None
    size = most or as_number(workload.get("spec", "replicas")) or 1
    surge = workload.get("spec", "strategy", "rollingUpdate", "maxSurge")
    return size + (as_number(surge) or 0)


def asked(
    workload: Resource, kind: str, resource: str, defaults: Mapping[str, Any]
) -> float | None:
    """Return what one pod asks for (requests or limits); None where nothing says so."""
    total = 0.0
    for container in containers(workload):
        value = dig(container, "resources", kind, resource)
        if value is None and kind == "requests":
            value = dig(container, "resources", "limits", resource)
        if value is None:
            value = dig(defaults, "default" if kind == "limits" else "defaultRequest", resource)
        found = facts.quantity(value)
        if found is None:
            return None
        total += found
    return total


def _defaults(inventory: Inventory, namespace: str) -> Mapping[str, Any]:
    for found in inventory.of("LimitRange"):
        if found.namespace == namespace:
            for entry in as_list(found.get("spec", "limits")):
                if isinstance(entry, Mapping) and entry.get("type") == "Container":
                    return entry
    return {}


@rule(
    "autoscaler-has-requests",
    promises=("hpa-metrics-known", "hpa-scale-up"),
    why="utilisation is a share of the request: without one the metric is unknown",
    source="Kubernetes, HorizontalPodAutoscaler: containers without a request",
    needs=(KUBERNETES,),
)
def has_requests(inventory: Inventory) -> Iterator[Mark]:
    """Targets of an autoscaler by utilisation request what is measured."""
    for scaler in inventory.of("HorizontalPodAutoscaler"):
        target = scaler.get("spec", "scaleTargetRef")
        workload = inventory.object(
            str(dig(target, "kind")), scaler.namespace, str(dig(target, "name"))
        )
        if workload is None:
            continue
        defaults = _defaults(inventory, scaler.namespace)
        for index, metric in enumerate(as_list(scaler.get("spec", "metrics"))):
            name = dig(metric, "resource", "name")
            if dig(metric, "resource", "target", "type") != "Utilization":
                continue
            if asked(workload, "requests", str(name), defaults) is None:
                yield defect(
                    scaler,
                    ("spec", "metrics", index),
                    expected=f"a {name} request in every container of {workload.address}",
                    got="none",
                    next_step="set resources.requests, or a LimitRange with defaultRequest",
                )
            else:
                yield FINE


@rule(
    "autoscaler-room",
    promises=_SCALE,
    why="an autoscaler whose smallest and largest size are equal, or turned round, never scales",
    source="Kubernetes, HorizontalPodAutoscaler: minReplicas and maxReplicas",
    needs=(KUBERNETES,),
)
def autoscaler_room(inventory: Inventory) -> Iterator[Mark]:
    """An autoscaler has room between its sizes."""
    for scaler in inventory.of("HorizontalPodAutoscaler"):
        low = as_number(scaler.get("spec", "minReplicas")) or 1
        high = as_number(scaler.get("spec", "maxReplicas")) or 0
        if high > low:
            yield FINE
        else:
            yield defect(
                scaler,
                ("spec", "maxReplicas"),
                expected=f"more than minReplicas {low:g}",
                got=f"{high:g}",
                next_step="raise it",
            )


@rule(
    "quota-admits-maximum",
    promises=_SCALE,
    why="a quota below the autoscalers' maxima stops the scale-up, or the rolling update",
    source="Kubernetes, resource quotas; LimitRange defaults count",
    needs=(KUBERNETES,),
)
def quota_admits(inventory: Inventory) -> Iterator[Mark]:
    """All workloads at their maximum, with their surge, fit into the quota."""
    for quota in inventory.of("ResourceQuota"):
        defaults = _defaults(inventory, quota.namespace)
        workloads = [w for w in inventory.of(*REPLICATED) if w.namespace == quota.namespace]
        for key, value in (quota.get("spec", "hard") or {}).items():
            limit = facts.quantity(value)
            total = _total(inventory, workloads, str(key), defaults)
            if limit is None or total is None:
                continue
            if total <= limit:
                yield FINE
            else:
                yield defect(
                    quota,
                    ("spec", "hard", key),
                    expected=f"at least {total:g} for all workloads at their maximum",
                    got=value,
                    next_step="raise the quota, or lower the maxima",
                )


def _total(
    inventory: Inventory, workloads: list[Resource], key: str, defaults: Mapping[str, Any]
) -> float | None:
    kind, _, resource = key.partition(".")
    if key == "pods":
        return sum(replicas_most(inventory, w) for w in workloads)
    if kind not in ("requests", "limits") or resource not in ("cpu", "memory"):
        return None
    total = 0.0
    for workload in workloads:
        each = asked(workload, kind, resource, defaults)
        if each is None:
            return None
        total += each * replicas_most(inventory, workload)
    return total


@rule(
    "limit-range-admits",
    promises=("pod-kill-full-readiness",),
    why="a container outside the LimitRange is refused: no pod of it is ever created",
    source="Kubernetes, limit ranges",
    needs=(KUBERNETES,),
)
def range_admits(inventory: Inventory) -> Iterator[Mark]:
    """Requests and limits are inside the namespace's LimitRange."""
    ranges = {n: _defaults(inventory, n) for n in {r.namespace for r in inventory.of("LimitRange")}}
    for workload in inventory.of(*REPLICATED) if ranges else ():
        limits = ranges.get(workload.namespace)
        if not limits:
            continue
        for index, container in enumerate(containers(workload)):
            for resource in ("cpu", "memory"):
                for kind, bound, sign in (("limits", "max", 1), ("requests", "min", -1)):
                    value = facts.quantity(dig(container, "resources", kind, resource))
                    edge = facts.quantity(dig(limits, bound, resource))
                    if value is None or edge is None or sign * (value - edge) <= 0:
                        yield FINE
                        continue
                    yield defect(
                        workload,
                        (
                            "spec",
                            "template",
                            "spec",
                            "containers",
                            index,
                            "resources",
                            kind,
                            resource,
                        ),
                        expected=f"{bound} {dig(limits, bound, resource)} of the LimitRange",
                        got=dig(container, "resources", kind, resource),
                        next_step="change one of them",
                    )


@rule(
    "nodes-hold-maximum",
    promises=_SCALE,
    why="pods beyond what the largest size of the node groups holds stay Pending",
    source="EKS AMI, reserved resources; EKS user guide, instance types",
    needs=(TERRAFORM, KUBERNETES),
)
def nodes_hold(inventory: Inventory) -> Iterator[Mark]:
    """The node groups at their maximum hold all workloads at theirs."""
    groups = [g for g in inventory.of("aws_eks_node_group") if not as_list(g.get("taint"))]
    workloads = [w for w in inventory.of(*REPLICATED) if inventory.scaler(w) is not None]
    if not groups or not workloads:
        return
    room = {"cpu": 0.0, "memory": 0.0}
    for group in groups:
        machine = facts.machine(str(dig(group.get("instance_types"), 0)))
        count = as_number(dig(group.get("scaling_config"), 0, "max_size"))
        if machine is None or count is None:
            yield undecided(group, ("instance_types",), "instance type or size is not known")
            return
        cores, memory = facts.allocatable(machine)
        room["cpu"] += count * cores
        room["memory"] += count * memory
    for resource, there in room.items():
        wanted = 0.0
        for workload in workloads:
            each = asked(workload, "requests", resource, _defaults(inventory, workload.namespace))
            wanted += (each or 0) * replicas_most(inventory, workload)
        if wanted <= there:
            yield FINE
        else:
            yield defect(
                groups[0],
                ("scaling_config", 0, "max_size"),
                expected=f"room for {wanted:.4g} of {resource}",
                got=f"{there:.4g} at the largest size",
                next_step="raise max_size, or lower the requests",
            )


def claims(inventory: Inventory) -> Iterator[tuple[Resource, Path, Any, float]]:
    """Return each volume claim with its place, spec and the number of pods that share it."""
    for claim in inventory.of("PersistentVolumeClaim"):
        sharing = sum(
            as_number(w.get("spec", "replicas")) or 1
            for w in inventory.of(*REPLICATED)
            if w.namespace == claim.namespace
            and any(
                dig(v, "persistentVolumeClaim", "claimName") == claim.name
                for v in as_list(pod_spec(w).get("volumes"))
            )
        )
        yield claim, ("spec",), claim.get("spec"), sharing
    for workload in inventory.of("StatefulSet"):
        for index, template in enumerate(as_list(workload.get("spec", "volumeClaimTemplates"))):
            yield (
                workload,
                ("spec", "volumeClaimTemplates", index, "spec"),
                dig(template, "spec"),
                1,
            )
    for release in inventory.releases:
        for path in (
            ("prometheus", "prometheusSpec", "storageSpec", "volumeClaimTemplate", "spec"),
            ("alertmanager", "alertmanagerSpec", "storage", "volumeClaimTemplate", "spec"),
        ):
            spec = release.get(*path)
            if isinstance(spec, Mapping):
                yield release, path, spec, 1
        persistence = release.get("grafana", "persistence")
        if isinstance(persistence, Mapping) and persistence.get("enabled"):
            spec = {
                "storageClassName": persistence.get("storageClassName"),
                "accessModes": persistence.get("accessModes") or ["ReadWriteOnce"],
            }
            replicas = as_number(release.get("grafana", "replicas")) or 1
            yield release, ("grafana", "persistence"), spec, replicas


@rule(
    "volume-shared-by-mode",
    promises=("pod-kill-full-readiness", "section 1.5, Grafana"),
    why="a ReadWriteOnce volume is of one node in one zone: further pods stay in ContainerCreating",
    source="Kubernetes, access modes; EBS volumes are bound to one zone",
    needs=(),
)
def volume_shared(inventory: Inventory) -> Iterator[Mark]:
    """A volume that several pods share may be attached several times."""
    for owner, path, spec, sharing in claims(inventory):
        modes = {str(mode) for mode in as_list(dig(spec, "accessModes"))}
        if sharing <= 1 or modes & _SHARED:
            yield FINE
        else:
            yield defect(
                owner,
                path,
                expected=f"one pod, or ReadWriteMany, for {sharing:g} pods",
                got=", ".join(sorted(modes)) or "ReadWriteOnce",
                next_step="use one replica, a shared file system, or no volume",
            )


@rule(
    "storage-class-declared",
    promises=("section 4.2, storage class", "section 3, day 703"),
    why="a claim of a class that is not there stays Pending for ever",
    source="Kubernetes, storage classes",
    needs=(KUBERNETES,),
)
def class_declared(inventory: Inventory) -> Iterator[Mark]:
    """Each storage class that a claim names is declared."""
    for owner, path, spec, _ in claims(inventory):
        name = dig(spec, "storageClassName")
        if not isinstance(name, str) or not name:
            continue
        if any(c.name == name for c in inventory.of("StorageClass")):
            yield FINE
        else:
            yield defect(
                owner,
                (*path, "storageClassName"),
                expected=f"a StorageClass {name!r}",
                got="none",
                next_step="declare it with provisioner ebs.csi.aws.com",
            )


@rule(
    "storage-class-binds-late",
    promises=("NFR-SEC-03", "section 4.2, storage class (encrypted)"),
    why="bound early, a volume lands in a zone where its pod cannot run",
    source="Kubernetes, WaitForFirstConsumer; EBS CSI driver parameters",
    needs=(KUBERNETES,),
)
def class_late(inventory: Inventory) -> Iterator[Mark]:
    """EBS storage classes bind at first use and encrypt."""
    for found in inventory.of("StorageClass"):
        if found.get("provisioner") != "ebs.csi.aws.com":
            continue
        if found.get("volumeBindingMode") != "WaitForFirstConsumer":
            field, expected = "volumeBindingMode", "WaitForFirstConsumer"
        elif str(found.get("parameters", "encrypted")).lower() != "true":
            field, expected = "parameters", 'encrypted: "true"'
        else:
            yield FINE
            continue
        yield defect(found, (field,), expected=expected, got=found.get(field), next_step="set it")


@rule(
    "ingress-tls-policy",
    promises=("NFR-SEC-01", "section 5.1, SSL certificate"),
    why="the default policy of a listener still accepts TLS 1.0 and 1.1, which caps the grade at B",
    source="ELB user guide, security policies; SSL Labs rating guide",
    needs=(KUBERNETES,),
)
def tls_policy(inventory: Inventory) -> Iterator[Mark]:
    """An Ingress with TLS states a policy of TLS 1.2 and 1.3."""
    for ingress in inventory.of("Ingress"):
        listens = str(ingress.annotations.get("alb.ingress.kubernetes.io/listen-ports", ""))
        if ingress_class(ingress) != "alb" or "HTTPS" not in listens:
            continue
        policy = str(ingress.annotations.get(_TLS_POLICY, ""))
        if "TLS13-1-2" in policy or "TLS13-1-3" in policy or "TLS-1-2" in policy:
            yield FINE
        else:
            yield defect(
                ingress,
                ("metadata", "annotations", _TLS_POLICY),
                expected="ELBSecurityPolicy-TLS13-1-2-2021-06 or newer",
                got=policy or "none: the default policy",
                next_step=f"add the annotation {_TLS_POLICY}",
            )


@rule(
    "ingress-redirects",
    promises=("NFR-SEC-01",),
    why="a listener on port 80 without a redirect serves in clear",
    source="AWS Load Balancer Controller documentation, ssl-redirect",
    needs=(KUBERNETES,),
)
def redirects(inventory: Inventory) -> Iterator[Mark]:
    """An Ingress that listens on HTTP sends to HTTPS."""
    for ingress in inventory.of("Ingress"):
        listens = str(ingress.annotations.get("alb.ingress.kubernetes.io/listen-ports", ""))
        if ingress_class(ingress) != "alb" or '"HTTP"' not in listens:
            continue
        if ingress.annotations.get("alb.ingress.kubernetes.io/ssl-redirect"):
            yield FINE
        else:
            yield defect(
                ingress,
                ("metadata", "annotations"),
                expected='alb.ingress.kubernetes.io/ssl-redirect: "443"',
                got="none",
                next_step="add the annotation",
            )


RULES = (
    has_requests,
    autoscaler_room,
    quota_admits,
    range_admits,
    nodes_hold,
    volume_shared,
    class_declared,
    class_late,
    tls_policy,
    redirects,
)
