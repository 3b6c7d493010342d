"""One database connection whose every call ends by a deadline that the client keeps.

It stands on libpq's non-blocking calls, because nothing on the server's side bounds a wait for
a server that is paused: its kernel still acknowledges segments, so neither tcp_user_timeout nor
statement_timeout would ever fire.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import psycopg
from psycopg import pq

from harness import clock

# Answers of severity ERROR that still leave the outcome open.
_STATEMENT_COMPLETION_UNKNOWN = "40003"
_ANSWERED = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


class NoAnswer(Exception):
    """The connection was lost, or the server did not answer by the deadline."""


class Rejected(Exception):
    """The server answered with an error.

    ``final`` says that the statement certainly had no effect: severity ERROR. A FATAL answer
    ends a backend that may have committed already.
    """

    def __init__(self, message: str, *, sqlstate: str, final: bool) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.final = final


class Session:
    """An open autocommit connection; deadlines are seconds of ``clock.monotonic``.

    Raises NoAnswer when there is no connection by the deadline, and when the server refuses it.
    """

    def __init__(self, conninfo: str, deadline: float) -> None:
        self._connection = pq.PGconn.connect_start(conninfo.encode())
        try:
            self._connect(deadline)
            self._connection.nonblocking = 1
        except psycopg.Error as error:
            self.close()
            raise NoAnswer(str(error)) from error
        except NoAnswer:
            self.close()
            raise

    def prepare(self, name: str, statement: str, deadline: float) -> None:
        """Prepare a statement under ``name``."""
        with _losses():
            self._connection.send_prepare(name.encode(), statement.encode())
            self._finish(deadline)

    def execute_prepared(self, name: str, values: Sequence[str], deadline: float) -> None:
        """Run a prepared statement; returns when the server acknowledged it."""
        with _losses():
            self._connection.send_query_prepared(name.encode(), _encoded(values))
            self._finish(deadline)

    def query(self, statement: str, values: Sequence[str], deadline: float) -> list[str]:
        """Run one statement and return the first column of its rows as text."""
        with _losses():
            self._connection.send_query_params(statement.encode(), _encoded(values))
            result = self._finish(deadline)
        if result.status != pq.ExecStatus.TUPLES_OK:
            return []
        cells = (result.get_value(row, 0) for row in range(result.ntuples))
        return [(cell or b"").decode() for cell in cells]

    def alive(self) -> bool:
        """Say whether the server has not closed the connection while it was idle."""
        try:
            if _wait(self._connection.socket, None, read=True, write=False):
                self._connection.consume_input()
        except psycopg.Error:
            return False
        return self._connection.status == pq.ConnStatus.OK

    def close(self) -> None:
        """Let go of the connection at once, whatever the server does."""
        # Shut down first: nothing that libpq says in parting can then wait for the peer.
        with contextlib.suppress(psycopg.Error, OSError):
            duplicate = socket.socket(fileno=os.dup(self._connection.socket))
            with duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)
        self._connection.finish()

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _connect(self, deadline: float) -> None:
        connection = self._connection
        state = pq.PollingStatus.WRITING
        while state is not pq.PollingStatus.OK:
            if state is pq.PollingStatus.FAILED or connection.status == pq.ConnStatus.BAD:
                raise NoAnswer(connection.get_error_message())
            writing = state is pq.PollingStatus.WRITING
            if not _wait(connection.socket, deadline, read=not writing, write=writing):
                raise NoAnswer("no connection by the deadline")
            state = pq.PollingStatus(connection.connect_poll())

    def _finish(self, deadline: float) -> pq.abc.PGresult:
        connection = self._connection
        while connection.flush():
            if not _wait(connection.socket, deadline, read=True, write=True):
                raise NoAnswer("the statement was not taken by the deadline")
            connection.consume_input()
        result: pq.abc.PGresult | None = None
        # All the way to the server's "ready for query": the completion of a statement is told
        # before its transaction is committed.
        while True:
            try:
                following = self._next(deadline)
            except (psycopg.Error, NoAnswer):
                if result is not None and result.status not in _ANSWERED:
                    break
                raise
            if following is None:
                break
            if result is None or result.status in _ANSWERED:
                result = following
        if result is None:
            raise NoAnswer("the connection ended without an answer")
        if result.status not in _ANSWERED:
            raise _rejection(result)
        return result

    def _next(self, deadline: float) -> pq.abc.PGresult | None:
        connection = self._connection
        while connection.is_busy():
            if not _wait(connection.socket, deadline, read=True, write=False):
                raise NoAnswer("no answer by the deadline")
            connection.consume_input()
        return connection.get_result()


def _rejection(result: pq.abc.PGresult) -> Exception:
    sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    message = result.get_error_message().strip()
    if not sqlstate:
        # libpq's own words for a lost connection, not an answer of the server.
        return NoAnswer(message)
    severity = result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED)
    final = severity == b"ERROR" and sqlstate != _STATEMENT_COMPLETION_UNKNOWN
    return Rejected(f"{sqlstate} {message}", sqlstate=sqlstate, final=final)


@contextlib.contextmanager
def _losses() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise NoAnswer(str(error)) from error


def _encoded(values: Sequence[str]) -> list[bytes | None]:
    return [value.encode() for value in values]


def _wait(descriptor: int, deadline: float | None, *, read: bool, write: bool) -> bool:
    """Wait until the socket is ready; without a deadline only look."""
    poll = select.poll()
    poll.register(descriptor, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    remaining = 0.0 if deadline is None else deadline - clock.monotonic()
    return bool(poll.poll(max(0, math.ceil(remaining * 1000))))
