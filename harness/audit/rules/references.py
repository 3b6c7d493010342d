"""Rules on Kubernetes objects that name others: do those exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit.inventory import WORKLOADS, Inventory, containers, pod_labels, pod_spec
from harness.audit.resource import Path, Resource
from harness.audit.rule import FINE, KUBERNETES, Mark, Severity, defect, rule
from harness.audit.value import as_list, as_switch, dig

_PODS = ("section 3, day 703 (deployments)", "pod-kill-full-readiness")
# What leads from a load balancer to a Service.
ROUTES = ("Ingress", "TargetGroupBinding")
# What every namespace and cluster has by itself.
_PROVIDED = frozenset(
    {
        ("ServiceAccount", "default"),
        ("ConfigMap", "kube-root-ca.crt"),
    }
)


def named_by(workload: Resource) -> Iterator[tuple[str, str, Path]]:
    """Return kind, name and place of each object that a workload's pods cannot do without."""
    base: Path = ("spec", "template", "spec")
    spec = pod_spec(workload)
    account = spec.get("serviceAccountName")
    if isinstance(account, str):
        yield "ServiceAccount", account, (*base, "serviceAccountName")
    for index, volume in enumerate(as_list(spec.get("volumes"))):
        where = (*base, "volumes", index)
        for field, key, kind in (
            ("configMap", "name", "ConfigMap"),
            ("secret", "secretName", "Secret"),
            ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
        ):
            name = dig(volume, field, key)
            if isinstance(name, str) and not as_switch(dig(volume, field, "optional")):
                yield kind, name, (*where, field, key)
    for index, container in enumerate(containers(workload)):
        yield from _environment(container, (*base, "containers", index))


def _environment(container: Mapping[str, Any], where: Path) -> Iterator[tuple[str, str, Path]]:
    kinds = (("configMapRef", "ConfigMap"), ("secretRef", "Secret"))
    for index, source in enumerate(as_list(container.get("envFrom"))):
        for field, kind in kinds:
            name = dig(source, field, "name")
            if isinstance(name, str) and not as_switch(dig(source, field, "optional")):
                yield kind, name, (*where, "envFrom", index, field, "name")
    for index, entry in enumerate(as_list(container.get("env"))):
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            name = dig(entry, "valueFrom", field, "name")
            if isinstance(name, str) and not as_switch(dig(entry, "valueFrom", field, "optional")):
                yield kind, name, (*where, "env", index, "valueFrom", field, "name")


def exists(inventory: Inventory, kind: str, namespace: str, name: str) -> bool:
    """Say whether an object is declared, made by an ExternalSecret, or there by itself."""
    if (kind, name) in _PROVIDED or inventory.object(kind, namespace, name) is not None:
        return True
    if kind == "ConfigMap":
        return any(name in _told(o) for o in inventory.of("Namespace") if o.name == namespace)
    if kind != "Secret":
        return False
    for found in inventory.of("ExternalSecret"):
        target = found.get("spec", "target", "name") or found.name
        if found.namespace == namespace and target == name:
            return True
    return False


def _told(namespace: Resource) -> list[str]:
    """Return the ConfigMaps that a namespace says are put there by its delivery."""
    text = str(namespace.annotations.get("smart-dairy.io/provided-config-maps", ""))
    return [name.strip() for name in text.split(",")]


@rule(
    "reference-exists",
    promises=("all", *_PODS),
    why="a pod that names an account, claim, ConfigMap or Secret that is not there never starts",
    source="Kubernetes: ServiceAccount admission; CreateContainerConfigError; FailedMount",
    needs=(KUBERNETES,),
)
def reference_exists(inventory: Inventory) -> Iterator[Mark]:
    """What a pod names exists."""
    for workload in inventory.of(*WORKLOADS, "CronJob"):
        for kind, name, path in named_by(workload):
            if exists(inventory, kind, workload.namespace, name):
                yield FINE
            else:
                yield defect(
                    workload,
                    path,
                    expected=f"a {kind} {name!r} in namespace {workload.namespace}",
                    got="none",
                    next_step=f"declare the {kind}, or an ExternalSecret where it is secret"
                    if kind == "Secret"
                    else f"declare the {kind}",
                )


@rule(
    "object-declared-once",
    promises=_PODS,
    why="of two objects with one name the one that is applied last wins, whichever that is",
    source="Kubernetes, object names: unique by kind and namespace",
    needs=(KUBERNETES,),
)
def declared_once(inventory: Inventory) -> Iterator[Mark]:
    """No two objects have the same kind, namespace and name."""
    seen: dict[tuple[str, str, str, str], Resource] = {}
    for found in inventory.objects:
        group = str(found.get("apiVersion")).rpartition("/")[0]
        first = seen.setdefault((group, found.kind, found.namespace, found.name), found)
        if first is found:
            yield FINE
        else:
            yield defect(
                found,
                ("metadata", "name"),
                expected=f"one {found.address}",
                got=f"another one at {first.place}",
                next_step="remove one of them",
            )


@rule(
    "ingress-class-once",
    promises=("section 1.2, objective 6",),
    why="the API server refuses a new Ingress that has both the field and the old annotation",
    source="kubernetes/kubernetes, ValidateIngressCreate",
    needs=(KUBERNETES,),
)
def ingress_class_once(inventory: Inventory) -> Iterator[Mark]:
    """An Ingress names its class once."""
    for ingress in inventory.of("Ingress"):
        annotation = "kubernetes.io/ingress.class"
        if annotation in ingress.annotations and ingress.get("spec", "ingressClassName"):
            yield defect(
                ingress,
                ("metadata", "annotations", annotation),
                expected="spec.ingressClassName only",
                got=f"{annotation} beside it",
                next_step="remove the annotation",
            )
        else:
            yield FINE


def backends(ingress: Resource) -> Iterator[tuple[str, Any, Path]]:
    """Return Service name, port and place of each backend of an Ingress or TargetGroupBinding."""
    if ingress.kind == "TargetGroupBinding":
        name, port = (
            ingress.get("spec", "serviceRef", "name"),
            ingress.get("spec", "serviceRef", "port"),
        )
        if isinstance(name, str):
            yield name, {"number": port}, ("spec", "serviceRef")
        return
    for r, one in enumerate(as_list(ingress.get("spec", "rules"))):
        for p, path in enumerate(as_list(dig(one, "http", "paths"))):
            service = dig(path, "backend", "service")
            where: Path = ("spec", "rules", r, "http", "paths", p, "backend", "service")
            if isinstance(dig(service, "name"), str):
                yield service["name"], dig(service, "port"), where
    service = ingress.get("spec", "defaultBackend", "service")
    if isinstance(dig(service, "name"), str):
        yield service["name"], dig(service, "port"), ("spec", "defaultBackend", "service")


@rule(
    "ingress-backend-exists",
    promises=("section 1.2, objective 6", "NFR-AVAIL-01"),
    why="a path to a Service or port that is not there answers 503",
    source="Kubernetes, Ingress: backends are Services of the same namespace",
    needs=(KUBERNETES,),
)
def backend_exists(inventory: Inventory) -> Iterator[Mark]:
    """Each backend of an Ingress is a Service with that port."""
    for ingress in inventory.of(*ROUTES):
        for name, port, path in backends(ingress):
            service = inventory.object("Service", ingress.namespace, name)
            ports = as_list(service.get("spec", "ports")) if service else []
            wanted = dig(port, "number") or dig(port, "name")
            if service is None:
                got, expected = "none", f"a Service {name!r} in namespace {ingress.namespace}"
            elif not any(wanted in (dig(p, "port"), dig(p, "name")) for p in ports):
                got, expected = f"ports {[dig(p, 'port') for p in ports]}", f"port {wanted}"
            else:
                yield FINE
                continue
            step = "declare the Service, or name the one that is meant"
            yield defect(ingress, path, expected=expected, got=got, next_step=step)


@rule(
    "service-selects-pods",
    promises=("NFR-AVAIL-01",),
    why="a Service whose selector matches no pod has no endpoints",
    source="Kubernetes, Service: selector and targetPort",
    needs=(KUBERNETES,),
)
def service_selects(inventory: Inventory) -> Iterator[Mark]:
    """A Service selects pods of some workload, and names a port that they open."""
    for service in inventory.of("Service"):
        selector = service.get("spec", "selector")
        if not isinstance(selector, Mapping) or not selector:
            continue
        chosen = inventory.selected(service.namespace, {"matchLabels": selector})
        if not chosen:
            yield defect(
                service,
                ("spec", "selector"),
                expected="pods with these labels",
                got="none",
                next_step="correct the selector, or declare the workload",
            )
            continue
        names = {
            str(dig(p, "name"))
            for w in chosen
            for c in containers(w)
            for p in as_list(c.get("ports"))
        }
        for index, port in enumerate(as_list(service.get("spec", "ports"))):
            target = dig(port, "targetPort")
            if isinstance(target, str) and not target.isdigit() and target not in names:
                yield defect(
                    service,
                    ("spec", "ports", index, "targetPort"),
                    expected=f"a container port named {target!r}",
                    got=f"{sorted(names)}",
                    next_step="correct the name",
                )
            else:
                yield FINE


@rule(
    "service-port-routed",
    promises=("section 3, day 703 (services and ingress)",),
    why="a port that only the Ingress could serve and that no path leads to is never reached",
    source="derived from Service, Ingress and policies",
    needs=(KUBERNETES,),
    severity=Severity.WARNING,
)
def service_port_routed(inventory: Inventory) -> Iterator[Mark]:
    """Each container port behind a Service of an Ingress is reached by one of its paths."""
    routed: dict[tuple[str, str], set[str]] = {}
    for ingress in inventory.of(*ROUTES):
        for name, port, _ in backends(ingress):
            wanted = str(dig(port, "number") or dig(port, "name"))
            routed.setdefault((ingress.namespace, name), set()).add(wanted)
    for (namespace, name), known in routed.items():
        service = inventory.object("Service", namespace, name)
        if service is None:
            continue
        ports = as_list(service.get("spec", "ports"))
        reached = {
            str(dig(p, "targetPort"))
            for p in ports
            if known & {str(dig(p, "port")), str(dig(p, "name"))}
        }
        for index, port in enumerate(ports):
            if str(dig(port, "targetPort")) in reached:
                yield FINE
            else:
                yield defect(
                    service,
                    ("spec", "ports", index),
                    expected=f"a path of the Ingress to port {dig(port, 'port')}",
                    got="none",
                    next_step="add the path, or drop the port",
                )


@rule(
    "scale-target-exists",
    promises=("hpa-scale-up", "hpa-metrics-known"),
    why="an autoscaler whose target is not there does nothing",
    source="Kubernetes, HorizontalPodAutoscaler: scaleTargetRef",
    needs=(KUBERNETES,),
)
def scale_target(inventory: Inventory) -> Iterator[Mark]:
    """Each autoscaler's target is declared."""
    for scaler in inventory.of("HorizontalPodAutoscaler"):
        target = scaler.get("spec", "scaleTargetRef")
        kind, name = str(dig(target, "kind")), str(dig(target, "name"))
        if inventory.object(kind, scaler.namespace, name) is not None:
            yield FINE
        else:
            yield defect(
                scaler,
                ("spec", "scaleTargetRef"),
                expected=f"{kind} {name!r} in namespace {scaler.namespace}",
                got="none",
                next_step="correct the name",
            )


@rule(
    "namespace-injection-installed",
    promises=("hpa-metrics-known",),
    why="the label promises a mesh that nothing installs; its sidecars would change every budget",
    source="Istio documentation, sidecar injection",
    needs=(KUBERNETES,),
    severity=Severity.WARNING,
)
def injection_installed(inventory: Inventory) -> Iterator[Mark]:
    """A namespace asks for sidecars only where the mesh is installed."""
    mesh = any(o.name == "istiod" for o in inventory.of("Deployment"))
    for namespace in inventory.of("Namespace"):
        if namespace.labels.get("istio-injection") == "enabled" and not mesh:
            yield defect(
                namespace,
                ("metadata", "labels", "istio-injection"),
                expected="Istio in the inputs, or no label",
                got="istio-injection: enabled",
                next_step="remove the label",
            )
        else:
            yield FINE


@rule(
    "selector-matches-template",
    promises=_PODS,
    why="the API server refuses a workload whose selector does not match its own pods",
    source="Kubernetes, Deployment: selector must match the template's labels",
    needs=(KUBERNETES,),
)
def selector_matches(inventory: Inventory) -> Iterator[Mark]:
    """A workload's selector matches its own pods."""
    for workload in inventory.of("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        wanted = workload.get("spec", "selector", "matchLabels") or {}
        labels = pod_labels(workload)
        wrong = [key for key, value in wanted.items() if labels.get(key) != value]
        if wrong:
            yield defect(
                workload,
                ("spec", "selector", "matchLabels", wrong[0]),
                expected=f"{wrong[0]}: {wanted[wrong[0]]!r} in the template's labels",
                got=labels.get(wrong[0]),
                next_step="make both equal",
            )
        else:
            yield FINE


RULES = (
    reference_exists,
    declared_once,
    ingress_class_once,
    backend_exists,
    service_selects,
    service_port_routed,
    scale_target,
    injection_installed,
    selector_matches,
)
