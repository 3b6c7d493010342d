"""Planted defects in the cluster's objects. WARNING: they make the running stack worse.

Each stores the whole original object in the undo log first; its undo sets exactly that back and
waits for the rollout that this causes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from harness.chaos import names
from harness.chaos import session as sessions
from harness.chaos.kube import Object
from harness.chaos.plant.objects import plain
from harness.chaos.pod import reading
from harness.chaos.session import Session
from harness.errors import FaultFailed, ProbeFailed
from harness.model.history import Phase

__all__ = [
    "delete_disruption_budget",
    "lengthen_tolerations",
    "remove_cpu_request",
    "remove_graceful_stop",
]

FAULT = "plant"
_EVICTING_TAINTS = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")


def delete_disruption_budget() -> dict[str, Any]:
    """Delete the backend's PodDisruptionBudget."""
    now = sessions.current()
    path = f"{names.DISRUPTION_BUDGETS}/{names.BACKEND_PDB}"
    _plan(now, path, "no disruption budget", rollout=False)
    now.tools.kube.delete(path)
    return _planted(now, path, now.tools.kube.find(path) is None)


def remove_graceful_stop(rollout_limit_seconds: float) -> dict[str, Any]:
    """Remove the preStop hook and the readiness probe of the backend."""
    return _change_backend(without_graceful_stop, "no graceful stop", rollout_limit_seconds)


def lengthen_tolerations(seconds: int, rollout_limit_seconds: float) -> dict[str, Any]:
    """Let backend pods stay on a lost node for ``seconds``."""
    return _change_backend(
        lambda deployment: with_tolerations(deployment, seconds),
        f"tolerations of {seconds} s",
        rollout_limit_seconds,
    )


def remove_cpu_request(rollout_limit_seconds: float) -> dict[str, Any]:
    """Remove the backend's CPU request, and the namespace's defaults that would supply one."""
    now = sessions.current()
    for collection in (names.LIMIT_RANGES, names.QUOTAS):
        for item in now.tools.kube.get(collection).get("items", []):
            path = f"{collection}/{item['metadata']['name']}"
            changed = without_cpu(plain(item))
            _plan(now, path, f"no CPU in {item['metadata']['name']}", rollout=False)
            _put(now, path, changed)
    return _change_backend(without_cpu_request, "no CPU request", rollout_limit_seconds)


def without_graceful_stop(deployment: Object) -> Object:
    """Return the Deployment without preStop hook and readiness probe."""
    changed = copy.deepcopy(deployment)
    for container in changed["spec"]["template"]["spec"]["containers"]:
        container.pop("readinessProbe", None)
        container.pop("lifecycle", None)
    return changed


def with_tolerations(deployment: Object, seconds: int) -> Object:
    """Return the Deployment with its tolerations of lost nodes set to ``seconds``."""
    changed = copy.deepcopy(deployment)
    spec = changed["spec"]["template"]["spec"]
    others = [t for t in spec.get("tolerations") or [] if t.get("key") not in _EVICTING_TAINTS]
    spec["tolerations"] = others + [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
        for key in _EVICTING_TAINTS
    ]
    return changed


def without_cpu_request(deployment: Object) -> Object:
    """Return the Deployment without CPU request and limit (a limit alone implies a request)."""
    changed = copy.deepcopy(deployment)
    for container in changed["spec"]["template"]["spec"]["containers"]:
        for kind in ("requests", "limits"):
            (container.get("resources", {}).get(kind) or {}).pop("cpu", None)
    return changed


def without_cpu(document: Object) -> Object:
    """Return a LimitRange or ResourceQuota that says nothing about CPU."""
    changed = copy.deepcopy(document)
    for limit in changed["spec"].get("limits") or []:
        for values in limit.values():
            if isinstance(values, dict):
                values.pop("cpu", None)
    hard = changed["spec"].get("hard") or {}
    for key in [k for k in hard if k.endswith("cpu")]:
        del hard[key]
    return changed


def _change_backend(
    change: Callable[[Object], Object], what: str, rollout_limit_seconds: float
) -> dict[str, Any]:
    now = sessions.current()
    path = names.BACKEND_DEPLOYMENT
    original = _plan(now, path, what, rollout=True)
    _put(now, path, change(original))
    now.wait_until(
        lambda: reading.rolled_out(now.tools.kube.get(path)),
        what=f"the rollout of {names.BACKEND} ({what})",
        limit_seconds=rollout_limit_seconds,
        interval_seconds=1.0,
        ignore=(ProbeFailed,),
        hint="kubectl -n smart-dairy-prod describe deployment odoo-backend",
    )
    template = now.tools.kube.get(path)["spec"]["template"]["spec"]
    return _planted(now, path, template != original["spec"]["template"]["spec"])


def _plan(now: Session, path: str, what: str, *, rollout: bool) -> Object:
    original = plain(now.tools.kube.get(path))
    now.begin(
        FAULT,
        what=what,
        undo="harness.chaos.plant.objects:restore",
        arguments={"path": path, "original": original, "rollout": rollout},
        evidence={"object": path},
    )
    return original


def _put(now: Session, path: str, changed: Object) -> None:
    live = now.tools.kube.get(path)
    version = live["metadata"]["resourceVersion"]
    changed["metadata"] = {**changed["metadata"], "resourceVersion": version}
    if "replicas" in live.get("spec", {}):
        changed["spec"]["replicas"] = live["spec"]["replicas"]
    now.tools.kube.replace(path, changed)


def _planted(now: Session, path: str, there: bool) -> dict[str, Any]:
    if not there:
        raise FaultFailed(f"Plant in {path}: expected the object to be changed, got the original.")
    now.recorder.fault(FAULT, Phase.PROVEN, {"object": path})
    return {"targets": [path]}
