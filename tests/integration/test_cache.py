"""The cache group as its clients see it, before and after a failover."""

from __future__ import annotations

import socket

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.polling import wait_until
from harness.stack import cache, containers, layout, resolver
from harness.stack.context import Context

pytestmark = pytest.mark.integration

# 5 s of silence, the Sentinels' agreement and the promotion.
FAILOVER_LIMIT_SECONDS = 60
REJOIN_LIMIT_SECONDS = 60


def _primary_address(stack: Context) -> str:
    address = resolver.resolve(stack, layout.CACHE_PRIMARY_NAME)
    assert address is not None
    return address


def test_a_second_up_changes_nothing(stack: Context) -> None:
    """Bringing up what is up starts no container and moves no role."""
    names = (*layout.CACHES, *layout.SENTINELS)
    before = [containers.find(stack, name).attrs["State"]["StartedAt"] for name in names]
    leader = cache.primary(stack)

    cache.up(stack)

    after = [containers.find(stack, name).attrs["State"]["StartedAt"] for name in names]
    assert before == after
    assert cache.primary(stack) == leader


def test_the_token_is_asked_for(stack: Context) -> None:
    """Neither nodes nor Sentinels answer a client without the token."""
    addresses = [(stack.layout.address(name), cache.PORT) for name in layout.CACHES]
    addresses += [(stack.layout.address(name), cache.SENTINEL_PORT) for name in layout.SENTINELS]
    for address, port in addresses:
        client = redis.Redis(
            host=address,
            port=port,
            ssl=True,
            ssl_ca_certs=str(stack.credentials.ca),
            retry=Retry(NoBackoff(), 0),
        )
        with client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_only_tls_is_spoken(stack: Context) -> None:
    """A plain command on the only port gets no answer of the protocol."""
    for name in layout.CACHES:
        with socket.create_connection((stack.layout.address(name), cache.PORT), 5) as plain:
            plain.settimeout(5)
            plain.sendall(b"PING\r\n")
            try:
                answer = plain.recv(64)
            except ConnectionResetError:
                answer = b""

        assert b"PONG" not in answer
        assert b"NOAUTH" not in answer


def test_the_documents_parameters_are_in_force(stack: Context) -> None:
    """Each node has the document's parameters, whatever its role."""
    for name in layout.CACHES:
        with cache.connect(stack, stack.layout.address(name)) as client:
            assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"
            events = client.config_get("notify-keyspace-events")["notify-keyspace-events"]

        assert sorted(events) == sorted("Ex")


def test_a_write_on_a_replica_is_refused(stack: Context) -> None:
    """Only the primary takes writes."""
    leader = cache.primary(stack)
    replica = next(name for name in layout.CACHES if name != leader)
    with (
        cache.connect(stack, stack.layout.address(replica)) as client,
        pytest.raises(redis.ReadOnlyError),
    ):
        client.set("cache-test", "1")


def test_a_primary_that_is_killed_and_back_at_once_does_not_lead_empty(stack: Context) -> None:
    """It waits for its successor and joins as a replica; replicated data stays, the name moves."""
    old = cache.primary(stack)
    assert old is not None
    old_address = stack.layout.address(old)
    with cache.connect(stack, old_address) as client:
        for number in range(100):
            client.set(f"cache-test:{number}", number, ex=600)
        assert client.wait(2, 5000) == 2
    container = containers.find(stack, old)
    assert container is not None

    container.kill()
    container.start()

    wait_until(
        lambda: resolver.resolve(stack, layout.CACHE_PRIMARY_NAME) != old_address,
        what="the primary's name to move",
        limit_seconds=FAILOVER_LIMIT_SECONDS,
    )
    with cache.connect(stack, _primary_address(stack)) as client:
        assert sum(client.exists(f"cache-test:{n}") for n in range(100)) == 100
    wait_until(
        lambda: not cache.group_problems(cache.sentinel_views(stack)),
        what="the group to be whole",
        limit_seconds=REJOIN_LIMIT_SECONDS,
    )
    with cache.connect(stack, old_address) as client:
        wait_until(
            lambda: client.info("replication")["master_link_status"] == "up",
            what="the old primary to follow the new one",
            limit_seconds=REJOIN_LIMIT_SECONDS,
            ignore=(KeyError,),
        )
        assert client.info("replication")["master_host"] == _primary_address(stack)
        assert sum(client.exists(f"cache-test:{n}") for n in range(100)) == 100
