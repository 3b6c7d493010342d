"""Samples of the autoscaler, the database, the cache and the host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from harness.chaos import names
from harness.chaos.kube import Object
from harness.chaos.session import Session
from harness.errors import ProbeFailed

_MEMORY = Path("/proc/meminfo")


def sample_autoscaler(session: Session) -> None:
    """Record ``hpa``: replicas wanted and there, metrics, and whether it can scale at all."""
    kube = session.tools.kube
    autoscaler = kube.get(f"{names.AUTOSCALERS}/{names.BACKEND_HPA}")
    deployment = kube.get(names.BACKEND_DEPLOYMENT)
    session.recorder.observe("hpa", autoscaler_value(autoscaler, deployment))


def autoscaler_value(autoscaler: Object, deployment: Object) -> dict[str, Any]:
    """Return the value of the ``hpa`` observation; a metric that is unknown is None."""
    status = autoscaler.get("status", {})
    metrics: dict[str, int | None] = {}
    for entry in status.get("currentMetrics") or []:
        resource = entry.get("resource") or {}
        current = (resource.get("current") or {}).get("averageUtilization")
        metrics[str(resource.get("name"))] = current if type(current) is int else None
    active: dict[str, Any] = next(
        (c for c in status.get("conditions") or [] if c.get("type") == "ScalingActive"), {}
    )
    return {
        "desired": int(status.get("desiredReplicas", 0)),
        "current": int(status.get("currentReplicas", 0)),
        "ready": int(deployment.get("status", {}).get("readyReplicas", 0)),
        "cpu_percent": metrics.get("cpu"),
        "memory_percent": metrics.get("memory"),
        "scaling_active": active["status"] == "True" if "status" in active else None,
        "reason": str(active.get("reason", "")),
    }


def sample_database(session: Session) -> None:
    """Record ``database`` as the failover manager sees it; nobody answering is no primary."""
    try:
        value = session.tools.patroni.cluster().observation()
    except ProbeFailed:
        value = {"primary": None, "timeline": None, "synchronous": []}
    session.recorder.observe("database", value)


def sample_cache(session: Session) -> None:
    """Record ``cache`` as most Sentinels see it."""
    try:
        primary = session.tools.sentinels.primary()
    except ProbeFailed:
        primary = None
    session.recorder.observe("cache", {"primary": primary})


def sample_host(session: Session) -> None:
    """Record ``host``: memory that can still be had and the load average of one minute."""
    available = memory_available(_MEMORY.read_text())
    load = round(os.getloadavg()[0], 2)
    session.recorder.observe("host", {"memory_available_bytes": available, "load": load})


def memory_available(text: str) -> int:
    """Return MemAvailable of /proc/meminfo's text in bytes.

    Raises ProbeFailed when it is not there.
    """
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise ProbeFailed("/proc/meminfo: expected a line MemAvailable, got none.")
