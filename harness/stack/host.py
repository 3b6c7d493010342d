"""The checks behind ``doctor``: is this machine fit, and what mends what is not.

``judge`` decides from one reading of the machine (``harness.stack.host_facts``) and touches
nothing itself, so every row of it can be tested from a table.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from harness.errors import EnvironmentUnavailable
from harness.stack import host_facts, layout, network
from harness.stack.folders import Folders
from harness.stack.host_facts import EngineFacts, HostFacts

GIB = 1024**3
DISK_COLD_GIB = 20  # compiling Kubernetes and making every image from packages
DISK_WARM_GIB = 6  # containers, logs and results over images that are there
MEMORY_GIB = 8  # peak of the whole stack under load
MEMORY_RUNNING_GIB = 1  # further need of a stack that is up already
ENGINE_MINIMUM = (20, 10)
GO_MINIMUM = (1, 24)
PYTHON_MINIMUM = (3, 11)

# Without these no engine and no node container runs.
_ESSENTIAL_CAPABILITIES = frozenset({"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_MKNOD"})
_ESSENTIAL_FEATURES = ("overlay", "bridge", "veth", "nf_tables")
_OPTIONAL_FEATURES = {
    "br_netfilter": "not needed: pods are routed, not bridged",
    "nft_queue": "not needed: the harness's own agent enforces network policies",
    "netem": "no latency or packet loss can be injected; no experiment of this version does",
    "tbf": "no bandwidth limit can be injected; no experiment of this version does",
}
_PROGRAM_REMEDY = {
    "docker": "install Docker Engine and its command line (Debian: apt-get install docker.io)",
    "ip": "install iproute2",
    "iptables": "install iptables",
    "go": "install Go 1.24 or newer, or give access to the image registries",
    "npm": "install Node.js with npm, or give access to the image registries",
    "debootstrap": "install debootstrap, or give access to the image registries",
}


class State(StrEnum):
    """``warning`` lets a run start; ``problem`` does not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One row of ``doctor``; ``remedy`` is empty where there is nothing to mend."""

    name: str
    state: State
    found: str
    expected: str
    remedy: str = ""


def inspect(folders: Folders, prefix: str = layout.DOCUMENT_PREFIX) -> list[Check]:
    """Return every check of this machine; nothing is changed."""
    return judge(host_facts.observe(folders), prefix)


def judge(facts: HostFacts, prefix: str = layout.DOCUMENT_PREFIX) -> list[Check]:
    """Return every check of one reading of a machine."""
    return [
        _platform(facts),
        _python(facts),
        _engine(facts),
        *_engine_details(facts.engine),
        _capabilities(facts),
        _cgroup(facts),
        *_features(facts),
        *_disk(facts),
        _memory(facts),
        _loopback(facts),
        _resolution(facts),
        _range(facts, prefix),
        _clock(facts),
        *_programs(facts),
    ]


def require(checks: Sequence[Check]) -> None:
    """Raise EnvironmentUnavailable naming every problem with its remedy, if there is one."""
    problems = [check for check in checks if check.state is State.PROBLEM]
    if problems:
        raise EnvironmentUnavailable(
            "\n".join(
                f"{check.name}: expected {check.expected}, got {check.found}. "
                f"Next step: {check.remedy}."
                for check in problems
            )
        )


def as_json(checks: Sequence[Check]) -> list[dict[str, str]]:
    """Return the checks as they are printed with ``--json``."""
    return [{**asdict(check), "state": check.state.value} for check in checks]


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version text; empty when it has none."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found.group(0).split("."))) if found else ()


def _check(
    name: str, fits: bool, found: str, expected: str, remedy: str, *, otherwise: State
) -> Check:
    if fits:
        return Check(name, State.OK, found, expected)
    return Check(name, otherwise, found, expected, remedy)


def _platform(facts: HostFacts) -> Check:
    return _check(
        "platform",
        facts.system == "Linux" and facts.architecture in ("x86_64", "amd64"),
        f"{facts.system} {facts.architecture}, kernel {facts.kernel}",
        "Linux x86_64",
        "run the harness in a Linux x86_64 machine or virtual machine",
        otherwise=State.PROBLEM,
    )


def _python(facts: HostFacts) -> Check:
    return _check(
        "python",
        facts.python >= PYTHON_MINIMUM,
        ".".join(map(str, facts.python)),
        f"{'.'.join(map(str, PYTHON_MINIMUM))} or newer",
        "install a newer Python and run with it",
        otherwise=State.PROBLEM,
    )


def _engine(facts: HostFacts) -> Check:
    name, expected = "engine", f"Docker {'.'.join(map(str, ENGINE_MINIMUM))} or newer, answering"
    if facts.engine is not None:
        return _check(
            name,
            version_tuple(facts.engine.version) >= ENGINE_MINIMUM,
            f"Docker {facts.engine.version} ({facts.engine.product})",
            expected,
            "update Docker Engine",
            otherwise=State.PROBLEM,
        )
    if facts.engine_installable:
        remedy = "nothing to do: up installs and starts it (not with --no-install)"
        return Check(name, State.WARNING, "none answers", expected, remedy)
    if facts.uid != 0 and not facts.in_docker_group:
        remedy = "start Docker and add yourself to its group (sudo usermod -aG docker $USER)"
    else:
        remedy = "start Docker (sudo systemctl start docker)"
    return Check(name, State.PROBLEM, "none answers", expected, remedy)


def _engine_details(engine: EngineFacts | None) -> Iterator[Check]:
    if engine is None:
        return
    inside = engine.rootless or "Docker Desktop" in engine.product
    yield _check(
        "engine network",
        not inside,
        "in a network of its own" if inside else "shares the host's network",
        "container addresses that the host can reach",
        "use Docker Engine run by root (docker context use default), not Docker Desktop's "
        "virtual machine or the rootless engine",
        otherwise=State.PROBLEM,
    )
    yield _check(
        "engine storage",
        engine.storage_driver in ("overlay2", "overlayfs", "stargz"),
        engine.storage_driver,
        "overlay2",
        "put the engine's data on ext4 or xfs; other drivers are slow and need far more disk",
        otherwise=State.WARNING,
    )


def _capabilities(facts: HostFacts) -> Check:
    missing = sorted(facts.missing_capabilities)
    essential = sorted(_ESSENTIAL_CAPABILITIES & facts.missing_capabilities)
    expected = "all capabilities in the bounding set"
    if not missing:
        return Check("capabilities", State.OK, "all", expected)
    found = f"without {', '.join(missing)}"
    if facts.engine is None and essential:
        remedy = f"start the machine or container with {', '.join(essential)} (--privileged)"
        return Check("capabilities", State.PROBLEM, found, expected, remedy)
    remedy = "nothing to do: the engine that up starts leaves them out for its containers"
    if facts.engine is not None and facts.engine.default_runtime != "shim":
        remedy = (
            "stop this engine and let up start its own, if privileged containers fail with "
            "'unable to apply caps'"
        )
    return Check("capabilities", State.WARNING, found, expected, remedy)


def _cgroup(facts: HostFacts) -> Check:
    version = facts.cgroup
    if facts.engine is not None:
        driver = f"version {facts.engine.cgroup_version}, driver {facts.engine.cgroup_driver}"
        version = f"{version} (engine: {driver})"
    return _check(
        "cgroup",
        facts.cgroup != "none",
        version,
        "1, hybrid or 2",
        "mount the control groups (Debian: apt-get install cgroupfs-mount, then cgroupfs-mount)",
        otherwise=State.PROBLEM,
    )


def _features(facts: HostFacts) -> Iterator[Check]:
    words = {True: "present", False: "absent", None: "unknown: no kernel configuration to read"}
    for name in _ESSENTIAL_FEATURES:
        state = facts.features.get(name)
        yield _check(
            f"kernel {name}",
            state is True,
            words[state],
            "present",
            f"load it (modprobe {host_facts.FEATURES[name][1]}) or use a kernel that has it",
            otherwise=State.PROBLEM if state is False else State.WARNING,
        )
    for name, consequence in _OPTIONAL_FEATURES.items():
        state = facts.features.get(name)
        yield Check(f"kernel {name}", State.OK, words[state], f"present, or {consequence}")


def _disk(facts: HostFacts) -> Iterator[Check]:
    needed = DISK_WARM_GIB if facts.warm else DISK_COLD_GIB
    why = "images are there" if facts.warm else "images are to be made"
    for path, free in facts.free_bytes.items():
        yield _check(
            f"disk at {path}",
            free >= needed * GIB,
            f"{free / GIB:.1f} GiB free",
            f"{needed} GiB ({why})",
            "free space there, or name a folder on a larger disk in HARNESS_CACHE",
            otherwise=State.PROBLEM,
        )


def _memory(facts: HostFacts) -> Check:
    needed = MEMORY_RUNNING_GIB if facts.stack_running else MEMORY_GIB
    expected = f"{needed} GiB available"
    if facts.stack_running:
        expected += " beside the running stack"
    available = facts.memory_available_bytes
    if available is None:
        remedy = "see that the machine has it"
        return Check("memory", State.WARNING, "unknown: no /proc/meminfo", expected, remedy)
    return _check(
        "memory",
        available >= needed * GIB,
        f"{available / GIB:.1f} GiB available",
        expected,
        "close other programs or give the machine more memory; verdicts of a machine out of "
        "memory are inconclusive",
        # Less is slow and may be killed by the kernel, but half of it holds the idle stack.
        otherwise=State.WARNING if available >= needed * GIB / 2 else State.PROBLEM,
    )


def _loopback(facts: HostFacts) -> Check:
    return _check(
        "loopback port",
        facts.loopback_port,
        "free" if facts.loopback_port else "none can be opened",
        "a free port on 127.0.0.1 for the cluster's API",
        "bring the loopback interface up (ip link set lo up)",
        otherwise=State.PROBLEM,
    )


def _resolution(facts: HostFacts) -> Check:
    failed = sorted(name for name, fine in facts.resolved.items() if not fine)
    found = f"no answer for {', '.join(failed)}" if failed else "answers"
    needed = "localhost" in failed or not (facts.warm or facts.proxy)
    return _check(
        "name resolution",
        not failed,
        found,
        f"an address for {', '.join(sorted(facts.resolved))}",
        "mend /etc/hosts and /etc/resolv.conf; packages are needed while images are to be made",
        otherwise=State.PROBLEM if needed else State.WARNING,
    )


def _range(facts: HostFacts, prefix: str) -> Check:
    wanted = ipaddress.IPv4Network(f"{prefix}.0.0/16")
    name, expected = "address range", f"{wanted} unused by this host"
    if facts.ranges is None:
        remedy = "install iproute2, or see that no network of this host uses the range"
        return Check(name, State.WARNING, "unknown: routes cannot be read", expected, remedy)
    overlaps = [str(used) for used in facts.ranges if used.overlaps(wanted)]
    if not overlaps:
        return Check(name, State.OK, "unused", expected)
    found = f"in use: {', '.join(sorted(set(overlaps)))}"
    try:
        free = network.choose_prefix(facts.ranges)
    except EnvironmentUnavailable:
        remedy = "take down the VPN or network that uses it; no other candidate is free either"
        return Check(name, State.PROBLEM, found, expected, remedy)
    remedy = (
        f"nothing to do: up lays the stack on {free}.0.0/16 and lists the difference; take down "
        "the VPN or network that uses the range to have the document's addresses"
    )
    return Check(name, State.WARNING, found, expected, remedy)


def _clock(facts: HostFacts) -> Check:
    return _check(
        "clock",
        2025 <= facts.wall.year < 2100 and facts.monotonic_advances,
        f"{facts.wall:%Y-%m-%d %H:%M} UTC"
        + ("" if facts.monotonic_advances else ", monotonic clock stands still"),
        "today's date and a monotonic clock that advances",
        "set the date and see that the clock runs; certificates depend on it",
        otherwise=State.PROBLEM,
    )


def _programs(facts: HostFacts) -> Iterator[Check]:
    # The engine's packages bring docker, iptables and debootstrap along.
    arriving = facts.engine is None and facts.engine_installable
    for name, needed in (("docker", True), ("ip", True), ("iptables", False)):
        version = facts.programs.get(name)
        arrives = arriving and name != "ip"
        yield _check(
            f"program {name}",
            version is not None,
            version or "not on PATH",
            "on PATH" if needed else "on PATH where up starts the engine itself",
            "nothing to do: it comes with the engine" if arrives else _PROGRAM_REMEDY[name],
            otherwise=State.PROBLEM if needed and not arrives else State.WARNING,
        )
    for name in ("go", "npm", "debootstrap"):
        version = facts.programs.get(name)
        fits = version is not None and (
            name != "go" or version == "unknown" or version_tuple(version) >= GO_MINIMUM
        )
        yield _check(
            f"program {name}",
            facts.warm or fits,
            version or "not on PATH",
            "only needed while images are to be made and no registry answers",
            _PROGRAM_REMEDY[name],
            otherwise=State.WARNING,
        )
    for name in ("kind", "kubectl"):
        version = facts.programs.get(name)
        yield Check(
            f"program {name}", State.OK, version or "not on PATH", "on PATH, or built by up"
        )
    found = [f"{n} {facts.programs[n]}" for n in ("terraform", "tofu") if facts.programs.get(n)]
    yield _check(
        "program terraform",
        bool(found),
        ", ".join(found) or "not on PATH",
        "only needed by plan, apply, destroy and the tests",
        "install Terraform or OpenTofu, 1.10 or newer",
        otherwise=State.WARNING,
    )
