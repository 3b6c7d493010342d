"""Checkers: pure functions that judge one trial's history against one claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.checkers import (
    availability,
    disruption,
    durability,
    failover,
    nodes,
    recovery_time,
    scaling,
)
from harness.checkers.evidence import Checker

__all__ = ["CHECKERS", "INDICATORS", "Checker", "Indicator"]


@dataclass(frozen=True)
class Indicator:
    """What a claim may ask of a checker: the units of its bound and its parameters."""

    check: Checker
    units: frozenset[str]
    parameters: frozenset[str] = frozenset()


def _of(check: Checker, units: str, parameters: str = "") -> Indicator:
    return Indicator(check, frozenset(units.split()), frozenset(parameters.split()))


INDICATORS: Mapping[str, Indicator] = MappingProxyType(
    {
        "recovery_time": _of(
            recovery_time.recovery_time, "s", "client consecutive operations_minimum"
        ),
        "unavailability": _of(
            availability.unavailability, "s", "client gap_seconds operations_minimum"
        ),
        "failed_ratio": _of(
            availability.failed_ratio,
            "ratio",
            "client window_seconds requests_minimum operations_minimum",
        ),
        "acknowledged_lost": _of(
            durability.acknowledged_lost, "operations s", "client operations_minimum"
        ),
        "promotion": _of(failover.promotion, "timelines", "observed_minimum_seconds"),
        "fencing": _of(failover.fencing, "writes"),
        "ready_minimum": _of(disruption.ready_minimum, "pods", "sampling_seconds"),
        "full_readiness_time": _of(disruption.full_readiness_time, "s"),
        "evictions_refused": _of(disruption.evictions_refused, "evictions"),
        "drain_time": _of(disruption.drain_time, "s", "drains blocked_seconds"),
        "node_not_ready_time": _of(nodes.node_not_ready_time, "s"),
        "endpoint_removal_time": _of(nodes.endpoint_removal_time, "s"),
        "replacement_after_not_ready": _of(nodes.replacement_after_not_ready, "s"),
        "replacement_ready_time": _of(nodes.replacement_ready_time, "s"),
        "metrics_known": _of(scaling.metrics_known, "s"),
        "scale_up_time": _of(scaling.scale_up_time, "s", "replicas"),
        "scale_up_steps": _of(
            scaling.scale_up_steps, "steps", "window_seconds period_seconds percent pods"
        ),
        "scale_down_delay": _of(scaling.scale_down_delay, "s"),
    }
)

CHECKERS: Mapping[str, Checker] = MappingProxyType(
    {name: indicator.check for name, indicator in INDICATORS.items()}
)
