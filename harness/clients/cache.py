"""The cache client: one SET per slot at the cache's primary endpoint, over TLS with AUTH.

The client library's own retries are off: an operation is attempted once. Outcomes: what failed
before the command was sent is failed, and so is an error that the server answered (READONLY,
NOREPLICAS, LOADING); a timeout or a lost connection after that leaves it indeterminate.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import redis.exceptions
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.retry import Retry

from harness import clock, polling
from harness.clients.recorder import Recorder, brief
from harness.clients.resolver import EndpointResolver, NameNotResolved
from harness.clients.workload import (
    DEADLINE_SECONDS,
    DURATION_SECONDS_MAX,
    OK,
    OPERATIONS_MAX,
    SPACING_SECONDS,
    Attempt,
    PacedWorkload,
    failed,
    indeterminate,
)
from harness.errors import EnvironmentUnavailable, LimitExceeded
from harness.model.history import Outcome
from harness.stack import layout
from harness.stack.credentials import Credentials

OPERATION = "set"
FINAL_OPERATION = "read_all"
KEY_PREFIX = "harness"

# Failover by Sentinel takes its down-after time, an election and a reconfiguration; a minute
# more than the slowest one expected.
FINAL_READ_LIMIT_SECONDS = 120.0
_FINAL_READ_DEADLINE_SECONDS = 30.0
_SCAN_KEYS = 1000
_LEAST_TIMEOUT_SECONDS = 0.001
# Errors that the server answered; redis-py files LOADING and NOAUTH under ConnectionError.
_ANSWERS = (
    redis.exceptions.ResponseError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.AuthenticationError,
    redis.exceptions.AuthorizationError,
)


@dataclass(frozen=True)
class CacheTarget:
    """The cache's primary endpoint: DNS name (also what the certificate must say) and token."""

    name: str
    auth_token: str
    ca: Path
    port: int = 6379

    @classmethod
    def of(cls, credentials: Credentials) -> Self:
        """Return the primary endpoint of the stack."""
        return cls(
            name=layout.CACHE_PRIMARY_NAME,
            auth_token=credentials.cache_auth_token,
            ca=credentials.ca,
        )


class CacheWorkload(PacedWorkload):
    """Sets one key per slot as client cache-0 and reads the trial's keys in the end.

    One connection; after anything but ok the next operation resolves the name anew (its TTL is
    honoured) and connects again.
    """

    def __init__(
        self,
        recorder: Recorder,
        target: CacheTarget,
        resolver: EndpointResolver,
        *,
        trial: str,
        client: str = "cache-0",
        spacing_seconds: float = SPACING_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
        operations_max: int = OPERATIONS_MAX,
        duration_seconds_max: float = DURATION_SECONDS_MAX,
    ) -> None:
        super().__init__(
            recorder,
            client=client,
            op=OPERATION,
            spacing_seconds=spacing_seconds,
            deadline_seconds=deadline_seconds,
            operations_max=operations_max,
            duration_seconds_max=duration_seconds_max,
        )
        self._target = target
        self._resolver = resolver
        self._prefix = f"{KEY_PREFIX}:{trial}:"
        self._context = _trust(target.ca)
        self._connection: _EndpointConnection | None = None

    def final_read(self) -> None:
        """Record the ids of all keys of the trial that the current primary holds.

        Waits for a primary within FINAL_READ_LIMIT_SECONDS; when there is none the read is
        recorded as failed, with the reason as observation ``final_read``.
        """
        try:
            (ids,) = polling.wait_until(
                self._read_all,
                what=f"a read of the keys on the primary at {self._target.name}",
                limit_seconds=FINAL_READ_LIMIT_SECONDS,
                interval_seconds=0.5,
                hint="python -m harness status",
                ignore=(NameNotResolved, redis.exceptions.RedisError, OSError),
            )
        except LimitExceeded as error:
            self.recorder.observe("final_read", {"client": self.client, "error": brief(error)})
            self.recorder.final_read(FINAL_OPERATION, Outcome.FAILED, ())
            return
        self.recorder.final_read(FINAL_OPERATION, Outcome.OK, ids)

    def attempt(self, id: str, deadline: float) -> Attempt:
        """Set one key; see the module for the outcomes."""
        try:
            connection = self._connected(deadline)
        except (NameNotResolved, redis.exceptions.RedisError, OSError) as error:
            self.disconnect()
            return failed(error)
        try:
            connection.limit(deadline)
            answer = connection.call("SET", f"{self._prefix}{id}", "1")
        except _ANSWERS as error:
            self.disconnect()
            return failed(error)
        except (redis.exceptions.RedisError, OSError) as error:
            self.disconnect()
            return indeterminate(error)
        if answer != b"OK":
            self.disconnect()
            return indeterminate(f"unexpected answer {answer!r}")
        return OK

    def disconnect(self) -> None:
        """Let go of the connection without waiting for the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()

    def _connected(self, deadline: float) -> _EndpointConnection:
        # A connection that the server closed while idle has taken nothing of this operation,
        # so connecting again is part of it, as a pool that tests its connections does.
        if self._connection is not None and not self._connection.idle_and_open():
            self.disconnect()
        if self._connection is None:
            self._connection = self._open(deadline)
        return self._connection

    def _open(self, deadline: float) -> _EndpointConnection:
        remaining = max(_LEAST_TIMEOUT_SECONDS, deadline - clock.monotonic())
        address = self._resolver.resolve(self._target.name, limit_seconds=remaining)
        connection = _EndpointConnection(self._target, address, self._context, deadline)
        connection.connect()  # type: ignore[no-untyped-call]
        return connection

    def _read_all(self) -> tuple[list[str]] | None:
        deadline = clock.monotonic() + _FINAL_READ_DEADLINE_SECONDS
        connection = self._open(deadline)
        try:
            connection.limit(deadline)
            if connection.call("ROLE")[0] != b"master":
                return None
            keys: set[str] = set()
            cursor = b"0"
            while True:
                connection.limit(deadline)
                cursor, found = connection.call(
                    "SCAN", cursor, "MATCH", f"{self._prefix}*", "COUNT", _SCAN_KEYS
                )
                # A scan may return a key twice while the table is resized: a set keeps one.
                keys.update(key.decode() for key in found)
                if cursor == b"0":
                    return (sorted(key.removeprefix(self._prefix) for key in keys),)
        finally:
            connection.drop()


class _EndpointConnection(Connection):
    """A connection to a resolved address whose certificate must carry the endpoint's name."""

    def __init__(
        self, target: CacheTarget, address: str, context: ssl.SSLContext, deadline: float
    ) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            host=address,
            port=target.port,
            password=target.auth_token,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=max(_LEAST_TIMEOUT_SECONDS, deadline - clock.monotonic()),
        )
        self._name = target.name
        self._context = context
        self._deadline = deadline
        self._stream: ssl.SSLSocket | None = None

    def _connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection((self.host, self.port), timeout=self._remaining())
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(self._remaining())
            self._stream = self._context.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise
        self._stream.settimeout(self._remaining())
        return self._stream

    def call(self, *words: Any) -> Any:
        """Send one command and return the answer; error answers raise ResponseError."""
        self.send_command(*words, check_health=False)  # type: ignore[no-untyped-call]
        return self.read_response()

    def limit(self, deadline: float) -> None:
        """End each of the following waits at ``deadline``."""
        self._deadline = deadline
        if self._stream is not None:
            self._stream.settimeout(self._remaining())

    def idle_and_open(self) -> bool:
        """Say whether the connection is open with nothing unread on it."""
        try:
            return self.is_connected and not self.can_read(0)
        except (redis.exceptions.RedisError, OSError):
            return False

    def drop(self) -> None:
        """Close at once: the socket first, so that no parting word waits for the server."""
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.settimeout(_LEAST_TIMEOUT_SECONDS)
                self._stream.shutdown(socket.SHUT_RDWR)
        self.disconnect()  # type: ignore[no-untyped-call]

    def _remaining(self) -> float:
        return max(_LEAST_TIMEOUT_SECONDS, self._deadline - clock.monotonic())


def _trust(ca: Path) -> ssl.SSLContext:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise EnvironmentUnavailable(
            f"CA certificate {ca} cannot be used: expected a PEM file, got {brief(error)}. "
            "Next step: python -m harness up"
        ) from error
    return context
