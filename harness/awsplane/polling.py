"""The one place of this package that waits; it runs where harness.polling cannot be imported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_never = threading.Event()


class WaitedTooLong(Exception):
    """A wait reached its limit; the message has what was awaited and the last state seen."""


def wait_until(
    observe: Callable[[], bool],
    *,
    what: str,
    limit_seconds: float,
    interval_seconds: float = 0.2,
    ignore: tuple[type[Exception], ...] = (),
) -> None:
    """Call ``observe`` until it returns True.

    Exceptions named in ``ignore`` count as "not yet". Raises WaitedTooLong after
    ``limit_seconds``.
    """
    deadline = time.monotonic() + limit_seconds
    last: object = "nothing observed"
    while True:
        try:
            if observe():
                return
            last = "not yet"
        except ignore as error:
            last = f"{type(error).__name__}: {error}"
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise WaitedTooLong(f"Waited {limit_seconds:g} s for {what}. Last state seen: {last}.")
        _never.wait(min(interval_seconds, remaining))


def pause(seconds: float) -> None:
    """Wait for the latency that a fault adds to one call."""
    _never.wait(max(0.0, seconds))
