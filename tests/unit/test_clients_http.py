"""The HTTP client: only 200 within the deadline is ok; load is bounded and counted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness import clock, polling
from harness.clients.http import HttpTarget, HttpWorkload, LoadWorkload
from harness.clients.recorder import Recorder
from harness.model.history import History, Operation, Outcome, parse


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        server: Server = self.server  # type: ignore[assignment]
        server.paths.append(self.path)
        server.connections.add(self.client_address)
        match self.path:
            case "/slow":
                polling.pause(0.3)
                self._answer(200)
            case "/hang":
                server.release.wait(5)
            case "/trickle":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                for _ in range(50):
                    if server.release.wait(0.05):
                        return
                    self.wfile.write(b"x")
            case "/redirect":
                self.send_response(302)
                self.send_header("Location", "/web/health")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case path if path.startswith("/status/"):
                self._answer(int(path.removeprefix("/status/")))
            case _:
                self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments: object) -> None: ...


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: list[str] = []
        self.connections: set[tuple[str, int]] = set()
        self.release = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def target(server: Server, path: str = "/web/health") -> HttpTarget:
    return HttpTarget("127.0.0.1", server.server_port, path)


def run(tmp_path: Path, to: HttpTarget, *, operations_max: int = 10, **settings) -> History:
    path = tmp_path / "history.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.02) as recorder:
        workload = HttpWorkload(recorder, to, operations_max=operations_max, **settings)
        workload.start()
        polling.wait_until(workload.finished, what="the requests", limit_seconds=20)
        workload.stop()
    return parse(path.read_text().splitlines())


def completions(history: History) -> list[Operation]:
    return [o for o in history.operations if o.outcome is not Outcome.INVOKED]


def test_200_is_ok_and_each_request_has_its_own_connection(tmp_path: Path, server: Server) -> None:
    done = completions(run(tmp_path, target(server)))

    assert {o.outcome for o in done} == {Outcome.OK}
    assert {(o.client, o.op) for o in done} == {("http-0", "request")}
    assert len(server.connections) == len(done) == 10


def test_keep_alive_uses_one_connection(tmp_path: Path, server: Server) -> None:
    done = completions(run(tmp_path, target(server), keep_alive=True))

    assert len(done) == 10
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("path", "error"),
    [("/status/503", "HTTP 503"), ("/status/404", "HTTP 404"), ("/redirect", "HTTP 302")],
)
def test_any_other_answer_is_failed_and_never_retried(
    tmp_path: Path, server: Server, path: str, error: str
) -> None:
    done = completions(run(tmp_path, target(server, path), operations_max=3))

    assert [(o.outcome, o.error) for o in done] == [(Outcome.FAILED, error)] * 3
    assert server.paths == [path] * 3


@pytest.mark.parametrize("path", ["/hang", "/trickle"])
def test_no_whole_answer_by_the_deadline_is_failed(
    tmp_path: Path, server: Server, path: str
) -> None:
    history = run(tmp_path, target(server, path), operations_max=1, deadline_seconds=0.3)
    invoked, done = history.operations

    assert done.outcome is Outcome.FAILED
    assert done.error
    assert 0.25 <= done.at - invoked.at < 2.0


def test_a_refused_connection_is_failed_at_once(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    history = run(tmp_path, HttpTarget("127.0.0.1", port), operations_max=2)
    done = completions(history)

    assert [o.outcome for o in done] == [Outcome.FAILED] * 2
    assert "refused" in (done[0].error or "")


def test_a_server_that_accepts_and_says_nothing_is_failed_at_the_deadline(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        to = HttpTarget("127.0.0.1", silent.getsockname()[1])
        history = run(tmp_path, to, operations_max=2, deadline_seconds=0.2)
    invoked, done = history.operations[:2]

    assert done.outcome is Outcome.FAILED
    assert 0.15 <= done.at - invoked.at < 2.0


def test_several_clients_share_the_time_between_slots(tmp_path: Path, server: Server) -> None:
    history = run(tmp_path, target(server), clients=4, spacing_seconds=0.8, operations_max=1)
    began = {o.client: o.at for o in history.operations if o.outcome is Outcome.INVOKED}

    assert sorted(began) == ["http-0", "http-1", "http-2", "http-3"]
    # Started one after the other, each waits for its own share of the 0.8 s.
    waited = [began[f"http-{number}"] - began["http-0"] for number in range(4)]
    assert all(wait > 0.2 * number - 0.1 for number, wait in enumerate(waited))


def load(tmp_path: Path, to: HttpTarget, **settings):
    path = tmp_path / "load.jsonl"
    with Recorder(path, claim="c", spacing_seconds=0.0) as recorder:
        workload = LoadWorkload(recorder, to, **settings)
        started = clock.monotonic()
        workload.start()
        polling.wait_until(workload.finished, what="the end of the load", limit_seconds=10)
        took = clock.monotonic() - started
        workload.stop()
    return workload.tally, took, parse(path.read_text().splitlines())


def test_load_keeps_its_rate_and_ends_by_itself(tmp_path: Path, server: Server) -> None:
    tally, took, history = load(
        tmp_path, target(server), requests_per_second=50, duration_seconds_max=0.6
    )

    assert 3 <= tally.sent <= 31
    assert (tally.ok, tally.failed, tally.skipped) == (tally.sent, 0, 0)
    assert took < 3.0
    assert len(completions(history)) == tally.sent
    assert history.observations("load")[0].value["sent"] == tally.sent


def test_load_never_has_more_requests_out_than_its_limit(tmp_path: Path, server: Server) -> None:
    tally, _, _ = load(
        tmp_path,
        target(server, "/slow"),
        requests_per_second=100,
        duration_seconds_max=0.5,
        outstanding_max=2,
    )

    assert tally.sent <= 5
    assert tally.skipped >= 3
    assert tally.ok == tally.sent
