"""The engine is found, or started on terms that leave the host as it was."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.errors import EnvironmentUnavailable
from harness.stack import engine
from harness.stack.folders import Folders


def test_no_install_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--no-install on a host without an engine ends with the next step, nothing installed."""
    monkeypatch.setattr(engine, "connect", lambda: None)
    monkeypatch.setattr(engine.shutil, "which", lambda name: None)
    with pytest.raises(EnvironmentUnavailable, match=r"--no-install.*Next step"):
        engine.ensure(Folders(tmp_path), install=False, report=lambda line: None)


def test_elsewhere_than_debian_as_root_the_person_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where packages cannot be installed the message says how to go on."""
    monkeypatch.setattr(engine, "connect", lambda: None)
    monkeypatch.setattr(engine.shutil, "which", lambda name: None)
    monkeypatch.setattr(engine.os, "geteuid", lambda: 1000)
    with pytest.raises(EnvironmentUnavailable, match="install Docker"):
        engine.ensure(Folders(tmp_path), install=True, report=lambda line: None)


def test_the_engines_data_stays_below_the_cache(tmp_path: Path) -> None:
    """Data and pid file of an engine of ours are below the cache, and docker0 is not made."""
    settings = engine._configuration_for(Folders(tmp_path), frozenset())

    assert str(settings["data-root"]).startswith(str(tmp_path))
    assert str(settings["pidfile"]).startswith(str(tmp_path))
    assert settings["bridge"] == "none"


@pytest.mark.parametrize(
    ("missing", "shim"), [(frozenset(), False), (frozenset({"CAP_SYS_RESOURCE"}), True)]
)
def test_the_shim_is_there_only_where_a_capability_is_missing(
    tmp_path: Path, missing: frozenset[str], shim: bool
) -> None:
    """On an ordinary host the engine runs with its own runtime."""
    (tmp_path / "engine").mkdir()
    settings = engine._configuration_for(Folders(tmp_path), missing)

    assert ("default-runtime" in settings) is shim
    assert (tmp_path / "engine" / "runtime-shim").exists() is shim


def test_a_stranger_with_our_old_pid_is_not_our_engine(tmp_path: Path) -> None:
    """A pid file that names another process does not make that process ours to stop."""
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "dockerd.pid").write_text("1")

    assert engine.is_ours(Folders(tmp_path)) is False
    assert engine.stop(Folders(tmp_path), lambda line: None) is False


def test_what_the_engine_leaves_mounted_is_found(tmp_path: Path) -> None:
    """Only mounts below the engine's own folder, the innermost first."""
    inside = [f"{tmp_path}/netns/default", f"{tmp_path}/a"]
    points = ["/", f"{tmp_path}-other/x", *reversed(inside)]
    mountinfo = "\n".join(f"1 2 0:3 / {point} rw - tmpfs tmpfs rw" for point in points)

    assert engine.mounts_below(tmp_path, mountinfo) == inside


def test_what_the_host_was_like_survives_a_crash_of_the_engine(tmp_path: Path) -> None:
    """A second start finds the host as the first engine left it, which is not as it was."""
    memory = tmp_path / "host-before.json"
    before = {"boot": "1", "forward_policy": "ACCEPT"}
    engine.remember_host(memory, before)
    engine.remember_host(memory, {"boot": "1", "forward_policy": "DROP"})

    assert json.loads(memory.read_text()) == before


@pytest.mark.parametrize("stored", ['{"boot": "1", "forward_policy": "DROP"}', "{", "[]", ""])
def test_memory_of_another_boot_or_no_memory_is_replaced(tmp_path: Path, stored: str) -> None:
    """What an earlier boot was like says nothing of this one."""
    memory = tmp_path / "host-before.json"
    memory.write_text(stored)
    now = {"boot": "2", "forward_policy": "ACCEPT"}
    engine.remember_host(memory, now)

    assert json.loads(memory.read_text()) == now


def test_the_engines_data_folder_is_found_mounted_on_itself(tmp_path: Path) -> None:
    """Only the folder itself counts, as often as it is mounted."""
    points = ["/", str(tmp_path), f"{tmp_path}/overlay2/x/merged", str(tmp_path)]
    mountinfo = "\n".join(f"1 2 0:3 / {point} rw - ext4 ext4 rw" for point in points)

    assert engine.mounts_at(tmp_path, mountinfo) == [str(tmp_path)] * 2


def test_a_dead_containerd_is_forgotten_and_a_living_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dockerd would wait for a dead one in vain; a living one is its to take over."""
    monkeypatch.setattr(engine, "EXEC_ROOT", tmp_path)
    monkeypatch.setattr(engine, "CONTAINERD_END_LIMIT_SECONDS", 0)
    memory = tmp_path / "containerd" / "containerd.pid"
    memory.parent.mkdir()
    memory.write_text(str(os.getpid()))
    engine._forget_dead_containerd()

    assert memory.exists()
    dead = subprocess.Popen(["true"])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    memory.write_text(str(dead.pid))
    engine._forget_dead_containerd()
    dead.wait()

    assert not memory.exists()
