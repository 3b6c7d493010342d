"""The VPC's range is chosen so that nothing of the host is shadowed."""

from __future__ import annotations

import ipaddress

import pytest

from harness.errors import EnvironmentUnavailable
from harness.stack.layout import Layout, all_containers
from harness.stack.network import BRIDGE, PREFIXES, choose_prefix, parse_routes


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([], "10.0"),
        (["192.0.2.0/24"], "10.0"),
        (["10.0.0.0/8"], "172.30"),
        (["10.0.5.0/24"], "10.64"),
        (["10.0.0.7/32"], "10.64"),
        (["10.0.0.0/16", "10.64.0.0/10"], "10.128"),
    ],
)
def test_the_first_free_range_is_taken(used: list[str], expected: str) -> None:
    """The document's own range where it is free, else the next candidate."""
    assert choose_prefix(map(ipaddress.IPv4Network, used)) == expected


def test_no_free_range_is_an_error_that_lists_what_is_used() -> None:
    """With every candidate taken the routes are named."""
    used = [ipaddress.IPv4Network(f"{prefix}.0.0/16") for prefix in PREFIXES]
    with pytest.raises(EnvironmentUnavailable, match=r"10\.128\.0\.0/16"):
        choose_prefix(used)


def test_default_routes_and_the_own_bridge_do_not_count() -> None:
    """Only ranges of others are in the way."""
    routes = [
        {"dst": "default", "dev": "eth0"},
        {"dst": "10.0.0.0/16", "dev": BRIDGE},
        {"dst": "192.0.2.0/24", "dev": "eth0"},
        {"dst": "10.9.8.7", "dev": "tun0"},
    ]

    assert list(map(str, parse_routes(routes))) == ["192.0.2.0/24", "10.9.8.7/32"]


def test_addresses_are_distinct_and_inside_the_range() -> None:
    """Each container has an address of its own inside the VPC, wherever it is laid."""
    for prefix in PREFIXES:
        moved = Layout(prefix)
        addresses = [moved.address(name) for name in all_containers()]
        network = ipaddress.IPv4Network(moved.cidr)

        assert len(set(addresses)) == len(addresses)
        assert all(ipaddress.IPv4Address(address) in network for address in addresses)


def test_translate_moves_the_documents_subnets_and_nothing_else() -> None:
    """CIDRs of the document move; other addresses stay."""
    text = "10.0.201.0/24 10.0.1.0/24 10.96.0.1 10.0.0.10/32 110.0.1.0"

    assert Layout("10.64").translate(text) == (
        "10.64.201.0/24 10.64.1.0/24 10.96.0.1 10.64.0.10/32 110.0.1.0"
    )
    assert Layout().translate(text) == text
