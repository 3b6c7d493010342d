"""How the real servers appear as RDS instances, and what a reboot is refused for; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from .patroni import Member, View
from .refusal import Refusal
from .wiring import Database

AVAILABLE = "available"
REBOOTING = "rebooting"
FAILED = "failed"

# States of PostgreSQL as Patroni words them; every other one means that it does not run.
_RUNS = ("running", "streaming", "in archive recovery")
_STARTS = ("starting", "restarting", "creating replica", "starting after custom bootstrap")


class Role(StrEnum):
    """Which of the two real instances an identifier stands for."""

    PRIMARY = "primary"
    REPLICA = "replica"


def role(database: Database, identifier: str) -> Role | None:
    """Return the role of a DB instance identifier; None where no real server stands behind it."""
    lowered = identifier.lower()
    if lowered == database.primary.lower():
        return Role.PRIMARY
    if lowered == database.replica.lower():
        return Role.REPLICA
    return None


def server(database: Database, of: Role, view: View | None) -> Member | None:
    """Return the server that an instance stands for at this moment; None when there is none."""
    if view is None:
        return None
    return view.leader if of is Role.PRIMARY else view.member(database.replica_member)


def status(database: Database, of: Role, view: View | None, *, changing: bool) -> str:
    """Return DBInstanceStatus of a real instance.

    ``view`` is None when no server answers; ``changing`` says that a reboot asked for over this
    API is under way.
    """
    if changing:
        return REBOOTING
    member = server(database, of, view)
    if member is None:
        return FAILED
    if member.state in _RUNS:
        return AVAILABLE
    return REBOOTING if member.state in _STARTS else FAILED


def overlay(
    instance: Mapping[str, Any], database: Database, of: Role, view: View | None, *, changing: bool
) -> dict[str, Any]:
    """Return moto's DBInstance with what the real servers are: endpoint, status, zones.

    A status that moto keeps for a call on the instance itself (stopped, deleting) stays.
    """
    seen = dict(instance)
    kept = str(instance.get("DBInstanceStatus", AVAILABLE))
    if kept == AVAILABLE:
        seen["DBInstanceStatus"] = status(database, of, view, changing=changing)
    name = database.primary_name if of is Role.PRIMARY else database.replica_name
    seen["Endpoint"] = {**(instance.get("Endpoint") or {}), "Address": name, "Port": database.port}
    member = server(database, of, view)
    if member is not None and member.name in database.members:
        seen["AvailabilityZone"] = database.members[member.name].zone
    seen.pop("SecondaryAvailabilityZone", None)
    standby = view.synchronous if view is not None else None
    if of is Role.PRIMARY and instance.get("MultiAZ") and standby is not None:
        seen["SecondaryAvailabilityZone"] = database.members[standby.name].zone
    if of is Role.REPLICA:
        # The real replica has no standby of its own; moto copies the source's setting.
        seen["MultiAZ"] = False
        streams = member is not None and member.state == "streaming"
        seen["StatusInfos"] = [
            {
                "StatusType": "read replication",
                "Normal": streams,
                "Status": "replicating" if streams else "error",
            }
        ]
    return seen


def reboot_refusal(
    identifier: str, current: str, *, multi_az: bool, force_failover: bool
) -> Refusal | None:
    """Return why a reboot is refused, or None.

    Source: API reference of RebootDBInstance (ForceFailover needs a Multi-AZ instance; the
    instance must be available).
    """
    if force_failover and not multi_az:
        return Refusal(
            "InvalidParameterCombination",
            f"Cannot force a failover of {identifier}: it is not configured for Multi-AZ.",
        )
    if current != AVAILABLE:
        return Refusal(
            "InvalidDBInstanceState",
            f"Instance {identifier} is not in available state (it is {current}).",
        )
    return None


def standby_refusal(instance: Mapping[str, Any]) -> Refusal | None:
    """Return why a real instance, as ``overlay`` shows it, cannot be failed over now, or None.

    A Multi-AZ instance of AWS always has a standby; here it may be down or still catching up.
    """
    if instance.get("SecondaryAvailabilityZone"):
        return None
    return Refusal(
        "InvalidDBInstanceState",
        f"Instance {instance.get('DBInstanceIdentifier')} has no synchronous standby at present.",
    )


def too_soon(last: datetime | None, now: datetime, cooldown_seconds: float) -> bool:
    """Say whether a failover happened within ``cooldown_seconds`` before ``now``.

    AWS abandons a user's failover then (RDS-EVENT-0034); how long "recently" is, it does not
    document.
    """
    return last is not None and now - last < timedelta(seconds=cooldown_seconds)
