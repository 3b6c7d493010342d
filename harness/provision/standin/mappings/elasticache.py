"""ElastiCache replication groups and their groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import (
    Call,
    Change,
    Computed,
    Read,
    Ready,
    ResourceType,
    Values,
    words,
)
from harness.provision.standin.mappings.common import (
    MANAGED,
    is_version_prefix,
    kept,
    parameters,
    shown_parameters,
)

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

_NAMES = {
    "description": "ReplicationGroupDescription",
    "maintenance_window": "PreferredMaintenanceWindow",
    "node_type": "CacheNodeType",
    "parameter_group_name": "CacheParameterGroupName",
    "subnet_group_name": "CacheSubnetGroupName",
    "user_group_ids": "UserGroupIds",
}


def _logs(values: Values) -> list[dict[str, Any]] | None:
    return [_log(block) for block in values.get("log_delivery_configuration") or []] or None


def _log(block: Mapping[str, Any]) -> dict[str, Any]:
    if block["destination_type"] == "cloudwatch-logs":
        details = {"CloudWatchLogsDetails": {"LogGroup": block["destination"]}}
    else:
        details = {"KinesisFirehoseDetails": {"DeliveryStream": block["destination"]}}
    return {
        "LogType": block["log_type"],
        "LogFormat": block["log_format"],
        "DestinationType": block["destination_type"],
        "DestinationDetails": details,
    }


def _shown_logs(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
    if not found.get("LogDeliveryConfigurations"):
        return values.get("log_delivery_configuration")
    shown = []
    for entry in found["LogDeliveryConfigurations"]:
        details = entry.get("DestinationDetails", {})
        group = details.get("CloudWatchLogsDetails", {}).get("LogGroup")
        stream = details.get("KinesisFirehoseDetails", {}).get("DeliveryStream")
        shown.append(
            {
                "destination": group or stream,
                "destination_type": entry["DestinationType"],
                "log_format": entry["LogFormat"],
                "log_type": entry["LogType"],
            }
        )
    return shown


def _switch(member: str) -> Computed:
    def read(session: Session, values: Values, found: Mapping[str, Any]) -> bool:
        return found.get(member) in ("enabled", "enabling", True)

    return read


def _read(session: Session, wanted: Values, prior: Values | None) -> Any:
    listed = session.call(
        "elasticache", "describe_replication_groups", ReplicationGroupId=wanted["id"]
    )["ReplicationGroups"]
    if not listed:
        return None
    group = listed[0]
    members = group.get("MemberClusters") or []
    # Versions, parameters and security groups stand at the members, not at the group.
    member = (
        session.find(
            "elasticache", "describe_cache_clusters", "CacheClusters[0]", CacheClusterId=members[0]
        )
        if members
        else None
    ) or {}
    first: Mapping[str, Any] = next(iter(group.get("NodeGroups") or []), {})
    endpoint = first.get("PrimaryEndpoint") or group.get("ConfigurationEndpoint") or {}
    shown = {
        **group,
        "NumCacheClusters": len(members) or None,
        "Port": endpoint.get("Port"),
        "Members": members,
        "Primary": (first.get("PrimaryEndpoint") or {}).get("Address"),
        "Reader": (first.get("ReaderEndpoint") or {}).get("Address"),
    }
    for name in ("EngineVersion", "CacheSubnetGroupName", "PreferredMaintenanceWindow"):
        if member.get(name):
            shown[name] = member[name]
    if member.get("CacheParameterGroup", {}).get("CacheParameterGroupName"):
        shown["CacheParameterGroupName"] = member["CacheParameterGroup"]["CacheParameterGroupName"]
    if member.get("SecurityGroups"):
        shown["SecurityGroupIds"] = [g["SecurityGroupId"] for g in member["SecurityGroups"]]
    return shown


def _engine_major(held: str, got: str) -> bool:
    # "7.1" is configured, "7.1.0" runs.
    return is_version_prefix(held, got) or is_version_prefix(got, held)


REPLICATION_GROUP = ResourceType(
    service="elasticache",
    create=Call("create_replication_group", {"LogDeliveryConfigurations": _logs}, fields=None),
    read=Read(_read),
    delete=Call(
        "delete_replication_group",
        {
            "ReplicationGroupId": "$id",
            "RetainPrimaryCluster": False,
            "FinalSnapshotIdentifier": "$final_snapshot_identifier",
        },
    ),
    identity="$replication_group_id",
    names=_NAMES,
    reads={"description": "Description", "multi_az_enabled": "MultiAZ"},
    handles=words("log_delivery_configuration"),
    defaults={"automatic_failover_enabled": False, "multi_az_enabled": False},
    forces=words(
        "at_rest_encryption_enabled data_tiering_enabled engine global_replication_group_id"
        " kms_key_id network_type port preferred_cache_cluster_azs replication_group_id"
        " snapshot_arns snapshot_name subnet_group_name"
    ),
    changes=(
        Change(
            Call(
                "modify_replication_group",
                {
                    "ReplicationGroupId": "$id",
                    "ApplyImmediately": "$apply_immediately",
                    "LogDeliveryConfigurations": _logs,
                },
                fields=None,
            ),
            changed_only=True,
        ),
    ),
    computed={
        "arn": "@ARN",
        "automatic_failover_enabled": _switch("AutomaticFailover"),
        "engine_version": kept("engine_version", _engine_major, "EngineVersion"),
        "engine_version_actual": "@EngineVersion",
        "log_delivery_configuration": _shown_logs,
        "member_clusters": "@Members",
        "multi_az_enabled": _switch("MultiAZ"),
        "primary_endpoint_address": "@Primary",
        "reader_endpoint_address": "@Reader",
    },
    unread=words("security_group_names global_replication_group_id auth_token cluster_mode"),
    tagging="elasticache",
    ready=Ready("Status", ("available",), ("create-failed",), 1800),
)

SUBNET_GROUP = ResourceType(
    service="elasticache",
    create=Call(
        "create_cache_subnet_group",
        {"CacheSubnetGroupName": "$name", "CacheSubnetGroupDescription": "$description"},
        fields=("subnet_ids",),
    ),
    read=Read(
        Call("describe_cache_subnet_groups", {"CacheSubnetGroupName": "$id"}),
        "CacheSubnetGroups[0]",
    ),
    delete=Call("delete_cache_subnet_group", {"CacheSubnetGroupName": "$id"}),
    identity="$name",
    names={"name": "CacheSubnetGroupName", "description": "CacheSubnetGroupDescription"},
    defaults={"description": MANAGED},
    forces=words("name"),
    changes=(
        Change(
            Call(
                "modify_cache_subnet_group",
                {"CacheSubnetGroupName": "$id", "CacheSubnetGroupDescription": "$description"},
                fields=("subnet_ids",),
            ),
            ("subnet_ids", "description"),
        ),
    ),
    computed={"arn": "@ARN", "subnet_ids": "@Subnets[].SubnetIdentifier"},
    tagging="elasticache",
)

PARAMETER_GROUP = ResourceType(
    service="elasticache",
    create=Call(
        "create_cache_parameter_group",
        {
            "CacheParameterGroupName": "$name",
            "CacheParameterGroupFamily": "$family",
            "Description": "$description",
        },
    ),
    read=Read(
        Call("describe_cache_parameter_groups", {"CacheParameterGroupName": "$id"}),
        "CacheParameterGroups[0]",
    ),
    delete=Call("delete_cache_parameter_group", {"CacheParameterGroupName": "$id"}),
    identity="$name",
    names={"name": "CacheParameterGroupName", "family": "CacheParameterGroupFamily"},
    defaults={"description": MANAGED},
    forces=words("name family description"),
    changes=(
        Change(
            parameters("elasticache", "cache_parameter_group", "CacheParameterGroupName", chunk=20),
            ("parameter",),
            on_create=True,
        ),
    ),
    computed={
        "arn": "@ARN",
        "parameter": shown_parameters("elasticache", "cache_parameters", "CacheParameterGroupName"),
    },
    tagging="elasticache",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_elasticache_replication_group": REPLICATION_GROUP,
    "aws_elasticache_subnet_group": SUBNET_GROUP,
    "aws_elasticache_parameter_group": PARAMETER_GROUP,
}
