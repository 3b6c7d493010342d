"""The VPC's resolver and the store behind it, both the provider's own and outside the zones.

One etcd holds the resolver's records (below /skydns) and Patroni's leader key; CoreDNS answers
the private zone straight from it, so that a record that moved is in the very next answer.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import urllib3
import urllib3.exceptions

from harness.errors import EnvironmentUnavailable
from harness.polling import wait_until
from harness.stack import containers, layout
from harness.stack.containers import ContainerSpec
from harness.stack.context import Context
from harness.stack.status import PartStatus

PART = "resolver"
STORE_PORT = 2379

# Both are single static programs that answer within a second; the rest is for a busy host.
READY_LIMIT_SECONDS = 30
# A store or resolver on the same bridge answers in milliseconds.
REQUEST_LIMIT_SECONDS = 2.0


def up(context: Context) -> None:
    """Start the store and the resolver; return when a client gets an answer to a lookup.

    Raises LimitExceeded when either does not answer in time.
    """
    for spec in specs(context):
        containers.ensure(context, spec)
    wait_until(
        lambda: _call(context, "maintenance/status", {}),
        what=f"the consensus store at {store_address(context)} to answer",
        limit_seconds=READY_LIMIT_SECONDS,
        ignore=(EnvironmentUnavailable,),
        hint=f"docker logs {layout.CONSENSUS}",
    )
    address = context.layout.address(layout.AWS)
    publish(context, layout.AWS_NAME, address)
    wait_until(
        lambda: resolve(context, layout.AWS_NAME) == address,
        what=f"the resolver to answer {layout.AWS_NAME} with {address}",
        limit_seconds=READY_LIMIT_SECONDS,
        hint=f"docker logs {layout.RESOLVER}",
    )


def down(context: Context) -> list[str]:
    """Remove the resolver and the store with all their records; return what was removed."""
    return containers.remove(context, (layout.RESOLVER, layout.CONSENSUS))


def status(context: Context) -> list[PartStatus]:
    """Return one row for the store and one for the resolver."""
    answers = resolve(context, layout.AWS_NAME) is not None
    rows = []
    for name, role, port in (
        (layout.CONSENSUS, "consensus store", STORE_PORT),
        (layout.RESOLVER, "resolver", 53),
    ):
        state = containers.state(context, name)
        if name == layout.RESOLVER and state == "running" and not answers:
            state = "running, no answer"
        endpoint = f"{context.layout.address(name)}:{port}"
        rows.append(PartStatus(PART, name, "provider", role, state, endpoint))
    return rows


def differences(context: Context | None = None) -> list[dict[str, Any]]:
    """Return where the emulated DNS differs from production's."""
    return [
        {
            "what": "endpoint names",
            "production": "Route 53 private zone and the provider's own DNS, "
            "propagation not documented",
            "emulation": f"CoreDNS on one etcd, TTL {layout.ENDPOINT_TTL_SECONDS} s, "
            "no propagation delay",
            "why": "the provider's DNS cannot be run here",
            "weakens": [
                "database-failover-time-postmaster-kill",
                "database-failover-time-container-kill",
                "database-failover-time-hang",
                "cache-failover-time",
            ],
        },
        {
            "what": "consensus store",
            "production": "the provider's own control plane, several zones",
            "emulation": "one etcd outside the zones, without fsync",
            "why": "no experiment breaks the provider; a slow disk must not look like an outage",
            "weakens": [],
        },
    ]


def specs(context: Context) -> list[ContainerSpec]:
    """Return the store's and the resolver's containers, in the order in which they start."""
    store = f"http://{store_address(context)}"
    return [
        ContainerSpec(
            name=layout.CONSENSUS,
            image="consensus",
            part=PART,
            command=[
                "--name=consensus",
                f"--listen-client-urls=http://0.0.0.0:{STORE_PORT}",
                f"--advertise-client-urls={store}",
                # The leader's lease is renewed every 2 s: a disk that stalls for longer would
                # cause failovers that nobody injected.
                "--unsafe-no-fsync",
                "--auto-compaction-mode=periodic",
                "--auto-compaction-retention=10m",
                "--log-level=warn",
            ],
            memory="256m",
        ),
        ContainerSpec(
            name=layout.RESOLVER,
            image="resolver",
            part=PART,
            environment={"ZONE": layout.DOMAIN, "STORE": store},
            memory="128m",
        ),
    ]


def store_address(context: Context) -> str:
    """Return the store's address and client port."""
    return f"{context.layout.address(layout.CONSENSUS)}:{STORE_PORT}"


def record_key(name: str) -> str:
    """Return the store's key of a DNS name: its labels from the root down."""
    return "/".join(["/skydns", *reversed(name.rstrip(".").split("."))])


def record_value(address: str) -> str:
    """Return the store's value of an address record with the endpoints' TTL."""
    return json.dumps({"host": address, "ttl": layout.ENDPOINT_TTL_SECONDS}, separators=(",", ":"))


def publish(context: Context, name: str, address: str) -> None:
    """Point ``name`` at ``address``.

    Raises EnvironmentUnavailable when the store does not take it.
    """
    put = {"key": _encode(record_key(name)), "value": _encode(record_value(address))}
    _call(context, "kv/put", put)


def withdraw(context: Context, name: str) -> None:
    """Remove the record of ``name``; a name without one is fine.

    Raises EnvironmentUnavailable when the store does not answer.
    """
    _call(context, "kv/deleterange", {"key": _encode(record_key(name))})


def forget(context: Context, prefix: str) -> None:
    """Remove everything that the store holds below ``prefix``, which ends with a slash.

    Raises EnvironmentUnavailable when the store does not answer.
    """
    # The range of a prefix ends before the prefix with its last character's successor.
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    _call(context, "kv/deleterange", {"key": _encode(prefix), "range_end": _encode(end)})


def lookup(context: Context, name: str) -> str | None:
    """Return the address that the store holds for ``name``, or None.

    Raises EnvironmentUnavailable when the store does not answer.
    """
    value = stored(context, record_key(name))
    return str(json.loads(value)["host"]) if value is not None else None


def stored(context: Context, key: str) -> str | None:
    """Return the store's value under ``key``, or None.

    Raises EnvironmentUnavailable when the store does not answer.
    """
    found = _call(context, "kv/range", {"key": _encode(key)}).get("kvs") or []
    return base64.b64decode(found[0].get("value", "")).decode() if found else None


def resolve(context: Context, name: str) -> str | None:
    """Ask the resolver for ``name``'s address, past every cache; None when it has none."""
    query = dns.message.make_query(name, dns.rdatatype.A)
    server = context.layout.address(layout.RESOLVER)
    try:
        answer = dns.query.udp(query, server, timeout=REQUEST_LIMIT_SECONDS)
    except (dns.exception.DNSException, OSError):
        return None
    for records in answer.answer:
        if records.rdtype == dns.rdatatype.A:
            return str(records[0])
    return None


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _call(context: Context, method: str, body: dict[str, str]) -> dict[str, Any]:
    url = f"http://{store_address(context)}/v3/{method}"
    try:
        answer = urllib3.request(
            "POST", url, json=body, timeout=REQUEST_LIMIT_SECONDS, retries=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise EnvironmentUnavailable(
            f"The consensus store at {url} did not answer: {error}. "
            f"Next step: docker logs {layout.CONSENSUS}"
        ) from error
    if answer.status != 200:
        raise EnvironmentUnavailable(
            f"The consensus store at {url} answered {answer.status}, expected 200: "
            f"{answer.data[:300]!r}. Next step: docker logs {layout.CONSENSUS}"
        )
    document: dict[str, Any] = answer.json()
    return document
