"""What a provider process does when Terraform was killed: it ends what it began, then itself.

A create call that is under way when Terraform dies is let to its end, so that the journal knows
what was made. Another run of the same configuration waits for that (``wait_for_others``).
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import polling

_LOOK_SECONDS = 0.25
# Longer than any single API call; states that take minutes to reach are not waited for.
END_LIMIT_SECONDS = 60.0


class Afterlife:
    """Watches the parent process, and counts the changes that are under way."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker
        self._parent = os.getppid()
        self._changed = threading.Condition()
        self._busy = 0
        self._handle = -1

    def begin(self) -> None:
        """Leave Terraform's session, hold the marker while alive, and start to watch."""
        if os.getpid() != os.getpgrp():
            os.setsid()
        self._handle = os.open(self._marker, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_SH)
        threading.Thread(target=self._watch, name="afterlife", daemon=True).start()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Count a change for the time of the block."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _watch(self) -> None:
        while os.getppid() == self._parent:
            polling.pause(_LOOK_SECONDS)
        with self._changed:
            self._changed.wait_for(lambda: self._busy == 0, timeout=END_LIMIT_SECONDS)
        os._exit(0)


def wait_for_others(marker: Path) -> None:
    """Wait until no provider process of an earlier run of this configuration is left.

    Raises LimitExceeded where one does not end.
    """
    if not marker.exists():
        return
    handle = os.open(marker, os.O_RDWR | os.O_CLOEXEC)
    try:
        polling.wait_until(
            lambda: _is_free(handle),
            what="the provider process of an earlier run, which was killed, to end",
            limit_seconds=END_LIMIT_SECONDS + 10,
            interval_seconds=_LOOK_SECONDS,
            hint="ps -ef | grep harness.provision.standin",
        )
    finally:
        os.close(handle)


def _is_free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
