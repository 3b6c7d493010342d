"""The types of the fields of Kubernetes objects that every rule relies on.

A star stands for each entry of a list. Types as in the Kubernetes API reference; objects of kinds
that are not built in are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from harness.audit.resource import Path

KINDS = frozenset(
    """
    ConfigMap CronJob DaemonSet Deployment HorizontalPodAutoscaler Ingress IngressClass Job
    LimitRange Namespace NetworkPolicy PersistentVolumeClaim Pod PodDisruptionBudget ReplicaSet
    ResourceQuota Secret Service ServiceAccount StatefulSet StorageClass
    """.split()
)
_NAMES: Mapping[type, str] = MappingProxyType(
    {dict: "a mapping", list: "a list", int: "a whole number", str: "text"}
)
_POD = "spec.template.spec"
_MAPPINGS = f"""
metadata metadata.labels metadata.annotations data spec spec.selector spec.selector.matchLabels
spec.template spec.template.metadata spec.template.metadata.labels
spec.template.metadata.annotations {_POD} {_POD}.affinity {_POD}.dnsConfig {_POD}.volumes.*
{_POD}.tolerations.* {_POD}.topologySpreadConstraints.* {_POD}.nodeSelector
{_POD}.containers.* {_POD}.containers.*.ports.* {_POD}.containers.*.env.*
{_POD}.containers.*.envFrom.* {_POD}.containers.*.resources
{_POD}.containers.*.resources.requests {_POD}.containers.*.resources.limits
{_POD}.containers.*.livenessProbe {_POD}.containers.*.readinessProbe
{_POD}.containers.*.lifecycle spec.rules.* spec.rules.*.http spec.rules.*.http.paths.*
spec.rules.*.http.paths.*.backend spec.rules.*.http.paths.*.backend.service spec.ports.*
spec.podSelector spec.podSelector.matchLabels spec.ingress.* spec.egress.* spec.ingress.*.from.*
spec.egress.*.to.* spec.ingress.*.ports.* spec.egress.*.ports.* spec.hard spec.limits.*
spec.metrics.* spec.scaleTargetRef spec.strategy parameters
"""
_LISTS = f"""
{_POD}.containers {_POD}.volumes {_POD}.tolerations {_POD}.topologySpreadConstraints
{_POD}.containers.*.ports {_POD}.containers.*.env {_POD}.containers.*.envFrom spec.rules
spec.rules.*.http.paths spec.ports spec.ingress spec.egress spec.ingress.*.from spec.egress.*.to
spec.ingress.*.ports spec.egress.*.ports spec.limits spec.metrics spec.policyTypes
spec.selector.matchExpressions spec.accessModes
"""
_NUMBERS = f"""
spec.replicas spec.minReplicas spec.maxReplicas spec.ports.*.port
{_POD}.terminationGracePeriodSeconds {_POD}.containers.*.ports.*.containerPort
"""
_TEXTS = f"""
spec.rules.*.host spec.rules.*.http.paths.*.backend.service.name spec.scaleTargetRef.name
spec.scaleTargetRef.kind {_POD}.serviceAccountName {_POD}.containers.*.image
metadata.namespace provisioner
"""
_SHAPES: tuple[tuple[tuple[str, ...], type], ...] = tuple(
    (tuple(path.split(".")), expected)
    for paths, expected in ((_MAPPINGS, dict), (_LISTS, list), (_NUMBERS, int), (_TEXTS, str))
    for path in paths.split()
)


def _tree() -> dict[str, Any]:
    """Return the shapes as a tree, so that an object is walked once; "" holds the type."""
    root: dict[str, Any] = {}
    for path, expected in _SHAPES:
        branch = root
        for step in path:
            branch = branch.setdefault(step, {})
        branch[""] = expected
    return root


_TREE = _tree()


def problems_of(value: Mapping[str, Any], kind: str, at: Callable[[Path], str]) -> Iterator[str]:
    """Return a sentence for each field of the wrong type; ``at`` gives file and line of a field."""
    if kind in KINDS:
        for path, expected, found in _wrong(value, _TREE, ()):
            yield (
                f"{at(path)}: {kind}: field {'.'.join(map(str, path))!r}: expected "
                f"{_NAMES[expected]}, got {found!r:.60}"
            )


def _wrong(value: Any, branch: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, type, Any]]:
    for step, inner in branch.items():
        if step == "":
            continue
        entries: list[tuple[str | int, Any]]
        if step == "*":
            entries = list(enumerate(value)) if isinstance(value, list) else []
        else:
            entries = [(step, value.get(step))] if isinstance(value, Mapping) else []
        for key, found in entries:
            expected = inner.get("")
            # An empty rule of a policy (`- {}`) may also be written as nothing.
            if found is None:
                continue
            right = expected is None or isinstance(found, expected)
            if not right or (expected is int and isinstance(found, bool)):
                yield (*path, key), expected, found
            else:
                yield from _wrong(found, inner, (*path, key))
