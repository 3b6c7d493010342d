"""The wiring document, DescribeEvents' window, and Patroni's client on a local server."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from harness.awsplane import event_window, wiring
from harness.awsplane.binding import Binding
from harness.awsplane.fields import Malformed
from harness.awsplane.patroni import Patroni, Refused, Unreachable
from harness.awsplane.polling import WaitedTooLong, wait_until
from harness.awsplane.wiring import Database, Node

DOCUMENT: dict[str, Any] = {
    "account": "000000000000",
    "region": "ap-south-1",
    "database": {
        "primary": "prod-primary",
        "replica": "prod-replica",
        "primary_name": "primary.internal",
        "replica_name": "replica.internal",
        "port": 5432,
        "members": {
            "a": {"address": "127.0.0.1", "zone": "ap-south-1a"},
            "c": {"address": "[::1]", "zone": "ap-south-1c"},
        },
        "replica_member": "c",
        "rest_port": 8008,
        "user": "patroni",
        "password": "secret-of-the-database",
        "resolver": "10.0.0.2",
        "cooldown_seconds": 30,
    },
    "cache": {
        "group": "prod-redis",
        "sentinel_group": "prod-redis",
        "primary_name": "redis.internal",
        "port": 6379,
        "nodes": {"prod-redis-001": {"address": "10.0.1.21", "zone": "ap-south-1a"}},
        "sentinels": ["10.0.0.41"],
        "sentinel_port": 26379,
        "resolver": "10.0.0.2",
        "auth_token": "secret-of-the-cache",
        "ca": "PEM",
    },
    "cluster": {
        "name": "prod",
        "server": "https://10.0.0.10:6443",
        "ca": "PEM",
        "token": "secret-of-the-cluster",
    },
}


def test_a_wiring_is_read_and_shown_without_its_secrets() -> None:
    taken = wiring.parse(DOCUMENT)
    shown = wiring.public_view(taken)

    assert taken.database.members["a"] == Node("127.0.0.1", "ap-south-1a")
    assert taken.cache.sentinels == ("10.0.0.41",)
    assert "secret-of" not in json.dumps(shown)
    assert shown["database"]["password"] == wiring.digest("secret-of-the-database")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["account"], None, "wiring: account: expected a text, got nothing"),
        (["database"], [], "wiring: database: expected an object, got []"),
        (["database", "port"], "5432", "database: port: expected a whole number from 1 to 65535"),
        (["database", "port"], 0, "database: port: expected a whole number"),
        (["database", "replica_member"], "z", "replica_member: expected one of members, got 'z'"),
        (["database", "members", "a", "zone"], "", "members: a: zone: expected a text"),
        (["database", "cooldown_seconds"], -1, "cooldown_seconds: expected a number from 0"),
        (["database", "passwort"], "x", "database: passwort: expected only"),
        (["cache", "nodes"], {}, "cache: nodes: expected an object of objects, got {}"),
        (["cache", "sentinels"], ["a", 1], "cache: sentinels: expected a list of texts"),
        (["cluster", "server"], "http://10.0.0.10", "server: expected an https:// address"),
    ],
)
def test_a_malformed_wiring_is_named(path: list[str], value: object, said: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value

    with pytest.raises(Malformed) as refusal:
        wiring.parse(document)

    assert said in str(refusal.value)


@pytest.mark.parametrize("secret", ["password", "auth_token", "token"])
def test_a_malformed_secret_is_not_quoted(secret: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    part = {"password": "database", "auth_token": "cache", "token": "cluster"}[secret]
    document[part][secret] = ["hunter2"]

    with pytest.raises(Malformed) as refusal:
        wiring.parse(document)

    assert "hunter2" not in str(refusal.value)
    assert "got 'list'" in str(refusal.value)


def test_a_wiring_holds_for_its_account_and_region_only() -> None:
    binding = Binding()
    assert binding.wiring("000000000000", "ap-south-1") is None

    taken = wiring.parse(DOCUMENT)
    binding.wire(taken)

    assert binding.wiring("000000000000", "ap-south-1") is taken
    assert binding.wiring("000000000000", "eu-west-1") is None
    assert binding.wiring("111111111111", "ap-south-1") is None


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def _event(minutes: float, **fields: Any) -> dict[str, Any]:
    return {"Date": NOW - timedelta(minutes=minutes), "minutes": minutes, **fields}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, [60, 30, 0]),
        ({"Duration": 30}, [30, 0]),
        ({"StartTime": NOW - timedelta(days=1)}, [61, 60, 30, 0]),
        # Kept for 14 days, whatever is asked for.
        ({"StartTime": NOW - timedelta(days=30)}, [61, 60, 30, 0]),
        ({"EndTime": NOW - timedelta(minutes=30), "Duration": 40}, [61, 60, 30]),
        ({"StartTime": "2026-11-25T11:29:00Z", "EndTime": "2026-11-25T11:31:00Z"}, [30]),
    ],
)
def test_events_are_chosen_by_time(request_: dict[str, Any], expected: list[int]) -> None:
    events = [_event(30), _event(0), _event(60), _event(61), _event(15 * 24 * 60)]

    found = event_window.select(events, request_, NOW)

    assert [event["minutes"] for event in found] == expected


def test_events_are_chosen_by_source_and_category() -> None:
    events = [
        _event(1, SourceIdentifier="a", SourceType="db-instance", EventCategories=["failover"]),
        _event(2, SourceIdentifier="a", SourceType="db-instance", EventCategories=["backup"]),
        _event(3, SourceIdentifier="b", SourceType="db-instance"),
    ]

    def minutes(**request: Any) -> list[float]:
        return [e["minutes"] for e in event_window.select(events, request, NOW)]

    assert minutes(SourceIdentifier="a") == [2, 1]
    assert minutes(SourceIdentifier="a", EventCategories=["failover"]) == [1]
    assert minutes(SourceType="db-cluster") == []


class _Server(BaseHTTPRequestHandler):
    """Answers as a Patroni would; ``answers`` maps method and path to status and document."""

    answers: ClassVar[dict[tuple[str, str], tuple[int, Any]]] = {}
    seen: ClassVar[list[tuple[str, str, str, str]]] = []

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.seen.append((self.command, self.path, body, self.headers.get("Authorization", "")))
        status, document = self.answers.get((self.command, self.path), (404, {}))
        data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *arguments: Any) -> None:
        """Stay silent."""


@pytest.fixture
def patroni() -> Iterator[Patroni]:
    """A client whose replica is silent and whose other member is a local server."""
    _Server.answers, _Server.seen = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    database: Database = wiring.parse(
        {**DOCUMENT, "database": {**DOCUMENT["database"], "rest_port": server.server_port}}
    ).database
    yield Patroni(database)
    server.shutdown()
    server.server_close()


def test_the_first_member_that_answers_is_believed(patroni: Patroni) -> None:
    members = [{"name": "a", "role": "leader", "state": "running", "timeline": 1}]
    _Server.answers[("GET", "/cluster")] = (200, {"members": members})

    view = patroni.view()

    assert view.leader is not None
    assert view.leader.name == "a"


@pytest.mark.parametrize("answer", [(500, {}), (200, "no JSON")])
def test_no_usable_answer_names_every_member(patroni: Patroni, answer: tuple[int, Any]) -> None:
    _Server.answers[("GET", "/cluster")] = answer

    with pytest.raises(Unreachable, match=r"Patroni of c: .*Patroni of a: "):
        patroni.view()


def test_a_failover_is_asked_of_the_candidate_with_the_password(patroni: Patroni) -> None:
    _Server.answers[("POST", "/failover")] = (200, 'Successfully failed over to "a"')

    patroni.fail_over("a")

    [(_, _, body, authorization)] = _Server.seen
    assert json.loads(body) == {"candidate": "a"}
    assert authorization == "Basic cGF0cm9uaTpzZWNyZXQtb2YtdGhlLWRhdGFiYXNl"


def test_a_refusal_has_patronis_own_reason(patroni: Patroni) -> None:
    _Server.answers[("POST", "/failover")] = (
        412,
        "candidate name does not match with sync_standby",
    )

    with pytest.raises(Refused, match="HTTP 412: candidate name does not match"):
        patroni.fail_over("a")


def test_a_failover_that_patroni_lost_sight_of_is_no_refusal(patroni: Patroni) -> None:
    _Server.answers[("POST", "/failover")] = (503, "Failover status unknown")
    patroni.fail_over("a")

    _Server.answers[("POST", "/failover")] = (503, "Failover failed")
    with pytest.raises(Refused, match="Failover failed"):
        patroni.fail_over("a")


def test_a_restart_bounds_the_time_that_the_server_may_take(patroni: Patroni) -> None:
    _Server.answers[("POST", "/restart")] = (200, "restarted successfully")
    _Server.answers[("GET", "/patroni")] = (503, {"postmaster_start_time": "2026-11-25 10:00"})

    patroni.restart("a")

    assert json.loads(_Server.seen[0][2]) == {"timeout": 60}
    assert patroni.started("a") == "2026-11-25 10:00"


def test_a_wait_ends_at_its_limit_and_says_what_it_saw() -> None:
    def observe() -> bool:
        raise Unreachable("nobody there")

    with pytest.raises(WaitedTooLong, match=r"for a leader.*Unreachable: nobody there"):
        wait_until(
            observe,
            what="a leader",
            limit_seconds=0.02,
            interval_seconds=0.01,
            ignore=(Unreachable,),
        )


def test_an_error_that_is_not_expected_ends_the_wait() -> None:
    def observe() -> bool:
        raise Refused("no")

    with pytest.raises(Refused):
        wait_until(observe, what="x", limit_seconds=5, ignore=(Unreachable,))
