"""Probes that read the autoscaler; none changes anything."""

from __future__ import annotations

from typing import Any

from harness.chaos import names
from harness.chaos import session as sessions
from harness.chaos.watch_stack import autoscaler_value

__all__ = ["await_desired", "await_first_scale_down", "desired_replicas", "metrics_known"]


def metrics_known(limit_seconds: float = 0.0) -> bool:
    """Say whether the autoscaler knows all of its metrics and may scale.

    Gives it up to ``limit_seconds``: metrics of new pods are there a minute after their start.
    """
    now = sessions.current()
    return bool(
        now.watch_until(
            _metrics_known,
            what="the autoscaler to know its metrics",
            limit_seconds=limit_seconds,
            interval_seconds=2.0,
        )["reached"]
    )


def _metrics_known() -> bool:
    value = _value()
    known = value["cpu_percent"] is not None and value["memory_percent"] is not None
    return known and value["scaling_active"] is True


def desired_replicas() -> int:
    """Return how many replicas the autoscaler wants."""
    return int(_value()["desired"])


def await_desired(replicas: int, limit_seconds: float) -> dict[str, Any]:
    """Watch until the autoscaler wants ``replicas``; returns whether and after how long."""
    return sessions.current().watch_until(
        lambda: _observed() >= replicas,
        what=f"the autoscaler to want {replicas} replicas",
        limit_seconds=limit_seconds,
        interval_seconds=2.0,
    )


def await_first_scale_down(limit_seconds: float) -> dict[str, Any]:
    """Watch until the autoscaler wants fewer than it did; returns whether and after how long."""
    highest = desired_replicas()
    return sessions.current().watch_until(
        lambda: _observed() < highest,
        what=f"the autoscaler to want fewer than {highest} replicas",
        limit_seconds=limit_seconds,
        interval_seconds=2.0,
    )


def _observed() -> int:
    # Recorded as seen here: the watcher's next sample may come after the wait has ended.
    value = _value()
    sessions.current().recorder.observe("hpa", value)
    return int(value["desired"])


def _value() -> dict[str, Any]:
    kube = sessions.current().tools.kube
    return autoscaler_value(
        kube.get(f"{names.AUTOSCALERS}/{names.BACKEND_HPA}"), kube.get(names.BACKEND_DEPLOYMENT)
    )
