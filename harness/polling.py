"""The one place that waits.

Every wait has a limit, and a wait that reaches it says what was awaited, for how long, the
last state seen and a hint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from harness import clock
from harness.errors import LimitExceeded

T = TypeVar("T")

_never = threading.Event()


def wait_until(
    observe: Callable[[], T | None],
    *,
    what: str,
    limit_seconds: float,
    interval_seconds: float = 0.25,
    hint: str = "",
    stop: threading.Event | None = None,
    ignore: tuple[type[Exception], ...] = (),
) -> T:
    """Call ``observe`` until it returns something truthy, and return that.

    ``observe`` may return a falsy value to say "not yet". Exceptions named in ``ignore`` count
    as "not yet" and the last one is quoted when the limit is reached.

    Raises LimitExceeded after ``limit_seconds``, or at once when ``stop`` is set.
    """
    deadline = clock.monotonic() + limit_seconds
    last: object = "nothing observed"
    while True:
        try:
            value = observe()
            if value:
                return value
            last = value
        except ignore as error:
            last = f"{type(error).__name__}: {error}"
        remaining = deadline - clock.monotonic()
        if remaining <= 0:
            raise LimitExceeded(
                f"Waited {limit_seconds:g} s for {what}. Last state seen: {last!s}."
                + (f" Next step: {hint}" if hint else "")
            )
        if (stop or _never).wait(min(interval_seconds, remaining)):
            raise LimitExceeded(f"Stopped while waiting for {what}. Last state seen: {last!s}.")


def pause(seconds: float, *, stop: threading.Event | None = None) -> bool:
    """Wait for a stated time (load spacing, observation windows); True when stopped early."""
    if stop is None:
        time.sleep(max(0.0, seconds))
        return False
    return stop.wait(max(0.0, seconds))
