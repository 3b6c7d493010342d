"""How the real servers appear as an RDS Multi-AZ DB cluster; pure.

The document has a Multi-AZ instance with a read replica; ``infra/terraform`` makes a Multi-AZ DB
cluster of the same name. Whichever of the two exists in the account is shown with the same
real servers behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import rds_state
from .patroni import View
from .rds_events import FAILOVER_COMPLETED, FAILOVER_STARTED, Event
from .rds_state import Role
from .refusal import Refusal
from .wiring import Database

FAILING_OVER = "failing-over"

# Of the catalogue "DB cluster events"; the place of the server's name is filled in.
_EVENTS = {
    FAILOVER_STARTED: ("RDS-EVENT-0073", "Started cross AZ failover to DB instance: {}"),
    FAILOVER_COMPLETED: ("RDS-EVENT-0071", "Completed failover to DB instance: {}"),
}


def is_real(database: Database, identifier: str) -> bool:
    """Say whether a DB cluster identifier stands for the real servers."""
    return identifier.lower() == database.primary.lower()


def member_id(database: Database, server: str) -> str:
    """Return the DB instance identifier of a server as a member of the cluster."""
    return f"{database.primary}-instance-{sorted(database.members).index(server) + 1}"


def status(database: Database, view: View | None, *, changing: bool) -> str:
    """Return the status of the cluster; one without a primary that runs is failing over."""
    seen = rds_state.status(database, Role.PRIMARY, view, changing=False)
    return FAILING_OVER if changing or seen != rds_state.AVAILABLE else rds_state.AVAILABLE


def overlay(
    cluster: Mapping[str, Any], database: Database, view: View | None, *, changing: bool
) -> dict[str, Any]:
    """Return moto's DBCluster with the real endpoints, zones, members and status."""
    kept = str(cluster.get("Status", rds_state.AVAILABLE))
    shown = {
        **cluster,
        "Endpoint": database.primary_name,
        "ReaderEndpoint": database.replica_name,
        "Port": database.port,
        "MultiAZ": True,
        "AvailabilityZones": sorted({node.zone for node in database.members.values()}),
        "DBClusterMembers": [
            {
                "DBInstanceIdentifier": member_id(database, name),
                "IsClusterWriter": _leads(view, name),
                "DBClusterParameterGroupStatus": "in-sync",
                "PromotionTier": 1,
            }
            for name in sorted(database.members)
        ],
    }
    if kept == rds_state.AVAILABLE:
        shown["Status"] = status(database, view, changing=changing)
    return shown


def failover_refusal(
    cluster: Mapping[str, Any], database: Database, view: View | None, target: str | None
) -> Refusal | None:
    """Return why a failover of the cluster, as ``overlay`` shows it, is refused, or None.

    ``target`` is the member that was asked for. Only the synchronous standby can take over
    without loss, so that any other one is refused.
    """
    name = cluster.get("DBClusterIdentifier")
    if cluster.get("Status") != rds_state.AVAILABLE:
        message = f"DB cluster {name} is not in available state (it is {cluster.get('Status')})."
        return Refusal("InvalidDBClusterStateFault", message)
    standby = view.synchronous if view is not None else None
    if standby is None:
        message = f"DB cluster {name} has no synchronous standby at present."
        return Refusal("InvalidDBClusterStateFault", message)
    candidate = member_id(database, standby.name)
    if target and target != candidate:
        message = f"Only {candidate} can take over at present, got {target}."
        return Refusal("InvalidDBInstanceState", message)
    return None


def event(instance_event: str, database: Database, server: str) -> Event | None:
    """Return what a cluster publishes where an instance publishes ``instance_event``, or None.

    ``server`` is the one that takes over.
    """
    if instance_event not in _EVENTS or server not in database.members:
        return None
    event_id, text = _EVENTS[instance_event]
    return Event(event_id, ("failover",), text.format(member_id(database, server)))


def _leads(view: View | None, server: str) -> bool:
    return view is not None and view.leader is not None and view.leader.name == server


def parameter_group_in(arn: str) -> str | None:
    """Return the name of the DB cluster parameter group that an ARN means; None for others.

    >>> parameter_group_in("arn:aws:rds:ap-south-1:000000000000:cluster-pg:settings")
    'settings'
    """
    words = arn.split(":")
    return words[6].lower() if len(words) == 7 and words[5] == "cluster-pg" else None
