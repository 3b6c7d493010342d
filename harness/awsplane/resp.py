"""A client of one Redis server or Sentinel over TLS with AUTH: the wire format RESP 2.

The emulator's image has no Redis client, and a handful of commands needs none. Source: Redis
serialization protocol specification. ``encode`` and ``decode`` are pure.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from . import tls

LIMIT_SECONDS = 1.0
# A Sentinel's longest answer is some kilobytes; a peer that sends more is not one.
ANSWER_BYTES_MAX = 1 << 20


class RedisError(Exception):
    """The server did not answer, or answered with an error."""


class RedisRefused(RedisError):
    """The server answered with an error; the message is its own."""


def encode(command: Sequence[str]) -> bytes:
    """Return a command as an array of bulk strings."""
    parts = [f"*{len(command)}\r\n".encode()]
    for word in command:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def decode(line: Callable[[], bytes], exactly: Callable[[int], bytes]) -> Any:
    """Return the next answer: text, whole number, None or a list of answers.

    ``line`` returns the next line without its end, ``exactly`` so many bytes. Raises
    RedisRefused for an error answer, and RedisError for what is no answer.
    """
    head = line()
    kind, rest = head[:1], head[1:].decode(errors="replace")
    if kind == b"+":
        return rest
    if kind == b"-":
        raise RedisRefused(rest)
    try:
        length = int(rest)
    except ValueError as error:
        raise RedisError(f"Expected an answer of Redis, got {head[:80]!r}.") from error
    if kind == b":":
        return length
    if kind == b"$":
        if length < 0:
            return None
        return exactly(length + 2)[:-2].decode(errors="replace")
    if kind == b"*":
        return None if length < 0 else [decode(line, exactly) for _ in range(length)]
    raise RedisError(f"Expected an answer of Redis, got {head[:80]!r}.")


def pairs(answer: object) -> dict[str, str]:
    """Return a flat list of names and values as a mapping."""
    if not isinstance(answer, list) or len(answer) % 2:
        raise RedisError(f"Expected names and values, got {answer!r}.")
    return {str(answer[i]): str(answer[i + 1]) for i in range(0, len(answer), 2)}


def ask(address: str, port: int, *, password: str, ca: str, command: Sequence[str]) -> Any:
    """Run one command and return its answer.

    The server's certificate is checked against ``ca`` (PEM) for ``address``. Raises RedisError
    when it does not answer within 1 s for each step, and RedisRefused when it refuses.
    """
    try:
        with (
            socket.create_connection((address, port), timeout=LIMIT_SECONDS) as plain,
            tls.context(ca).wrap_socket(plain, server_hostname=address) as secure,
            secure.makefile("rb") as stream,
        ):
            secure.sendall(encode(["AUTH", password]) + encode(command))

            def line() -> bytes:
                read = stream.readline(ANSWER_BYTES_MAX)
                if not read.endswith(b"\r\n"):
                    raise RedisError("The connection was closed within an answer.")
                return read[:-2]

            def exactly(count: int) -> bytes:
                if count > ANSWER_BYTES_MAX:
                    raise RedisError(f"An answer of {count} bytes is too long.")
                read = stream.read(count)
                if len(read) != count:
                    raise RedisError("The connection was closed within an answer.")
                return read

            decode(line, exactly)
            return decode(line, exactly)
    except OSError as error:
        raise RedisError(f"Redis at {address}:{port}: {error}.") from error
