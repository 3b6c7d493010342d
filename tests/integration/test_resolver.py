"""The VPC's resolver as a client sees it."""

from __future__ import annotations

from collections.abc import Iterator

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from harness.stack import containers, layout, resolver
from harness.stack.context import Context

pytestmark = pytest.mark.integration

SCRATCH_NAME = f"resolver-test.{layout.DOMAIN}"


@pytest.fixture
def scratch_name(stack: Context) -> Iterator[str]:
    yield SCRATCH_NAME
    resolver.withdraw(stack, SCRATCH_NAME)


def _ask(stack: Context, name: str) -> dns.message.Message:
    query = dns.message.make_query(name, dns.rdatatype.A)
    return dns.query.udp(query, stack.layout.address(layout.RESOLVER), timeout=2)


@pytest.mark.parametrize(
    "name",
    [
        layout.AWS_NAME,
        layout.DATABASE_PRIMARY_NAME,
        layout.DATABASE_REPLICA_NAME,
        layout.CACHE_PRIMARY_NAME,
    ],
)
def test_each_endpoint_has_one_address_and_the_ttl(stack: Context, name: str) -> None:
    """Every endpoint of the stack is answered with one address and a TTL of 5 s."""
    (records,) = _ask(stack, name).answer

    assert len(records) == 1
    assert records.ttl == layout.ENDPOINT_TTL_SECONDS


def test_a_moved_name_is_in_the_next_answer(stack: Context, scratch_name: str) -> None:
    """Nothing between store and client keeps an old answer."""
    for address in ("10.0.0.101", "10.0.0.102"):
        resolver.publish(stack, scratch_name, address)

        assert resolver.resolve(stack, scratch_name) == address
        assert resolver.lookup(stack, scratch_name) == address


def test_a_withdrawn_name_has_no_address(stack: Context, scratch_name: str) -> None:
    """A name without a record does not exist for clients."""
    resolver.publish(stack, scratch_name, "10.0.0.101")
    resolver.withdraw(stack, scratch_name)

    assert _ask(stack, scratch_name).rcode() == dns.rcode.NXDOMAIN
    assert resolver.lookup(stack, scratch_name) is None


@pytest.mark.parametrize("name", ["sts.amazonaws.com", "example.org", "internal"])
def test_names_outside_the_private_zone_are_refused(stack: Context, name: str) -> None:
    """The resolver never asks anyone else."""
    assert _ask(stack, name).rcode() == dns.rcode.REFUSED


def test_containers_find_each_endpoint_and_nothing_outside(stack: Context) -> None:
    """The stack's own containers use this resolver."""
    node = containers.find(stack, layout.REPLICA)
    assert node is not None
    lookup = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"

    inside = containers.execute(node, ["python3", "-c", lookup, layout.DATABASE_REPLICA_NAME])
    outside, _ = containers.execute(node, ["python3", "-c", lookup, "sts.amazonaws.com"])

    assert inside == (0, f"{stack.layout.address(layout.REPLICA)}\n")
    assert outside != 0
