"""Redis 7 in three zones with TLS and AUTH, and three Sentinels that stand in for the provider.

The Sentinels promote a replica when the primary is silent and point the primary's name at it.
Nothing is stored on disk: a node that lost its process comes back empty, as a replica.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import redis
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.errors import EnvironmentUnavailable, LimitExceeded
from harness.polling import wait_until
from harness.stack import containers, layout, resolver
from harness.stack.containers import ContainerSpec
from harness.stack.context import Context
from harness.stack.status import PartStatus

PART = "cache"
PORT = 6379
SENTINEL_PORT = 26379
GROUP = "smart-dairy-prod-redis"
QUORUM = 2
# The provider's detection time is not documented, only "just a few seconds" for the whole
# failover. 5 s is Sentinel's own quick example (its default is 30 s) and the shortest that a
# busy two-core host does not mistake a stall for a failure with.
DOWN_AFTER_MILLISECONDS = 5000
# A second failover of the same primary waits twice this long after a first that failed.
FAILOVER_TIMEOUT_MILLISECONDS = 60000

# The document's parameter group (section 3, day 702, elasticache.tf), then the memory.
PARAMETERS = {
    "maxmemory-policy": "allkeys-lru",
    "notify-keyspace-events": "Ex",
    "maxmemory": "96mb",
}
NODE_MEMORY = "192m"
SENTINEL_MEMORY = "96m"

# Start, first synchronisation and the Sentinels' first exchange take some 5 s (they look at
# each node every second, for new replicas every 10 s); the rest is for a busy host.
READY_LIMIT_SECONDS = 120
PUBLISH_LIMIT_SECONDS = 10
REQUEST_LIMIT_SECONDS = 1.0


@dataclass(frozen=True)
class SentinelView:
    """What one Sentinel knows: the primary's address, and how much of the group it sees."""

    sentinel: str
    primary: str
    flags: str
    replicas: int
    other_sentinels: int


def up(context: Context) -> None:
    """Start nodes and Sentinels; return when a client writes and reads by name over TLS.

    Raises LimitExceeded when the group is not whole in time.
    """
    specs = [node_spec(context, name) for name in layout.CACHES]
    specs += [sentinel_spec(context, name) for name in layout.SENTINELS]
    if not any(
        containers.is_current(context, spec, containers.find(context, spec.name))
        for spec in specs[: len(layout.CACHES)]
    ):
        # Sentinels of a group that is gone would have its new nodes wait for the old ones.
        down(context)
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda spec: containers.ensure(context, spec), specs))
    wait_until(
        lambda: not group_problems(sentinel_views(context)),
        what="three Sentinels that agree on one primary with two replicas",
        limit_seconds=READY_LIMIT_SECONDS,
        hint=f"docker logs {layout.SENTINELS[0]}",
    )
    _ensure_name(context)
    wait_until(
        lambda: _serves(context),
        what=f"{layout.CACHE_PRIMARY_NAME} to take a write that both replicas have",
        limit_seconds=READY_LIMIT_SECONDS,
        ignore=(redis.exceptions.RedisError,),
        hint="python -m harness status",
    )


def down(context: Context) -> list[str]:
    """Remove nodes and Sentinels with their data; return what was removed."""
    return containers.remove(context, (*layout.SENTINELS, *layout.CACHES))


def status(context: Context) -> list[PartStatus]:
    """Return one row for each node and each Sentinel."""
    views = {view.sentinel: view for view in sentinel_views(context)}
    leading = agreed_primary(list(views.values()))
    rows = []
    for name in layout.CACHES:
        address = context.layout.address(name)
        role = "unknown" if leading is None else "primary" if address == leading else "replica"
        state = containers.state(context, name)
        if state == "running" and not _pings(context, address):
            state = "running, no answer"
        rows.append(_row(context, name, role, state, PORT))
    for name in layout.SENTINELS:
        state = containers.state(context, name)
        if state == "running" and name not in views:
            state = "running, no answer"
        rows.append(_row(context, name, "sentinel", state, SENTINEL_PORT))
    return rows


def differences(context: Context | None = None) -> list[dict[str, Any]]:
    """Return where the emulated cache differs from production's, and why."""
    return [
        {
            "what": "maxmemory",
            "production": "13 GiB (cache.r6g.large)",
            "emulation": PARAMETERS["maxmemory"],
            "why": "three nodes share one machine's memory",
            "weakens": [],
        },
        {
            "what": "failover of the cache",
            "production": "ElastiCache Multi-AZ: detection not documented, "
            '"just a few seconds" until writes go on',
            "emulation": f"three Sentinels, quorum {QUORUM}, a primary is down after "
            f"{DOWN_AFTER_MILLISECONDS / 1000:g} s of silence",
            "why": "another implementation of the same contract",
            "weakens": ["cache-failover-time", "cache-acknowledged-loss"],
        },
        {
            "what": "replacement of a failed node",
            "production": "a new node is made and synchronised",
            "emulation": "the same container comes back as a replica, empty",
            "why": "there is one machine",
            "weakens": [],
        },
        {
            "what": "snapshots, encryption at rest, log delivery",
            "production": "7 days of snapshots, KMS key, slow and engine logs to CloudWatch",
            "emulation": "none; nothing is stored, logs are the containers'",
            "why": "no experiment here uses them",
            "weakens": [],
        },
    ]


def sentinel_views(context: Context) -> list[SentinelView]:
    """Return what each Sentinel that answers knows of the group."""
    views = []
    for name in layout.SENTINELS:
        address = context.layout.address(name)
        try:
            with connect(context, address, SENTINEL_PORT) as client:
                known = client.sentinel_master(GROUP)
        except redis.exceptions.RedisError:
            continue
        views.append(parse_view(name, known))
    return views


def parse_view(sentinel: str, known: Mapping[str, Any]) -> SentinelView:
    """Return the view in an answer to SENTINEL MASTER."""
    return SentinelView(
        sentinel=sentinel,
        primary=str(known["ip"]),
        flags=str(known["flags"]),
        replicas=int(known["num-slaves"]),
        other_sentinels=int(known["num-other-sentinels"]),
    )


def group_problems(views: list[SentinelView]) -> list[str]:
    """Return what keeps the group from being whole: every Sentinel sees all and agrees."""
    problems = []
    if len(views) != len(layout.SENTINELS):
        problems.append(f"{len(views)} of {len(layout.SENTINELS)} Sentinels answer")
    if len({view.primary for view in views}) > 1:
        problems.append("the Sentinels name different primaries")
    for view in views:
        if view.flags != "master":
            problems.append(f"{view.sentinel} sees the primary as {view.flags}")
        if view.replicas != len(layout.CACHES) - 1:
            problems.append(f"{view.sentinel} knows {view.replicas} replicas")
        if view.other_sentinels != len(layout.SENTINELS) - 1:
            problems.append(f"{view.sentinel} knows {view.other_sentinels} other Sentinels")
    return problems


def agreed_primary(views: list[SentinelView]) -> str | None:
    """Return the address that a quorum of the Sentinels names as primary, or None."""
    named = [view.primary for view in views]
    for address in named:
        if named.count(address) >= QUORUM:
            return address
    return None


def primary(context: Context) -> str | None:
    """Return the container name of the node that a quorum of the Sentinels names as primary."""
    address = agreed_primary(sentinel_views(context))
    for name in layout.CACHES:
        if context.layout.address(name) == address:
            return name
    return None


def connect(context: Context, address: str, port: int = PORT) -> Any:
    """Return a client of one node or Sentinel over TLS, checked against the CA, with AUTH."""
    return redis.Redis(
        host=address,
        port=port,
        password=context.credentials.cache_auth_token,
        ssl=True,
        ssl_ca_certs=str(context.credentials.ca),
        socket_timeout=REQUEST_LIMIT_SECONDS,
        socket_connect_timeout=REQUEST_LIMIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def node_spec(context: Context, name: str) -> ContainerSpec:
    """Return the container of one cache node."""
    return ContainerSpec(
        name=name,
        image="cache",
        part=PART,
        command=["/usr/local/lib/smart-dairy/node.sh"],
        environment={
            **_common(context, name),
            "PARAMETERS": "\n".join(f"{key} {value}" for key, value in PARAMETERS.items()),
        },
        mounts=_mounts(context),
        memory=NODE_MEMORY,
    )


def sentinel_spec(context: Context, name: str) -> ContainerSpec:
    """Return the container of one Sentinel."""
    return ContainerSpec(
        name=name,
        image="cache",
        part=PART,
        command=["/usr/local/lib/smart-dairy/sentinel.sh"],
        environment={
            **_common(context, name),
            "QUORUM": str(QUORUM),
            "DOWN_AFTER_MILLISECONDS": str(DOWN_AFTER_MILLISECONDS),
            "FAILOVER_TIMEOUT_MILLISECONDS": str(FAILOVER_TIMEOUT_MILLISECONDS),
            "STORE_ADDRESS": resolver.store_address(context),
            "RECORD": resolver.record_key(layout.CACHE_PRIMARY_NAME),
            "RECORD_TTL": str(layout.ENDPOINT_TTL_SECONDS),
        },
        mounts=_mounts(context),
        memory=SENTINEL_MEMORY,
    )


def _common(context: Context, name: str) -> dict[str, str]:
    return {
        "GROUP": GROUP,
        "NODE_ADDRESS": context.layout.address(name),
        "INITIAL_PRIMARY": context.layout.address(layout.CACHES[0]),
        "SENTINELS": " ".join(context.layout.address(other) for other in layout.SENTINELS),
        "AUTH_TOKEN": context.credentials.cache_auth_token,
    }


def _mounts(context: Context) -> dict[Any, str]:
    secret = context.credentials
    return {
        path: f"/etc/smart-dairy/tls/{path.name}"
        for path in (secret.ca, secret.server_certificate, secret.server_key)
    }


def _ensure_name(context: Context) -> None:
    """Point the name at the primary: Sentinel moves it at a failover, not at the first start."""
    address = agreed_primary(sentinel_views(context))
    if address is None:
        raise EnvironmentUnavailable(
            "The cache group has no primary that a quorum of the Sentinels agrees on. "
            f"Next step: docker logs {layout.SENTINELS[0]}"
        )
    if resolver.lookup(context, layout.CACHE_PRIMARY_NAME) != address:
        resolver.publish(context, layout.CACHE_PRIMARY_NAME, address)
    try:
        wait_until(
            lambda: resolver.resolve(context, layout.CACHE_PRIMARY_NAME) == address,
            what=f"{layout.CACHE_PRIMARY_NAME} to point at {address}",
            limit_seconds=PUBLISH_LIMIT_SECONDS,
        )
    except LimitExceeded as error:
        error.add_note(f"Next step: docker logs {layout.RESOLVER}")
        raise


def _serves(context: Context) -> bool:
    """Write through the name and have both replicas acknowledge it."""
    address = resolver.resolve(context, layout.CACHE_PRIMARY_NAME)
    if address is None:
        return False
    key = "smart-dairy:ready"
    with connect(context, address) as client:
        client.set(key, context.run, ex=60)
        replicas = int(client.wait(len(layout.CACHES) - 1, 500))
        return replicas == len(layout.CACHES) - 1 and client.get(key) == context.run.encode()


def _pings(context: Context, address: str) -> bool:
    try:
        with connect(context, address) as client:
            return bool(client.ping())
    except redis.exceptions.RedisError:
        return False


def _row(context: Context, name: str, role: str, state: str, port: int) -> PartStatus:
    zone = context.layout.zone(name) or "provider"
    return PartStatus(PART, name, zone, role, state, f"{context.layout.address(name)}:{port}")
