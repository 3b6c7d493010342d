"""The stand-in backend's Redis client, against a server of a few lines on loopback."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures" / "apps"))

from standin.cache import Cache, CacheFailed
from standin.settings import Endpoint


class Server:
    """Answers each command of each connection with the next of its answers."""

    def __init__(self, answers: list[bytes]) -> None:
        self.commands: list[bytes] = []
        self.connections = 0
        self._answers = iter(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                while command := connection.recv(4096):
                    self.commands.append(command)
                    answer = next(self._answers, b"")
                    if not answer:
                        break
                    connection.sendall(answer)


@pytest.fixture
def endpoint_of() -> Iterator[object]:
    servers: list[Server] = []

    def make(*answers: bytes) -> tuple[Server, Endpoint]:
        server = Server(list(answers))
        servers.append(server)
        return server, Endpoint("127.0.0.1", server.port, password="token")

    yield make
    for server in servers:
        server.close()


def test_authenticates_then_sets(endpoint_of) -> None:  # type: ignore[no-untyped-def]
    """The first command is AUTH, the value is set with a limited life, one connection serves."""
    server, endpoint = endpoint_of(b"+OK\r\n", b"+OK\r\n", b"+OK\r\n")
    cache = Cache(endpoint, "")
    cache.set("write:1", "ä")
    cache.set("write:2", "1")
    cache.close()

    assert server.connections == 1
    assert server.commands[0] == b"*2\r\n$4\r\nAUTH\r\n$5\r\ntoken\r\n"
    assert server.commands[1] == (
        b"*5\r\n$3\r\nSET\r\n$7\r\nwrite:1\r\n$2\r\n\xc3\xa4\r\n$2\r\nEX\r\n$4\r\n3600\r\n"
    )


def test_an_old_primary_is_left(endpoint_of) -> None:  # type: ignore[no-untyped-def]
    """READONLY means the role has moved: the next attempt makes a new connection."""
    server, endpoint = endpoint_of(b"+OK\r\n", b"-READONLY replica\r\n", b"+OK\r\n", b"+OK\r\n")
    cache = Cache(endpoint, "")
    with pytest.raises(CacheFailed, match="READONLY"):
        cache.set("k", "1")
    cache.set("k", "1")
    cache.close()

    assert server.connections == 2


def test_a_closed_connection_is_a_failure(endpoint_of) -> None:  # type: ignore[no-untyped-def]
    """A server that goes away in the middle raises CacheFailed and the next attempt works."""
    _, endpoint = endpoint_of(b"+OK\r\n", b"", b"+OK\r\n", b"+OK\r\n")
    cache = Cache(endpoint, "")
    with pytest.raises(CacheFailed, match="closed"):
        cache.set("k", "1")
    cache.set("k", "1")
    cache.close()


def test_nobody_there_is_a_failure() -> None:
    """A refused connection raises CacheFailed, not OSError."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    cache = Cache(Endpoint("127.0.0.1", port), "")

    with pytest.raises(CacheFailed):
        cache.set("k", "1")
