"""Waiting has a limit, and says what it waited for."""

from __future__ import annotations

import threading

import pytest

from harness import clock
from harness.errors import LimitExceeded
from harness.polling import pause, wait_until


def test_returns_the_first_truthy_observation() -> None:
    """The value that ended the wait is returned."""
    answers = iter([None, 0, "ready"])

    assert wait_until(lambda: next(answers), what="x", limit_seconds=5, interval_seconds=0) == (
        "ready"
    )


def test_limit_names_what_last_state_and_next_step() -> None:
    """A wait that reaches its limit says what, how long, the last state and the hint."""
    with pytest.raises(LimitExceeded) as caught:
        wait_until(
            lambda: 0,
            what="three replicas",
            limit_seconds=0.02,
            interval_seconds=0.01,
            hint="look at the log",
        )

    message = str(caught.value)
    assert all(part in message for part in ("three replicas", "0.02 s", "0", "look at the log"))


def test_ignored_errors_count_as_not_yet_and_are_quoted() -> None:
    """The last ignored error stands in the message."""

    def observe() -> bool:
        raise ConnectionError("nobody there")

    with pytest.raises(LimitExceeded, match="nobody there"):
        wait_until(
            observe, what="x", limit_seconds=0, interval_seconds=0, ignore=(ConnectionError,)
        )


def test_other_errors_are_not_swallowed() -> None:
    """An error that was not named ends the wait at once."""

    def observe() -> bool:
        raise KeyError("surprise")

    with pytest.raises(KeyError):
        wait_until(observe, what="x", limit_seconds=5, ignore=(ConnectionError,))


def test_stop_ends_the_wait() -> None:
    """A request to stop ends the wait long before its limit."""
    stop = threading.Event()
    stop.set()
    started = clock.monotonic()
    with pytest.raises(LimitExceeded, match="Stopped"):
        wait_until(lambda: False, what="x", limit_seconds=60, interval_seconds=30, stop=stop)

    assert clock.monotonic() - started < 5


def test_pause_tells_whether_it_was_stopped() -> None:
    """A pause that is stopped early says so."""
    stop = threading.Event()

    assert pause(0, stop=stop) is False
    stop.set()
    assert pause(30, stop=stop) is True
