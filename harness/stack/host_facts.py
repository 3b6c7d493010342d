"""What this machine is and has, read without changing anything.

``harness.stack.host`` judges what is read here.
"""

from __future__ import annotations

import grp
import gzip
import ipaddress
import json
import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions

from harness import clock, command
from harness.errors import HarnessError
from harness.stack import engine, images, layout, network
from harness.stack.folders import Folders
from harness.stack.runtime_shim import missing_capabilities

# Kernel feature -> configuration option and module.
FEATURES: Mapping[str, tuple[str, str]] = {
    "overlay": ("CONFIG_OVERLAY_FS", "overlay"),
    "bridge": ("CONFIG_BRIDGE", "bridge"),
    "veth": ("CONFIG_VETH", "veth"),
    "nf_tables": ("CONFIG_NF_TABLES", "nf_tables"),
    "br_netfilter": ("CONFIG_BRIDGE_NETFILTER", "br_netfilter"),
    "nft_queue": ("CONFIG_NFT_QUEUE", "nft_queue"),
    "netem": ("CONFIG_NET_SCH_NETEM", "sch_netem"),
    "tbf": ("CONFIG_NET_SCH_TBF", "sch_tbf"),
}
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "docker": ("docker", "--version"),
    "ip": ("ip", "-Version"),
    "iptables": ("iptables", "--version"),
    "go": ("go", "version"),
    "npm": ("npm", "--version"),
    "debootstrap": ("debootstrap", "--version"),
    "kind": ("kind", "version"),
    "kubectl": ("kubectl", "version", "--client"),
    "terraform": ("terraform", "version"),
    "tofu": ("tofu", "version"),
}

_DEFAULT_ENGINE_ROOT = Path("/var/lib/docker")
_COMMAND_LIMIT_SECONDS = 10
# A resolver that needs longer makes every package download crawl.
_RESOLVE_LIMIT_SECONDS = 8
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_SOURCE = re.compile(r"^\s*(?:URIs:|deb(?:-src)?\s)(.*)$", re.MULTILINE)
_URL_HOST = re.compile(r"https?://(?:[^/@\s]*@)?([^/:\s]+)")


@dataclass(frozen=True)
class EngineFacts:
    """What ``docker info`` answers, as far as it matters here."""

    version: str
    product: str
    cgroup_version: str
    cgroup_driver: str
    storage_driver: str
    default_runtime: str
    root: Path
    rootless: bool


@dataclass(frozen=True)
class HostFacts:
    """One reading of the machine. ``None`` in a mapping means that it could not be told."""

    system: str
    architecture: str
    kernel: str
    python: tuple[int, int]
    uid: int
    in_docker_group: bool
    engine: EngineFacts | None
    engine_installable: bool
    stack_running: bool
    warm: bool
    missing_capabilities: frozenset[str]
    cgroup: str
    features: Mapping[str, bool | None]
    free_bytes: Mapping[Path, int]
    memory_available_bytes: int | None
    loopback_port: bool
    resolved: Mapping[str, bool]
    proxy: bool
    ranges: tuple[ipaddress.IPv4Network, ...] | None
    wall: datetime
    monotonic_advances: bool
    programs: Mapping[str, str | None]


def observe(folders: Folders) -> HostFacts:
    """Read the machine; takes a few seconds at most, changes nothing."""
    client = engine.connect()
    found = _engine_facts(client) if client is not None else None
    root = found.root if found is not None else _DEFAULT_ENGINE_ROOT
    first, second = clock.monotonic(), clock.monotonic()
    warm = client is not None and _is_warm(client, folders)
    running = client is not None and _stack_runs(client)
    if client is not None:
        client.close()
    return HostFacts(
        system=platform.system(),
        architecture=platform.machine(),
        kernel=platform.release(),
        python=(sys.version_info.major, sys.version_info.minor),
        uid=os.geteuid(),
        in_docker_group=_in_group("docker"),
        engine=found,
        engine_installable=os.geteuid() == 0
        and any(_which(program) for program in ("dockerd", "apt-get")),
        stack_running=running,
        warm=warm,
        missing_capabilities=missing_capabilities(_text(Path("/proc/self/status"))),
        cgroup=_cgroup(Path("/sys/fs/cgroup")),
        features=_features(),
        free_bytes={path: free_bytes(path) for path in (folders.cache, root)},
        memory_available_bytes=available_memory(_text(Path("/proc/meminfo"))),
        loopback_port=_loopback_port(),
        resolved=_resolve(["localhost", *sorted(_source_hosts())[:1]]),
        proxy=any(os.environ.get(n) for n in ("https_proxy", "HTTPS_PROXY", "http_proxy")),
        ranges=_ranges(),
        wall=clock.wall(),
        monotonic_advances=second >= first > 0,
        programs={name: _version(argv, folders) for name, argv in PROGRAMS.items()},
    )


def available_memory(meminfo: str) -> int | None:
    """Return MemAvailable of the text of /proc/meminfo in bytes; None when it has none."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None


def kernel_option(configuration: str, option: str) -> str | None:
    """Return ``y``, ``m`` or ``n`` for an option of a kernel's configuration text.

    None when the text is empty: then nothing is known.
    """
    if not configuration.strip():
        return None
    found = re.search(rf"^{option}=([ym])$", configuration, re.MULTILINE)
    return found.group(1) if found else "n"


def feature(option: str | None, *, loaded: bool, loadable: bool) -> bool | None:
    """Say whether a kernel feature is there; None when it cannot be told."""
    if loaded or option == "y":
        return True
    if option == "n":
        return False
    if loadable:
        return True
    return False if option == "m" else None


def source_hosts(sources: Iterable[str]) -> set[str]:
    """Return the hosts that texts of apt source lists name, comments left out."""
    return {
        host
        for text in sources
        for line in _SOURCE.findall(text)
        for host in _URL_HOST.findall(line)
    }


def free_bytes(path: Path) -> int:
    """Return the free space where ``path`` is or would be made."""
    for candidate in (path, *path.parents):
        try:
            return shutil.disk_usage(candidate).free
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            # The engine's root is closed to others; its parent is on the same disk as a rule.
            continue
    return 0


def engine_facts(info: Mapping[str, Any]) -> EngineFacts:
    """Return the facts of an answer of ``docker info``."""
    return EngineFacts(
        version=str(info.get("ServerVersion", "unknown")),
        product=str(info.get("OperatingSystem", "unknown")),
        cgroup_version=str(info.get("CgroupVersion", "unknown")),
        cgroup_driver=str(info.get("CgroupDriver", "unknown")),
        storage_driver=str(info.get("Driver", "unknown")),
        default_runtime=str(info.get("DefaultRuntime", "unknown")),
        root=Path(info.get("DockerRootDir") or _DEFAULT_ENGINE_ROOT),
        rootless=any("rootless" in str(o) for o in info.get("SecurityOptions") or ()),
    )


def _engine_facts(client: docker.DockerClient) -> EngineFacts | None:
    try:
        return engine_facts(client.info())
    except (docker.errors.DockerException, requests.exceptions.RequestException):
        return None


def _is_warm(client: docker.DockerClient, folders: Folders) -> bool:
    try:
        return not images.ImageStore(client, folders, lambda line: None).missing()
    except (HarnessError, docker.errors.DockerException, OSError):
        return False


def _stack_runs(client: docker.DockerClient) -> bool:
    try:
        return bool(client.containers.list(filters={"label": layout.STACK_LABEL}))
    except docker.errors.DockerException:
        return False


def _in_group(name: str) -> bool:
    try:
        return grp.getgrnam(name).gr_gid in os.getgroups()
    except KeyError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _cgroup(mount: Path) -> str:
    if (mount / "cgroup.controllers").exists():
        return "2"
    if (mount / "unified").exists():
        return "hybrid"
    return "1" if (mount / "cpu").exists() or (mount / "cpu,cpuacct").exists() else "none"


def _kernel_configuration() -> str:
    try:
        return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode(errors="replace")
    except OSError:
        return _text(Path(f"/boot/config-{platform.release()}"))


def _features() -> dict[str, bool | None]:
    configuration = _kernel_configuration()
    return {
        name: feature(
            kernel_option(configuration, option),
            loaded=Path("/sys/module", module).exists(),
            loadable=_loadable(module),
        )
        for name, (option, module) in FEATURES.items()
    }


def _loadable(module: str) -> bool:
    modprobe = _which("modprobe")
    if modprobe is None:
        return False
    asked = [modprobe, "--dry-run", "--quiet", module]
    return command.run(asked, limit_seconds=_COMMAND_LIMIT_SECONDS, check=False).returncode == 0


def _which(program: str) -> str | None:
    # People other than root often lack the system folders on their PATH.
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def _loopback_port() -> bool:
    try:
        with socket.create_server(("127.0.0.1", 0)):
            return True
    except OSError:
        return False


def _source_hosts() -> set[str]:
    folder = Path("/etc/apt/sources.list.d")
    files = [Path("/etc/apt/sources.list"), *folder.glob("*.list"), *folder.glob("*.sources")]
    return source_hosts(_text(path) for path in files)


def _resolve(names: Iterable[str]) -> dict[str, bool]:
    # getaddrinfo knows no limit of its own, so a silent resolver is left behind in its thread.
    pool = ThreadPoolExecutor(max_workers=4)
    futures = {name: pool.submit(socket.getaddrinfo, name, 443) for name in names}
    resolved = {}
    for name, future in futures.items():
        try:
            resolved[name] = bool(future.result(timeout=_RESOLVE_LIMIT_SECONDS))
        except (OSError, FutureTimeout):
            resolved[name] = False
    pool.shutdown(wait=False, cancel_futures=True)
    return resolved


def _ranges() -> tuple[ipaddress.IPv4Network, ...] | None:
    try:
        return tuple(network.host_ranges())
    except (HarnessError, json.JSONDecodeError, ValueError):
        return None


def _version(argv: tuple[str, ...], folders: Folders) -> str | None:
    """Return a program's version, "unknown" when it prints none, None when it is not there."""
    program = _which(argv[0]) or shutil.which(argv[0], path=str(folders.bin))
    if program is None:
        return None
    try:
        done = command.run([program, *argv[1:]], limit_seconds=_COMMAND_LIMIT_SECONDS, check=False)
    except HarnessError:
        return "unknown"
    found = _VERSION.search(done.stdout + done.stderr)
    return found.group(0) if found else "unknown"
