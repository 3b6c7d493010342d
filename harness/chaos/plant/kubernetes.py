"""Planted defects in the cluster's objects. WARNING: they make the running stack worse.

Each stores the whole original object in the undo log first; its undo sets exactly that back and
waits for the rollout that this causes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from harness import polling
from harness.chaos import names
from harness.chaos import session as sessions
from harness.chaos.kube import Object
from harness.chaos.plant.objects import plain
from harness.chaos.pod import reading
from harness.chaos.session import Session
from harness.errors import FaultFailed, LimitExceeded, ProbeFailed
from harness.model.history import Phase

__all__ = [
    "delete_configuration",
    "delete_disruption_budget",
    "keep_one_replica",
    "lengthen_tolerations",
    "loosen_scaling",
    "remove_cpu_request",
    "remove_graceful_stop",
]

FAULT = "plant"
# Pulling, creating and starting five containers on a busy host, beside their own delay.
START_MARGIN_SECONDS = 10.0
# A setting of the stand-in backend: how long its ports stay closed.
_START_DELAY = "START_DELAY_SECONDS"
_EVICTING_TAINTS = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")


def delete_disruption_budget() -> dict[str, Any]:
    """Delete the backend's PodDisruptionBudget."""
    now = sessions.current()
    path = f"{names.DISRUPTION_BUDGETS}/{names.BACKEND_PDB}"
    _plan(now, path, "no disruption budget", rollout=False)
    now.tools.kube.delete(path)
    return _planted(now, path, now.tools.kube.find(path) is None)


def delete_configuration() -> dict[str, Any]:
    """Delete the backend's ConfigMap: containers that run go on, none can be started."""
    now = sessions.current()
    path = f"{names.CONFIGURATIONS}/{names.BACKEND_CONFIGURATION}"
    _plan(now, path, "no backend configuration", rollout=False)
    now.tools.kube.delete(path)
    return _planted(now, path, now.tools.kube.find(path) is None)


def keep_one_replica(limit_seconds: float) -> dict[str, Any]:
    """Run a single backend replica, without the autoscaler that would add others."""
    now = sessions.current()
    kube = now.tools.kube
    autoscaler = f"{names.AUTOSCALERS}/{names.BACKEND_HPA}"
    _plan(now, autoscaler, "no autoscaler", rollout=False)
    kube.delete(autoscaler)
    replicas = kube.get(names.BACKEND_DEPLOYMENT)["spec"]["replicas"]
    now.begin(
        FAULT,
        what="one backend replica",
        undo="harness.chaos.plant.objects:scale",
        arguments={"path": names.BACKEND_DEPLOYMENT, "replicas": replicas},
        evidence={"replicas": [replicas, 1]},
    )
    kube.merge(f"{names.BACKEND_DEPLOYMENT}/scale", {"spec": {"replicas": 1}})
    now.wait_until(
        lambda: len(reading.backend_pods(kube)) == 1,
        what="a single backend pod",
        limit_seconds=limit_seconds,
        interval_seconds=1.0,
        ignore=(ProbeFailed,),
    )
    now.recorder.fault(FAULT, Phase.PROVEN, {"replicas": [replicas, 1]})
    return {"targets": [names.BACKEND]}


def loosen_scaling() -> dict[str, Any]:
    """Let the autoscaler jump at once, both ways, without windows."""
    now = sessions.current()
    path = f"{names.AUTOSCALERS}/{names.BACKEND_HPA}"
    original = _plan(now, path, "no scaling behaviour", rollout=False)
    at_once = {"type": "Percent", "value": 900, "periodSeconds": 15}
    behavior = {
        way: {"stabilizationWindowSeconds": 0, "policies": [at_once], "selectPolicy": "Max"}
        for way in ("scaleUp", "scaleDown")
    }
    _put(now, path, {**original, "spec": {**original["spec"], "behavior": behavior}})
    found = now.tools.kube.get(path)["spec"]["behavior"]
    return _planted(now, path, found["scaleUp"]["stabilizationWindowSeconds"] == 0)


def remove_graceful_stop(start_delay_seconds: int, rollout_limit_seconds: float) -> dict[str, Any]:
    """Remove the backend's preStop hook and readiness probe, and let it start slowly.

    The slow start is what a readiness probe hides from clients.
    """
    now = sessions.current()
    result = _change_backend(
        lambda deployment: without_graceful_stop(deployment, start_delay_seconds),
        "no graceful stop",
        rollout_limit_seconds,
    )
    # Without a readiness probe the rollout ends before anything listens: what the planting
    # itself costs must be over before the fault, or it would be counted as the fault's.
    if polling.pause(start_delay_seconds + START_MARGIN_SECONDS, stop=now.waiting):
        raise LimitExceeded("Stopped while the backend started.")
    return result


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


def without_graceful_stop(deployment: Object, start_delay_seconds: int) -> Object:
    """Return the Deployment without preStop hook and readiness probe, starting slowly."""
    changed = copy.deepcopy(deployment)
    for container in changed["spec"]["template"]["spec"]["containers"]:
        container.pop("readinessProbe", None)
        container.pop("lifecycle", None)
        others = [e for e in container.get("env") or [] if e["name"] != _START_DELAY]
        delay = {"name": _START_DELAY, "value": str(start_delay_seconds)}
        container["env"] = [*others, delay]
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
