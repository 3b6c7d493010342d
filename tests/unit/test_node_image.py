"""The pure parts of the node image and of the pod network."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.errors import EnvironmentUnavailable
from harness.stack import cni, nodeimage
from harness.stack.cni import NodeNetwork
from harness.stack.folders import INFRA

LISTING = """registry.example.org/kube-apiserver:v1.34.4
registry.example.org/kube-proxy:v1.34.4
registry.example.org/coredns/coredns:v1.12.1
registry.example.org/pause:3.10.1
registry.example.org/etcd:3.6.5-0
"""
IMAGES = {
    "control-plane": "smart-dairy-harness/control-plane:1",
    "kube-proxy": "smart-dairy-harness/kube-proxy:2",
    "coredns": "smart-dairy-harness/coredns:3",
    "pause": "smart-dairy-harness/pause:4",
}
NODES = [
    NodeNetwork("n0", "10.0.0.10", "10.244.0.0/24"),
    NodeNetwork("n1", "10.0.1.11", "10.244.1.0/24"),
    NodeNetwork("n2", "10.0.2.11", "10.244.2.0/24"),
]


def test_each_name_of_kubeadm_gets_the_image_with_its_program() -> None:
    """The control plane's programs share one image."""
    assert nodeimage.kubeadm_aliases(LISTING, IMAGES) == {
        "registry.example.org/kube-apiserver:v1.34.4": IMAGES["control-plane"],
        "registry.example.org/kube-proxy:v1.34.4": IMAGES["kube-proxy"],
        "registry.example.org/coredns/coredns:v1.12.1": IMAGES["coredns"],
        "registry.example.org/pause:3.10.1": IMAGES["pause"],
        "registry.example.org/etcd:3.6.5-0": IMAGES["control-plane"],
    }


def test_an_image_that_kubeadm_needs_and_nobody_bakes_is_named() -> None:
    """The error says which, what there is and where to add it."""
    with pytest.raises(EnvironmentUnavailable, match=r"'pause'.*manifest\.yaml"):
        nodeimage.kubeadm_aliases(LISTING, {k: v for k, v in IMAGES.items() if k != "pause"})


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("smart-dairy-harness/backend:abc", "registry.example/smart-dairy-harness/backend:abc"),
        ("registry.example/other:1", "registry.example/other:1"),
    ],
)
def test_an_image_is_found_under_the_name_that_the_store_gave_it(
    reference: str, expected: str
) -> None:
    """A registry before the name does not hide an image."""
    stored = ["registry.example/smart-dairy-harness/backend:abc", "registry.example/other:1"]

    assert nodeimage.stored_name(reference, stored) == expected


def test_an_image_that_was_not_imported_is_an_error() -> None:
    """Baking does not go on without an image."""
    with pytest.raises(EnvironmentUnavailable, match="backend:abc"):
        nodeimage.stored_name("smart-dairy-harness/backend:abc", ["registry.example/x:1"])


def test_a_node_gets_its_range_and_routes_to_all_others() -> None:
    """The configuration is valid JSON with the node's own range."""
    files = cni.files(NODES[1], NODES)
    plugins = json.loads(files[cni.CONFIGURATION])["plugins"]

    assert files["kind/routes"] == "10.244.0.0/24 10.0.0.10\n10.244.2.0/24 10.0.2.11\n"
    assert plugins[0]["type"] == "policy-ptp"
    assert plugins[0]["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]


def _node(name: str, ranges: list[str], address: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"podCIDRs": ranges},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": name},
                {"type": "InternalIP", "address": "fd00::1"},
                {"type": "InternalIP", "address": address},
            ]
        },
    }


def test_networks_are_complete_or_not_yet_there() -> None:
    """A node that has no range yet makes the whole answer empty, so that it is asked again."""
    first = _node("n1", ["fd00:1::/64", "10.244.1.0/24"], "10.0.1.11")

    assert cni.parse_nodes({"items": [first]}, ["n1"]) == [NODES[1]]
    assert cni.parse_nodes({"items": [first, _node("n2", [], "10.0.2.11")]}, ["n1", "n2"]) == []
    assert cni.parse_nodes({"items": [first]}, ["n1", "n2"]) == []
    assert cni.parse_nodes({}, ["n1"]) == []


@pytest.mark.parametrize(
    ("arguments", "status", "stripped"),
    [
        (["--root", "/r", "create", "--bundle", "BUNDLE", "id"], "000001fffeffffff", True),
        (["run", "-b", "BUNDLE", "id"], "000001fffeffffff", True),
        (["exec", "--process", "BUNDLE/process.json", "id"], "000001fffeffffff", True),
        (["create", "--bundle", "BUNDLE", "id"], "000001ffffffffff", False),
    ],
)
def test_the_node_drops_a_capability_only_where_the_host_lacks_it(
    tmp_path: Path, arguments: list[str], status: str, stripped: bool
) -> None:
    """The same image works on a host that grants every capability."""
    if subprocess.run(["jq", "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("jq is not installed on this host; the node image has it")
    capabilities = {"bounding": ["CAP_KILL", "CAP_SYS_RESOURCE"], "effective": ["CAP_KILL"]}
    process = {"capabilities": capabilities, "args": ["x"]}
    (tmp_path / "config.json").write_text(json.dumps({"process": process}))
    (tmp_path / "process.json").write_text(json.dumps(process))
    (tmp_path / "status").write_text(f"Name:\tx\nCapBnd:\t{status}\nSeccomp:\t0\n")
    runc = tmp_path / "runc"
    runc.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" > {tmp_path}/called\n')
    runc.chmod(0o755)
    shim = tmp_path / "shim"
    source = (INFRA / "images/node-base/files/usr/local/sbin/runc").read_text()
    shim.write_text(
        source.replace("/usr/sbin/runc", str(runc)).replace(
            "/proc/self/status", str(tmp_path / "status")
        )
    )
    shim.chmod(0o755)
    words = [word.replace("BUNDLE", str(tmp_path)) for word in arguments]

    subprocess.run([shim, *words], check=True, cwd=tmp_path, env={"PATH": os.environ["PATH"]})

    name = "process.json" if "exec" in arguments else "config.json"
    document = json.loads((tmp_path / name).read_text())
    found = document.get("process", document)["capabilities"]["bounding"]
    assert (tmp_path / "called").read_text().split() == words
    assert ("CAP_SYS_RESOURCE" not in found) is stripped
