"""What the NetworkPolicy agent makes of policies, and the pod start it holds back."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "infra" / "images" / "policy-agent"
NODE, OTHER = "node-a", "node-b"


def _load(name: str) -> ModuleType:
    sys.path.insert(0, str(SOURCE))
    try:
        return importlib.import_module(f"policy_agent.{name}")
    finally:
        sys.path.remove(str(SOURCE))


model = _load("model")
rules = _load("rules")
handshake = _load("handshake")
loader = _load("loader")
watcher = _load("watcher")

LABELS = {"app": "web", "tier": "front"}

REQUIREMENTS = [
    ("In", ("web", "api"), "app", True),
    ("In", ("api",), "app", False),
    ("In", ("web",), "missing", False),
    ("NotIn", ("api",), "app", True),
    ("NotIn", ("web",), "app", False),
    ("NotIn", ("web",), "missing", True),
    ("Exists", (), "app", True),
    ("Exists", (), "missing", False),
    ("DoesNotExist", (), "app", False),
    ("DoesNotExist", (), "missing", True),
    ("Gt", ("1",), "app", False),
]

RANGES = [
    ([(80, 80)], [(80, 80)]),
    ([(80, 90), (85, 100)], [(80, 100)]),
    ([(80, 80), (81, 81)], [(80, 81)]),
    ([(443, 443), (80, 80)], [(80, 80), (443, 443)]),
    ([(1, 100), (20, 30), (200, 300)], [(1, 100), (200, 300)]),
]

PEERS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("all peers", {}, ["accept"]),
    ("own namespace", {"from": [{"podSelector": {}}]}, ["ip saddr { 10.1, 10.2, 10.3 } accept"]),
    (
        "labels in the own namespace",
        {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]},
        ["ip saddr { 10.1 } accept"],
    ),
    (
        "a whole other namespace",
        {"from": [{"namespaceSelector": {"matchLabels": {"name": "tools"}}}]},
        ["ip saddr { 10.9 } accept"],
    ),
    ("every namespace", {"from": [{"namespaceSelector": {}}]}, ["ip saddr { all } accept"]),
    (
        "labels in another namespace",
        {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}]},
        ["ip saddr { 10.1, 10.9 } accept"],
    ),
    (
        "an expression",
        {"from": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}]},
        ["ip saddr { 10.1, 10.2, 10.3 } accept"],
    ),
    ("nobody", {"from": [{"podSelector": {"matchLabels": {"app": "none"}}}]}, []),
    (
        "a range",
        {"from": [{"ipBlock": {"cidr": "10.0.201.0/24"}}]},
        ["ip saddr 10.0.201.0/24 accept"],
    ),
    (
        "a range with exceptions that overlap",
        {"from": [{"ipBlock": {"cidr": "10.0.0.0/16", "except": ["10.0.1.0/24", "10.0.1.8/32"]}}]},
        ["ip saddr 10.0.0.0/16 ip saddr != { 10.0.1.0/24 } accept"],
    ),
    ("every address", {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, ["accept"]),
    (
        "every address but the metadata service",
        {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}}]},
        ["ip saddr != { 169.254.169.254/32 } accept"],
    ),
    ("an IPv6 range", {"from": [{"ipBlock": {"cidr": "fd00::/8"}}]}, []),
    (
        "a range written with host bits",
        {"from": [{"ipBlock": {"cidr": "10.0.201.7/24"}}]},
        ["ip saddr 10.0.201.0/24 accept"],
    ),
    (
        "a range or labels",
        {
            "from": [
                {"ipBlock": {"cidr": "10.0.1.0/24"}},
                {"podSelector": {"matchLabels": {"app": "web"}}},
            ]
        },
        ["ip saddr 10.0.1.0/24 accept", "ip saddr { 10.1 } accept"],
    ),
]

PORTS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("every port", [], [""]),
    ("one port", [{"port": 8069}], ["meta l4proto tcp th dport { 8069 }"]),
    ("UDP", [{"port": 53, "protocol": "UDP"}], ["meta l4proto udp th dport { 53 }"]),
    ("SCTP", [{"port": 7, "protocol": "SCTP"}], ["meta l4proto sctp th dport { 7 }"]),
    ("a range", [{"port": 80, "endPort": 90}], ["meta l4proto tcp th dport { 80-90 }"]),
    (
        "overlapping ranges",
        [{"port": 80, "endPort": 90}, {"port": 85, "endPort": 95}, {"port": 443}],
        ["meta l4proto tcp th dport { 80-95, 443 }"],
    ),
    ("a protocol without a port", [{"protocol": "TCP"}], ["meta l4proto tcp"]),
    ("all ports win over one", [{"port": 80}, {"protocol": "TCP"}], ["meta l4proto tcp"]),
    (
        "a named port, by pod",
        [{"port": "http"}],
        ["meta l4proto tcp ip daddr . th dport { 10.1 . 8080, 10.2 . 9090 }"],
    ),
    ("a name that no pod has", [{"port": "absent"}], []),
    ("a name under another protocol", [{"port": "http", "protocol": "UDP"}], []),
    (
        "a name and a number",
        [{"port": "http"}, {"port": 22}],
        [
            "meta l4proto tcp ip daddr . th dport { 10.1 . 8080, 10.2 . 9090 }",
            "meta l4proto tcp th dport { 22 }",
        ],
    ),
]

POLICY_TYPES: list[tuple[dict[str, Any], bool, bool]] = [
    ({}, True, False),
    ({"egress": []}, True, True),
    ({"policyTypes": ["Ingress"]}, True, False),
    ({"policyTypes": ["Egress"]}, False, True),
    ({"policyTypes": ["Ingress", "Egress"]}, True, True),
    ({"policyTypes": ["Ingress"], "egress": [{}]}, True, False),
]


def _pod(name: str, address: str | None, **fields: Any) -> Any:
    defaults: dict[str, Any] = {"namespace": "shop", "node": NODE, "labels": {}, "ports": {}}
    return model.Pod(name=name, address=address, **{**defaults, **fields})


PODS = [
    _pod("web", "10.244.1.1", labels={"app": "web"}, ports={("http", "TCP"): 8080}),
    _pod("api", "10.244.1.2", labels={"app": "api"}, ports={("http", "TCP"): 9090}),
    _pod("db", "10.244.1.3", labels={"app": "db"}),
    _pod("probe", "10.244.2.9", namespace="tools", node=OTHER, labels={"app": "web"}),
    _pod("pending", None, labels={"app": "web"}),
]
NAMESPACES = [
    model.Namespace("shop", {"name": "shop"}),
    model.Namespace("tools", {"name": "tools"}),
]


def _short(lines: list[str]) -> list[str]:
    """The rules with pod addresses shortened to their last parts."""
    result = []
    for line in lines:
        text = line.replace("10.244.1.", "10.").replace("10.244.2.", "10.")
        result.append(text.replace("{ 10.1, 10.2, 10.3, 10.9 }", "{ all }"))
    return result


def _policy(name: str, **spec: Any) -> Any:
    return model.parse_policy({"metadata": {"namespace": "shop", "name": name}, "spec": spec})


def _compile(*policies: Any, pods: list[Any] | None = None) -> str:
    return str(rules.compile_table(NODE, PODS if pods is None else pods, NAMESPACES, policies).text)


def _chain_of(text: str, comment: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index(f"# {comment}")
    return lines[start + 1 : lines.index("}", start)]


@pytest.mark.parametrize(("operator", "values", "key", "expected"), REQUIREMENTS)
def test_each_selector_operator_decides_as_the_api_documents(
    operator: str, values: tuple[str, ...], key: str, expected: bool
) -> None:
    """In, NotIn, Exists and DoesNotExist; an unknown operator is never met."""
    selector = model.Selector(requirements=(model.Requirement(key, operator, values),))

    assert selector.matches(LABELS) is expected


def test_an_empty_selector_selects_everything_and_all_parts_must_hold() -> None:
    """Labels and expressions are combined with and."""
    both = model.parse_selector(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}],
        }
    )

    assert model.parse_selector({}).matches({})
    assert model.parse_selector(None).matches(LABELS)
    assert not both.matches(LABELS)
    assert both.matches({"app": "web"})


@pytest.mark.parametrize(("what", "entry", "expected"), PEERS, ids=[row[0] for row in PEERS])
def test_peers_become_address_matches(
    what: str, entry: dict[str, Any], expected: list[str]
) -> None:
    """Each kind of peer allows exactly its addresses; one that matches nothing allows nothing."""
    policy = _policy("p", podSelector={"matchLabels": {"app": "db"}}, ingress=[entry])

    assert _short(_chain_of(_compile(policy), "shop/p")) == expected


@pytest.mark.parametrize(("what", "ports", "expected"), PORTS, ids=[row[0] for row in PORTS])
def test_ports_become_port_matches(
    what: str, ports: list[dict[str, Any]], expected: list[str]
) -> None:
    """Numbers, ranges, names and protocols."""
    parsed = model.parse_policy(
        {"metadata": {"namespace": "n", "name": "p"}, "spec": {"ingress": [{"ports": ports}]}}
    )

    assert _short(rules.compile_ports(parsed.ingress[0].ports, PODS)) == expected


@pytest.mark.parametrize(("given", "expected"), RANGES)
def test_port_ranges_are_merged(
    given: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    """nft refuses sets whose ranges overlap."""
    assert rules.merge_ranges(given) == expected


@pytest.mark.parametrize(("spec", "ingress", "egress"), POLICY_TYPES)
def test_policy_types_default_as_the_api_documents(
    spec: dict[str, Any], ingress: bool, egress: bool
) -> None:
    """Ingress always, egress where the policy has egress rules, unless the types are named."""
    policy = _policy("p", **spec)

    assert (policy.ingress is not None, policy.egress is not None) == (ingress, egress)


def test_default_deny_sends_every_pod_of_the_namespace_to_a_chain_that_only_drops() -> None:
    """The empty selector with no rules: each pod of the node and namespace, both directions."""
    text = _compile(_policy("deny", podSelector={}, policyTypes=["Ingress", "Egress"]))

    for hook in ("saddr", "daddr"):
        (dispatch,) = {line for line in text.splitlines() if f"ip {hook} vmap" in line}
        for address in ("10.244.1.1", "10.244.1.2", "10.244.1.3"):
            assert f"{address} : goto" in dispatch
        assert "10.244.2.9" not in dispatch
    assert _chain_of(text, "shop/deny") == []
    assert text.count("counter drop") == 2


def test_a_pod_without_a_policy_is_not_in_the_table() -> None:
    """What no policy governs stays open in that direction."""
    text = _compile(_policy("only-db", podSelector={"matchLabels": {"app": "db"}}))

    assert "10.244.1.3 : goto" in text
    assert "10.244.1.1 : goto" not in text
    assert "ip saddr vmap" not in text


def test_no_policies_leave_every_pod_open() -> None:
    """The table is there with nothing that drops."""
    text = _compile()

    assert "drop" not in text
    assert text.startswith(f"table ip {rules.TABLE}\ndelete table ip {rules.TABLE}\n")


def test_several_policies_of_a_pod_are_tried_in_turn_before_the_drop() -> None:
    """Policies add up; the drop comes after the last of them."""
    text = _compile(
        _policy("deny", podSelector={}),
        _policy("allow", podSelector={"matchLabels": {"app": "db"}}, ingress=[{}]),
    )
    lines = [line.strip() for line in text.splitlines()]
    drops = [number for number, line in enumerate(lines) if line == "counter drop"]

    jumps = [[line for line in lines[drop - 2 : drop] if line.startswith("jump")] for drop in drops]
    assert sorted(map(len, jumps)) == [1, 2]


def test_egress_to_dns_resolves_the_peer_on_other_nodes() -> None:
    """The usual rule for name resolution, with the DNS pod elsewhere."""
    dns = _pod(
        "dns", "10.244.2.2", namespace="kube-system", node=OTHER, labels={"k8s-app": "kube-dns"}
    )
    policy = _policy(
        "dns",
        policyTypes=["Egress"],
        egress=[
            {
                "to": [
                    {
                        "namespaceSelector": {},
                        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                    }
                ],
                "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
            }
        ],
    )

    assert _chain_of(_compile(policy, pods=[*PODS, dns]), "shop/dns") == [
        "ip daddr { 10.244.2.2 } meta l4proto udp th dport { 53 } accept",
        "ip daddr { 10.244.2.2 } meta l4proto tcp th dport { 53 } accept",
    ]


def test_the_same_cluster_state_gives_the_same_text_in_any_order() -> None:
    """Otherwise the table would be loaded again for nothing."""
    policies = [_policy("a", podSelector={}), _policy("b", podSelector={}, ingress=[{}])]

    assert _compile(*policies) == _compile(*reversed(policies), pods=list(reversed(PODS)))


def test_two_pods_shown_with_one_address_give_one_entry() -> None:
    """After a node's restart the API shows old addresses for a while; nft refuses duplicates."""
    twin = _pod("twin", "10.244.1.3", labels={"app": "db"})
    text = _compile(_policy("deny", podSelector={}), pods=[*PODS, twin])

    assert text.count("10.244.1.3 : goto") == 1


def test_pods_that_are_finished_or_on_the_host_network_do_not_count() -> None:
    """Their address is the node's, or free for another pod."""
    document: dict[str, Any] = {
        "metadata": {"namespace": "shop", "name": "p"},
        "spec": {
            "nodeName": NODE,
            "containers": [{"ports": [{"name": "http", "containerPort": 8}]}],
        },
        "status": {"phase": "Running", "podIPs": [{"ip": "fd00::1"}, {"ip": "10.244.1.5"}]},
    }
    parsed = model.parse_pod(document)

    assert (parsed.address, parsed.ports) == ("10.244.1.5", {("http", "TCP"): 8})
    assert model.parse_pod({**document, "status": {"phase": "Succeeded"}}) is None
    assert model.parse_pod({**document, "spec": {"hostNetwork": True}}) is None


def test_a_starting_pods_address_comes_from_the_cni_plugin() -> None:
    """It is newer than what the API shows, but only on the node where the plugin ran."""
    waiting = {("shop", "pending"): "10.244.1.7", ("tools", "probe"): "10.244.1.8"}
    pods = {pod.name: pod for pod in handshake.with_waiting(PODS, waiting, NODE)}

    assert pods["pending"].address == "10.244.1.7"
    assert pods["probe"].address == "10.244.2.9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    handshake.Handshake(tmp_path).open()
    return tmp_path


def test_a_waiting_pod_is_answered_once_known_and_loaded(folder: Path) -> None:
    """Both must hold: the pod seen in the API, its address in the loaded table."""
    (folder / "waiting" / "10.244.1.7").write_text("shop pending\n")
    (folder / "waiting" / "not-an-address").write_text("shop other\n")
    agreement = handshake.Handshake(folder)
    answer = folder / "loaded" / "10.244.1.7"
    seen = []

    for known, addresses in (
        (set(), {"10.244.1.7"}),
        ({("shop", "pending")}, set()),
        ({("shop", "pending")}, {"10.244.1.7"}),
    ):
        agreement.answer(known, addresses)
        seen.append(answer.exists())

    assert agreement.waiting() == {("shop", "pending"): "10.244.1.7"}
    assert seen == [False, False, True]


def test_an_entry_is_forgotten_when_published_or_too_old(folder: Path) -> None:
    """Until then it is the only place that knows the address."""
    entry = folder / "waiting" / "10.244.1.7"
    entry.write_text("shop pending\n")
    made = entry.stat().st_mtime
    agreement = handshake.Handshake(folder)
    kept = []

    agreement.forget({("shop", "pending"): None}, now=made + 1)
    kept.append(entry.exists())
    agreement.forget({("shop", "pending"): "10.244.1.7"}, now=made + 1)
    kept.append(entry.exists())
    entry.write_text("shop gone\n")
    agreement.forget({}, now=entry.stat().st_mtime + handshake.FORGET_SECONDS + 1)
    kept.append(entry.exists())

    assert kept == [True, False, False]


def test_watch_events_change_the_store_and_report_only_real_changes() -> None:
    """A heartbeat in a pod's status must not reload the node's table."""
    changes: list[int] = []
    store = watcher.Watcher(None, "/x", model.parse_namespace, lambda: changes.append(1))

    def event(kind: str, version: str, **labels: str) -> str:
        metadata = {"uid": "u", "name": "shop", "labels": labels, "resourceVersion": version}
        return str(store.take({"type": kind, "object": {"metadata": metadata}}))

    assert event("ADDED", "1", a="1") == "1"
    assert event("MODIFIED", "2", a="1") == "2"
    assert event("BOOKMARK", "3") == "3"
    assert len(changes) == 1
    assert [namespace.labels for namespace in store.objects()] == [{"a": "1"}]
    event("DELETED", "4", a="1")
    assert (store.objects(), len(changes)) == ([], 2)
    with pytest.raises(watcher.WatchEnded, match="too old"):
        store.take({"type": "ERROR", "object": {"message": "too old resource version"}})


def test_a_table_changed_by_others_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's table is compared with the one loaded; a refused text keeps the old one."""
    table = tmp_path / "table"
    program = tmp_path / "nft"
    program.write_text(
        '#!/bin/sh\ncase "$1" in\n'
        f'  -f) text=$(cat); case $text in bad*) echo "syntax error" >&2; exit 1 ;; esac\n'
        f'      printf %s "$text" > {table} ;;\n'
        f"  --stateless) cat {table} ;;\n"
        f"  delete) rm {table} ;;\nesac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    node = loader.Loader()

    assert node.load("rules") is True
    assert node.load("rules") is False
    assert node.check() is True
    table.write_text("edited by hand")
    assert node.check() is False
    assert node.load("rules") is True
    with pytest.raises(loader.LoadFailed, match="syntax error"):
        node.load("bad rules")
    assert table.read_text() == "rules"
    assert loader.remove() is True
    assert loader.remove() is False


RESULT = json.dumps(
    {"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.244.1.7/24"}], "dns": {}}
)
ARGUMENTS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=x"


@pytest.fixture
def plugin(tmp_path: Path) -> Any:
    """Runs policy-ptp beside a ``ptp`` of the test's own and a ``jq`` that reads one address."""
    programs = tmp_path / "bin"
    programs.mkdir()
    wrapper = programs / "policy-ptp"
    wrapper.write_text((SOURCE / "policy-ptp").read_text().replace("POLLS=150", "POLLS=20"))
    jq = programs / "jq"
    jq.write_text(
        f"#!{sys.executable} -SE\nimport json, sys\n"
        "found = [i['address'] for i in json.load(sys.stdin)['ips'] if ':' not in i['address']]\n"
        "print(found[0].split('/')[0] if found else '')\n"
    )
    for file in (wrapper, jq):
        file.chmod(0o755)

    def run(command: str, *, result: str = RESULT, code: int = 0) -> Any:
        (programs / "ptp").write_text(
            f"#!/bin/sh\ncat > {tmp_path}/stdin\ncat <<'END'\n{result}\nEND\nexit {code}\n"
        )
        (programs / "ptp").chmod(0o755)
        return subprocess.run(
            [wrapper],
            input="configuration",
            text=True,
            capture_output=True,
            timeout=20,
            check=False,
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "CNI_COMMAND": command,
                "CNI_ARGS": ARGUMENTS,
                "POLICY_AGENT_FOLDER": str(tmp_path / "agent"),
            },
        )

    return run


def test_the_plugin_waits_for_the_agent_and_hands_on_the_result(
    plugin: Any, tmp_path: Path
) -> None:
    """The agent's answer ends the wait; standard input and output are ptp's own."""
    agreement = handshake.Handshake(tmp_path / "agent")
    agreement.open()
    stop = threading.Event()

    def agent() -> None:
        while not stop.wait(0.01):
            agreement.answer({("shop", "web-0")}, {"10.244.1.7"})

    thread = threading.Thread(target=agent)
    thread.start()
    try:
        answer = plugin("ADD")
    finally:
        stop.set()
        thread.join()

    assert (answer.returncode, answer.stdout.strip()) == (0, RESULT)
    assert (tmp_path / "stdin").read_text() == "configuration"
    assert agreement.waiting() == {("shop", "web-0"): "10.244.1.7"}
    assert (tmp_path / "agent" / "loaded" / "10.244.1.7").exists()


@pytest.mark.parametrize(
    ("command", "agent", "code", "announced"),
    [
        ("ADD", True, 0, True),  # no answer: the pod starts after the limit
        ("ADD", False, 0, False),
        ("DEL", True, 0, False),
        ("ADD", True, 1, False),
    ],
)
def test_the_plugin_never_changes_what_ptp_answered(
    plugin: Any, tmp_path: Path, *, command: str, agent: bool, code: int, announced: bool
) -> None:
    """Without an agent, on other commands and on errors it only hands on."""
    agreement = handshake.Handshake(tmp_path / "agent")
    if agent:
        agreement.open()
    answer = plugin(command, code=code)

    assert (answer.returncode, answer.stdout.strip()) == (code, RESULT)
    assert bool(agreement.waiting()) is announced
