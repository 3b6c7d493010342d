"""EKS: the document's cluster is the real one, its node groups show the real nodes' health."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.eks.models import eks_backends

from . import eks_state
from .addons import Addons, Key
from .binding import Binding
from .dispatch import Plan, answered, ask_here, ask_moto
from .eks_access import AccessEntries
from .eks_access_handlers import AccessHandlers
from .kubernetes import ClusterUnreachable, Kubernetes, NodeState
from .wiring import Cluster

# Versions of EKS add-ons follow their own numbering; this one is nobody's, and says so.
ADDON_VERSION = "v0.0.0-eksbuild.0"


def plan(binding: Binding) -> Plan:
    """Return the service EKS."""
    return Eks(binding).plan()


class Eks:
    """Handlers of EKS, with the add-ons of all clusters."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._addons = Addons()
        self._access = AccessEntries()

    def plan(self) -> Plan:
        """Return the service: what is real, and what is kept that moto does not keep."""
        return Plan(
            service="eks",
            real={
                "DescribeCluster": self.show_cluster,
                "DescribeNodegroup": self.show_nodegroup,
            },
            kept={
                "CreateCluster": self.show_cluster,
                "DeleteCluster": self.delete_cluster,
                "CreateAddon": self.create_addon,
                "DescribeAddon": self.describe_addon,
                "UpdateAddon": self.update_addon,
                "ListAddons": self.list_addons,
                "DeleteAddon": self.delete_addon,
                "UpdateNodegroupConfig": self.update_nodegroup,
                **AccessHandlers(self._access, self._key).handlers(),
            },
        )

    def show_cluster(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as moto does, with the real endpoint, CA and version."""
        shown = ask_moto(context)
        record = shown.get("cluster") or {}
        real = self._cluster(context, str(record.get("name")))
        if real is None:
            return shown
        try:
            version: str | None = Kubernetes(real).version()
        except ClusterUnreachable:
            version = None
        return {**shown, "cluster": eks_state.overlay_cluster(record, real, version)}

    def show_nodegroup(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as moto does, with the health of the real nodes."""
        shown = ask_moto(context)
        real = self._cluster(context, str(request.get("clusterName", request.get("name"))))
        if real is None:
            return shown
        nodes: tuple[NodeState, ...] | None
        try:
            nodes = Kubernetes(real).nodes()
        except ClusterUnreachable:
            nodes = None
        record = shown.get("nodegroup") or {}
        return {**shown, "nodegroup": eks_state.overlay_nodegroup(record, nodes)}

    def delete_cluster(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Forget the record and its add-ons; the real cluster stays."""
        answer = ask_moto(context)
        key = (context.account_id, context.region, str(request["name"]))
        self._addons.forget(key)
        self._access.forget(key)
        return answer

    def create_addon(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a new add-on."""
        key = self._key(context, request)
        arn = (
            f"arn:aws:eks:{context.region}:{context.account_id}:addon/{key[2]}/"
            f"{request['addonName']}/{uuid.uuid4()}"
        )
        made = self._addons.create(key, request, arn=arn, version=ADDON_VERSION)
        return {"addon": answered(made)}

    def describe_addon(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return an add-on."""
        key = self._key(context, request)
        return {"addon": answered(self._addons.describe(key, str(request["addonName"])))}

    def update_addon(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Change an add-on at once, and answer with the update that is over."""
        answered(self._addons.update(self._key(context, request), request))
        return _done("AddonUpdate")

    def update_nodegroup(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Change the record of a node group at once; the real nodes stay as they are."""
        cluster, name = str(request["clusterName"]), str(request["nodegroupName"])
        # An unknown group is answered here, with the error of EKS itself.
        ask_here(context, "eks", "describe_nodegroup", clusterName=cluster, nodegroupName=name)
        group = eks_backends[context.account_id][context.region].clusters[cluster].nodegroups[name]
        group.labels = eks_state.changed_labels(group.labels or {}, request.get("labels") or {})
        group.taints = eks_state.changed_taints(group.taints or [], request.get("taints") or {})
        if request.get("scalingConfig"):
            group.scaling_config = {**(group.scaling_config or {}), **request["scalingConfig"]}
        return _done("ConfigUpdate")

    def list_addons(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the names of a cluster's add-ons."""
        return {"addons": self._addons.list(self._key(context, request))}

    def delete_addon(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Forget an add-on."""
        key = self._key(context, request)
        return {"addon": answered(self._addons.delete(key, str(request["addonName"])))}

    def _key(self, context: Any, request: Mapping[str, Any]) -> Key:
        name = str(request["clusterName"])
        # An unknown cluster is answered here, with the error of EKS itself.
        ask_here(context, "eks", "describe_cluster", name=name)
        return (context.account_id, context.region, name)

    def _cluster(self, context: Any, name: str) -> Cluster | None:
        wiring = self._binding.wiring(context.account_id, context.region)
        return wiring.cluster if wiring is not None and wiring.cluster.name == name else None


def _done(kind: str) -> dict[str, Any]:
    return {
        "update": {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [],
            "createdAt": datetime.now(UTC),
            "errors": [],
        }
    }
