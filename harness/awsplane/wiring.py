"""What the emulator is told about the running stack: addresses, zones, names and credentials.

The harness hands it over on a control route once every part serves, because the cluster's
address and token exist only then. Pure: parsing, checking and a view without secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import Fields, Malformed


@dataclass(frozen=True)
class Node:
    """One server of the stack: IPv4 address and availability zone."""

    address: str
    zone: str


@dataclass(frozen=True)
class Database:
    """The PostgreSQL servers behind two RDS instances.

    ``primary`` and ``replica`` are DB instance identifiers, ``members`` the servers by the name
    that Patroni knows them by, ``replica_member`` the one that never leads.
    """

    primary: str
    replica: str
    primary_name: str
    replica_name: str
    port: int
    members: Mapping[str, Node]
    replica_member: str
    rest_port: int
    user: str
    password: str
    resolver: str
    cooldown_seconds: float


@dataclass(frozen=True)
class Cache:
    """The Redis servers behind one ElastiCache replication group, and their Sentinels.

    ``nodes`` are the servers by cache cluster id; ``ca`` is a PEM text.
    """

    group: str
    sentinel_group: str
    primary_name: str
    port: int
    nodes: Mapping[str, Node]
    sentinels: tuple[str, ...]
    sentinel_port: int
    resolver: str
    auth_token: str
    ca: str


@dataclass(frozen=True)
class Cluster:
    """The Kubernetes API behind one EKS cluster; ``ca`` is a PEM text."""

    name: str
    server: str
    ca: str
    token: str


@dataclass(frozen=True)
class Wiring:
    """The real stack behind the resources of one account and region."""

    account: str
    region: str
    database: Database
    cache: Cache
    cluster: Cluster


def parse(raw: object) -> Wiring:
    """Return the wiring in a JSON document. Raises Malformed with every problem at once."""
    problems: list[str] = []
    fields = Fields(raw, "wiring", problems)
    wiring = Wiring(
        account=fields.text("account"),
        region=fields.text("region"),
        database=_database(fields.inner("database")),
        cache=_cache(fields.inner("cache")),
        cluster=_cluster(fields.inner("cluster")),
    )
    fields.finish()
    if problems:
        raise Malformed(problems)
    return wiring


def public_view(wiring: Wiring) -> dict[str, Any]:
    """Return what may be shown: each secret only as a digest, so that two can be compared."""
    return {
        "account": wiring.account,
        "region": wiring.region,
        "database": {
            "primary": wiring.database.primary,
            "replica": wiring.database.replica,
            "members": {name: node.address for name, node in wiring.database.members.items()},
            "password": digest(wiring.database.password),
        },
        "cache": {
            "group": wiring.cache.group,
            "nodes": {name: node.address for name, node in wiring.cache.nodes.items()},
            "auth_token": digest(wiring.cache.auth_token),
        },
        "cluster": {
            "name": wiring.cluster.name,
            "server": wiring.cluster.server,
            "token": digest(wiring.cluster.token),
        },
    }


def digest(secret: str) -> str:
    """Return what is shown in a secret's place."""
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()[:16]


def _database(fields: Fields) -> Database:
    database = Database(
        primary=fields.text("primary"),
        replica=fields.text("replica"),
        primary_name=fields.text("primary_name"),
        replica_name=fields.text("replica_name"),
        port=fields.whole("port", 1, 65535),
        members=_nodes(fields, "members"),
        replica_member=fields.text("replica_member"),
        rest_port=fields.whole("rest_port", 1, 65535),
        user=fields.text("user"),
        password=fields.text("password", secret=True),
        resolver=fields.text("resolver"),
        cooldown_seconds=fields.number("cooldown_seconds", 0, 3600),
    )
    if database.members and database.replica_member not in database.members:
        fields.problem("replica_member", "one of members", database.replica_member)
    fields.finish()
    return database


def _cache(fields: Fields) -> Cache:
    cache = Cache(
        group=fields.text("group"),
        sentinel_group=fields.text("sentinel_group"),
        primary_name=fields.text("primary_name"),
        port=fields.whole("port", 1, 65535),
        nodes=_nodes(fields, "nodes"),
        sentinels=fields.texts("sentinels"),
        sentinel_port=fields.whole("sentinel_port", 1, 65535),
        resolver=fields.text("resolver"),
        auth_token=fields.text("auth_token", secret=True),
        ca=fields.text("ca", secret=True),
    )
    fields.finish()
    return cache


def _cluster(fields: Fields) -> Cluster:
    cluster = Cluster(
        name=fields.text("name"),
        server=fields.text("server"),
        ca=fields.text("ca", secret=True),
        token=fields.text("token", secret=True),
    )
    if cluster.server and not cluster.server.startswith("https://"):
        fields.problem("server", "an https:// address", cluster.server)
    fields.finish()
    return cluster


def _nodes(fields: Fields, name: str) -> dict[str, Node]:
    nodes = {}
    for key, entry in fields.entries(name).items():
        nodes[key] = Node(address=entry.text("address"), zone=entry.text("zone"))
        entry.finish()
    return nodes
