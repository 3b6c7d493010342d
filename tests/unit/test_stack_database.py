"""The database's settings, its containers' configuration and when it counts as ready."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from harness.stack import credentials, database, database_settings, layout
from harness.stack.context import Context
from harness.stack.database import Member
from harness.stack.folders import INFRA, Folders
from harness.stack.layout import Layout

A, B, C = database.NODES


def _image_module(name: str) -> ModuleType:
    path = INFRA / "images" / "database" / f"{name}.py"
    specification = importlib.util.spec_from_file_location(f"database_image_{name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


configuration = _image_module("configuration")
publish_endpoint = _image_module("publish_endpoint")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    folder = tmp_path_factory.mktemp("state")
    return Context(
        engine=None,
        run="unit",
        layout=Layout(),
        folders=Folders(folder),
        credentials=credentials.ensure(folder, Layout()),
        images={},
    )


def _member(name: str, role: str, state: str = "", timeline: int = 1) -> Member:
    return Member(name, role, state or ("running" if role == "leader" else "streaming"), timeline)


WHOLE = [_member(A, "leader"), _member(B, "sync_standby"), _member(C, "replica")]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (WHOLE, None),
        ([_member(A, "sync_standby"), _member(B, "leader"), _member(C, "replica")], None),
        ([], f"{A} is not a member"),
        (WHOLE[:2], f"{C} is not a member"),
        ([_member(A, "leader"), _member(B, "replica"), _member(C, "replica")], "roles"),
        ([_member(A, "replica"), _member(B, "sync_standby"), _member(C, "replica")], "roles"),
        ([_member(A, "leader"), _member(B, "sync_standby"), _member(C, "leader")], "expected"),
        ([*WHOLE[:2], _member(C, "replica", "creating replica")], "is creating replica"),
        ([_member(A, "leader", "starting"), *WHOLE[1:]], "is starting, expected running"),
        ([*WHOLE[:2], _member(C, "replica", timeline=2)], "timelines differ"),
    ],
)
def test_ready_means_primary_synchronous_standby_and_streaming_replica(
    members: list[Member], problem: str | None
) -> None:
    """The database is ready when all three nodes have their role and stream one timeline."""
    problems = database.replication_problems(members)

    if problem is None:
        assert problems == []
    else:
        assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("document", "members"),
    [
        ({"members": []}, []),
        ({}, []),
        ("not a document", []),
        (
            {"members": [{"name": A, "role": "leader", "state": "running", "timeline": 3}]},
            [Member(A, "leader", "running", 3)],
        ),
        (
            {"members": [{"name": B, "role": "replica", "state": "stopped"}]},
            [Member(B, "replica", "stopped", None)],
        ),
        (
            {"members": [{"name": B, "timeline": "unknown"}]},
            [Member(B, "", "", None)],
        ),
    ],
)
def test_members_are_read_from_patronis_document(document: object, members: list[Member]) -> None:
    """What Patroni leaves out is None or empty, never invented."""
    assert database.parse_members(document) == members


def test_the_documents_parameter_group_is_applied_or_listed() -> None:
    """Every parameter of the document's group is set; what is scaled is a difference."""
    group = {
        "log_statement": "ddl",
        "log_min_duration_statement": "1000",
        "shared_preload_libraries": "pg_stat_statements,auto_explain",
        "pg_stat_statements.track": "all",
        "auto_explain.log_min_duration": "5000",
        "max_connections": "500",
        "work_mem": "256000",
        "maintenance_work_mem": "1024000",
        "effective_cache_size": "12582912",
        "random_page_cost": "1.1",
    }
    applied = database_settings.parameters()
    listed = {row["what"] for row in database_settings.differences()}

    assert set(group) <= set(applied)
    assert {name for name in group if applied[name] != group[name]} <= listed


def test_every_difference_says_what_and_why() -> None:
    """A difference has both values, a reason and the claims that it weakens."""
    for row in database_settings.differences():
        assert set(row) == {"what", "production", "emulation", "why", "weakens"}
        assert all(row[key] for key in ("what", "production", "emulation", "why")), row
        assert row["production"] != row["emulation"]


def test_failover_settings_keep_patronis_rules() -> None:
    """The lease outlives two retries, and a crashed postmaster is failed over from."""
    settings = database_settings.FAILOVER

    assert settings["ttl"] >= 20
    assert settings["loop_wait"] + 2 * settings["retry_timeout"] <= settings["ttl"]
    assert settings["primary_start_timeout"] == 0
    assert settings["synchronous_mode"] is True


def test_only_the_read_replica_may_neither_lead_nor_acknowledge(context: Context) -> None:
    """Two nodes may be elected and acknowledge commits; the document's read replica may not."""
    tags = {
        name: configuration.tags(database.spec(context, name).environment)
        for name in database.NODES
    }

    assert tags == {
        A: {"nofailover": False, "nosync": False},
        B: {"nofailover": False, "nosync": False},
        C: {"nofailover": True, "nosync": True},
    }


def test_no_connection_without_tls_is_let_in() -> None:
    """Each rule for the network asks for TLS and a password, and none trusts."""
    for rule in configuration.access_rules():
        kind, *_, method = rule.split()
        assert kind in {"local", "hostssl"}, rule
        assert method in {"peer", "scram-sha-256"}, rule


def test_patronis_configuration_is_made_from_the_containers_environment(context: Context) -> None:
    """The container's environment is all that the entry point needs."""
    document = configuration.patroni(database.spec(context, B).environment)

    assert document["name"] == B
    assert document["etcd3"] == {"hosts": "10.0.0.20:2379"}
    assert document["postgresql"]["connect_address"] == "10.0.202.11:5432"
    dcs = document["bootstrap"]["dcs"]
    assert dcs["ttl"] == database_settings.FAILOVER["ttl"]
    assert dcs["postgresql"]["parameters"]["ssl"] == "on"
    assert dcs["postgresql"]["parameters"]["work_mem"] == "4MB"
    json.dumps(document)


def test_a_missing_variable_is_named(context: Context) -> None:
    """A container without one of its variables stops with that variable's name."""
    environment = dict(database.spec(context, A).environment)
    del environment["REST_PASSWORD"]

    with pytest.raises(KeyError, match="REST_PASSWORD"):
        configuration.patroni(environment)


def test_the_containers_get_certificates_but_no_password_file(context: Context) -> None:
    """Only the three files that TLS needs are mounted, and no secret is on a command line."""
    for name in database.NODES:
        found = database.spec(context, name)
        mounted = {Path(inside).name for inside in found.mounts.values()}
        assert mounted == {"ca.crt", "server.crt", "server.key"}
        assert found.command is None


def test_the_primarys_name_moves_only_for_the_holder_of_the_leaders_key() -> None:
    """A node that was paused and comes back cannot take the name from its successor."""
    transaction = publish_endpoint.transaction("/skydns/x", "value", B)

    (condition,) = transaction["compare"]
    assert base64.b64decode(condition["key"]).decode() == "/service/smart-dairy/leader"
    assert base64.b64decode(condition["value"]).decode() == B
    assert (condition["target"], condition["result"]) == ("VALUE", "EQUAL")
    (put,) = transaction["success"]
    assert base64.b64decode(put["requestPut"]["key"]).decode() == "/skydns/x"


def test_only_the_read_replica_publishes_the_replicas_name(context: Context) -> None:
    """The standby takes no traffic, as in production: it has no name of its own."""
    records = {
        name: database.spec(context, name).environment.get("REPLICA_RECORD")
        for name in database.NODES
    }

    assert records[A] is None
    assert records[B] is None
    assert records[C] == "/skydns/internal/smart-dairy/rds/smart-dairy-prod-db-replica"


def test_the_three_nodes_stand_in_three_zones() -> None:
    """Primary and standby are in different zones, the read replica in the third."""
    zones = [Layout().zone(name) for name in database.NODES]

    assert zones == list(layout.ZONES)
