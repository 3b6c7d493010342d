"""A provider whose Terraform was killed ends what it began, and the next run waits for that."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from harness import clock, command
from harness.polling import wait_until
from harness.provision.standin import afterlife

# A parent that starts a provider, which begins a change of one second, and then says its pid.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], *sys.argv[2:]])
print(child.pid, flush=True)
time.sleep(60)
"""
PROVIDER = """
import sys, time
from pathlib import Path
from harness.provision.standin.afterlife import Afterlife
life = Afterlife(Path(sys.argv[1]))
life.begin()
with life.change():
    Path(sys.argv[2]).write_text("begun")
    time.sleep(1)
    Path(sys.argv[2]).write_text("ended")
time.sleep(60)
"""


def test_a_change_under_way_is_ended_after_the_parent_is_killed(tmp_path: Path) -> None:
    """The whole session of the parent is killed; the change ends, then the provider itself."""
    marker, note, log = tmp_path / "alive", tmp_path / "note", tmp_path / "log"
    argv = [sys.executable, "-c", PARENT, PROVIDER, marker, note]
    root = str(Path(__file__).resolve().parents[2])
    parent = command.start(argv, log=log, environment={"PYTHONPATH": root})
    wait_until(note.exists, what="the change to begin", limit_seconds=20, interval_seconds=0.02)
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    began = clock.monotonic()
    afterlife.wait_for_others(marker)

    assert note.read_text() == "ended"
    assert clock.monotonic() - began < 15
    assert json.loads(log.read_text()) > 0


def test_nobody_is_waited_for_where_there_is_nobody(tmp_path: Path) -> None:
    """No marker, or one that no process holds, is no reason to wait."""
    afterlife.wait_for_others(tmp_path / "none")
    (tmp_path / "alive").touch()
    afterlife.wait_for_others(tmp_path / "alive")
