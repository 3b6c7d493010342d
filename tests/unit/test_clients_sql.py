"""The SQL client's outcomes, against a server on loopback that speaks the wire protocol."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import clock, polling
from harness.clients.recorder import Recorder
from harness.clients.resolver import EndpointResolver
from harness.clients.sql import DatabaseTarget, SqlWorkload, try_write
from harness.errors import LimitExceeded, ProbeFailed
from harness.model.history import History, Operation, Outcome, parse
from harness.stack import credentials
from harness.stack.layout import Layout
from tests.unit.test_clients_resolver import NameServer

SSL_REQUEST = 80877103


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def parameter(name: str, value: str) -> bytes:
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


def error(severity: str, sqlstate: str, text: str) -> bytes:
    fields = f"S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0\0"
    return message(b"E", fields.encode())


READY = message(b"Z", b"I")
DONE = message(b"1") + message(b"2") + message(b"n") + message(b"C", b"INSERT 0 1\0")


class Database:
    """Speaks enough of PostgreSQL's protocol; ``insert`` says how an INSERT is answered."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.insert = "ok"
        self.read_only = False
        self.greeting = "ok"
        self.rows: list[str] = []
        self.connections = 0
        self.release = threading.Event()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._guarded, args=(plain,), daemon=True).start()

    def _guarded(self, plain: socket.socket) -> None:
        try:
            with plain:
                self._session(plain)
        except (OSError, struct.error):
            return

    def _session(self, plain: socket.socket) -> None:
        if self.greeting == "silent":
            self.release.wait(10)
            return
        size, code = struct.unpack("!II", plain.recv(8))
        assert (size, code) == (8, SSL_REQUEST)
        plain.sendall(b"S")
        stream = self._context.wrap_socket(plain, server_side=True)
        reader = stream.makefile("rb")
        reader.read(struct.unpack("!I", reader.read(4))[0] - 4)
        if self.greeting == "starting":
            stream.sendall(error("FATAL", "57P03", "the database system is starting up"))
            return
        state = "on" if self.read_only else "off"
        stream.sendall(
            message(b"R", struct.pack("!I", 0))
            + parameter("server_version", "16.4")
            + parameter("client_encoding", "UTF8")
            + parameter("default_transaction_read_only", "off")
            + parameter("in_hot_standby", state)
            + message(b"K", struct.pack("!II", 1, 2))
            + READY
        )
        text = b""
        while kind := reader.read(1):
            body = reader.read(struct.unpack("!I", reader.read(4))[0] - 4)
            if kind == b"P":
                text, prepare_only = body, True
            elif kind == b"B":
                prepare_only = False
                values = body
            elif kind == b"S":
                if prepare_only:
                    stream.sendall(message(b"1") + READY)
                elif not self._answer(stream, text, values):
                    return
            elif kind == b"X":
                return

    def _answer(self, stream: ssl.SSLSocket, text: bytes, values: bytes) -> bool:
        if b"INSERT" not in text and not self.read_only:
            rows = b"".join(
                message(b"D", struct.pack("!HI", 1, len(row)) + row.encode())
                for row in (self.rows if b"SELECT" in text else [])
            )
            shape = message(b"T", struct.pack("!H", 1) + b"id\0" + struct.pack("!IHIHIH", *[0] * 6))
            head = message(b"1") + message(b"2") + (shape if b"SELECT" in text else message(b"n"))
            stream.sendall(head + rows + message(b"C", b"DONE\0") + READY)
            return True
        match "read-only" if self.read_only else self.insert:
            case "ok":
                stream.sendall(DONE + READY)
            case "read-only":
                text = "cannot execute INSERT in a read-only transaction"
                stream.sendall(error("ERROR", "25006", text) + READY)
            case "terminated":
                stream.sendall(error("FATAL", "57P01", "terminating connection"))
                return False
            case "unknown":
                stream.sendall(error("ERROR", "40003", "statement completion unknown") + READY)
            case "lost":
                return False
            case "silent":
                self.release.wait(10)
                return False
            case "ok then closed":
                stream.sendall(DONE + READY)
                return False
        return True


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> credentials.Credentials:
    return credentials.ensure(tmp_path_factory.mktemp("state"), Layout())


@pytest.fixture
def database(secrets: credentials.Credentials) -> Iterator[Database]:
    server = Database(secrets.server_certificate, secrets.server_key)
    yield server
    server.close()


@pytest.fixture
def nameserver() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


def target_of(secrets: credentials.Credentials, port: int, name: str = "") -> DatabaseTarget:
    known = DatabaseTarget.of(secrets)
    return DatabaseTarget(
        name or known.name, known.user, known.password, known.database, known.ca, port
    )


def run(
    tmp_path: Path,
    target: DatabaseTarget,
    nameserver: NameServer,
    *,
    before=lambda: None,
    operations_max: int = 3,
    deadline_seconds: float = 5.0,
    final: bool = False,
) -> History:
    """Record a few operations; ``before`` changes the server after the table was created."""
    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.02) as recorder:
        workload = SqlWorkload(
            recorder,
            target,
            EndpointResolver("127.0.0.1", nameserver.port),
            trial="trial-1",
            operations_max=operations_max,
            deadline_seconds=deadline_seconds,
        )
        make_table, workload._on_primary = workload._on_primary, lambda *a, **k: []
        make_table(
            lambda session, deadline: session.query("CREATE", (), deadline),
            what="the table",
            limit_seconds=10,
            deadline_seconds=5,
        )
        before()
        workload.start()
        workload._on_primary = make_table
        polling.wait_until(workload.finished, what="the operations", limit_seconds=15)
        workload.stop()
        if final:
            workload.final_read()
    return parse(path.read_text().splitlines())


def completions(history: History) -> list[Operation]:
    return [o for o in history.operations if o.outcome is not Outcome.INVOKED]


def test_acknowledged_inserts_are_ok_on_one_connection(
    tmp_path: Path, database: Database, nameserver: NameServer, secrets
) -> None:
    database.rows = ["sql-0-000000", "sql-0-000001"]
    history = run(tmp_path, target_of(secrets, database.port), nameserver, final=True)

    assert [(o.client, o.op, o.outcome) for o in completions(history)] == [
        ("sql-0", "insert", Outcome.OK)
    ] * 3
    assert database.connections == 3  # table, inserts, final read
    assert history.final_read is not None
    assert history.final_read.ids == ("sql-0-000000", "sql-0-000001")


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        ("read-only", Outcome.FAILED, "25006"),
        ("terminated", Outcome.INDETERMINATE, "57P01"),
        ("unknown", Outcome.INDETERMINATE, "40003"),
        ("lost", Outcome.INDETERMINATE, "eof"),
        ("silent", Outcome.INDETERMINATE, "no answer by the deadline"),
    ],
)
def test_what_comes_after_sending_decides_between_failed_and_indeterminate(
    tmp_path: Path, database: Database, nameserver: NameServer, secrets, *, answer, outcome, words
) -> None:
    def before() -> None:
        database.insert = answer

    history = run(
        tmp_path,
        target_of(secrets, database.port),
        nameserver,
        before=before,
        deadline_seconds=0.8 if answer == "silent" else 5.0,
        operations_max=2,
    )
    done = completions(history)

    assert [o.outcome for o in done] == [outcome] * 2
    assert words in (done[0].error or "")
    assert database.connections == 3  # every failure is followed by a new connection


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"greeting": "starting"}, "starting up"),
        ({"greeting": "silent"}, "no connection by the deadline"),
        ({"read_only": True}, "session is read-only"),
    ],
)
def test_what_happens_before_sending_is_failed(
    tmp_path: Path, database: Database, nameserver: NameServer, secrets, *, change, words
) -> None:
    def before() -> None:
        for name, value in change.items():
            setattr(database, name, value)

    history = run(
        tmp_path,
        target_of(secrets, database.port),
        nameserver,
        before=before,
        deadline_seconds=0.5 if "silent" in change.values() else 5.0,
        operations_max=2,
    )
    done = completions(history)
    times = [o.at for o in history.operations]

    assert [o.outcome for o in done] == [Outcome.FAILED] * 2
    assert words in (done[0].error or "")
    assert times[1] - times[0] < 2.0


def test_a_name_that_does_not_resolve_is_failed(
    tmp_path: Path, database: Database, nameserver: NameServer, secrets
) -> None:
    nameserver.ttl = 0

    def before() -> None:
        nameserver.address = None

    history = run(tmp_path, target_of(secrets, database.port), nameserver, before=before)

    assert {o.outcome for o in completions(history)} == {Outcome.FAILED}
    assert "NXDOMAIN" in (completions(history)[0].error or "")


def test_a_connection_closed_while_idle_is_replaced_and_costs_no_operation(
    tmp_path: Path, database: Database, nameserver: NameServer, secrets
) -> None:
    database.insert = "ok then closed"
    history = run(tmp_path, target_of(secrets, database.port), nameserver)

    assert [o.outcome for o in completions(history)] == [Outcome.OK] * 3
    assert database.connections == 4


def test_a_certificate_for_another_name_is_refused(
    tmp_path: Path, database: Database, nameserver: NameServer, secrets
) -> None:
    elsewhere = target_of(secrets, database.port, name="elsewhere.smart-dairy.internal")
    with pytest.raises(LimitExceeded, match="elsewhere"):
        _start(tmp_path, elsewhere, nameserver)


def _start(tmp_path: Path, target: DatabaseTarget, nameserver: NameServer) -> None:
    resolver = EndpointResolver("127.0.0.1", nameserver.port)
    with (
        pytest.MonkeyPatch.context() as patch,
        Recorder(tmp_path / "history.jsonl", claim="c", spacing_seconds=0.02) as recorder,
    ):
        patch.setattr("harness.clients.sql._PREPARE_LIMIT_SECONDS", 0.3)
        SqlWorkload(recorder, target, resolver, trial="t").start()


def test_a_final_read_without_a_primary_is_recorded_as_failed(
    tmp_path: Path,
    database: Database,
    nameserver: NameServer,
    secrets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.clients.sql.FINAL_READ_LIMIT_SECONDS", 0.3)

    def before() -> None:
        database.greeting = "starting"

    history = run(
        tmp_path, target_of(secrets, database.port), nameserver, before=before, final=True
    )

    assert history.final_read is None
    assert "starting up" in history.observations("final_read")[0].value["error"]


def test_a_direct_write_is_refused_only_by_the_servers_answer(database: Database, secrets) -> None:
    target = target_of(secrets, database.port)
    accepted = try_write("127.0.0.1", target, trial="t", deadline_seconds=5.0)
    database.read_only = True
    refused, answer = try_write("127.0.0.1", target, trial="t", deadline_seconds=5.0)

    assert accepted == (False, "")
    assert refused
    assert "25006" in answer


@pytest.mark.parametrize(
    "change", [{"greeting": "starting"}, {"greeting": "silent"}, {"insert": "silent"}]
)
def test_a_direct_write_without_an_answer_proves_nothing(
    database: Database, secrets, change: dict[str, str]
) -> None:
    for name, value in change.items():
        setattr(database, name, value)
    deadline = 0.8 if "silent" in change.values() else 5.0
    started = clock.monotonic()
    with pytest.raises(ProbeFailed, match="neither acknowledged nor refused"):
        try_write(
            "127.0.0.1", target_of(secrets, database.port), trial="t", deadline_seconds=deadline
        )

    assert clock.monotonic() - started < 2.0
