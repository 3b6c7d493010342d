"""The resolver: TTLs are honoured, waits are bounded, a stale answer is never used."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

from harness import clock, polling
from harness.clients.resolver import EndpointResolver, NameNotResolved

NAME = "primary.smart-dairy.internal"


class NameServer:
    """A name server on loopback; set ``address`` (None: NXDOMAIN), ``ttl`` or ``silent``."""

    def __init__(self) -> None:
        self.address: str | None = "127.0.0.1"
        self.ttl = 60
        self.silent = False
        self.alias: str | None = None
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                data, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            self.asked += 1
            if self.silent:
                continue
            query = dns.message.from_wire(data)
            reply = dns.message.make_response(query)
            name = query.question[0].name
            if self.address is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            elif self.alias is not None:
                reply.answer.append(dns.rrset.from_text(name, 1, "IN", "CNAME", self.alias))
                reply.answer.append(
                    dns.rrset.from_text(self.alias, self.ttl, "IN", "A", self.address)
                )
            elif self.address != "":
                reply.answer.append(dns.rrset.from_text(name, self.ttl, "IN", "A", self.address))
            self._socket.sendto(reply.to_wire(), peer)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def nameserver() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


def test_an_answer_is_reused_until_its_ttl_has_passed(nameserver: NameServer) -> None:
    nameserver.ttl = 1
    resolver = EndpointResolver("127.0.0.1", nameserver.port)

    first = resolver.resolve(NAME)
    nameserver.address = "127.0.0.2"
    cached = resolver.resolve(NAME)
    polling.pause(1.05)
    moved = resolver.resolve(NAME)

    assert (first, cached, moved) == ("127.0.0.1", "127.0.0.1", "127.0.0.2")
    assert nameserver.asked == 2


def test_a_ttl_of_zero_is_asked_every_time(nameserver: NameServer) -> None:
    nameserver.ttl = 0
    resolver = EndpointResolver("127.0.0.1", nameserver.port)
    for _ in range(3):
        resolver.resolve(NAME)

    assert nameserver.asked == 3


def test_an_alias_is_followed_and_its_shorter_ttl_counts(nameserver: NameServer) -> None:
    nameserver.alias = "server-a.smart-dairy.internal."
    resolver = EndpointResolver("127.0.0.1", nameserver.port)
    resolver.resolve(NAME)
    polling.pause(1.05)
    resolver.resolve(NAME)

    assert nameserver.asked == 2


@pytest.mark.parametrize(("address", "problem"), [(None, "NXDOMAIN"), ("", "empty answer")])
def test_no_address_is_an_error(nameserver: NameServer, address: str | None, problem: str) -> None:
    nameserver.address = address
    resolver = EndpointResolver("127.0.0.1", nameserver.port)

    with pytest.raises(NameNotResolved, match=problem):
        resolver.resolve(NAME)


def test_a_silent_server_costs_at_most_the_limit_and_no_stale_answer_is_used(
    nameserver: NameServer,
) -> None:
    nameserver.ttl = 0
    resolver = EndpointResolver("127.0.0.1", nameserver.port)
    resolver.resolve(NAME)
    nameserver.silent = True
    started = clock.monotonic()
    with pytest.raises(NameNotResolved, match="Timeout"):
        resolver.resolve(NAME, limit_seconds=0.3)
    waited = clock.monotonic() - started

    assert waited < 2.0
    assert nameserver.asked == 3  # the question is put twice within the limit


def test_a_literal_address_is_not_asked_for(nameserver: NameServer) -> None:
    resolver = EndpointResolver("127.0.0.1", nameserver.port)

    assert resolver.resolve("10.0.0.10") == "10.0.0.10"
    assert nameserver.asked == 0
