"""PostgreSQL 16 in three zones: primary, synchronous standby and asynchronous read replica.

Patroni stands in for the provider's failover: it promotes the standby when the primary's lease
runs out, and the promoted node moves the primary's name. Two nodes may lead; the third is the
document's read replica and never does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import urllib3
import urllib3.exceptions

from harness.errors import EnvironmentUnavailable, LimitExceeded
from harness.polling import wait_until
from harness.stack import containers, credentials, database_settings, layout, resolver
from harness.stack.containers import ContainerSpec
from harness.stack.context import Context
from harness.stack.status import PartStatus

PART = "database"
PORT = 5432
REST_PORT = 8008
# Patroni's REST interface takes writes (PATCH /config, POST /switchover) from this user only;
# its password is ``rest_password(context)``.
REST_USER = "patroni"
SCOPE = "smart-dairy"
NODES = (*layout.DATABASES, layout.REPLICA)

# initdb and two base backups take some 10 s on a quiet machine; beside a starting cluster on
# two cores several times that.
READY_LIMIT_SECONDS = 180
# A lease of 20 s from before a restart must run out before a node may lead again.
NAME_LIMIT_SECONDS = 30
# The callback runs beside the role change and takes well under a second.
PUBLISH_LIMIT_SECONDS = 10
REQUEST_LIMIT_SECONDS = 2.0
CONNECT_LIMIT_SECONDS = 5


@dataclass(frozen=True)
class Member:
    """One node as Patroni sees it; ``role`` is leader, sync_standby or replica."""

    name: str
    role: str
    state: str
    timeline: int | None


def up(context: Context) -> None:
    """Start the three nodes; return when clients reach primary and replica by name over TLS.

    Raises LimitExceeded when replication or the names are not there in time.
    """
    first, *others = (spec(context, name) for name in NODES)
    _forget_lost_cluster(context)
    containers.ensure(context, first)
    # So that the document's zone a leads at first, whichever program starts faster.
    wait_until(
        lambda: resolver.stored(context, f"/service/{SCOPE}/initialize") is not None,
        what=f"{first.name} to begin or join the database cluster",
        limit_seconds=READY_LIMIT_SECONDS,
        ignore=(EnvironmentUnavailable,),
        hint=f"docker logs {first.name}",
    )
    with ThreadPoolExecutor(max_workers=len(others)) as pool:
        list(pool.map(lambda other: containers.ensure(context, other), others))
    wait_until(
        lambda: not replication_problems(members(context)),
        what="a primary, a synchronous standby and a streaming replica",
        limit_seconds=READY_LIMIT_SECONDS,
        hint=f"docker logs {first.name}; python -m harness down, then up, begins a new cluster",
    )
    _ensure_names(context)
    for name, in_recovery in (
        (layout.DATABASE_PRIMARY_NAME, False),
        (layout.DATABASE_REPLICA_NAME, True),
    ):
        wait_until(
            _answers(context, name, in_recovery=in_recovery),
            what=f"{name} to answer over TLS {'read-only' if in_recovery else 'for writes'}",
            limit_seconds=NAME_LIMIT_SECONDS,
            ignore=(psycopg.Error,),
            hint="python -m harness status",
        )


def down(context: Context) -> list[str]:
    """Remove the three nodes with their data; return what was removed."""
    return containers.remove(context, NODES)


def status(context: Context) -> list[PartStatus]:
    """Return one row for each node, with its role and state as Patroni sees them."""
    seen = {member.name: member for member in members(context)}
    rows = []
    for name in NODES:
        state = containers.state(context, name)
        member = seen.get(name)
        if state == "running":
            state = member.state if member is not None else "running, no answer"
        rows.append(
            PartStatus(
                part=PART,
                name=name,
                zone=context.layout.zone(name) or "provider",
                role=member.role if member is not None else "unknown",
                state=state,
                endpoint=f"{context.layout.address(name)}:{PORT}",
            )
        )
    return rows


def differences(context: Context | None = None) -> list[dict[str, Any]]:
    """Return where the emulated database differs from production's, and why."""
    return database_settings.differences()


def members(context: Context) -> list[Member]:
    """Return the nodes as the first Patroni that answers sees them; empty when none does."""
    for name in NODES:
        try:
            answer = urllib3.request(
                "GET",
                f"http://{rest_address(context, name)}/cluster",
                timeout=REQUEST_LIMIT_SECONDS,
                retries=False,
            )
            found = parse_members(answer.json())
        except (urllib3.exceptions.HTTPError, ValueError):
            continue
        if found:
            return found
    return []


def parse_members(document: Any) -> list[Member]:
    """Return the members of Patroni's /cluster document; fields that are missing are None."""
    return [
        Member(
            name=str(entry["name"]),
            role=str(entry.get("role", "")),
            state=str(entry.get("state", "")),
            timeline=entry["timeline"] if isinstance(entry.get("timeline"), int) else None,
        )
        for entry in (document.get("members") or [] if isinstance(document, dict) else [])
    ]


def replication_problems(found: list[Member]) -> list[str]:
    """Return what keeps the three nodes from being primary, synchronous standby and replica."""
    by_name = {member.name: member for member in found}
    missing = [f"{name} is not a member" for name in NODES if name not in by_name]
    if missing:
        return missing
    roles = sorted(by_name[name].role for name in layout.DATABASES)
    problems = []
    if roles != ["leader", "sync_standby"]:
        problems.append(f"roles of {', '.join(layout.DATABASES)} are {', '.join(roles)}")
    if by_name[layout.REPLICA].role != "replica":
        problems.append(f"{layout.REPLICA} is {by_name[layout.REPLICA].role}, expected replica")
    for member in found:
        expected = "running" if member.role == "leader" else "streaming"
        if member.state != expected:
            problems.append(f"{member.name} is {member.state}, expected {expected}")
    if len({member.timeline for member in found}) != 1:
        problems.append(f"timelines differ: {[member.timeline for member in found]}")
    return problems


def primary(context: Context) -> str | None:
    """Return the container name of the node that leads, or None."""
    leading = [member.name for member in members(context) if member.role == "leader"]
    return leading[0] if leading else None


def rest_address(context: Context, name: str) -> str:
    """Return address and port of a node's Patroni."""
    return f"{context.layout.address(name)}:{REST_PORT}"


def rest_password(context: Context) -> str:
    """Return the password of REST_USER."""
    return context.credentials.database_superuser


def connect(context: Context, address: str, *, user: str = "", password: str = "") -> Any:
    """Return a TLS connection to one node, checked against the CA, as the application's user.

    Raises psycopg.OperationalError when the node does not answer in 5 s or refuses.
    """
    return psycopg.connect(
        hostaddr=address,
        host=address,
        port=PORT,
        dbname=credentials.DATABASE_NAME,
        user=user or credentials.DATABASE_USER,
        password=password or context.credentials.database_application,
        sslmode="verify-full",
        sslrootcert=str(context.credentials.ca),
        connect_timeout=CONNECT_LIMIT_SECONDS,
        autocommit=True,
    )


def spec(context: Context, name: str) -> ContainerSpec:
    """Return the container of one node."""
    secret = context.credentials
    reader = name == layout.REPLICA
    address = context.layout.address(name)
    environment = {
        "NODE_NAME": name,
        "NODE_ADDRESS": address,
        "NODE_ROLE": "replica" if reader else "candidate",
        "STORE_ADDRESS": resolver.store_address(context),
        "PRIMARY_RECORD": resolver.record_key(layout.DATABASE_PRIMARY_NAME),
        "RECORD_VALUE": resolver.record_value(address),
        "FAILOVER_SETTINGS": json.dumps(database_settings.FAILOVER),
        "PARAMETERS": json.dumps(database_settings.parameters()),
        "APPLICATION_USER": credentials.DATABASE_USER,
        "APPLICATION_DATABASE": credentials.DATABASE_NAME,
        "APPLICATION_PASSWORD": secret.database_application,
        "SUPERUSER_PASSWORD": secret.database_superuser,
        "REPLICATION_PASSWORD": secret.database_replication,
        "REST_PASSWORD": rest_password(context),
    }
    if reader:
        environment["REPLICA_RECORD"] = resolver.record_key(layout.DATABASE_REPLICA_NAME)
    return ContainerSpec(
        name=name,
        image="database",
        part=PART,
        environment=environment,
        mounts={
            path: f"/etc/smart-dairy/tls/{path.name}"
            for path in (secret.ca, secret.server_certificate, secret.server_key)
        },
        memory=database_settings.MEMORY,
    )


def _forget_lost_cluster(context: Context) -> None:
    """Drop what the store knows of a cluster of which no node's data is left.

    Patroni would otherwise wait for the lost leader instead of beginning a new cluster.
    """
    kept = [
        name
        for name in NODES
        if containers.is_current(context, spec(context, name), containers.find(context, name))
    ]
    if not kept:
        down(context)
        resolver.forget(context, f"/service/{SCOPE}/")


def _ensure_names(context: Context) -> None:
    """Wait for the nodes to publish their names; publish them when their moment has passed.

    A node publishes when it starts or changes its role. Where the store was replaced under
    running nodes, nothing changes for them and the names would stay away.
    """
    leader = primary(context)
    if leader is None:
        raise EnvironmentUnavailable(
            "The database has no primary. Next step: docker logs " + layout.DATABASES[0]
        )
    for name, node in (
        (layout.DATABASE_PRIMARY_NAME, leader),
        (layout.DATABASE_REPLICA_NAME, layout.REPLICA),
    ):
        address = context.layout.address(node)
        try:
            wait_until(
                _points_at(context, name, address),
                what=f"{name} to point at {node}",
                limit_seconds=PUBLISH_LIMIT_SECONDS,
            )
        except LimitExceeded:
            context.report(f"database: {name} was not published by {node}, published for it")
            resolver.publish(context, name, address)


def _points_at(context: Context, name: str, address: str) -> Callable[[], bool]:
    return lambda: resolver.resolve(context, name) == address


def _answers(context: Context, name: str, *, in_recovery: bool) -> Callable[[], bool]:
    def ask() -> bool:
        address = resolver.resolve(context, name)
        if address is None:
            return False
        with connect(context, address) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        return bool(row is not None and row[0] is in_recovery)

    return ask
