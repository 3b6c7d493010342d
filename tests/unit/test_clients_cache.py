"""The cache client's outcomes, against a server on loopback that speaks RESP over TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import polling
from harness.clients.cache import CacheTarget, CacheWorkload
from harness.clients.recorder import Recorder
from harness.clients.resolver import EndpointResolver
from harness.errors import EnvironmentUnavailable
from harness.model.history import History, Operation, Outcome, parse
from harness.stack import credentials
from harness.stack.layout import Layout
from tests.unit.test_clients_resolver import NameServer


class Cache:
    """Answers AUTH, SET, ROLE and SCAN; ``set`` says how a SET is answered."""

    def __init__(self, certificate: Path, key: Path, token: str) -> None:
        self.set = "ok"
        self.greeting = "ok"
        self.role = "master"
        self.token = token
        self.keys: list[str] = []
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
                if self.greeting == "silent":
                    self.release.wait(10)
                    return
                stream = self._context.wrap_socket(plain, server_side=True)
                reader = stream.makefile("rb")
                while line := reader.readline():
                    words = []
                    for _ in range(int(line[1:])):
                        size = int(reader.readline()[1:])
                        words.append(reader.read(size + 2)[:-2].decode())
                    answer = self._answer(words)
                    if answer is None:
                        return
                    stream.sendall(answer)
                    if words[0] == "SET" and self.set == "ok then closed":
                        return
        except OSError:
            return

    def _answer(self, words: list[str]) -> bytes | None:
        match words[0]:
            case "AUTH":
                return b"+OK\r\n" if words[-1] == self.token else b"-WRONGPASS no\r\n"
            case "SET" if self.set == "lost":
                return None
            case "SET" if self.set == "silent":
                self.release.wait(10)
                return None
            case "SET" if self.set.startswith("ok"):
                self.keys.append(words[1])
                return b"+OK\r\n"
            case "SET":
                return f"-{self.set}\r\n".encode()
            case "ROLE":
                return b"*1\r\n" + _bulk(self.role)
            case "SCAN":
                # A first page, and a second one that repeats its last key.
                cursor, page = ("7", self.keys[:2]) if words[1] == "0" else ("0", self.keys[1:])
                listed = b"".join(map(_bulk, page))
                return b"*2\r\n" + _bulk(cursor) + f"*{len(page)}\r\n".encode() + listed
        return b"-ERR unknown command\r\n"


def _bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> credentials.Credentials:
    return credentials.ensure(tmp_path_factory.mktemp("state"), Layout())


@pytest.fixture
def cache(secrets: credentials.Credentials) -> Iterator[Cache]:
    server = Cache(secrets.server_certificate, secrets.server_key, secrets.cache_auth_token)
    yield server
    server.close()


@pytest.fixture
def nameserver() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


def run(
    tmp_path: Path,
    cache: Cache,
    nameserver: NameServer,
    secrets: credentials.Credentials,
    *,
    name: str = "",
    final: bool = False,
    deadline_seconds: float = 5.0,
) -> History:
    known = CacheTarget.of(secrets)
    target = CacheTarget(name or known.name, known.auth_token, known.ca, cache.port)
    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.02) as recorder:
        workload = CacheWorkload(
            recorder,
            target,
            EndpointResolver("127.0.0.1", nameserver.port),
            trial="trial-1",
            operations_max=3,
            deadline_seconds=deadline_seconds,
        )
        workload.start()
        polling.wait_until(workload.finished, what="the operations", limit_seconds=15)
        workload.stop()
        if final:
            workload.final_read()
    return parse(path.read_text().splitlines())


def completions(history: History) -> list[Operation]:
    return [o for o in history.operations if o.outcome is not Outcome.INVOKED]


def test_acknowledged_keys_are_ok_on_one_connection_and_read_back_once(
    tmp_path: Path, cache: Cache, nameserver: NameServer, secrets
) -> None:
    history = run(tmp_path, cache, nameserver, secrets, final=True)
    done = completions(history)

    assert [(o.client, o.op, o.outcome) for o in done] == [("cache-0", "set", Outcome.OK)] * 3
    assert cache.keys[0] == "harness:trial-1:cache-0-000000"
    assert cache.connections == 2
    assert history.final_read is not None
    assert list(history.final_read.ids) == [o.id for o in done]


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        ("READONLY You can't write against a read only replica.", Outcome.FAILED, "read only"),
        ("NOREPLICAS Not enough good replicas to write.", Outcome.FAILED, "NOREPLICAS"),
        ("LOADING Redis is loading the dataset in memory", Outcome.FAILED, "loading"),
        ("lost", Outcome.INDETERMINATE, "closed"),
        ("silent", Outcome.INDETERMINATE, "Timeout"),
    ],
)
def test_an_error_answer_is_failed_and_no_answer_is_indeterminate(
    tmp_path: Path, cache: Cache, nameserver: NameServer, secrets, *, answer, outcome, words
) -> None:
    cache.set = answer
    deadline = 0.4 if answer == "silent" else 5.0
    history = run(tmp_path, cache, nameserver, secrets, deadline_seconds=deadline)
    done = completions(history)
    times = [o.at for o in history.operations]

    assert [o.outcome for o in done] == [outcome] * 3
    assert words in (done[0].error or "")
    assert cache.connections == 3  # one attempt each: nothing is retried
    assert times[1] - times[0] < 2.0


def test_a_server_that_never_greets_is_failed_within_the_deadline(
    tmp_path: Path, cache: Cache, nameserver: NameServer, secrets
) -> None:
    cache.greeting = "silent"
    history = run(tmp_path, cache, nameserver, secrets, deadline_seconds=0.4)
    times = [o.at for o in history.operations]

    assert {o.outcome for o in completions(history)} == {Outcome.FAILED}
    assert times[1] - times[0] < 2.0


@pytest.mark.parametrize(
    ("change", "words"), [("token", "WRONGPASS"), ("name", "CERTIFICATE_VERIFY_FAILED")]
)
def test_a_wrong_token_or_another_servers_certificate_is_failed(
    tmp_path: Path, cache: Cache, nameserver: NameServer, secrets, *, change: str, words: str
) -> None:
    if change == "token":
        cache.token = "another"
    name = "elsewhere.smart-dairy.internal" if change == "name" else ""
    done = completions(run(tmp_path, cache, nameserver, secrets, name=name))

    assert {o.outcome for o in done} == {Outcome.FAILED}
    assert words in (done[0].error or "") or change == "token"


def test_a_connection_closed_while_idle_is_replaced_and_costs_no_operation(
    tmp_path: Path, cache: Cache, nameserver: NameServer, secrets
) -> None:
    cache.set = "ok then closed"
    history = run(tmp_path, cache, nameserver, secrets)

    assert [o.outcome for o in completions(history)] == [Outcome.OK] * 3
    assert cache.connections == 3


def test_a_final_read_from_a_replica_is_no_final_read(
    tmp_path: Path,
    cache: Cache,
    nameserver: NameServer,
    secrets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.clients.cache.FINAL_READ_LIMIT_SECONDS", 0.3)
    cache.role = "slave"
    history = run(tmp_path, cache, nameserver, secrets, final=True)

    assert history.final_read is None
    assert "primary" in history.observations("final_read")[0].value["error"]


def test_a_missing_ca_is_told_before_anything_starts(tmp_path: Path, nameserver) -> None:
    target = CacheTarget("cache.smart-dairy.internal", "token", tmp_path / "none.crt")
    with (
        Recorder(tmp_path / "h.jsonl", claim="c", spacing_seconds=0.02) as recorder,
        pytest.raises(EnvironmentUnavailable, match=r"none\.crt"),
    ):
        CacheWorkload(recorder, target, EndpointResolver("127.0.0.1", 53), trial="t")
