"""EKS clusters, node groups, add-ons and access."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Call, Change, Read, Ready, ResourceType, Values, words
from harness.provision.standin.mappings.common import is_version_prefix, kept

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(values: Values) -> dict[str, Any]:
    enabled = values.get("enabled_cluster_log_types") or []
    off = [name for name in _LOG_TYPES if name not in enabled]
    setups = [{"types": sorted(enabled), "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def _config(*attributes: str, **params: Any) -> Change:
    fields = () if params else attributes
    call = Call("update_cluster_config", {"name": "$id", **params}, fields=fields)
    return Change(call, attributes)


def _change_labels(session: Session, wanted: Values, prior: Values | None) -> None:
    before, after = (prior or {}).get("labels") or {}, wanted.get("labels") or {}
    labels = {
        "addOrUpdateLabels": {k: v for k, v in after.items() if before.get(k) != v},
        "removeLabels": [k for k in before if k not in after],
    }
    _update_group(session, wanted, labels={k: v for k, v in labels.items() if v})


def _change_taints(session: Session, wanted: Values, prior: Values | None) -> None:
    before, after = (prior or {}).get("taint") or [], wanted.get("taint") or []
    taints = {
        "addOrUpdateTaints": [_plain(t) for t in after if t not in before],
        "removeTaints": [_plain(t) for t in before if t not in after],
    }
    _update_group(session, wanted, taints={k: v for k, v in taints.items() if v})


def _plain(block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if value not in (None, "")}


def _update_group(session: Session, wanted: Values, **params: Any) -> None:
    session.call(
        "eks",
        "update_nodegroup_config",
        clusterName=wanted["cluster_name"],
        nodegroupName=wanted["node_group_name"],
        **params,
    )


_GROUP = {"clusterName": "$cluster_name", "nodegroupName": "$node_group_name"}
_ADDON = {"clusterName": "$cluster_name", "addonName": "$addon_name"}
_ENTRY = {"clusterName": "$cluster_name", "principalArn": "$principal_arn"}
_POLICY = {**_ENTRY, "policyArn": "$policy_arn"}
_STATES = Ready("status", ("ACTIVE",), ("FAILED", "CREATE_FAILED", "DEGRADED"), 1800)

CLUSTER = ResourceType(
    service="eks",
    create=Call("create_cluster", {"logging": _logging}, fields=None),
    read=Read(Call("describe_cluster", {"name": "$id"}), "cluster"),
    delete=Call("delete_cluster", {"name": "$id"}),
    identity="$name",
    names={"vpc_config": "resourcesVpcConfig"},
    handles=words("enabled_cluster_log_types"),
    defaults={
        "bootstrap_self_managed_addons": True,
        "vpc_config.endpoint_private_access": False,
        "vpc_config.endpoint_public_access": True,
        "access_config.bootstrap_cluster_creator_admin_permissions": False,
    },
    forces=words("name role_arn encryption_config kubernetes_network_config outpost_config"),
    changes=(
        Change(
            Call("update_cluster_version", {"name": "$id", "version": "$version"}), ("version",)
        ),
        _config("vpc_config"),
        _config("enabled_cluster_log_types", logging=_logging),
        _config("access_config"),
        _config("upgrade_policy"),
        _config("deletion_protection"),
        _config("zonal_shift_config"),
    ),
    computed={
        "arn": "@arn",
        "enabled_cluster_log_types": "@logging.clusterLogging[?enabled].types[]",
        "version": kept("version", is_version_prefix, "version"),
    },
    tagging="eks",
    ready=_STATES,
)

NODE_GROUP = ResourceType(
    service="eks",
    create=Call("create_nodegroup", {"nodegroupName": "$node_group_name"}, fields=None),
    read=Read(Call("describe_nodegroup", _GROUP), "nodegroup"),
    delete=Call("delete_nodegroup", _GROUP),
    identity="{cluster_name}:{node_group_name}",
    names={"subnet_ids": "subnets", "node_role_arn": "nodeRole"},
    handles=words("node_group_name"),
    forces=words(
        "ami_type capacity_type cluster_name disk_size instance_types node_group_name"
        " node_role_arn remote_access subnet_ids"
    ),
    changes=(
        Change(
            Call("update_nodegroup_config", _GROUP, fields=("scaling_config",)), ("scaling_config",)
        ),
        Change(
            Call("update_nodegroup_config", _GROUP, fields=("update_config",)), ("update_config",)
        ),
        Change(
            Call("update_nodegroup_config", _GROUP, fields=("node_repair_config",)),
            ("node_repair_config",),
        ),
        Change(_change_labels, ("labels",)),
        Change(_change_taints, ("taint",)),
        Change(
            Call(
                "update_nodegroup_version",
                _GROUP,
                fields=("version", "release_version", "launch_template"),
            ),
            ("version", "release_version", "launch_template"),
        ),
    ),
    computed={"arn": "@nodegroupArn", "version": kept("version", is_version_prefix, "version")},
    named="node_group_name",
    tagging="eks",
    ready=_STATES,
)

ADDON = ResourceType(
    service="eks",
    create=Call(
        "create_addon",
        {"resolveConflicts": "$resolve_conflicts_on_create"},
        fields=(
            "cluster_name",
            "addon_name",
            "addon_version",
            "service_account_role_arn",
            "configuration_values",
            "pod_identity_association",
        ),
    ),
    read=Read(Call("describe_addon", _ADDON), "addon"),
    delete=Call("delete_addon", {**_ADDON, "preserve": "$preserve"}),
    identity="{cluster_name}:{addon_name}",
    forces=words("cluster_name addon_name"),
    changes=(
        Change(
            Call(
                "update_addon",
                {**_ADDON, "resolveConflicts": "$resolve_conflicts_on_update"},
                fields=("addon_version", "service_account_role_arn", "configuration_values"),
            ),
            ("addon_version", "service_account_role_arn", "configuration_values"),
        ),
    ),
    computed={"arn": "@addonArn"},
    volatile=words("modified_at"),
    unread=words("pod_identity_association"),
    tagging="eks",
    ready=_STATES,
)

ACCESS_ENTRY = ResourceType(
    service="eks",
    create=Call(
        "create_access_entry",
        {"username": "$user_name"},
        fields=("cluster_name", "principal_arn", "kubernetes_groups", "type"),
    ),
    read=Read(Call("describe_access_entry", _ENTRY), "accessEntry"),
    delete=Call("delete_access_entry", _ENTRY),
    identity="{cluster_name}:{principal_arn}",
    names={"user_name": "username"},
    defaults={"type": "STANDARD"},
    forces=words("cluster_name principal_arn type"),
    changes=(
        Change(
            Call(
                "update_access_entry",
                {**_ENTRY, "username": "$user_name"},
                fields=("kubernetes_groups",),
            ),
            ("kubernetes_groups", "user_name"),
        ),
    ),
    volatile=words("modified_at"),
    tagging="eks_access_entry",
)


def _read_association(session: Session, wanted: Values, prior: Values | None) -> Any:
    pages = session.client("eks").get_paginator("list_associated_access_policies")
    listed = pages.paginate(
        clusterName=wanted["cluster_name"], principalArn=wanted["principal_arn"]
    )
    policies = (policy for page in listed for policy in page["associatedAccessPolicies"])
    return next((p for p in policies if p["policyArn"] == wanted["policy_arn"]), None)


ACCESS_POLICY = ResourceType(
    service="eks",
    create=Call("associate_access_policy", _POLICY, fields=("access_scope",)),
    read=Read(_read_association),
    delete=Call("disassociate_access_policy", _POLICY),
    identity="{cluster_name}#{principal_arn}#{policy_arn}",
    handles=words("cluster_name principal_arn policy_arn"),
    forces=words("cluster_name principal_arn policy_arn access_scope"),
)

_IDENTITY = {"clusterName": "$cluster_name", "associationId": "$id"}

POD_IDENTITY = ResourceType(
    service="eks",
    create=Call("create_pod_identity_association", fields=None),
    read=Read(Call("describe_pod_identity_association", _IDENTITY), "association"),
    delete=Call("delete_pod_identity_association", _IDENTITY),
    identity="@association.associationId",
    forces=words("cluster_name namespace service_account"),
    changes=(
        Change(
            Call("update_pod_identity_association", _IDENTITY, fields=("role_arn",)), ("role_arn",)
        ),
    ),
    computed={
        "association_id": "{id}",
        "association_arn": "@associationArn",
    },
    tagging="eks_pod_identity",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_eks_cluster": CLUSTER,
    "aws_eks_node_group": NODE_GROUP,
    "aws_eks_addon": ADDON,
    "aws_eks_access_entry": ACCESS_ENTRY,
    "aws_eks_access_policy_association": ACCESS_POLICY,
    "aws_eks_pod_identity_association": POD_IDENTITY,
}
