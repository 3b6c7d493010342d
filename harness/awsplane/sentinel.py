"""The Sentinels of the cache, the stand-in for the provider's failover of a replication group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .resp import RedisError, RedisRefused, ask, pairs
from .wiring import Cache


class NoSentinel(Exception):
    """No Sentinel gave a usable answer."""


class FailoverRefused(Exception):
    """The Sentinels refused to fail over; the message is theirs."""


@dataclass(frozen=True)
class Group:
    """The servers at one moment, each by its address.

    ``primary`` is None where no majority of the Sentinels names one. ``following`` are the
    replicas that have an intact link to the primary.
    """

    primary: str | None
    replicas: tuple[str, ...] = ()
    following: tuple[str, ...] = ()


def majority(answers: Sequence[str | None]) -> str | None:
    """Return what more than half of the answers name; a Sentinel that is silent dissents."""
    named = Counter(answer for answer in answers if answer)
    if not named:
        return None
    name, votes = named.most_common(1)[0]
    return name if votes * 2 > len(answers) else None


def parse_group(primary: str | None, replicas: Sequence[Mapping[str, str]]) -> Group:
    """Return the group from a majority's primary and one answer to SENTINEL REPLICAS."""
    addresses = [entry.get("ip", "") for entry in replicas]
    intact = [
        entry.get("ip", "")
        for entry in replicas
        if entry.get("flags") == "slave" and entry.get("master-link-status") == "ok"
    ]
    return Group(
        primary=primary,
        replicas=tuple(sorted(a for a in addresses if a and a != primary)),
        following=tuple(sorted(a for a in intact if a and a != primary)),
    )


class Sentinels:
    """Client of all Sentinels of one cache; safe to share between threads."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def group(self) -> Group:
        """Return the servers as the Sentinels see them. Raises NoSentinel."""
        answers: list[str | None] = []
        replicas: list[dict[str, str]] | None = None
        problems = []
        for sentinel in self._cache.sentinels:
            try:
                named = self._ask(sentinel, "GET-MASTER-ADDR-BY-NAME")
                answers.append(str(named[0]) if named else None)
                if replicas is None:
                    replicas = [pairs(entry) for entry in self._ask(sentinel, "REPLICAS") or []]
            except RedisError as error:
                answers.append(None)
                problems.append(str(error))
        if replicas is None:
            raise NoSentinel(" ".join(problems))
        return parse_group(majority(answers), replicas)

    def fail_over(self) -> None:
        """Have a replica promoted, as if the primary had failed; returns once it has begun.

        Raises FailoverRefused with the Sentinel's reason, and NoSentinel.
        """
        problems = []
        for sentinel in self._cache.sentinels:
            try:
                self._ask(sentinel, "FAILOVER")
                return
            except RedisRefused as error:
                raise FailoverRefused(str(error)) from error
            except RedisError as error:
                problems.append(str(error))
        raise NoSentinel(" ".join(problems))

    def is_primary(self, address: str) -> bool:
        """Say whether the server at ``address`` itself says that it is the primary."""
        try:
            answer = ask(
                address,
                self._cache.port,
                password=self._cache.auth_token,
                ca=self._cache.ca,
                command=["ROLE"],
            )
        except RedisError:
            return False
        return isinstance(answer, list) and bool(answer) and answer[0] == "master"

    def _ask(self, sentinel: str, subcommand: str) -> list[object]:
        answer = ask(
            sentinel,
            self._cache.sentinel_port,
            password=self._cache.auth_token,
            ca=self._cache.ca,
            command=["SENTINEL", subcommand, self._cache.sentinel_group],
        )
        return answer if isinstance(answer, list) else []
