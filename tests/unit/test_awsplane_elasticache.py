"""ElastiCache over the real servers: roles, refusals, event order and the wire format."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from harness.awsplane import elasticache_state
from harness.awsplane.resp import RedisError, RedisRefused, ask, decode, encode, pairs
from harness.awsplane.sentinel import Group, majority, parse_group
from harness.awsplane.wiring import Cache, Node
from harness.stack import credentials
from harness.stack.layout import Layout

A, B, C = "10.0.1.21", "10.0.2.21", "10.0.3.21"
CACHE = Cache(
    group="prod-redis",
    sentinel_group="prod-redis",
    primary_name="redis.internal",
    port=6379,
    nodes={
        "prod-redis-001": Node(A, "ap-south-1a"),
        "prod-redis-002": Node(B, "ap-south-1b"),
        "prod-redis-003": Node(C, "ap-south-1c"),
    },
    sentinels=("10.0.0.41", "10.0.0.42", "10.0.0.43"),
    sentinel_port=26379,
    resolver="10.0.0.2",
    auth_token="secret",
    ca="PEM",
)
HEALTHY = Group(primary=A, replicas=(B, C), following=(B, C))
RECORD = {
    "ReplicationGroupId": "prod-redis",
    "Status": "available",
    "AutomaticFailover": "enabled",
    "NodeGroups": [{"NodeGroupId": "0001"}],
    "CacheNodeType": "cache.r6g.large",
    "ARN": "arn:aws:elasticache:ap-south-1:000000000000:replicationgroup:prod-redis",
}
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([A, A, A], A),
        ([A, A, B], A),
        ([A, A, None], A),
        # One that is silent dissents: one of three is no majority.
        ([A, None, None], None),
        ([A, B, C], None),
        ([None, None, None], None),
        ([], None),
    ],
)
def test_the_primary_is_what_most_sentinels_name(
    answers: list[str | None], expected: str | None
) -> None:
    assert majority(answers) == expected


def test_a_replica_follows_only_with_an_intact_link() -> None:
    replicas = [
        {"ip": B, "flags": "slave", "master-link-status": "ok"},
        {"ip": C, "flags": "slave", "master-link-status": "err"},
        {"ip": A, "flags": "s_down,slave,disconnected", "master-link-status": "ok"},
        {},
    ]

    assert parse_group(A, replicas) == Group(primary=A, replicas=(B, C), following=(B,))
    assert parse_group(None, replicas) == Group(None, replicas=(A, B, C), following=(B,))


def test_the_group_shows_the_real_servers_roles_and_zones() -> None:
    shown = elasticache_state.overlay(RECORD, CACHE, Group(B, (A, C), (A, C)), changing=False)

    [group] = shown["NodeGroups"]
    assert shown["Status"] == "available"
    assert shown["MemberClusters"] == ["prod-redis-001", "prod-redis-002", "prod-redis-003"]
    assert group["PrimaryEndpoint"] == {"Address": "redis.internal", "Port": 6379}
    assert [
        (m["CacheClusterId"], m["PreferredAvailabilityZone"], m["CurrentRole"])
        for m in group["NodeGroupMembers"]
    ] == [
        ("prod-redis-001", "ap-south-1a", "replica"),
        ("prod-redis-002", "ap-south-1b", "primary"),
        ("prod-redis-003", "ap-south-1c", "replica"),
    ]


@pytest.mark.parametrize(
    ("group", "changing", "expected"),
    [
        (HEALTHY, False, "available"),
        (HEALTHY, True, "modifying"),
        (Group(None), False, "modifying"),
        (None, False, "modifying"),
    ],
)
def test_the_status_of_the_group(group: Group | None, changing: bool, expected: str) -> None:
    assert elasticache_state.status(group, changing=changing) == expected


def test_a_server_that_does_not_follow_is_not_available() -> None:
    group = Group(A, (B, C), (B,))

    clusters = elasticache_state.clusters(RECORD, CACHE, group, node_info=True)

    assert [c["CacheClusterStatus"] for c in clusters] == ["available", "available", "modifying"]
    assert clusters[2]["CacheNodes"][0]["Endpoint"] == {"Address": C, "Port": 6379}
    assert clusters[0]["ARN"].endswith(":cluster:prod-redis-001")
    assert "CacheNodes" not in elasticache_state.clusters(RECORD, CACHE, group, node_info=False)[0]


@pytest.mark.parametrize(
    ("change", "node_group", "ages", "code"),
    [
        ({}, "0001", [], None),
        ({}, "0002", [], "NodeGroupNotFoundFault"),
        ({"NodeGroups": None}, "0001", [], "NodeGroupNotFoundFault"),
        ({"AutomaticFailover": "disabled"}, "0001", [], "TestFailoverNotAvailableFault"),
        ({"Status": "modifying"}, "0001", [], "InvalidReplicationGroupState"),
        ({}, "0001", [1, 2, 3, 4], None),
        ({}, "0001", [1, 2, 3, 4, 5], "APICallRateForCustomerExceeded"),
        # The window rolls: a call a day ago no longer counts.
        ({}, "0001", [1, 2, 3, 4, 24], None),
    ],
)
def test_a_test_of_the_failover_is_refused_as_aws_refuses_it(
    change: dict[str, Any], node_group: str, ages: list[int], code: str | None
) -> None:
    calls = [NOW - timedelta(hours=age) for age in ages]

    refusal = elasticache_state.test_refusal({**RECORD, **change}, node_group, calls, NOW)

    assert (refusal.code if refusal else None) == code


_STEPS = [
    "called",
    "completed for the cluster",
    "completed for the group",
    "recovering",
    "recovered",
]


@pytest.mark.parametrize(
    ("now", "moved", "published", "expected"),
    [
        (HEALTHY, False, [], _STEPS[:1]),
        (HEALTHY, True, _STEPS[:1], []),
        # Sentinel names another primary, but clients are still sent to the old one.
        (Group(B, (A, C), (A, C)), False, _STEPS[:1], []),
        (Group(B, (C,), (C,)), True, _STEPS[:1], _STEPS[1:3]),
        (Group(B, (A, C), (C,)), True, _STEPS[:3], _STEPS[3:4]),
        (Group(B, (A, C), (A, C)), True, _STEPS[:4], _STEPS[4:]),
        (Group(B, (A, C), (A, C)), True, [], _STEPS),
        (Group(None, (A, C), ()), True, _STEPS[:1], []),
        (Group("10.9.9.9", (A,), (A,)), True, _STEPS[:1], []),
    ],
)
def test_each_event_is_due_once_what_it_says_is_so(
    now: Group, moved: bool, published: list[str], expected: list[str]
) -> None:
    events = elasticache_state.due(CACHE, HEALTHY, now, endpoint_moved=moved, published=published)

    assert [event.step for event in events] == expected


def test_the_events_of_a_failover_say_what_the_provider_documents() -> None:
    events = elasticache_state.due(
        CACHE, HEALTHY, Group(B, (A, C), (A, C)), endpoint_moved=True, published=[]
    )

    failover = "Failover from primary node prod-redis-001 to replica node prod-redis-002 completed"
    assert [(e.source_type, e.source, e.message) for e in events] == [
        ("replication-group", "prod-redis", "Test Failover API called for node group 0001"),
        ("cache-cluster", "prod-redis-002", failover),
        ("replication-group", "prod-redis", failover),
        ("cache-cluster", "prod-redis-001", "Recovering cache nodes 0001"),
        ("cache-cluster", "prod-redis-001", "Finished recovery for cache nodes 0001"),
    ]


def _decode(data: bytes) -> Any:
    stream = io.BytesIO(data)
    return decode(lambda: stream.readline()[:-2], stream.read)


def test_a_command_is_an_array_of_bulk_strings() -> None:
    assert encode(["AUTH", "gehäuse"]) == b"*2\r\n$4\r\nAUTH\r\n$8\r\ngeh\xc3\xa4use\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"+OK\r\n", "OK"),
        (b":42\r\n", 42),
        (b"$5\r\nhello\r\n", "hello"),
        (b"$0\r\n\r\n", ""),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"*3\r\n$6\r\nmaster\r\n:7\r\n*1\r\n$1\r\nx\r\n", ["master", 7, ["x"]]),
        (b"$4\r\na\r\nb\r\n", "a\r\nb"),
    ],
)
def test_an_answer_is_read(data: bytes, expected: object) -> None:
    assert _decode(data) == expected


def test_an_error_answer_is_raised_with_its_text() -> None:
    with pytest.raises(RedisRefused, match="INPROG Failover already in progress"):
        _decode(b"-INPROG Failover already in progress\r\n")


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"$x\r\n", b"\r\n"])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(RedisError, match="Expected an answer"):
        _decode(data)


def test_names_and_values_come_in_pairs() -> None:
    assert pairs(["ip", A, "port", "6379"]) == {"ip": A, "port": "6379"}
    with pytest.raises(RedisError):
        pairs(["ip"])
    with pytest.raises(RedisError):
        pairs(None)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[tuple[int, str, list[bytes]]]:
    """A TLS server with the stack's own certificate that answers +OK, then a list."""
    made = credentials.ensure(tmp_path, Layout())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server_certificate, made.server_key)
    listening = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with (
                    contextlib.suppress(OSError),
                    context.wrap_socket(connection, server_side=True) as secure,
                ):
                    seen.append(secure.recv(1000))
                    secure.sendall(b"+OK\r\n*2\r\n$9\r\n10.0.1.21\r\n$4\r\n6379\r\n")

    Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1], made.ca.read_text(), seen
    listening.close()


def test_a_command_is_sent_after_auth_over_tls(
    redis_server: tuple[int, str, list[bytes]],
) -> None:
    port, ca, seen = redis_server

    answer = ask("127.0.0.1", port, password="secret", ca=ca, command=["SENTINEL", "X", "g"])

    assert answer == ["10.0.1.21", "6379"]
    assert seen == [encode(["AUTH", "secret"]) + encode(["SENTINEL", "X", "g"])]


def test_a_server_of_another_ca_gets_no_password(
    redis_server: tuple[int, str, list[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    port, _, seen = redis_server
    other = credentials.ensure(tmp_path_factory.mktemp("other"), Layout()).ca.read_text()

    with pytest.raises(RedisError, match="certificate verify failed"):
        ask("127.0.0.1", port, password="secret", ca=other, command=["PING"])
    assert b"secret" not in b"".join(seen)
