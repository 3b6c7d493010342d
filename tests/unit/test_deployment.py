"""Rendering, differences and readiness; no cluster needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.errors import InputInvalid
from harness.stack import deployment
from harness.stack.credentials import Credentials
from harness.stack.differences import changed_fields, explain
from harness.stack.layout import Layout

ONE = """
kind: A
metadata: {name: x}
spec: {containers: [{name: c, cpu: 1}], list: [1, 2]}
"""
OTHER = """
kind: A
metadata: {name: x}
spec: {containers: [{name: c, cpu: 2}], list: [1]}
---
kind: B
metadata: {name: new}
"""
ENTRY = {"what": "w", "production": "p", "emulation": "e", "why": "y", "weakens": []}


def test_render_names_the_built_image() -> None:
    """Every application of the emulation runs the image that was built."""
    text = deployment.render("emulation", Layout(), {"backend": "smart-dairy-harness/backend:abc"})
    images = [
        c["image"]
        for d in yaml.safe_load_all(text)
        if d["kind"] == "Deployment"
        for c in d["spec"]["template"]["spec"]["containers"]
    ]

    assert images == ["smart-dairy-harness/backend:abc"] * 3


def test_render_moves_every_address_with_the_layout() -> None:
    """On another /16 no policy names the document's range any more."""
    text = deployment.render("emulation", Layout("10.77"))

    assert "10.77.201.0/24" in text
    assert "10.77.0.10/32" in text
    assert "10.0." not in text


def test_render_refuses_an_unknown_overlay() -> None:
    """The message names the overlays that there are."""
    with pytest.raises(InputInvalid, match=r"emulation, production.*got 'staging'"):
        deployment.render("staging")


def test_the_digest_follows_the_content() -> None:
    """The same content has the same digest, another image another one."""
    one = deployment.digest_of_render("emulation", Layout(), {"backend": "a:1"})

    assert one == deployment.digest_of_render("emulation", Layout(), {"backend": "a:1"})
    assert one != deployment.digest_of_render("emulation", Layout(), {"backend": "a:2"})


def test_another_range_is_a_difference() -> None:
    """The report says when the VPC lies on another range than the document's."""
    assert "10.77.0.0/16" in {d.emulation for d in deployment.differences(Layout("10.77"))}
    assert "10.0.0.0/16" not in {d.production for d in deployment.differences(Layout())}


def test_changed_fields_are_named_by_kind_name_and_path() -> None:
    """List members are named where they have a name, new objects show all their fields."""
    assert changed_fields(ONE, OTHER) == [
        "A/x:spec.containers.c.cpu",
        "A/x:spec.list.1",
        "B/new:kind",
        "B/new:metadata.name",
    ]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "expected a list of entries"),
        ([ENTRY | {"fields": ["A/x:*"]}], "B/new:kind differs"),
        ([ENTRY | {"fields": ["*"]}, ENTRY | {"fields": ["C/*"]}], "expected a field that differs"),
        ([ENTRY | {"fields": ["*"], "because": "z"}], "unknown field because"),
        ([{k: v for k, v in ENTRY.items() if k != "why"}], "field 'why': expected a text"),
        ([ENTRY | {"weakens": "all"}], "field 'weakens': expected a list"),
    ],
)
def test_differences_without_reason_are_refused(
    tmp_path: Path, entries: list[dict[str, Any]], message: str
) -> None:
    """A field without an entry, an entry without a field and a malformed entry are errors."""
    path = tmp_path / "DIFFERENCES.yaml"
    path.write_text(yaml.safe_dump({"differences": entries}))

    with pytest.raises(InputInvalid, match=message):
        explain(ONE, OTHER, path=path)


def test_differences_tell_the_fields_they_cover(tmp_path: Path) -> None:
    """Each entry comes back with the fields that really differ."""
    path = tmp_path / "DIFFERENCES.yaml"
    entries = [ENTRY | {"fields": ["A/*"]}, ENTRY | {"fields": ["B/*"], "weakens": ["c"]}, ENTRY]
    path.write_text(yaml.safe_dump({"differences": entries}))
    found = explain(ONE, OTHER, path=path)

    assert [len(d.fields) for d in found] == [2, 2, 0]
    assert found[1].weakens == ("c",)


def item(name: str, wanted: int, ready: int, *, seen: int = 2, updated: int = 9) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "generation": 2},
        "spec": {"replicas": wanted},
        "status": {
            "observedGeneration": seen,
            "updatedReplicas": updated,
            "readyReplicas": ready,
        },
    }


@pytest.mark.parametrize(
    ("deployments", "expected"),
    [
        ([], ("no Deployment yet", False)),
        ([item("b", 5, 5), item("a", 3, 3)], ("a 3/3, b 5/5", True)),
        ([item("a", 5, 4)], ("a 4/5", False)),
        ([item("a", 5, 5, seen=1)], ("a 5/5", False)),
        ([item("a", 5, 5, updated=3)], ("a 5/5", False)),
        ([{"metadata": {"name": "a", "generation": 1}, "spec": {"replicas": 1}}], ("a 0/1", False)),
    ],
)
def test_readiness(deployments: list[dict[str, Any]], expected: tuple[str, bool]) -> None:
    """Complete means: the newest revision was seen, and all its pods are Ready."""
    assert expected == deployment.readiness(deployments)


def test_private_objects_carry_the_stacks_passwords(tmp_path: Path) -> None:
    """The Secret has the two keys that the pods read, the ConfigMap the CA."""
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----")
    made = Credentials(tmp_path, "super", "application", "replication", "token")
    secret, authority = deployment.private_objects(made)

    assert secret["data"] == {"PASSWORD": "YXBwbGljYXRpb24=", "REDIS_AUTH_TOKEN": "dG9rZW4="}
    assert authority["data"]["ca.crt"].startswith("-----BEGIN")


def test_the_client_comes_by_the_control_plane() -> None:
    """No experiment breaks the control plane's node."""
    assert deployment.client_url(Layout()) == "http://10.0.0.10:30069"
