"""Name resolution as an application sees it: asked of the VPC's resolver, cached for the TTL."""

from __future__ import annotations

import ipaddress
import threading
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from harness import clock
from harness.errors import ProbeFailed

# A resolver on the same bridge answers in milliseconds; a lost datagram is asked for again
# once within the limit of one resolution.
QUERY_LIMIT_SECONDS = 1.0
_TRIES = 2


class NameNotResolved(ProbeFailed):
    """The resolver gave no address for a name within the limit."""


@dataclass(frozen=True)
class _Answer:
    address: str
    valid_until: float


class EndpointResolver:
    """Resolves names to IPv4 addresses at one name server; safe to share between threads.

    An answer is reused until its TTL has passed and never longer, so that a failover's move of
    the name is seen as an application with a TTL cache sees it. A literal address is returned
    as it is.
    """

    def __init__(self, nameserver: str, port: int = 53) -> None:
        self._nameserver = nameserver
        self._port = port
        self._answers: dict[str, _Answer] = {}
        self._lock = threading.Lock()

    def resolve(self, name: str, *, limit_seconds: float = QUERY_LIMIT_SECONDS) -> str:
        """Return the address of ``name``.

        Raises NameNotResolved when no address came within ``limit_seconds``; a stale answer is
        never used instead.
        """
        if _is_address(name):
            return name
        with self._lock:
            known = self._answers.get(name)
        if known is not None and clock.monotonic() < known.valid_until:
            return known.address
        answer = self._ask(name, limit_seconds)
        with self._lock:
            self._answers[name] = answer
        return answer.address

    def forget(self) -> None:
        """Drop all cached answers."""
        with self._lock:
            self._answers.clear()

    def _ask(self, name: str, limit_seconds: float) -> _Answer:
        deadline = clock.monotonic() + limit_seconds
        problem = "no time left"
        for remaining_tries in range(_TRIES, 0, -1):
            remaining = deadline - clock.monotonic()
            if remaining <= 0:
                break
            query = dns.message.make_query(name, dns.rdatatype.A)
            # The TTL runs from the moment the question was put: the answer is no younger.
            asked_at = clock.monotonic()
            try:
                reply = dns.query.udp(
                    query,
                    self._nameserver,
                    port=self._port,
                    timeout=remaining / remaining_tries,
                    ignore_unexpected=True,
                )
                return _read(reply, asked_at)
            except (dns.exception.DNSException, OSError) as error:
                problem = f"{type(error).__name__}: {error}"
            except NameNotResolved as error:
                raise self._failure(name, str(error)) from error
        raise self._failure(name, problem)

    def _failure(self, name: str, problem: str) -> NameNotResolved:
        return NameNotResolved(
            f"Name {name} was not resolved at {self._nameserver}:{self._port}: expected an A "
            f"record, got {problem}. Next step: python -m harness status"
        )


def _read(reply: dns.message.Message, asked_at: float) -> _Answer:
    if reply.rcode() != dns.rcode.NOERROR:
        raise NameNotResolved(dns.rcode.to_text(reply.rcode()))
    if not isinstance(reply, dns.message.QueryMessage):
        raise NameNotResolved("a message that is no answer to a query")
    chain = reply.resolve_chaining()
    if chain.answer is None or not len(chain.answer):
        raise NameNotResolved("an empty answer")
    return _Answer(str(next(iter(chain.answer))), asked_at + chain.minimum_ttl)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
