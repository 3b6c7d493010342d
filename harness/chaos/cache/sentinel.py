"""Reading and setting what the Sentinels, the stand-in for the cache's failover, say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.errors import ProbeFailed
from harness.stack import layout
from harness.stack.cache import GROUP, PORT, SENTINEL_PORT
from harness.stack.credentials import Credentials
from harness.stack.layout import Layout

# A Sentinel answers from memory; half a second keeps a sample of three within its spacing.
REQUEST_LIMIT_SECONDS = 0.5


def majority(answers: Sequence[str | None]) -> str | None:
    """Return what more than half of the answers name, else None.

    Answers of servers that could not be asked are None and count as dissent.
    """
    named = Counter(answer for answer in answers if answer is not None)
    if not named:
        return None
    name, count = named.most_common(1)[0]
    return name if count * 2 > len(answers) else None


class Sentinels:
    """Client of the three Sentinels and of the cache servers that they watch."""

    def __init__(self, addresses: Layout, credentials: Credentials) -> None:
        self._addresses = addresses
        self._credentials = credentials
        self._containers = {addresses.address(name): name for name in layout.CACHES}
        self._clients: dict[str, redis.Redis] = {}

    def primary(self) -> str | None:
        """Return the container that most Sentinels call the primary, None without majority.

        Raises ProbeFailed when no Sentinel answers.
        """
        answers: list[str | None] = []
        problems = []
        for sentinel in layout.SENTINELS:
            try:
                answers.append(self._primary_of(sentinel))
            except ProbeFailed as error:
                answers.append(None)
                problems.append(str(error))
        if len(problems) == len(layout.SENTINELS):
            raise ProbeFailed(" ".join(problems))
        return majority(answers)

    def quorum(self, sentinel: str) -> int:
        """Return how many Sentinels must agree, as one of them is set."""
        return int(self._state(sentinel)["quorum"])

    def set_quorum(self, sentinel: str, quorum: int) -> None:
        """Set how many Sentinels must agree that the primary is down."""
        try:
            self._client(sentinel, SENTINEL_PORT).execute_command(  # type: ignore[no-untyped-call]
                "SENTINEL SET", GROUP, "quorum", quorum
            )
        except redis.RedisError as error:
            raise _problem(sentinel, "SENTINEL SET quorum", error) from error

    def replicas_known(self, sentinel: str) -> int:
        """Return how many replicas one Sentinel knows."""
        return int(self._state(sentinel)["num-slaves"])

    def role(self, cache: str) -> dict[str, Any]:
        """Return the replication section of one cache server's INFO.

        Raises ProbeFailed when it does not answer.
        """
        try:
            answer = self._client(cache, PORT).info("replication")
        except redis.RedisError as error:
            raise _problem(cache, "INFO replication", error) from error
        return answer

    def flush(self, cache: str) -> None:
        """Delete all keys of one cache server and, where it is the primary, of its replicas."""
        try:
            self._client(cache, PORT).flushall()
        except redis.RedisError as error:
            raise _problem(cache, "FLUSHALL", error) from error

    def keys(self, cache: str) -> int:
        """Return how many keys one cache server holds."""
        try:
            return int(self._client(cache, PORT).dbsize())
        except redis.RedisError as error:
            raise _problem(cache, "DBSIZE", error) from error

    def _primary_of(self, sentinel: str) -> str | None:
        try:
            answer = self._client(sentinel, SENTINEL_PORT).execute_command(  # type: ignore[no-untyped-call]
                "SENTINEL GET-MASTER-ADDR-BY-NAME", GROUP
            )
        except redis.RedisError as error:
            raise _problem(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME", error) from error
        if not answer:
            return None
        host = str(cast(Sequence[Any], answer)[0])
        return self._containers.get(host, host)

    def _state(self, sentinel: str) -> Mapping[str, Any]:
        try:
            answer = self._client(sentinel, SENTINEL_PORT).execute_command(  # type: ignore[no-untyped-call]
                "SENTINEL MASTER", GROUP
            )
        except redis.RedisError as error:
            raise _problem(sentinel, "SENTINEL MASTER", error) from error
        if not isinstance(answer, Mapping):
            raise ProbeFailed(f"{sentinel}: SENTINEL MASTER: expected fields, got {answer!r}.")
        return answer

    def _client(self, server: str, port: int) -> redis.Redis:
        if server not in self._clients:
            self._clients[server] = redis.Redis(
                host=self._addresses.address(server),
                port=port,
                password=self._credentials.cache_auth_token,
                ssl=True,
                ssl_ca_certs=str(self._credentials.ca),
                socket_timeout=REQUEST_LIMIT_SECONDS,
                socket_connect_timeout=REQUEST_LIMIT_SECONDS,
                decode_responses=True,
                # One try: a sample that retries would report the state of some time ago.
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        return self._clients[server]


def _problem(server: str, what: str, error: Exception) -> ProbeFailed:
    return ProbeFailed(f"{server}: {what} gave no answer: {type(error).__name__}: {error}.")
