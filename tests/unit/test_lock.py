"""One run at a time, and a lock that does not outlive its holder."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from harness.errors import AlreadyRunning
from harness.stack.lock import held


def test_a_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    """The error names the process and what it does."""
    with (
        held(tmp_path, purpose="emulate"),
        pytest.raises(AlreadyRunning) as caught,
        held(tmp_path, purpose="down"),
    ):
        pass

    assert str(os.getpid()) in str(caught.value)
    assert "emulate" in str(caught.value)


def test_the_lock_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    """SIGKILL of the holder frees the lock."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        with held(tmp_path, purpose="doomed"):
            os.write(ready_write, b"x")
            signal.pause()
        os._exit(0)
    os.read(ready_read, 1)
    with pytest.raises(AlreadyRunning), held(tmp_path, purpose="early"):
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    with held(tmp_path, purpose="next"):
        assert (tmp_path / "lock").exists()
