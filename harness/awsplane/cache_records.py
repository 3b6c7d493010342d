"""What ElastiCache keeps beside its servers: parameter groups, subnet groups, group settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.elasticache.models import elasticache_backends

from .cache_parameters import Key, ParameterGroups
from .dispatch import Handler, ask_here, ask_moto, raise_refusal
from .refusal import Refusal

# Request of ModifyReplicationGroup -> attribute of moto's group.
_SETTINGS = {
    "ReplicationGroupDescription": "description",
    "SnapshotRetentionLimit": "snapshot_retention_limit",
    "SnapshotWindow": "snapshot_window",
    "CacheNodeType": "cache_node_type",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "CacheParameterGroupName": "cache_parameter_group_name",
    "EngineVersion": "engine_version",
    "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
    "NotificationTopicArn": "notification_topic_arn",
    "SecurityGroupIds": "security_group_ids",
}
_SWITCHES = {"AutomaticFailoverEnabled": "automatic_failover", "MultiAZEnabled": "multi_az"}


class Records:
    """Handlers of what is only remembered."""

    def __init__(self) -> None:
        self._parameters = ParameterGroups()

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by operation."""
        return {
            "CreateCacheParameterGroup": self._create,
            "DescribeCacheParameterGroups": self._describe,
            "DescribeCacheParameters": self._values,
            "ModifyCacheParameterGroup": self._modify,
            "ResetCacheParameterGroup": self._reset,
            "DeleteCacheParameterGroup": self._delete,
            "DeleteCacheSubnetGroup": _delete_subnet_group,
            "ListTagsForResource": _tags,
            "ModifyReplicationGroup": _modify_group,
        }

    def _create(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        group = _answer(self._parameters.create(_key(context), request))
        if request.get("Tags"):
            ask_here(
                context,
                "elasticache",
                "add_tags_to_resource",
                ResourceName=group["ARN"],
                Tags=request["Tags"],
            )
        return {"CacheParameterGroup": group}

    def _describe(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request.get("CacheParameterGroupName")
        return {"CacheParameterGroups": _answer(self._parameters.describe(_key(context), name))}

    def _values(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        values = _answer(self._parameters.values(_key(context), _name(request)))
        wanted = request.get("Source") in (None, "user")
        return {"Parameters": values if wanted else [], "CacheNodeTypeSpecificParameters": []}

    def _modify(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        changes = request["ParameterNameValues"]
        return dict(_answer(self._parameters.modify(_key(context), _name(request), changes)))

    def _reset(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        named = [str(entry["ParameterName"]) for entry in request.get("ParameterNameValues") or []]
        everything = bool(request.get("ResetAllParameters"))
        return dict(
            _answer(
                self._parameters.reset(_key(context), _name(request), None if everything else named)
            )
        )

    def _delete(self, context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        return dict(_answer(self._parameters.delete(_key(context), _name(request))))


def _delete_subnet_group(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    name = str(request["CacheSubnetGroupName"])
    groups = elasticache_backends[context.account_id][context.region].cache_subnet_groups
    if groups.pop(name, None) is None:
        message = f"CacheSubnetGroup {name} not found."
        raise_refusal(Refusal("CacheSubnetGroupNotFoundFault", message))
    return {}


def _tags(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    arn = str(request["ResourceName"])
    if ":parametergroup:" not in arn:
        return ask_moto(context)
    # moto keeps tags for every ARN, but reads them for its own kinds only.
    kept = elasticache_backends[context.account_id][context.region].tagging_service
    return {"TagList": kept.list_tags_for_resource(arn)["Tags"]}


def _modify_group(context: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    name = str(request["ReplicationGroupId"])
    groups = elasticache_backends[context.account_id][context.region].replication_groups
    group = groups.get(name)
    if group is not None:
        for field, attribute in _SETTINGS.items():
            if field in request:
                setattr(group, attribute, request[field])
        for field, attribute in _SWITCHES.items():
            if field in request:
                setattr(group, attribute, "enabled" if request[field] else "disabled")
    # An unknown group is answered here, with the error of ElastiCache itself.
    found = ask_here(context, "elasticache", "describe_replication_groups", ReplicationGroupId=name)
    return {"ReplicationGroup": found["ReplicationGroups"][0]}


def _key(context: Any) -> Key:
    return (context.account_id, context.region)


def _name(request: Mapping[str, Any]) -> str:
    return str(request["CacheParameterGroupName"])


def _answer(found: Any) -> Any:
    if isinstance(found, Refusal):
        raise_refusal(found)
    return found
