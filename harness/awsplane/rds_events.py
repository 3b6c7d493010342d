"""The RDS events of a reboot, and when each is due; pure.

Source of ids and texts: Amazon RDS user guide, "Amazon RDS event categories and event messages"
(USER_Events.Messages). The guide gives no order; here each event is due when what it says has
been seen to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from .patroni import View

RESTARTED = "RDS-EVENT-0006"
FAILOVER_STARTED = "RDS-EVENT-0013"
STANDBY_IN_CHARGE = "RDS-EVENT-0015"
ABANDONED = "RDS-EVENT-0034"
FAILOVER_COMPLETED = "RDS-EVENT-0049"
ACTIVATION_STARTED = "RDS-EVENT-0050"
ACTIVATION_COMPLETED = "RDS-EVENT-0051"


class Source(StrEnum):
    """What an event is about, as DescribeEvents and subscriptions name it."""

    INSTANCE = "db-instance"
    CLUSTER = "db-cluster"

    @property
    def detail_type(self) -> str:
        """Return the detail-type of the EventBridge event."""
        return f"RDS DB {'Instance' if self is Source.INSTANCE else 'Cluster'} Event"


@dataclass(frozen=True)
class Event:
    """One event of the provider's catalogue."""

    id: str
    categories: tuple[str, ...]
    message: str


CATALOGUE = {
    event.id: event
    for event in (
        Event(RESTARTED, ("availability",), "DB instance restarted"),
        Event(FAILOVER_STARTED, ("failover",), "Multi-AZ instance failover started."),
        Event(
            STANDBY_IN_CHARGE,
            ("failover",),
            "Multi-AZ failover to standby complete - DNS propagation may take a few minutes",
        ),
        Event(
            ABANDONED,
            ("failover",),
            "Abandoning user requested failover since a failover recently occurred on the "
            "database instance",
        ),
        Event(FAILOVER_COMPLETED, ("failover",), "Multi-AZ instance failover completed"),
        Event(ACTIVATION_STARTED, ("failover",), "Multi-AZ instance activation started"),
        Event(
            ACTIVATION_COMPLETED,
            ("failover",),
            "Multi-AZ instance activation completed; the instance should be accessible now",
        ),
    )
}

# In the order in which they are published.
FAILOVER_SEQUENCE = (
    FAILOVER_STARTED,
    ACTIVATION_STARTED,
    ACTIVATION_COMPLETED,
    STANDBY_IN_CHARGE,
    FAILOVER_COMPLETED,
)


def due(
    before: View, now: View, *, endpoint_moved: bool, published: Sequence[str]
) -> tuple[str, ...]:
    """Return the ids of a failover's events that are due and not yet ``published``, in order.

    ``endpoint_moved`` says that the primary's name points at the server that leads ``now``.
    """
    reached = [FAILOVER_STARTED]
    if leads_anew(before, now):
        reached.append(ACTIVATION_STARTED)
        if promoted(before, now):
            reached += [ACTIVATION_COMPLETED, STANDBY_IN_CHARGE]
            if endpoint_moved:
                reached.append(FAILOVER_COMPLETED)
    return tuple(event for event in reached if event not in published)


@dataclass(frozen=True)
class Watched:
    """What a watch has seen: the servers before a failover, and its events published so far."""

    before: View | None = None
    published: tuple[str, ...] = ()


def watch(
    watched: Watched, now: View | None, *, changing: bool, endpoint_moved: Callable[[], bool]
) -> tuple[Watched, tuple[str, ...]]:
    """Return what a watch knows after another look, and the ids of the events that are due.

    ``now`` is None when no server answers: nothing is concluded then. ``changing`` says that a
    change asked for over the API is under way, which publishes its own events. A primary that
    is lost counts as failed over once another one leads.
    """
    if changing:
        return Watched(), ()
    if now is None or now.leader is None:
        return watched, ()
    if watched.before is None or not leads_anew(watched.before, now):
        return (Watched(now), ()) if now.leader.timeline is not None else (watched, ())
    moved = promoted(watched.before, now) and endpoint_moved()
    found = due(watched.before, now, endpoint_moved=moved, published=watched.published)
    published = (*watched.published, *found)
    if FAILOVER_COMPLETED in published:
        return Watched(now), found
    return Watched(watched.before, published), found


def leads_anew(before: View, now: View) -> bool:
    """Say whether another server leads than before."""
    return (
        before.leader is not None
        and now.leader is not None
        and now.leader.name != before.leader.name
    )


def promoted(before: View, now: View) -> bool:
    """Say whether another server leads, runs, and began a new timeline."""
    if not leads_anew(before, now) or before.leader is None or now.leader is None:
        return False
    old, new = before.leader.timeline, now.leader.timeline
    return now.leader.state == "running" and old is not None and new is not None and new > old


def detail(
    event: Event, *, source: Source, arn: str, identifier: str, at: datetime
) -> dict[str, Any]:
    """Return the detail of the EventBridge event; ``at`` is in UTC."""
    return {
        "EventCategories": list(event.categories),
        "SourceType": "DB_INSTANCE" if source is Source.INSTANCE else "CLUSTER",
        "SourceArn": arn,
        "Date": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
        "Message": event.message,
        "SourceIdentifier": identifier,
        "EventID": event.id,
    }


def subscribed(
    event: Event,
    identifier: str,
    *,
    source: Source,
    enabled: bool,
    source_type: str | None,
    categories: Sequence[str],
    source_ids: Sequence[str],
) -> bool:
    """Say whether an event subscription wants an event; empty means any."""
    return (
        enabled
        and source_type in (None, "", source.value)
        and (not categories or bool(set(categories) & set(event.categories)))
        and (not source_ids or identifier in source_ids)
    )


def notification(
    event: Event, *, source: Source, arn: str, identifier: str, at: datetime
) -> dict[str, str]:
    """Return the message that RDS sends to the topic of a subscription; ``at`` is in UTC.

    Source: Amazon RDS user guide, "Amazon RDS event notification" (USER_Events), whose link has
    the event's id as its fragment.
    """
    guide = "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html"
    return {
        "Event Source": source.value,
        "Event Time": at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}",
        "Source ID": identifier,
        "Source ARN": arn,
        "Event ID": f"{guide}#{event.id}",
        "Event Message": event.message,
    }
