"""Target health out of the cluster's EndpointSlices; pure.

States and reasons are those of DescribeTargetHealth (ELBv2 API reference, TargetHealth).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .kubernetes import Endpoint


def health(address: str, port: int | None, endpoints: Sequence[Endpoint]) -> dict[str, str]:
    """Return the TargetHealth of one target; a ready endpoint outweighs every other."""
    ours = [e for e in endpoints if e.address == address]
    if not ours:
        return {
            "State": "unused",
            "Reason": "Target.NotInUse",
            "Description": "No service of the cluster has an endpoint with this address",
        }
    listening = [e for e in ours if port is None or port in e.ports]
    if any(e.ready for e in listening):
        return {"State": "healthy"}
    if any(e.terminating for e in listening):
        return {
            "State": "draining",
            "Reason": "Target.DeregistrationInProgress",
            "Description": "The pod is terminating",
        }
    what = "The pod is not ready" if listening else f"The pod does not listen on port {port}"
    return {"State": "unhealthy", "Reason": "Target.FailedHealthChecks", "Description": what}


def overlay(
    descriptions: Sequence[Mapping[str, Any]],
    endpoints: Sequence[Endpoint] | None,
    *,
    by_address: bool,
) -> list[dict[str, Any]]:
    """Return moto's descriptions with the real health of each target.

    ``by_address`` says that the target group has addresses as targets: others (instances,
    functions) have nothing real behind them. ``endpoints`` is None when the cluster does not
    answer.
    """
    shown = []
    for description in descriptions:
        target = description.get("Target") or {}
        if not by_address:
            state = health(str(target.get("Id")), None, ())
        elif endpoints is None:
            state = {
                "State": "unavailable",
                "Reason": "Elb.InternalError",
                "Description": "The Kubernetes API does not answer",
            }
        else:
            state = health(str(target.get("Id")), target.get("Port"), endpoints)
        shown.append({**description, "TargetHealth": state})
    return shown
