"""The stand-in applications, run as processes on loopback without database or cache."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

APPS = Path(__file__).resolve().parents[2] / "fixtures" / "apps"
START_LIMIT_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        return call(port, "GET", "/web/health")[0] > 0
    except OSError:
        return False


def until(condition: Callable[[], bool], seconds: float = START_LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the stand-in did not get there in time"
        threading.Event().wait(0.02)


def call(
    port: int, method: str, path: str, body: str | None = None
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body=body)
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


@contextmanager
def running(program: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """Yield the process, its main port and its long-polling port."""
    port, longpolling = free_port(), free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "standin", program],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(APPS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LISTEN_ADDRESS": "127.0.0.1",
            f"LISTEN_{program.upper()}_PORT": str(port),
            "LISTEN_LONGPOLLING_PORT": str(longpolling),
            **environment,
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, port, longpolling
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def backend() -> Iterator[tuple[int, int]]:
    with running("backend") as (_, port, longpolling):
        until(lambda: answers(port))
        yield port, longpolling


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/web/health", None, 200),
        ("GET", "/", None, 200),
        ("GET", "/nowhere", None, 404),
        ("GET", "/work?milliseconds=-1", None, 400),
        ("GET", "/work?milliseconds=nan", None, 400),
        ("GET", "/work?milliseconds=1001", None, 400),
        ("GET", "/work?milliseconds=much", None, 400),
        ("POST", "/write", "not json", 400),
        ("POST", "/write", '{"id": ""}', 400),
        ("POST", "/write", '{"id": 7}', 400),
        ("POST", "/write", json.dumps({"id": "x" * 201}), 400),
        ("POST", "/write", json.dumps({"id": "x" * 70_000}), 413),
        ("POST", "/write", '{"id": "without-a-database"}', 503),
    ],
)
def test_answers_of_the_backend(
    backend: tuple[int, int], method: str, path: str, body: str | None, status: int
) -> None:
    """Each request gets its status, bad input included, and every answer says stand-in."""
    got, _, headers = call(backend[0], method, path, body)

    assert status == got
    assert headers["X-Stand-In"] == "true"


def test_health_needs_no_database() -> None:
    """Liveness must not restart the application during a database failover."""
    pytest.importorskip("psycopg_pool")
    with running("backend", HOST="127.0.0.1", PORT="1", PASSWORD="x") as (_, port, _longpolling):
        until(lambda: answers(port))

        assert call(port, "GET", "/web/health")[0] == 200


def test_work_uses_processor_time(backend: tuple[int, int]) -> None:
    """/work burns at least the processor time that it was asked for."""
    status, body, _ = call(backend[0], "GET", "/work?milliseconds=60")

    assert status == 200
    assert 60 <= json.loads(body)["cpu_milliseconds"] < 120


def test_health_gets_its_turn_under_load(backend: tuple[int, int]) -> None:
    """A probe answers within its 5 s while more work is asked for than can be done."""
    port = backend[0]
    threads = [
        threading.Thread(target=call, args=(port, "GET", "/work?milliseconds=150"))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    status = call(port, "GET", "/web/health")[0]
    elapsed = time.monotonic() - started
    for thread in threads:
        thread.join()

    assert status == 200
    assert elapsed < 5.0


def test_longpolling_holds_a_bounded_time(backend: tuple[int, int]) -> None:
    """The long-polling port holds a request as long as asked and refuses to hold it longer."""
    started = time.monotonic()
    status, _, _ = call(backend[1], "GET", "/longpolling/poll?seconds=0.3")
    elapsed = time.monotonic() - started

    assert status == 200
    assert 0.3 <= elapsed < 3
    assert call(backend[1], "GET", "/longpolling/poll?seconds=21")[0] == 400


def test_metrics_count_requests(backend: tuple[int, int]) -> None:
    """/metrics has a counter by path and status, with unknown paths together."""
    call(backend[0], "GET", "/some/scanner")
    status, body, headers = call(backend[0], "GET", "/metrics")
    text = body.decode()

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert 'http_requests_total{method="GET",path="other",status="404"' in text
    assert "scanner" not in text


def test_sigterm_finishes_the_request_under_way() -> None:
    """SIGTERM closes the port, answers what was begun, lets held polls go and exits with 0."""
    with running("backend") as (process, port, longpolling):
        until(lambda: answers(port))
        results: list[int] = []
        clients = [
            threading.Thread(target=lambda p=p, path=path: results.append(call(p, "GET", path)[0]))
            for p, path in (
                (port, "/work?milliseconds=900"),
                (longpolling, "/longpolling/poll?seconds=20"),
            )
        ]
        for client in clients:
            client.start()
        threading.Event().wait(0.3)
        process.send_signal(signal.SIGTERM)
        until(lambda: not answers(port), seconds=5)
        for client in clients:
            client.join()

        assert results == [200, 200]
        assert process.wait(timeout=10) == 0


def test_start_delay_keeps_the_port_closed() -> None:
    """Before the start delay has passed, connections are refused."""
    started = time.monotonic()
    with running("backend", START_DELAY_SECONDS="1.5") as (_, port, _longpolling):
        assert not answers(port)
        until(lambda: answers(port))

        assert time.monotonic() - started >= 1.5


def test_sigterm_during_the_start_delay() -> None:
    """A pod that is deleted while it starts ends at once."""
    with running("backend", START_DELAY_SECONDS="30") as (process, _port, _longpolling):
        threading.Event().wait(0.5)
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=5) in (0, -signal.SIGTERM)


def test_frontend_serves_a_page_with_assets() -> None:
    """The page names its assets and both are there."""
    with running("frontend") as (_, port, _longpolling):
        until(lambda: answers(port))
        _, page, headers = call(port, "GET", "/")
        types = [
            call(port, "GET", path)[2]["Content-Type"]
            for path in ("/static/app.css", "/static/app.js")
        ]

        assert headers["X-Stand-In"] == "true"
        assert b"/static/app.css" in page
        assert b"/static/app.js" in page
        assert types == ["text/css; charset=utf-8", "text/javascript; charset=utf-8"]
        assert call(port, "GET", "/static/../settings.py")[0] == 404


def test_gateway_hands_requests_on(backend: tuple[int, int]) -> None:
    """/api/x with method, query and body reaches the backend as /x; its status comes back."""
    with running(
        "gateway",
        API_BACKEND_HOST="127.0.0.1",
        API_BACKEND_PORT=str(backend[0]),
    ) as (_, port, _longpolling):
        until(lambda: answers(port))

        assert call(port, "GET", "/health")[0] == 200
        assert json.loads(call(port, "GET", "/api/web/health")[1]) == {"status": "pass"}
        assert call(port, "GET", "/api/work?milliseconds=2000")[0] == 400
        assert call(port, "POST", "/api/write", '{"id": "a"}')[0] == 503
        assert call(port, "GET", "/elsewhere")[0] == 404


def test_gateway_says_when_the_backend_is_gone() -> None:
    """A backend that refuses connections is a 502, not a hang or a 500."""
    with running(
        "gateway",
        API_BACKEND_HOST="127.0.0.1",
        API_BACKEND_PORT=str(free_port()),
    ) as (_, port, _longpolling):
        until(lambda: answers(port))

        assert call(port, "GET", "/api/web/health")[0] == 502


def test_bad_settings_name_every_problem() -> None:
    """A start with bad settings ends with 64 and names each variable."""
    result = subprocess.run(
        [sys.executable, "-m", "standin", "backend"],
        env={"PYTHONPATH": str(APPS), "LISTEN_BACKEND_PORT": "high", "START_DELAY_SECONDS": "-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    assert result.returncode == 64
    assert "LISTEN_BACKEND_PORT" in result.stderr
    assert "START_DELAY_SECONDS" in result.stderr
