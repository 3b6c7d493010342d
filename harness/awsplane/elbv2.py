"""ELBv2: load balancers and target groups are moto's records, target health is the cluster's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import elbv2_state
from .binding import Binding
from .dispatch import Plan, ask_here, ask_moto
from .kubernetes import ClusterUnreachable, Endpoint, Kubernetes


def plan(binding: Binding) -> Plan:
    """Return the service ELBv2."""
    return Plan(service="elbv2", real={"DescribeTargetHealth": _TargetHealth(binding)})


class _TargetHealth:
    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def __call__(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as moto does, with the state of the pods that the targets are."""
        shown = ask_moto(context)
        groups = ask_here(
            context,
            "elbv2",
            "describe_target_groups",
            TargetGroupArns=[str(request["TargetGroupArn"])],
        )["TargetGroups"]
        by_address = any(group.get("TargetType") == "ip" for group in groups)
        descriptions = shown.get("TargetHealthDescriptions") or []
        endpoints = self._endpoints(context) if by_address and descriptions else ()
        return {
            **shown,
            "TargetHealthDescriptions": elbv2_state.overlay(
                descriptions, endpoints, by_address=by_address
            ),
        }

    def _endpoints(self, context: Any) -> tuple[Endpoint, ...] | None:
        wiring = self._binding.wiring(context.account_id, context.region)
        if wiring is None:
            return ()
        try:
            return Kubernetes(wiring.cluster).endpoints()
        except ClusterUnreachable:
            return None
