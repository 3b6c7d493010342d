"""What ``doctor`` says of a machine, decided from one reading of it."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import EnvironmentUnavailable
from harness.stack import host, host_facts
from harness.stack.host import GIB, Check, State
from harness.stack.host_facts import EngineFacts, HostFacts

ENGINE = EngineFacts(
    version="20.10.24+dfsg1",
    product="Debian GNU/Linux 12 (bookworm)",
    cgroup_version="2",
    cgroup_driver="systemd",
    storage_driver="overlay2",
    default_runtime="runc",
    root=Path("/var/lib/docker"),
    rootless=False,
)
FIT = HostFacts(
    system="Linux",
    architecture="x86_64",
    kernel="6.1.0",
    python=(3, 11),
    uid=0,
    in_docker_group=False,
    engine=ENGINE,
    engine_installable=True,
    stack_running=False,
    warm=False,
    missing_capabilities=frozenset(),
    cgroup="2",
    features=dict.fromkeys(host_facts.FEATURES, True),
    free_bytes={Path("/cache"): 30 * GIB, Path("/var/lib/docker"): 20 * GIB},
    memory_available_bytes=8 * GIB,
    loopback_port=True,
    resolved={"localhost": True, "packages.example.org": True},
    proxy=False,
    ranges=(ipaddress.IPv4Network("192.0.2.0/24"),),
    wall=datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC),
    monotonic_advances=True,
    programs=dict.fromkeys(host_facts.PROGRAMS, "2.0"),
)


def _row(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def _ranges(*texts: str) -> tuple[ipaddress.IPv4Network, ...]:
    return tuple(ipaddress.IPv4Network(text) for text in texts)


def _without(features: dict[str, bool | None]) -> dict[str, bool | None]:
    return {**FIT.features, **features}


def _lacking(*programs: str) -> dict[str, str | None]:
    return {**FIT.programs, **dict.fromkeys(programs)}


ROWS: list[tuple[str, dict[str, Any], State, str]] = [
    ("platform", {"system": "Darwin"}, State.PROBLEM, "virtual machine"),
    ("platform", {"architecture": "aarch64"}, State.PROBLEM, "x86_64"),
    ("python", {"python": (3, 10)}, State.PROBLEM, "newer Python"),
    ("python", {"python": (3, 14)}, State.OK, ""),
    ("engine", {"engine": replace(ENGINE, version="28.2.2")}, State.OK, ""),
    ("engine", {"engine": replace(ENGINE, version="19.03.5")}, State.PROBLEM, "update"),
    ("engine", {"engine": None}, State.WARNING, "installs and starts"),
    (
        "engine",
        {"engine": None, "engine_installable": False, "uid": 1000},
        State.PROBLEM,
        "usermod",
    ),
    (
        "engine",
        {"engine": None, "engine_installable": False, "uid": 1000, "in_docker_group": True},
        State.PROBLEM,
        "systemctl",
    ),
    (
        "engine network",
        {"engine": replace(ENGINE, product="Docker Desktop")},
        State.PROBLEM,
        "default",
    ),
    ("engine network", {"engine": replace(ENGINE, rootless=True)}, State.PROBLEM, "rootless"),
    ("engine storage", {"engine": replace(ENGINE, storage_driver="vfs")}, State.WARNING, "ext4"),
    (
        "capabilities",
        {"missing_capabilities": frozenset({"CAP_SYS_RESOURCE"}), "engine": None},
        State.WARNING,
        "nothing to do",
    ),
    (
        "capabilities",
        {"missing_capabilities": frozenset({"CAP_SYS_RESOURCE"})},
        State.WARNING,
        "unable to apply caps",
    ),
    (
        "capabilities",
        {
            "missing_capabilities": frozenset({"CAP_SYS_RESOURCE"}),
            "engine": replace(ENGINE, default_runtime="shim"),
        },
        State.WARNING,
        "nothing to do",
    ),
    (
        "capabilities",
        {"missing_capabilities": frozenset({"CAP_SYS_ADMIN"}), "engine": None},
        State.PROBLEM,
        "--privileged",
    ),
    ("cgroup", {"cgroup": "hybrid"}, State.OK, ""),
    ("cgroup", {"cgroup": "none"}, State.PROBLEM, "mount"),
    ("kernel overlay", {"features": _without({"overlay": False})}, State.PROBLEM, "modprobe"),
    ("kernel overlay", {"features": _without({"overlay": None})}, State.WARNING, "modprobe"),
    ("kernel netem", {"features": _without({"netem": False})}, State.OK, ""),
    ("kernel nft_queue", {"features": _without({"nft_queue": None})}, State.OK, ""),
    ("disk at /cache", {"free_bytes": {Path("/cache"): 19 * GIB}}, State.PROBLEM, "HARNESS_CACHE"),
    ("disk at /cache", {"free_bytes": {Path("/cache"): 6 * GIB}, "warm": True}, State.OK, ""),
    ("disk at /cache", {"free_bytes": {Path("/cache"): 5 * GIB}, "warm": True}, State.PROBLEM, ""),
    ("memory", {"memory_available_bytes": 7 * GIB}, State.WARNING, "inconclusive"),
    ("memory", {"memory_available_bytes": 3 * GIB}, State.PROBLEM, "more memory"),
    ("memory", {"memory_available_bytes": 3 * GIB, "stack_running": True}, State.OK, ""),
    ("memory", {"memory_available_bytes": None}, State.WARNING, ""),
    ("loopback port", {"loopback_port": False}, State.PROBLEM, "lo up"),
    ("name resolution", {"resolved": {"localhost": False}, "warm": True}, State.PROBLEM, "hosts"),
    ("name resolution", {"resolved": {"x.example.org": False}}, State.PROBLEM, "resolv.conf"),
    ("name resolution", {"resolved": {"x.example.org": False}, "warm": True}, State.WARNING, ""),
    ("name resolution", {"resolved": {"x.example.org": False}, "proxy": True}, State.WARNING, ""),
    ("address range", {"ranges": _ranges("10.0.0.0/8")}, State.WARNING, "172.30.0.0/16"),
    ("address range", {"ranges": _ranges("10.0.5.0/24")}, State.WARNING, "10.64.0.0/16"),
    ("address range", {"ranges": _ranges("10.1.0.0/16")}, State.OK, ""),
    ("address range", {"ranges": _ranges("0.0.0.0/1", "128.0.0.0/1")}, State.PROBLEM, "VPN"),
    ("address range", {"ranges": None}, State.WARNING, "iproute2"),
    (
        "clock",
        {"wall": datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)},
        State.PROBLEM,
        "set the date",
    ),
    ("clock", {"monotonic_advances": False}, State.PROBLEM, "clock"),
    ("program docker", {"programs": _lacking("docker")}, State.PROBLEM, "docker.io"),
    (
        "program docker",
        {"programs": _lacking("docker"), "engine": None},
        State.WARNING,
        "comes with the engine",
    ),
    ("program ip", {"programs": _lacking("ip"), "engine": None}, State.PROBLEM, "iproute2"),
    ("program iptables", {"programs": _lacking("iptables")}, State.WARNING, "iptables"),
    ("program go", {"programs": _lacking("go")}, State.WARNING, "Go 1.24"),
    (
        "program terraform",
        {"programs": _lacking("terraform", "tofu")},
        State.WARNING,
        "Terraform or OpenTofu",
    ),
    ("program terraform", {"programs": _lacking("terraform")}, State.OK, ""),
    ("program go", {"programs": {**FIT.programs, "go": "1.19.8"}}, State.WARNING, "Go 1.24"),
    ("program go", {"programs": _lacking("go"), "warm": True}, State.OK, ""),
    ("program kind", {"programs": _lacking("kind")}, State.OK, ""),
]


def test_a_fit_machine_has_only_rows_that_are_ok() -> None:
    checks = host.judge(FIT)

    assert [check for check in checks if check.state is not State.OK] == []
    assert len({check.name for check in checks}) == len(checks)
    host.require(checks)


@pytest.mark.parametrize(("name", "change", "state", "remedy"), ROWS)
def test_each_row_names_its_state_and_what_mends_it(
    name: str, change: dict[str, Any], state: State, remedy: str
) -> None:
    row = _row(host.judge(replace(FIT, **change)), name)

    assert row.state is state
    assert remedy in row.remedy
    assert bool(row.remedy) is (state is not State.OK)


def test_all_problems_are_raised_at_once_each_with_its_remedy() -> None:
    facts = replace(FIT, architecture="aarch64", cgroup="none", loopback_port=False)

    with pytest.raises(EnvironmentUnavailable) as refusal:
        host.require(host.judge(facts))

    lines = str(refusal.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["platform", "cgroup", "loopback port"]
    assert all("Next step: " in line for line in lines)


def test_warnings_alone_let_a_run_start() -> None:
    host.require(host.judge(replace(FIT, memory_available_bytes=5 * GIB)))


def test_a_range_of_another_layout_is_judged_for_that_layout() -> None:
    facts = replace(FIT, ranges=_ranges("10.0.5.0/24"))

    assert _row(host.judge(facts, "10.64"), "address range").state is State.OK


def test_the_checks_are_plain_data_for_machines() -> None:
    rows = host.as_json(host.judge(FIT))

    assert rows[0] == {
        "name": "platform",
        "state": "ok",
        "found": "Linux x86_64, kernel 6.1.0",
        "expected": "Linux x86_64",
        "remedy": "",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("1.26.8", (1, 26, 8)),
        ("28.2.2-rc1", (28, 2, 2)),
        ("unknown", ()),
        ("", ()),
    ],
)
def test_versions_are_read_as_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert host.version_tuple(text) == expected


@pytest.mark.parametrize(
    ("option", "loaded", "loadable", "expected"),
    [
        ("y", False, False, True),
        ("m", False, True, True),
        ("m", True, False, True),
        ("m", False, False, False),
        ("n", False, False, False),
        (None, True, False, True),
        (None, False, True, True),
        (None, False, False, None),
    ],
)
def test_a_kernel_feature_is_unknown_only_when_nothing_tells(
    option: str | None, loaded: bool, loadable: bool, expected: bool | None
) -> None:
    assert host_facts.feature(option, loaded=loaded, loadable=loadable) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CONFIG_NET_SCH_TBF=y\n", "y"),
        ("CONFIG_NET_SCH_TBF=m\n", "m"),
        ("# CONFIG_NET_SCH_TBF is not set\n", "n"),
        ("CONFIG_NET_SCH_TBF_X=y\n", "n"),
        ("", None),
    ],
)
def test_kernel_options_are_read_from_the_configuration(text: str, expected: str | None) -> None:
    assert host_facts.kernel_option(text, "CONFIG_NET_SCH_TBF") == expected


def test_available_memory_is_read_in_bytes() -> None:
    text = "MemTotal:       24684424 kB\nMemAvailable:   21915648 kB\n"

    assert host_facts.available_memory(text) == 21915648 * 1024
    assert host_facts.available_memory("MemTotal: 1 kB\n") is None


def test_package_sources_are_read_from_both_formats_without_comments() -> None:
    texts = [
        "Types: deb\n# http://old.example.org/x\nURIs: http://a.example.org/debian\n",
        "deb [arch=amd64] https://user:word@b.example.org:8443/debian stable main\n"
        "# deb http://c.example.org stable main\n",
        "deb file:///media/disk stable main\n",
    ]

    assert host_facts.source_hosts(texts) == {"a.example.org", "b.example.org"}


def test_free_space_of_a_folder_to_be_is_that_of_its_nearest_parent(tmp_path: Path) -> None:
    assert host_facts.free_bytes(tmp_path / "a" / "b") > 0


def test_engine_facts_are_read_from_what_the_engine_says() -> None:
    info = {
        "ServerVersion": "28.2.2",
        "OperatingSystem": "Ubuntu 24.04",
        "CgroupVersion": "2",
        "CgroupDriver": "systemd",
        "Driver": "overlay2",
        "DefaultRuntime": "runc",
        "DockerRootDir": "/srv/docker",
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
    }

    facts = host_facts.engine_facts(info)

    assert facts == replace(
        ENGINE,
        version="28.2.2",
        product="Ubuntu 24.04",
        root=Path("/srv/docker"),
        rootless=True,
    )
    assert host_facts.engine_facts({}).version == "unknown"
