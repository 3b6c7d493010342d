"""The SQL client: one INSERT per slot at the database endpoint, each with a deadline.

Outcomes: what failed before the statement was sent is failed, and so is an ERROR that the
server answered (a read-only transaction). Once it was sent, a lost connection, a missing answer
or a FATAL answer leaves it indeterminate: a backend that is ended may have committed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from psycopg.conninfo import make_conninfo

from harness import clock, polling
from harness.clients.database_session import NoAnswer, Rejected, Session
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
from harness.errors import LimitExceeded, ProbeFailed
from harness.model.history import Outcome
from harness.stack import layout
from harness.stack.credentials import DATABASE_NAME, DATABASE_USER, Credentials

OPERATION = "insert"
FINAL_OPERATION = "read_all"
TABLE = "harness_writes"

# Trial and id together, because every trial numbers its operations from zero.
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (id text NOT NULL, trial text NOT NULL, "
    "written_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (trial, id))"
)
_INSERT = f"INSERT INTO {TABLE} (id, trial) VALUES ($1, $2)"
_READ = f"SELECT id FROM {TABLE} WHERE trial = $1 ORDER BY written_at"
_STATEMENT = "harness_insert"

_UNDEFINED_TABLE = "42P01"
_READ_ONLY_TRANSACTION = "25006"

# A primary that is back needs its DNS record's TTL (5 s) and a connection; a failover that is
# still running when the trial ends may need its whole minute.
FINAL_READ_LIMIT_SECONDS = 120.0
_FINAL_READ_DEADLINE_SECONDS = 30.0
_PREPARE_LIMIT_SECONDS = 30.0
_PREPARE_DEADLINE_SECONDS = 5.0


@dataclass(frozen=True)
class DatabaseTarget:
    """The database endpoint: DNS name (also what the certificate must say) and credentials."""

    name: str
    user: str
    password: str
    database: str
    ca: Path
    port: int = 5432

    @classmethod
    def of(cls, credentials: Credentials) -> Self:
        """Return the primary endpoint of the stack as its application user sees it."""
        return cls(
            name=layout.DATABASE_PRIMARY_NAME,
            user=DATABASE_USER,
            password=credentials.database_application,
            database=DATABASE_NAME,
            ca=credentials.ca,
        )

    def conninfo(self, address: str, *, writable: bool) -> str:
        """Return the libpq connection string for a server at ``address``."""
        return make_conninfo(
            host=self.name,
            hostaddr=address,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            sslmode="verify-full",
            sslrootcert=str(self.ca),
            sslcertmode="disable",
            gssencmode="disable",
            target_session_attrs="read-write" if writable else "any",
            application_name="harness",
            client_encoding="UTF8",
        )


class SqlWorkload(PacedWorkload):
    """Writes one row per slot as client sql-0 and reads all rows of the trial in the end.

    Autocommit on one connection; after anything but ok the next operation resolves the name
    anew (its TTL is honoured) and connects again. ``start`` creates the table.
    """

    def __init__(
        self,
        recorder: Recorder,
        target: DatabaseTarget,
        resolver: EndpointResolver,
        *,
        trial: str,
        client: str = "sql-0",
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
        self._trial = trial
        self._session: Session | None = None

    def start(self) -> None:
        """Create the table and begin; LimitExceeded when the database cannot be written to."""
        self._on_primary(
            lambda session, deadline: session.query(_CREATE, (), deadline),
            what=f"table {TABLE} on the primary at {self._target.name}",
            limit_seconds=_PREPARE_LIMIT_SECONDS,
            deadline_seconds=_PREPARE_DEADLINE_SECONDS,
        )
        super().start()

    def final_read(self) -> None:
        """Record all ids of the trial that the current primary holds.

        Waits for a primary within FINAL_READ_LIMIT_SECONDS; when there is none the read is
        recorded as failed, with the reason as observation ``final_read``.
        """
        try:
            ids = self._on_primary(
                self._read_all,
                what=f"a read of {TABLE} on the primary at {self._target.name}",
                limit_seconds=FINAL_READ_LIMIT_SECONDS,
                deadline_seconds=_FINAL_READ_DEADLINE_SECONDS,
            )
        except LimitExceeded as error:
            self.recorder.observe("final_read", {"client": self.client, "error": brief(error)})
            self.recorder.final_read(FINAL_OPERATION, Outcome.FAILED, ())
            return
        self.recorder.final_read(FINAL_OPERATION, Outcome.OK, ids)

    def attempt(self, id: str, deadline: float) -> Attempt:
        """Insert one row; see the module for the outcomes."""
        try:
            session = self._connected(deadline)
        except (NameNotResolved, NoAnswer, Rejected) as error:
            return failed(error)
        try:
            session.execute_prepared(_STATEMENT, (id, self._trial), deadline)
        except Rejected as error:
            self.disconnect()
            return failed(error) if error.final else indeterminate(error)
        except NoAnswer as error:
            self.disconnect()
            return indeterminate(error)
        return OK

    def disconnect(self) -> None:
        """Let go of the connection without waiting for the server."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _connected(self, deadline: float) -> Session:
        # A connection that the server closed while idle has taken nothing of this operation,
        # so connecting again is part of it, as a pool that tests its connections does.
        if self._session is not None and not self._session.alive():
            self.disconnect()
        if self._session is None:
            session = self._open(deadline)
            try:
                _prepare(session, deadline)
            except (NoAnswer, Rejected):
                session.close()
                raise
            self._session = session
        return self._session

    def _open(self, deadline: float) -> Session:
        remaining = max(0.001, deadline - clock.monotonic())
        address = self._resolver.resolve(self._target.name, limit_seconds=remaining)
        return Session(self._target.conninfo(address, writable=True), deadline)

    def _on_primary(
        self,
        act: Callable[[Session, float], list[str]],
        *,
        what: str,
        limit_seconds: float,
        deadline_seconds: float,
    ) -> list[str]:
        def observe() -> tuple[list[str]]:
            deadline = clock.monotonic() + deadline_seconds
            with self._open(deadline) as session:
                return (act(session, deadline),)

        (values,) = polling.wait_until(
            observe,
            what=what,
            limit_seconds=limit_seconds,
            interval_seconds=0.5,
            hint="python -m harness status",
            ignore=(NameNotResolved, NoAnswer, Rejected),
        )
        return values

    def _read_all(self, session: Session, deadline: float) -> list[str]:
        try:
            return session.query(_READ, (self._trial,), deadline)
        except Rejected as error:
            if error.sqlstate == _UNDEFINED_TABLE:
                # The new primary never received the table, so it holds no row of the trial.
                return []
            raise


def try_write(
    address: str,
    target: DatabaseTarget,
    *,
    trial: str,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> tuple[bool, str]:
    """Attempt a write on the server at ``address`` itself, whatever its role.

    Returns (True, answer) when the server answered that it is read-only and (False, "") when it
    acknowledged the write. The row belongs to trial ``<trial>/fencing``, so that no final read
    takes it for a client's. Raises ProbeFailed when there was neither answer: a server that
    cannot be reached, is starting or stays silent has refused nothing.
    """
    deadline = clock.monotonic() + deadline_seconds
    try:
        with Session(target.conninfo(address, writable=False), deadline) as session:
            session.query(_CREATE, (), deadline)
            id = f"fencing-{clock.monotonic():.6f}"
            session.query(_INSERT, (id, f"{trial}/fencing"), deadline)
    except Rejected as error:
        if error.sqlstate == _READ_ONLY_TRANSACTION:
            return True, brief(str(error))
        raise _no_write_answer(address, error) from error
    except NoAnswer as error:
        raise _no_write_answer(address, error) from error
    return False, ""


def _no_write_answer(address: str, error: Exception) -> ProbeFailed:
    return ProbeFailed(
        f"Write on the database server at {address} was neither acknowledged nor refused: "
        f"expected an answer to the INSERT, got {brief(error)}. Next step: try again when it "
        "accepts connections."
    )


def _prepare(session: Session, deadline: float) -> None:
    try:
        session.prepare(_STATEMENT, _INSERT, deadline)
    except Rejected as error:
        if error.sqlstate != _UNDEFINED_TABLE:
            raise
        # An asynchronous standby may have been promoted without the table.
        session.query(_CREATE, (), deadline)
        session.prepare(_STATEMENT, _INSERT, deadline)
