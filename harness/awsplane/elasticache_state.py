"""How the real Redis servers appear as a replication group, and its events; pure.

Sources: ElastiCache user guide, "Testing automatic failover" (AutoFailover: the order of the
events, at most five node groups in a rolling 24 hours), and the API reference of TestFailover.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .refusal import Refusal
from .sentinel import Group
from .wiring import Cache

NODE_GROUP = "0001"
NODE = "0001"
AVAILABLE = "available"
MODIFYING = "modifying"
CALLS_PER_DAY = 5

GROUP_SOURCE = "replication-group"
CLUSTER_SOURCE = "cache-cluster"


@dataclass(frozen=True)
class Event:
    """One event: ``step`` orders and names it within a failover."""

    step: str
    source_type: str
    source: str
    message: str


def cluster_of(cache: Cache, address: str | None) -> str | None:
    """Return the cache cluster id of the server at an address."""
    return next((name for name, node in cache.nodes.items() if node.address == address), None)


def status(group: Group | None, *, changing: bool) -> str:
    """Return the replication group's status; ``group`` is None when no Sentinel answers."""
    settled = group is not None and group.primary is not None
    return AVAILABLE if settled and not changing else MODIFYING


def overlay(
    record: Mapping[str, Any], cache: Cache, group: Group | None, *, changing: bool
) -> dict[str, Any]:
    """Return moto's ReplicationGroup with the real servers, their zones and roles."""
    state = status(group, changing=changing)
    return {
        **record,
        "Status": state,
        "MemberClusters": list(cache.nodes),
        "NodeGroups": [
            {
                "NodeGroupId": NODE_GROUP,
                "Status": state,
                "PrimaryEndpoint": {"Address": cache.primary_name, "Port": cache.port},
                "NodeGroupMembers": [
                    {
                        "CacheClusterId": name,
                        "CacheNodeId": NODE,
                        "ReadEndpoint": {"Address": node.address, "Port": cache.port},
                        "PreferredAvailabilityZone": node.zone,
                        "CurrentRole": _role(node.address, group),
                    }
                    for name, node in cache.nodes.items()
                ],
            }
        ],
    }


def clusters(
    record: Mapping[str, Any], cache: Cache, group: Group | None, *, node_info: bool
) -> list[dict[str, Any]]:
    """Return the CacheClusters of a replication group, one for each real server."""
    found = []
    for name, node in cache.nodes.items():
        state = _node_status(node.address, group)
        cluster = {
            "CacheClusterId": name,
            "ReplicationGroupId": cache.group,
            "CacheClusterStatus": state,
            "CacheNodeType": record.get("CacheNodeType"),
            "Engine": record.get("Engine", "redis"),
            "NumCacheNodes": 1,
            "PreferredAvailabilityZone": node.zone,
            "TransitEncryptionEnabled": record.get("TransitEncryptionEnabled", False),
            "AtRestEncryptionEnabled": record.get("AtRestEncryptionEnabled", False),
            "AuthTokenEnabled": record.get("AuthTokenEnabled", False),
            "SnapshotRetentionLimit": record.get("SnapshotRetentionLimit", 0),
            "ARN": str(record.get("ARN", "")).replace(
                f":replicationgroup:{cache.group}", f":cluster:{name}"
            ),
        }
        if node_info:
            cluster["CacheNodes"] = [
                {
                    "CacheNodeId": NODE,
                    "CacheNodeStatus": state,
                    "Endpoint": {"Address": node.address, "Port": cache.port},
                    "CustomerAvailabilityZone": node.zone,
                }
            ]
        found.append(cluster)
    return found


def test_refusal(
    record: Mapping[str, Any], node_group: str, calls: Sequence[datetime], now: datetime
) -> Refusal | None:
    """Return why a test of the failover is refused, or None.

    ``record`` is the replication group as it is shown, ``calls`` when earlier tests were taken.
    """
    name = record.get("ReplicationGroupId")
    known = [group.get("NodeGroupId") for group in record.get("NodeGroups") or []]
    if node_group not in known:
        return Refusal(
            "NodeGroupNotFoundFault",
            f"Node group {node_group} not found in replication group {name}.",
            404,
        )
    if record.get("AutomaticFailover") not in ("enabled", "enabling"):
        return Refusal(
            "TestFailoverNotAvailableFault",
            f"Automatic failover is not enabled for replication group {name}.",
        )
    if record.get("Status") != AVAILABLE:
        return Refusal(
            "InvalidReplicationGroupState",
            f"Replication group {name} is not in available state (it is {record.get('Status')}).",
        )
    recent = [at for at in calls if now - at < timedelta(hours=24)]
    if len(recent) >= CALLS_PER_DAY:
        return Refusal(
            "APICallRateForCustomerExceeded",
            f"TestFailover was called for {CALLS_PER_DAY} node groups in the last 24 hours.",
        )
    return None


def due(
    cache: Cache, before: Group, now: Group, *, endpoint_moved: bool, published: Sequence[str]
) -> tuple[Event, ...]:
    """Return the events of a failover that are due and not yet ``published`` (their steps).

    ``endpoint_moved`` says that the primary's name points at the server that leads ``now``.
    """
    events = [
        Event(
            "called",
            GROUP_SOURCE,
            cache.group,
            f"Test Failover API called for node group {NODE_GROUP}",
        )
    ]
    old, new = cluster_of(cache, before.primary), cluster_of(cache, now.primary)
    if new is not None and old is not None and new != old and endpoint_moved:
        text = f"Failover from primary node {old} to replica node {new} completed"
        events += [
            Event("completed for the cluster", CLUSTER_SOURCE, new, text),
            Event("completed for the group", GROUP_SOURCE, cache.group, text),
        ]
        if before.primary in now.replicas:
            text = f"Recovering cache nodes {NODE}"
            events.append(Event("recovering", CLUSTER_SOURCE, old, text))
        if before.primary in now.following:
            text = f"Finished recovery for cache nodes {NODE}"
            events.append(Event("recovered", CLUSTER_SOURCE, old, text))
    return tuple(event for event in events if event.step not in published)


def _role(address: str, group: Group | None) -> str:
    return "primary" if group is not None and group.primary == address else "replica"


def _node_status(address: str, group: Group | None) -> str:
    if group is not None and (address == group.primary or address in group.following):
        return AVAILABLE
    return MODIFYING
