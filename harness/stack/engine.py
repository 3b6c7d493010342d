"""The container engine: found, or installed and started on Debian and Ubuntu as root.

An engine that the harness started keeps its data under the cache folder and is stopped by
``down``; an engine that was there before is used and left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors
import requests.exceptions

from harness import command
from harness.errors import EnvironmentUnavailable, LimitExceeded
from harness.polling import wait_until
from harness.stack.folders import Folders
from harness.stack.runtime_shim import missing_capabilities

# apt on a slow mirror; the packages are about 100 MB.
INSTALL_LIMIT_SECONDS = 600
# dockerd restores its state first; a minute covers a cold disk.
START_LIMIT_SECONDS = 60
STOP_LIMIT_SECONDS = 30
# It is killed together with its dockerd; the kernel needs milliseconds.
CONTAINERD_END_LIMIT_SECONDS = 5

EXEC_ROOT = Path("/var/run/smart-dairy-docker")
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MOUNTS = Path("/proc/self/mountinfo")
_HOST_BEFORE = "host-before.json"

_PACKAGES = ("docker.io", "iptables", "debootstrap")


@dataclass(frozen=True)
class Engine:
    """A reachable engine; ``ours`` says that the harness started it."""

    client: docker.DockerClient
    ours: bool


def connect() -> docker.DockerClient | None:
    """Return a client of the engine that DOCKER_HOST or the default socket names, or None."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError):
        return None
    return client


def ensure(folders: Folders, *, install: bool, report: Callable[[str], None]) -> Engine:
    """Return the engine, starting or installing it where that is allowed.

    Raises EnvironmentUnavailable with the next step where it is not.
    """
    client = connect()
    if client is not None:
        return Engine(client, ours=is_ours(folders))
    if shutil.which("dockerd") is None:
        _install(install=install, report=report)
    if os.geteuid() != 0:
        raise EnvironmentUnavailable(
            "The Docker engine does not answer and starting it needs root. "
            "Next step: start it (systemctl start docker, or Docker Desktop) and run again."
        )
    _start(folders, report)
    client = connect()
    if client is None:
        raise EnvironmentUnavailable("The Docker engine started but no longer answers.")
    return Engine(client, ours=True)


def was_started(folders: Folders) -> bool:
    """Say whether the harness ever started an engine of its own here."""
    return (_folder(folders) / "daemon.json").exists()


def stop(folders: Folders, report: Callable[[str], None]) -> bool:
    """Stop the engine if the harness started it; say whether it did."""
    pid = _our_pid(folders)
    if pid is None:
        return False
    report(f"Stopping the container engine that the harness started (pid {pid})")
    os.kill(pid, signal.SIGTERM)
    wait_until(
        lambda: not _alive(pid),
        what=f"dockerd (pid {pid}) to end",
        limit_seconds=STOP_LIMIT_SECONDS,
        hint=f"see {_folder(folders) / 'dockerd.log'}",
    )
    (_folder(folders) / "dockerd.pid").unlink(missing_ok=True)
    _remove_traces(folders)
    return True


def _install(*, install: bool, report: Callable[[str], None]) -> None:
    if not install:
        raise EnvironmentUnavailable(
            "No Docker engine was found and --no-install forbids installing one. "
            "Next step: install Docker and run again."
        )
    if not can_install_packages():
        raise EnvironmentUnavailable(
            "No Docker engine was found. It is installed by the harness only on Debian or Ubuntu "
            "as root. Next step: install Docker Engine or Docker Desktop and run again."
        )
    report(f"No container engine found: installing {', '.join(_PACKAGES)} with apt-get")
    install_packages(*_PACKAGES)


def can_install_packages() -> bool:
    """Say whether this is a Debian-like system on which we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(*names: str) -> None:
    """Install Debian packages without starting their services."""
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    command.run(["apt-get", "update"], limit_seconds=INSTALL_LIMIT_SECONDS, environment=environment)
    command.run(
        ["apt-get", "install", "-y", "--no-install-recommends", *names],
        limit_seconds=INSTALL_LIMIT_SECONDS,
        environment={**environment, "RUNLEVEL": "1"},
    )


def _folder(folders: Folders) -> Path:
    return folders.cache / "engine"


def _start(folders: Folders, report: Callable[[str], None]) -> None:
    folder = _folder(folders)
    folder.mkdir(parents=True, exist_ok=True)
    missing = missing_capabilities(Path("/proc/self/status").read_text())
    configuration = _configuration_for(folders, missing)
    (folder / "daemon.json").write_text(json.dumps(configuration, indent=1))
    # A pid file of an engine that was killed keeps dockerd from starting when the number is
    # in use again.
    (folder / "dockerd.pid").unlink(missing_ok=True)
    _forget_dead_containerd()
    remember_host(folder / _HOST_BEFORE, {**_host_settings(), **_data_mounts(folders)})
    report("Starting the container engine (dockerd)")
    process = command.start(
        ["dockerd", "--config-file", folder / "daemon.json"], log=folder / "dockerd.log"
    )
    wait_until(
        lambda: _answers_or_dies(process.poll(), folder),
        what="the container engine to answer",
        limit_seconds=START_LIMIT_SECONDS,
        hint=f"see {folder / 'dockerd.log'}",
    )


def _forget_dead_containerd() -> None:
    """Wait for the containerd of an engine that was killed, and forget it once it is dead.

    While it dies, or is a zombie, it looks alive to dockerd, which then waits for it in vain. One
    that goes on living is taken over by dockerd.
    """
    memory = EXEC_ROOT / "containerd" / "containerd.pid"
    try:
        pid = int(memory.read_text())
    except (FileNotFoundError, ValueError):
        return
    with contextlib.suppress(LimitExceeded):
        wait_until(
            lambda: not _alive(pid),
            what=f"containerd (pid {pid}) to end",
            limit_seconds=CONTAINERD_END_LIMIT_SECONDS,
        )
    if not _alive(pid):
        memory.unlink(missing_ok=True)


def _answers_or_dies(returncode: int | None, folder: Path) -> bool:
    if returncode is not None:
        tail = (folder / "dockerd.log").read_text(errors="replace")[-1500:]
        raise EnvironmentUnavailable(
            f"dockerd exited with {returncode}. Last lines of {folder / 'dockerd.log'}:\n{tail}"
        )
    return connect() is not None


def _configuration_for(folders: Folders, missing: frozenset[str]) -> dict[str, object]:
    folder = _folder(folders)
    configuration: dict[str, object] = {
        "data-root": str(_data(folders)),
        "exec-root": str(EXEC_ROOT),
        "pidfile": str(folder / "dockerd.pid"),
        # The stack brings its own bridge; docker0 would only be one more thing to clean up.
        "bridge": "none",
        "log-opts": {"max-size": "20m", "max-file": "2"},
    }
    if missing:
        shim = folder / "runtime-shim"
        source = Path(__file__).with_name("runtime_shim.py")
        (folder / "runtime_shim.py").write_text(source.read_text())
        runc = shutil.which("runc") or "/usr/sbin/runc"
        shim.write_text(
            f'#!/bin/sh\nexec {sys.executable} -SE {folder}/runtime_shim.py {runc} "$@"\n'
        )
        shim.chmod(0o755)
        configuration["runtimes"] = {"shim": {"path": str(shim)}}
        configuration["default-runtime"] = "shim"
    return configuration


def _our_pid(folders: Folders) -> int | None:
    try:
        pid = int((_folder(folders) / "dockerd.pid").read_text().strip())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _alive(pid) and _is_dockerd(pid) else None


def is_ours(folders: Folders) -> bool:
    """Say whether the engine that runs is one that the harness started."""
    return _our_pid(folders) is not None


def _is_dockerd(pid: int) -> bool:
    try:
        return b"dockerd" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def remember_host(path: Path, now: dict[str, str]) -> None:
    """Store what the host was like before our engine, unless that is stored already.

    After a crash of the engine the host is as the engine left it: what was stored at its first
    start stays until it is stopped, or until the machine has booted anew.
    """
    if _remembered(path).get("boot") != now["boot"]:
        path.write_text(json.dumps(now))


def _remembered(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _data_mounts(folders: Folders) -> dict[str, str]:
    # dockerd mounts its data folder on itself and unmounts it only when it is stopped.
    mounted = mounts_at(_data(folders), _MOUNTS.read_text())
    return {"data_mounted": "yes" if mounted else "no"}


def _data(folders: Folders) -> Path:
    return _folder(folders) / "data"


def _host_settings() -> dict[str, str]:
    """Return what dockerd changes on the host: forwarding, and the policy of its chain."""
    settings = {
        "boot": _BOOT.read_text().strip(),
        "ip_forward": _FORWARDING.read_text().strip(),
    }
    if shutil.which("iptables") is not None:
        rules = command.run(["iptables", "-S", "FORWARD"], limit_seconds=10, check=False).stdout
        settings["forward_policy"] = rules.split()[2] if rules.startswith("-P") else "ACCEPT"
    return settings


def _remove_traces(folders: Folders) -> None:
    """Undo what our engine did to the host outside its folder: chains, policy, forwarding."""
    memory = _folder(folders) / _HOST_BEFORE
    before = _remembered(memory)
    mounts = _MOUNTS.read_text()
    ours = mounts_at(_data(folders), mounts) if before.get("data_mounted") == "no" else []
    for mount in (*mounts_below(EXEC_ROOT, mounts), *ours):
        command.run(["umount", "--lazy", mount], limit_seconds=10, check=False)
    shutil.rmtree(EXEC_ROOT, ignore_errors=True)
    if "ip_forward" in before:
        _FORWARDING.write_text(before["ip_forward"])
    if shutil.which("iptables") is not None:
        _remove_rules(before)
    # Last, so that a stop that is itself interrupted forgets nothing.
    memory.unlink(missing_ok=True)


def _remove_rules(before: dict[str, str]) -> None:
    for table, parents in (("filter", ("FORWARD",)), ("nat", ("PREROUTING", "OUTPUT"))):
        listing = _iptables(table, "-S").splitlines()
        for line in listing:
            words = line.split()
            named = any(word.startswith("DOCKER") for word in words[2:])
            if words[0] == "-A" and words[1] in parents and named:
                _iptables(table, "-D", *words[1:])
        chains = [line.split()[1] for line in listing if line.startswith("-N DOCKER")]
        for flag in ("-F", "-X"):
            for chain in chains:
                _iptables(table, flag, chain)
    if "forward_policy" in before:
        _iptables("filter", "-P", "FORWARD", before["forward_policy"])


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """Return the mount points below ``folder`` (itself resolved), the innermost first."""
    roots = {str(folder), str(folder.resolve())}
    points = [line.split()[4] for line in mountinfo.splitlines()]
    inside = [p for p in points if any(p.startswith(f"{root}/") for root in roots)]
    return sorted(inside, key=len, reverse=True)


def mounts_at(folder: Path, mountinfo: str) -> list[str]:
    """Return the mount point of ``folder`` itself, once for each mount on it."""
    points = [line.split()[4] for line in mountinfo.splitlines()]
    return [point for point in points if point in {str(folder), str(folder.resolve())}]


def _iptables(table: str, *arguments: str) -> str:
    return command.run(["iptables", "-t", table, *arguments], limit_seconds=10, check=False).stdout
