"""One run at a time: a file lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import AlreadyRunning


@contextmanager
def held(folder: Path, *, purpose: str) -> Iterator[None]:
    """Hold the stack's lock for the time of the block.

    Raises AlreadyRunning, naming the other process and what it does, when it is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(
                f"Another run holds the lock {path}: {holder}. "
                "Next step: wait for it to end, or stop it with Ctrl-C there."
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, {purpose}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
