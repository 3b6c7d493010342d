"""Rules on a load balancer that Terraform makes, against the pods behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.audit import facts
from harness.audit.inventory import Inventory, containers, pod_spec
from harness.audit.resource import Path, Resource
from harness.audit.rule import FINE, KUBERNETES, TERRAFORM, Mark, defect, rule, undecided
from harness.audit.rules.disruption import behind_ingress
from harness.audit.rules.field import field_rule
from harness.audit.rules.references import backends
from harness.audit.value import Unknown, as_number, dig

LISTENER, GROUP = "aws_lb_listener", "aws_lb_target_group"
_PATH = "alb.ingress.kubernetes.io/healthcheck-path"
_TLS = ("NFR-SEC-01", "section 5.1, SSL certificate")


def is_current(policy: Any) -> bool:
    """Accept security policies of TLS 1.2 and 1.3 only."""
    return any(word in str(policy) for word in ("TLS13-1-2", "TLS13-1-3", "TLS-1-2"))


@rule(
    "listener-redirects",
    promises=("NFR-SEC-01",),
    why="a listener on port 80 that forwards serves in clear",
    source="ELB user guide, redirect actions",
    needs=(TERRAFORM,),
)
def listener_redirects(inventory: Inventory) -> Iterator[Mark]:
    """Listeners in clear send to HTTPS."""
    for listener in inventory.of(LISTENER):
        if listener.get("protocol") != "HTTP":
            continue
        action = dig(listener.get("default_action"), 0)
        if dig(action, "type") == "redirect" and dig(action, "redirect", 0, "protocol") == "HTTPS":
            yield FINE
        else:
            yield defect(
                listener,
                ("default_action", 0, "type"),
                expected="a redirect to HTTPS",
                got=dig(action, "type"),
                next_step="redirect with HTTP_301",
            )


@rule(
    "target-group-drains-in-grace",
    promises=("pod-kill-failed-requests",),
    why="a balancer that still sends to pods that are gone loses requests",
    source="ELB user guide: deregistration delay is 300 s by default; EKS best practices",
    needs=(TERRAFORM, KUBERNETES),
)
def drains_in_grace(inventory: Inventory) -> Iterator[Mark]:
    """The deregistration delay ends before the grace period of the pods behind the groups."""
    graces = [
        as_number(pod_spec(w).get("terminationGracePeriodSeconds")) or 30
        for w in behind_ingress(inventory)
    ]
    for group in inventory.of(GROUP) if graces else ():
        value = group.get("deregistration_delay")
        delay = facts.DEREGISTRATION_SECONDS if value is None else as_number(value)
        if isinstance(value, Unknown) or delay is None:
            yield undecided(group, ("deregistration_delay",), value)
        elif delay <= min(graces):
            yield FINE
        else:
            yield defect(
                group,
                ("deregistration_delay",),
                expected=f"at most {min(graces):g} s, the pods' grace period",
                got=f"{delay:g} s",
                next_step="lower it",
            )


def health_paths(workload: Resource) -> set[str]:
    """Return the paths at which a workload's pods answer for their health."""
    found = set()
    for container in containers(workload):
        for probe in ("readinessProbe", "livenessProbe"):
            path = dig(container, probe, "httpGet", "path")
            if isinstance(path, str):
                found.add(path)
    return found


@rule(
    "health-path-served",
    promises=("NFR-AVAIL-01", "section 1.2, objective 6"),
    why="a target whose health is asked at a path that its pods do not know never gets traffic",
    source="AWS Load Balancer Controller documentation: annotations of the Service win",
    needs=(KUBERNETES,),
)
def health_path_served(inventory: Inventory) -> Iterator[Mark]:
    """The balancer asks each backend at a path that its own probes use."""
    for ingress in inventory.of("Ingress"):
        for name, _, at in backends(ingress):
            service = inventory.object("Service", ingress.namespace, name)
            if service is None:
                continue
            asked = service.annotations.get(_PATH) or ingress.annotations.get(_PATH)
            selector = {"matchLabels": service.get("spec", "selector") or {}}
            for workload in inventory.selected(service.namespace, selector) if asked else ():
                yield from _served(ingress, at, workload, str(asked))
    answered = {p for w in behind_ingress(inventory) for p in health_paths(w)}
    for group in inventory.of(GROUP) if answered else ():
        path = dig(group.get("health_check"), 0, "path")
        if isinstance(path, Unknown):
            yield undecided(group, ("health_check", 0, "path"), path)
        elif path is None or path in answered:
            yield FINE
        else:
            yield defect(
                group,
                ("health_check", 0, "path"),
                expected=f"one of {', '.join(sorted(answered))}",
                got=path,
                next_step="name the path of the pods' readiness probe",
            )


def _served(ingress: Resource, at: Path, workload: Resource, asked: str) -> Iterator[Mark]:
    known = health_paths(workload)
    if not known or asked in known:
        yield FINE
    else:
        yield defect(
            ingress,
            at,
            expected=f"{workload.address} asked at {', '.join(sorted(known))}",
            got=asked,
            next_step=f"annotate the Service with {_PATH}",
        )


@rule(
    "target-group-by-address",
    promises=("NFR-AVAIL-01",),
    why="pods join a group by address only if the group is of target type ip",
    source="AWS Load Balancer Controller documentation, TargetGroupBinding: targetType",
    needs=(TERRAFORM, KUBERNETES),
)
def by_address(inventory: Inventory) -> Iterator[Mark]:
    """Groups that bindings of type ip name are of target type ip."""
    bindings = inventory.of("TargetGroupBinding")
    if not any(b.get("spec", "targetType") == "ip" for b in bindings):
        return
    for group in inventory.of(GROUP):
        if group.get("target_type") == "ip":
            yield FINE
        else:
            yield defect(
                group,
                ("target_type",),
                expected='target_type = "ip"',
                got=group.get("target_type") or "instance, the default",
                next_step="set it",
            )


RULES = (
    listener_redirects,
    drains_in_grace,
    health_path_served,
    by_address,
    field_rule(
        "listener-tls-policy",
        (LISTENER,),
        ("ssl_policy",),
        is_current,
        expected="ELBSecurityPolicy-TLS13-1-2-2021-06 or newer",
        next_step="set ssl_policy",
        promises=_TLS,
        why="the default policy of a listener still accepts TLS 1.0 and 1.1",
        source="ELB user guide, security policies; SSL Labs rating guide",
        when=lambda listener: listener.get("protocol") in ("HTTPS", "TLS"),
    ),
)
