"""RDS over the real servers: states, zones, refusals and the order of events, from tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.awsplane import rds_cluster_state, rds_events, rds_state
from harness.awsplane.patroni import Member, View, last_promotion, parse_view
from harness.awsplane.rds_state import Role
from harness.awsplane.wiring import Database, Node

DATABASE = Database(
    primary="prod-primary",
    replica="prod-replica",
    primary_name="primary.internal",
    replica_name="replica.internal",
    port=5432,
    members={
        "a": Node("10.0.201.11", "ap-south-1a"),
        "b": Node("10.0.202.11", "ap-south-1b"),
        "c": Node("10.0.203.11", "ap-south-1c"),
    },
    replica_member="c",
    rest_port=8008,
    user="patroni",
    password="secret",
    resolver="10.0.0.2",
    cooldown_seconds=30,
)
INSTANCE = {
    "DBInstanceIdentifier": "prod-primary",
    "DBInstanceStatus": "available",
    "MultiAZ": True,
    "Endpoint": {"Address": "invented", "Port": 1, "HostedZoneId": "Z1"},
    "AvailabilityZone": "us-east-1a",
}


def _view(a: str, b: str, c: str = "replica streaming", timeline: int = 1) -> View:
    """Members as "role state"; an empty text is a member that is not there."""
    members = []
    for name, text in (("a", a), ("b", b), ("c", c)):
        if text:
            role, _, state = text.partition(" ")
            members.append(Member(name, role, state, timeline))
    return View(tuple(members))


HEALTHY = _view("leader running", "sync_standby streaming")
MOVED = _view("sync_standby streaming", "leader running", timeline=2)


def test_the_cluster_document_of_patroni_is_read() -> None:
    document = {
        "members": [
            {"name": "a", "role": "leader", "state": "running", "timeline": 3, "host": "10.0.0.1"},
            {"name": "b", "role": "sync_standby", "state": "streaming", "timeline": 3},
            {"name": "c", "role": "replica", "state": "start failed", "timeline": "unknown"},
        ]
    }

    view = parse_view(document)

    assert view.leader == Member("a", "leader", "running", 3)
    assert view.synchronous == Member("b", "sync_standby", "streaming", 3)
    assert view.member("c") == Member("c", "replica", "start failed", None)


@pytest.mark.parametrize("document", [None, [], {}, {"members": None}, "text"])
def test_an_answer_without_members_is_an_empty_view(document: object) -> None:
    assert parse_view(document) == View(())


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], None),
        (None, None),
        ([[1, 100, "no recovery target specified"]], None),
        (
            [
                [1, 100, "no recovery target specified", "2026-11-25T10:00:00.5+00:00", "b"],
                [2, 200, "no recovery target specified", "2026-11-25T09:00:00+00:00", "a"],
            ],
            datetime(2026, 11, 25, 10, 0, 0, 500000, tzinfo=UTC),
        ),
        ([[1, 1, "x", "2026-11-25T10:00:00", "b"]], datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ([[1, 1, "x", "no time", "b"]], None),
    ],
)
def test_the_newest_promotion_is_found(document: object, expected: datetime | None) -> None:
    assert last_promotion(document) == expected


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("prod-primary", Role.PRIMARY),
        ("PROD-Primary", Role.PRIMARY),
        ("prod-replica", Role.REPLICA),
        ("prod", None),
        ("", None),
    ],
)
def test_only_the_two_named_instances_are_real(identifier: str, expected: Role | None) -> None:
    assert rds_state.role(DATABASE, identifier) == expected


@pytest.mark.parametrize(
    ("role", "view", "changing", "expected"),
    [
        (Role.PRIMARY, HEALTHY, False, "available"),
        (Role.PRIMARY, HEALTHY, True, "rebooting"),
        (Role.PRIMARY, None, True, "rebooting"),
        (Role.PRIMARY, None, False, "failed"),
        (Role.PRIMARY, _view("replica streaming", "replica streaming"), False, "failed"),
        (Role.PRIMARY, _view("leader starting", "sync_standby streaming"), False, "rebooting"),
        (Role.PRIMARY, _view("leader restarting", "sync_standby streaming"), False, "rebooting"),
        (Role.PRIMARY, _view("leader crashed", "sync_standby streaming"), False, "failed"),
        (Role.PRIMARY, _view("leader stopped", "sync_standby streaming"), False, "failed"),
        (Role.PRIMARY, _view("leader something new", ""), False, "failed"),
        (Role.REPLICA, HEALTHY, False, "available"),
        (Role.REPLICA, HEALTHY, True, "rebooting"),
        (Role.REPLICA, _view("", "leader running"), False, "available"),
        (Role.REPLICA, _view("leader running", "", "replica starting"), False, "rebooting"),
        (Role.REPLICA, _view("leader running", "", "replica stopped"), False, "failed"),
        (Role.REPLICA, _view("leader running", "", ""), False, "failed"),
        (Role.REPLICA, None, False, "failed"),
    ],
)
def test_the_status_follows_the_real_server(
    role: Role, view: View | None, changing: bool, expected: str
) -> None:
    assert rds_state.status(DATABASE, role, view, changing=changing) == expected


@pytest.mark.parametrize(
    ("view", "zones"),
    [
        (HEALTHY, ("ap-south-1a", "ap-south-1b")),
        (MOVED, ("ap-south-1b", "ap-south-1a")),
        (_view("leader running", "replica streaming"), ("ap-south-1a", None)),
        # Nobody leads: the zone that moto has kept stays, and there is no standby.
        (None, ("us-east-1a", None)),
    ],
)
def test_zones_and_endpoint_follow_the_real_roles(
    view: View | None, zones: tuple[str, str | None]
) -> None:
    shown = rds_state.overlay(INSTANCE, DATABASE, Role.PRIMARY, view, changing=False)

    assert (shown["AvailabilityZone"], shown.get("SecondaryAvailabilityZone")) == zones
    assert shown["Endpoint"] == {"Address": "primary.internal", "Port": 5432, "HostedZoneId": "Z1"}


def test_an_instance_that_is_not_multi_az_shows_no_second_zone() -> None:
    single = {**INSTANCE, "MultiAZ": False}

    shown = rds_state.overlay(single, DATABASE, Role.PRIMARY, HEALTHY, changing=False)

    assert "SecondaryAvailabilityZone" not in shown


@pytest.mark.parametrize(
    ("server", "status"),
    [
        ("replica streaming", {"Normal": True, "Status": "replicating"}),
        ("replica running", {"Normal": False, "Status": "error"}),
        ("", {"Normal": False, "Status": "error"}),
    ],
)
def test_the_replica_shows_its_replication_and_no_standby(
    server: str, status: dict[str, Any]
) -> None:
    view = _view("leader running", "sync_standby streaming", server)

    shown = rds_state.overlay(INSTANCE, DATABASE, Role.REPLICA, view, changing=False)

    assert shown["StatusInfos"] == [{"StatusType": "read replication", **status}]
    assert shown["MultiAZ"] is False
    assert "SecondaryAvailabilityZone" not in shown
    assert shown["Endpoint"]["Address"] == "replica.internal"


def test_a_status_that_moto_keeps_for_the_record_stays() -> None:
    deleting = {**INSTANCE, "DBInstanceStatus": "deleting"}

    shown = rds_state.overlay(deleting, DATABASE, Role.PRIMARY, HEALTHY, changing=False)

    assert shown["DBInstanceStatus"] == "deleting"


@pytest.mark.parametrize(
    ("status", "multi_az", "force", "code"),
    [
        ("available", True, True, None),
        ("available", True, False, None),
        ("available", False, False, None),
        ("available", False, True, "InvalidParameterCombination"),
        ("rebooting", True, True, "InvalidDBInstanceState"),
        ("failed", True, False, "InvalidDBInstanceState"),
        # What is wrong with the request itself is said first.
        ("failed", False, True, "InvalidParameterCombination"),
    ],
)
def test_a_reboot_is_refused_as_aws_refuses_it(
    status: str, multi_az: bool, force: bool, code: str | None
) -> None:
    refusal = rds_state.reboot_refusal("x", status, multi_az=multi_az, force_failover=force)

    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize(
    ("view", "code"),
    [
        (HEALTHY, None),
        (_view("leader running", "replica streaming"), "InvalidDBInstanceState"),
        (_view("leader running", ""), "InvalidDBInstanceState"),
        (None, "InvalidDBInstanceState"),
    ],
)
def test_without_a_standby_there_is_nothing_to_fail_over_to(
    view: View | None, code: str | None
) -> None:
    shown = rds_state.overlay(INSTANCE, DATABASE, Role.PRIMARY, view, changing=False)

    refusal = rds_state.standby_refusal(shown)

    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, False), (0, True), (29.9, True), (30, False), (3600, False)]
)
def test_a_failover_is_too_soon_within_the_cool_down(seconds: float | None, expected: bool) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    last = None if seconds is None else now - timedelta(seconds=seconds)

    assert rds_state.too_soon(last, now, DATABASE.cooldown_seconds) is expected


_STARTED, _ACTIVATING, _ACTIVE, _IN_CHARGE, _COMPLETED = rds_events.FAILOVER_SEQUENCE
_UNCHANGED_TIMELINE = _view("sync_standby streaming", "leader running", timeline=1)
_STARTING = _view("replica stopped", "leader starting", timeline=1)


@pytest.mark.parametrize(
    ("now", "moved", "published", "expected"),
    [
        (HEALTHY, False, [], [_STARTED]),
        (HEALTHY, False, [_STARTED], []),
        (_view("replica stopped", "replica streaming"), False, [_STARTED], []),
        (_STARTING, False, [_STARTED], [_ACTIVATING]),
        # A leader without a new timeline was not promoted, whoever the name points at.
        (_UNCHANGED_TIMELINE, True, [_STARTED], [_ACTIVATING]),
        (MOVED, False, [_STARTED], [_ACTIVATING, _ACTIVE, _IN_CHARGE]),
        (MOVED, False, [_STARTED, _ACTIVATING, _ACTIVE, _IN_CHARGE], []),
        (MOVED, True, [_STARTED, _ACTIVATING, _ACTIVE, _IN_CHARGE], [_COMPLETED]),
        (MOVED, True, [], list(rds_events.FAILOVER_SEQUENCE)),
        # The name cannot have moved to a server that does not lead anew.
        (HEALTHY, True, [_STARTED], []),
    ],
)
def test_each_event_is_due_once_what_it_says_is_so(
    now: View, moved: bool, published: list[str], expected: list[str]
) -> None:
    due = rds_events.due(HEALTHY, now, endpoint_moved=moved, published=published)

    assert list(due) == expected


def test_the_sequence_has_the_documented_ids() -> None:
    assert set(rds_events.FAILOVER_SEQUENCE) == {
        f"RDS-EVENT-{number}" for number in ("0013", "0015", "0049", "0050", "0051")
    }
    assert all(event in rds_events.CATALOGUE for event in rds_events.FAILOVER_SEQUENCE)
    assert {rds_events.ABANDONED, rds_events.RESTARTED} < set(rds_events.CATALOGUE)


def test_the_detail_of_an_event_has_the_fields_that_aws_documents() -> None:
    event = rds_events.CATALOGUE["RDS-EVENT-0049"]

    detail: Mapping[str, Any] = rds_events.detail(
        event,
        source=rds_events.Source.INSTANCE,
        arn="arn:aws:rds:ap-south-1:000000000000:db:prod-primary",
        identifier="prod-primary",
        at=datetime(2026, 11, 25, 12, 0, 1, 234567, tzinfo=UTC),
    )

    assert detail == {
        "EventCategories": ["failover"],
        "SourceType": "DB_INSTANCE",
        "SourceArn": "arn:aws:rds:ap-south-1:000000000000:db:prod-primary",
        "Date": "2026-11-25T12:00:01.234Z",
        "Message": "Multi-AZ instance failover completed",
        "SourceIdentifier": "prod-primary",
        "EventID": "RDS-EVENT-0049",
    }


_ALL = rds_events.FAILOVER_SEQUENCE
_LOST = _view("", "replica streaming")


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        # Nothing happens, however long one looks, and whatever cannot be seen.
        ([(HEALTHY, False)] * 3, []),
        ([(HEALTHY, False), (None, False), (_LOST, False), (HEALTHY, False)], []),
        # The first look is at what is there, not at a change.
        ([(MOVED, True)], []),
        ([(HEALTHY, False), (_LOST, False), (MOVED, True)], list(_ALL)),
        ([(HEALTHY, False), (_STARTING, False), (MOVED, False), (MOVED, True)], list(_ALL)),
        ([(HEALTHY, False), (MOVED, False), (MOVED, False)], list(_ALL[:-1])),
        # A second failover is told again, a settled state is not.
        (
            [(HEALTHY, False), (MOVED, True), (MOVED, True)]
            + [(_view("leader running", "sync_standby streaming", timeline=3), True)],
            list(_ALL) * 2,
        ),
        # One that was asked for over the API publishes its own events.
        ([(HEALTHY, False), ("changing", False), (MOVED, True), (MOVED, True)], []),
    ],
)
def test_a_failover_that_nobody_asked_for_is_told_once(
    looks: list[tuple[View | str | None, bool]], expected: list[str]
) -> None:
    watched, told = rds_events.Watched(), []
    for seen, moved in looks:
        changing = seen == "changing"
        view = seen if isinstance(seen, View) else None
        watched, due = rds_events.watch(
            watched, view, changing=changing, endpoint_moved=lambda moved=moved: moved
        )
        told += due

    assert told == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"source_type": None}, True),
        ({"source_type": "db-cluster"}, False),
        ({"categories": ["failover", "failure"]}, True),
        ({"categories": ["backup"]}, False),
        ({"source_ids": ["prod-primary"]}, True),
        ({"source_ids": ["prod-replica"]}, False),
    ],
)
def test_a_subscription_gets_what_it_asks_for(change: dict[str, Any], expected: bool) -> None:
    subscription: dict[str, Any] = {
        "enabled": True,
        "source": rds_events.Source.INSTANCE,
        "source_type": "db-instance",
        "categories": [],
        "source_ids": [],
    }
    event = rds_events.CATALOGUE["RDS-EVENT-0049"]

    assert rds_events.subscribed(event, "prod-primary", **{**subscription, **change}) is expected


def test_a_notification_names_the_event_by_its_id() -> None:
    message = rds_events.notification(
        rds_events.CATALOGUE["RDS-EVENT-0013"],
        source=rds_events.Source.INSTANCE,
        arn="arn:x",
        identifier="prod-primary",
        at=datetime(2026, 11, 25, 12, 0, 1, 5000, tzinfo=UTC),
    )

    assert message["Event ID"].endswith("#RDS-EVENT-0013")
    assert message["Event Time"] == "2026-11-25 12:00:01.005"
    assert (message["Source ID"], message["Event Source"]) == ("prod-primary", "db-instance")


@pytest.mark.parametrize(
    ("view", "changing", "expected"),
    [
        (HEALTHY, False, "available"),
        (HEALTHY, True, "failing-over"),
        (_LOST, False, "failing-over"),
        (None, False, "failing-over"),
    ],
)
def test_the_status_of_a_cluster(view: View | None, changing: bool, expected: str) -> None:
    shown = rds_cluster_state.overlay({"Status": "available"}, DATABASE, view, changing=changing)

    assert shown["Status"] == expected


def test_a_cluster_shows_the_real_writer_zones_and_endpoints() -> None:
    record = {"DBClusterIdentifier": "prod-primary", "Status": "available", "MultiAZ": False}

    shown = rds_cluster_state.overlay(record, DATABASE, MOVED, changing=False)

    assert (shown["Endpoint"], shown["ReaderEndpoint"]) == ("primary.internal", "replica.internal")
    assert shown["AvailabilityZones"] == ["ap-south-1a", "ap-south-1b", "ap-south-1c"]
    assert shown["MultiAZ"] is True
    assert {m["DBInstanceIdentifier"]: m["IsClusterWriter"] for m in shown["DBClusterMembers"]} == {
        "prod-primary-instance-1": False,
        "prod-primary-instance-2": True,
        "prod-primary-instance-3": False,
    }


@pytest.mark.parametrize(
    ("view", "target", "code"),
    [
        (HEALTHY, None, None),
        (HEALTHY, "prod-primary-instance-2", None),
        (HEALTHY, "prod-primary-instance-3", "InvalidDBInstanceState"),
        (HEALTHY, "prod-primary-instance-1", "InvalidDBInstanceState"),
        (_view("leader running", "replica streaming"), None, "InvalidDBClusterStateFault"),
        (_LOST, None, "InvalidDBClusterStateFault"),
    ],
)
def test_a_failover_of_the_cluster_is_refused_as_rds_refuses_it(
    view: View, target: str | None, code: str | None
) -> None:
    record = {"DBClusterIdentifier": "prod-primary", "Status": "available"}
    shown = rds_cluster_state.overlay(record, DATABASE, view, changing=False)

    refusal = rds_cluster_state.failover_refusal(shown, DATABASE, view, target)

    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize(
    ("instance_event", "server", "expected"),
    [
        ("RDS-EVENT-0013", "b", "RDS-EVENT-0073"),
        ("RDS-EVENT-0049", "b", "RDS-EVENT-0071"),
        ("RDS-EVENT-0050", "b", None),
        ("RDS-EVENT-0049", "unknown", None),
    ],
)
def test_a_cluster_tells_start_and_end_of_a_failover(
    instance_event: str, server: str, expected: str | None
) -> None:
    event = rds_cluster_state.event(instance_event, DATABASE, server)

    assert (event.id if event else None) == expected
    assert event is None or event.message.endswith(
        "failover to DB instance: prod-primary-instance-2"
    )


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:rds:ap-south-1:000000000000:cluster-pg:Settings", "settings"),
        ("arn:aws:rds:ap-south-1:000000000000:pg:settings", None),
        ("arn:aws:rds:ap-south-1:000000000000:cluster:cluster-pg", None),
        ("arn:aws:rds:ap-south-1:000000000000:cluster-pg", None),
        ("cluster-pg", None),
        ("", None),
    ],
)
def test_the_arn_of_a_cluster_parameter_group_is_told_from_others(
    arn: str, expected: str | None
) -> None:
    """Names are lower case, as RDS stores them; what is no such ARN is left to moto."""
    assert rds_cluster_state.parameter_group_in(arn) == expected
