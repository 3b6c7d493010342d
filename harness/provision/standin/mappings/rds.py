"""RDS instances, clusters and their groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Call, Change, Read, Ready, ResourceType, Values, words
from harness.provision.standin.mappings.common import (
    MANAGED,
    is_version_prefix,
    kept,
    parameters,
    set_difference,
    shown_parameters,
)

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

_STATE_LIMIT_SECONDS = 1800.0
_FAILED = ("failed", "incompatible-parameters", "incompatible-network", "incompatible-restore")

# Names that create and modify share; reading says some of them otherwise.
_COMMON = {
    "backup_window": "PreferredBackupWindow",
    "ca_cert_identifier": "CACertificateIdentifier",
    "enabled_cloudwatch_logs_exports": "EnableCloudwatchLogsExports",
    "iam_database_authentication_enabled": "EnableIAMDatabaseAuthentication",
    "identifier": "DBInstanceIdentifier",
    "instance_class": "DBInstanceClass",
    "maintenance_window": "PreferredMaintenanceWindow",
    "parameter_group_name": "DBParameterGroupName",
    "password": "MasterUserPassword",
    "performance_insights_enabled": "EnablePerformanceInsights",
    "username": "MasterUsername",
}
_SHOWN = {
    "enabled_cloudwatch_logs_exports": "EnabledCloudwatchLogsExports",
    "iam_database_authentication_enabled": "IAMDatabaseAuthenticationEnabled",
    "performance_insights_enabled": "PerformanceInsightsEnabled",
    "resource_id": "DbiResourceId",
    "status": "DBInstanceStatus",
}


def _create_instance(session: Session, wanted: Values, prior: Values | None) -> Any:
    source = wanted.get("replicate_source_db")
    call = Call("create_db_instance", fields=None)
    if source:
        call = Call(
            "create_db_instance_read_replica",
            {"SourceDBInstanceIdentifier": "$replicate_source_db"},
            fields=None,
        )
    return session.act(call, "rds", wanted, None, _COMMON, tags=wanted["tag_map"])


def _rename(session: Session, wanted: Values, prior: Values | None) -> None:
    if prior is not None:
        session.call(
            "rds",
            "modify_db_instance",
            DBInstanceIdentifier=prior["identifier"],
            NewDBInstanceIdentifier=wanted["identifier"],
            ApplyImmediately=True,
        )


def _exports(session: Session, wanted: Values, prior: Values | None) -> None:
    added, removed = set_difference("enabled_cloudwatch_logs_exports", wanted, prior)
    session.call(
        "rds",
        "modify_db_instance",
        DBInstanceIdentifier=wanted["identifier"],
        CloudwatchLogsExportConfiguration={"EnableLogTypes": added, "DisableLogTypes": removed},
    )


def _cluster_exports(session: Session, wanted: Values, prior: Values | None) -> None:
    added, removed = set_difference("enabled_cloudwatch_logs_exports", wanted, prior)
    session.call(
        "rds",
        "modify_db_cluster",
        DBClusterIdentifier=wanted["id"],
        CloudwatchLogsExportConfiguration={"EnableLogTypes": added, "DisableLogTypes": removed},
    )


def _final_snapshot(values: Values) -> str | None:
    return None if values.get("skip_final_snapshot") else values.get("final_snapshot_identifier")


def _parameter_group_name(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
    # After a change the group before may be listed for a while.
    names = [group["DBParameterGroupName"] for group in found.get("DBParameterGroups") or []]
    held = values.get("parameter_group_name")
    return held if held in names else next(iter(names), None)


def _endpoint(session: Session, values: Values, found: Mapping[str, Any]) -> str | None:
    endpoint = found.get("Endpoint") or {}
    return f"{endpoint['Address']}:{endpoint['Port']}" if "Address" in endpoint else None


INSTANCE = ResourceType(
    service="rds",
    create=_create_instance,
    read=Read(
        Call("describe_db_instances", {"DBInstanceIdentifier": "$identifier"}), "DBInstances[0]"
    ),
    delete=Call(
        "delete_db_instance",
        {
            "DBInstanceIdentifier": "$identifier",
            "SkipFinalSnapshot": lambda values: _final_snapshot(values) is None,
            "FinalDBSnapshotIdentifier": _final_snapshot,
        },
    ),
    identity="@DBInstance.DbiResourceId",
    names=_COMMON,
    reads=_SHOWN,
    handles=words(
        "availability_zone backup_target character_set_name db_name kms_key_id"
        " nchar_character_set_name port replicate_source_db storage_encrypted timezone username"
    ),
    defaults={
        "apply_immediately": False,
        "auto_minor_version_upgrade": True,
        "copy_tags_to_snapshot": False,
        "delete_automated_backups": True,
        "monitoring_interval": 0,
        "performance_insights_enabled": False,
        "publicly_accessible": False,
        "skip_final_snapshot": False,
    },
    forces=words(
        "availability_zone character_set_name db_name engine kms_key_id nchar_character_set_name"
        " snapshot_identifier storage_encrypted timezone username replicate_source_db"
    ),
    changes=(
        Change(_rename, ("identifier",)),
        Change(_exports, ("enabled_cloudwatch_logs_exports",)),
        Change(
            Call(
                "modify_db_instance",
                {
                    "DBInstanceIdentifier": "$identifier",
                    "ApplyImmediately": "$apply_immediately",
                },
                fields=None,
            ),
            changed_only=True,
        ),
    ),
    computed={
        "address": "@Endpoint.Address",
        "arn": "@DBInstanceArn",
        "db_subnet_group_name": "@DBSubnetGroup.DBSubnetGroupName",
        "endpoint": _endpoint,
        "engine_version": kept("engine_version", is_version_prefix, "EngineVersion"),
        "engine_version_actual": "@EngineVersion",
        "hosted_zone_id": "@Endpoint.HostedZoneId",
        "option_group_name": "@OptionGroupMemberships[0].OptionGroupName",
        "parameter_group_name": _parameter_group_name,
        "port": "@Endpoint.Port",
        "replicas": "@ReadReplicaDBInstanceIdentifiers",
        "vpc_security_group_ids": "@VpcSecurityGroups[].VpcSecurityGroupId",
    },
    unread=words("replicate_source_db snapshot_identifier domain latest_restorable_time"),
    named="identifier",
    tagging="rds",
    ready=Ready("DBInstanceStatus", ("available",), _FAILED, _STATE_LIMIT_SECONDS),
)

_CLUSTER_NAMES = {
    "ca_certificate_identifier": "CACertificateIdentifier",
    "cluster_identifier": "DBClusterIdentifier",
    "enabled_cloudwatch_logs_exports": "EnableCloudwatchLogsExports",
    "iam_database_authentication_enabled": "EnableIAMDatabaseAuthentication",
    "master_password": "MasterUserPassword",
    "performance_insights_enabled": "EnablePerformanceInsights",
    "enable_http_endpoint": "EnableHttpEndpoint",
    "serverlessv2_scaling_configuration": "ServerlessV2ScalingConfiguration",
}

CLUSTER = ResourceType(
    service="rds",
    create=Call("create_db_cluster", fields=None),
    read=Read(Call("describe_db_clusters", {"DBClusterIdentifier": "$id"}), "DBClusters[0]"),
    delete=Call(
        "delete_db_cluster",
        {
            "DBClusterIdentifier": "$id",
            "SkipFinalSnapshot": lambda values: _final_snapshot(values) is None,
            "FinalDBSnapshotIdentifier": _final_snapshot,
        },
    ),
    identity="$cluster_identifier",
    names=_CLUSTER_NAMES,
    reads={
        "cluster_resource_id": "DbClusterResourceId",
        "db_cluster_parameter_group_name": "DBClusterParameterGroup",
        "db_subnet_group_name": "DBSubnetGroup",
        "enabled_cloudwatch_logs_exports": "EnabledCloudwatchLogsExports",
        "iam_database_authentication_enabled": "IAMDatabaseAuthenticationEnabled",
        "performance_insights_enabled": "PerformanceInsightsEnabled",
    },
    defaults={
        "copy_tags_to_snapshot": False,
        "delete_automated_backups": True,
        "engine_mode": "provisioned",
        "skip_final_snapshot": False,
    },
    forces=words(
        "availability_zones cluster_identifier database_name db_subnet_group_name engine"
        " engine_mode kms_key_id master_username snapshot_identifier storage_encrypted"
    ),
    changes=(
        Change(_cluster_exports, ("enabled_cloudwatch_logs_exports",)),
        Change(
            Call(
                "modify_db_cluster",
                {"DBClusterIdentifier": "$id", "ApplyImmediately": "$apply_immediately"},
                fields=None,
            ),
            changed_only=True,
        ),
    ),
    computed={
        "arn": "@DBClusterArn",
        "cluster_members": "@DBClusterMembers[].DBInstanceIdentifier",
        "engine_version": kept("engine_version", is_version_prefix, "EngineVersion"),
        "engine_version_actual": "@EngineVersion",
        "vpc_security_group_ids": "@VpcSecurityGroups[].VpcSecurityGroupId",
    },
    unread=words("snapshot_identifier iam_roles domain engine_mode"),
    named="cluster_identifier",
    tagging="rds",
    ready=Ready("Status", ("available",), _FAILED, _STATE_LIMIT_SECONDS),
)

_MEMBER_NAMES = {
    "ca_cert_identifier": "CACertificateIdentifier",
    "cluster_identifier": "DBClusterIdentifier",
    "identifier": "DBInstanceIdentifier",
    "instance_class": "DBInstanceClass",
    "performance_insights_enabled": "EnablePerformanceInsights",
}

CLUSTER_INSTANCE = ResourceType(
    service="rds",
    create=Call("create_db_instance", fields=None),
    read=Read(Call("describe_db_instances", {"DBInstanceIdentifier": "$id"}), "DBInstances[0]"),
    delete=Call("delete_db_instance", {"DBInstanceIdentifier": "$id", "SkipFinalSnapshot": True}),
    identity="$identifier",
    names=_MEMBER_NAMES,
    reads={"performance_insights_enabled": "PerformanceInsightsEnabled"},
    defaults={
        "auto_minor_version_upgrade": True,
        "copy_tags_to_snapshot": False,
        "force_destroy": False,
        "monitoring_interval": 0,
        "promotion_tier": 0,
    },
    forces=words("availability_zone cluster_identifier db_subnet_group_name engine identifier"),
    changes=(
        Change(
            Call(
                "modify_db_instance",
                {"DBInstanceIdentifier": "$id", "ApplyImmediately": "$apply_immediately"},
                fields=None,
            ),
            changed_only=True,
        ),
    ),
    computed={
        "arn": "@DBInstanceArn",
        "db_parameter_group_name": "@DBParameterGroups[0].DBParameterGroupName",
        "db_subnet_group_name": "@DBSubnetGroup.DBSubnetGroupName",
        "endpoint": "@Endpoint.Address",
        "engine_version": kept("engine_version", is_version_prefix, "EngineVersion"),
        "engine_version_actual": "@EngineVersion",
        "port": "@Endpoint.Port",
    },
    named="identifier",
    tagging="rds",
    ready=Ready("DBInstanceStatus", ("available",), _FAILED, _STATE_LIMIT_SECONDS),
)

SUBNET_GROUP = ResourceType(
    service="rds",
    create=Call(
        "create_db_subnet_group",
        {"DBSubnetGroupName": "$name", "DBSubnetGroupDescription": "$description"},
        fields=("subnet_ids",),
    ),
    read=Read(Call("describe_db_subnet_groups", {"DBSubnetGroupName": "$id"}), "DBSubnetGroups[0]"),
    delete=Call("delete_db_subnet_group", {"DBSubnetGroupName": "$id"}),
    identity="$name",
    names={"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
    defaults={"description": MANAGED},
    forces=words("name"),
    changes=(
        Change(
            Call(
                "modify_db_subnet_group",
                {"DBSubnetGroupName": "$id", "DBSubnetGroupDescription": "$description"},
                fields=("subnet_ids",),
            ),
            ("subnet_ids", "description"),
        ),
    ),
    computed={"arn": "@DBSubnetGroupArn", "subnet_ids": "@Subnets[].SubnetIdentifier"},
    named="name",
    tagging="rds",
)


def _parameter_group(kind: str, operations: str) -> ResourceType:
    # Instance and cluster parameter groups are the same but for their names.
    name = f"{kind}Name"
    listing = "db_parameters" if operations == "db_parameter_group" else "db_cluster_parameters"
    write = parameters("rds", operations, name, chunk=20)
    return ResourceType(
        service="rds",
        create=Call(
            f"create_{operations}",
            {
                name: "$name",
                "DBParameterGroupFamily": "$family",
                "Description": "$description",
            },
        ),
        read=Read(Call(f"describe_{operations}s", {name: "$id"}), f"{kind}s[0]"),
        delete=Call(f"delete_{operations}", {name: "$id"}),
        identity="$name",
        names={"name": name, "family": "DBParameterGroupFamily"},
        defaults={"description": MANAGED, "parameter.apply_method": "immediate"},
        forces=words("name family description"),
        changes=(Change(write, ("parameter",), on_create=True),),
        computed={"arn": f"@{kind}Arn", "parameter": shown_parameters("rds", listing, name)},
        named="name",
        tagging="rds",
    )


EVENT_SUBSCRIPTION = ResourceType(
    service="rds",
    create=Call(
        "create_event_subscription",
        {"SubscriptionName": "$name", "SnsTopicArn": "$sns_topic"},
        fields=("source_type", "event_categories", "source_ids", "enabled"),
    ),
    read=Read(
        Call("describe_event_subscriptions", {"SubscriptionName": "$id"}),
        "EventSubscriptionsList[0]",
    ),
    delete=Call("delete_event_subscription", {"SubscriptionName": "$id"}),
    identity="$name",
    names={"name": "CustSubscriptionId", "sns_topic": "SnsTopicArn"},
    reads={"event_categories": "EventCategoriesList", "source_ids": "SourceIdsList"},
    defaults={"enabled": True},
    forces=words("name source_ids"),
    changes=(
        Change(
            Call(
                "modify_event_subscription",
                {"SubscriptionName": "$id", "SnsTopicArn": "$sns_topic"},
                fields=("source_type", "event_categories", "enabled"),
            ),
            ("sns_topic", "source_type", "event_categories", "enabled"),
        ),
    ),
    computed={"arn": "@EventSubscriptionArn"},
    named="name",
    tagging="rds",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_db_instance": INSTANCE,
    "aws_db_subnet_group": SUBNET_GROUP,
    "aws_db_parameter_group": _parameter_group("DBParameterGroup", "db_parameter_group"),
    "aws_db_event_subscription": EVENT_SUBSCRIPTION,
    "aws_rds_cluster": CLUSTER,
    "aws_rds_cluster_instance": CLUSTER_INSTANCE,
    "aws_rds_cluster_parameter_group": _parameter_group(
        "DBClusterParameterGroup", "db_cluster_parameter_group"
    ),
}
