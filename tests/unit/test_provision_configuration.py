"""What is refused before Terraform may run, and what is known of a configuration."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from harness.errors import InputInvalid, RefusedForSafety
from harness.provision import configuration, override, source_copy, standin_binary
from harness.provision.standin_marker import MARKER
from harness.safety import refuse_foreign_endpoint


def _folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/")
        path = path.with_name(path.name.replace("_tf", ".tf"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_modules_types_and_aliases_are_found(tmp_path: Path) -> None:
    """Local modules are followed, beside the root and below it."""
    _folder(
        tmp_path,
        root__main_tf='provider "aws" {}\nprovider "aws" {\n  alias = "us"\n}\n'
        'module "a" {\n  source = "../modules/a"\n}\ndata "aws_region" "r" {}\n',
        modules__a__main_tf='resource "aws_vpc" "v" {}\nmodule "b" {\n  source = "../b"\n}\n',
        modules__b__main_tf='resource "random_id" "x" {}\n',
    )
    found = configuration.read(tmp_path / "root")

    assert found.resource_types == {"aws_vpc", "random_id"}
    assert found.data_types == {"aws_region"}
    assert found.aliases == {tmp_path / "root": ("", "us")}
    assert found.other_providers == {"random"}
    assert found.base == tmp_path


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('module "m" {\n  source = "terraform-aws-modules/vpc/aws"\n}', "expected a local source"),
        ('module "m" {\n  source = "./nowhere"\n}', "got nothing at"),
        ('module "m" {\n  source = var.x\n}', "expected a local source"),
        ('data "terraform_remote_state" "x" {\n  backend = "s3"\n}', "reads another state"),
        ('data "external" "x" {}', "runs a program"),
        ('data "http" "x" {}', "reads from the network"),
        ('resource "aws_vpc" "x" {\n  provisioner "local-exec" {}\n}', "provisioner 'local-exec'"),
        ('resource "google_dns" "x" {}', "provider 'google' is refused"),
        ('provider "kubernetes" {}', "provider 'kubernetes' is refused"),
        (
            'terraform {\n  required_providers {\n    aws = { source = "else/aws" }\n  }\n}',
            "expected the source 'hashicorp/aws', got 'else/aws'",
        ),
        ('resource "aws_vpc" {', "closing brace"),
    ],
)
def test_what_could_reach_outside_is_refused(tmp_path: Path, text: str, what: str) -> None:
    """Each is named with file and line, before anything starts."""
    _folder(tmp_path, main_tf=text + "\n")
    with pytest.raises(InputInvalid) as caught:
        configuration.read(tmp_path)

    assert what in str(caught.value)
    assert f"{tmp_path}/main.tf:1" in str(caught.value)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    """Problems of several files come together."""
    _folder(tmp_path, a_tf='data "http" "x" {}\n', b_tf='data "external" "x" {}\n', c_tf="}\n")
    with pytest.raises(InputInvalid) as caught:
        configuration.read(tmp_path)

    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_configuration_is_refused(tmp_path: Path, name: str) -> None:
    """No files, or no folder, is an error and not an empty plan."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputInvalid, match="expected"):
        configuration.read(tmp_path / name)


def _state(private: bytes) -> str:
    instance = {"private": base64.b64encode(private).decode(), "attributes": {"id": "x"}}
    return json.dumps({"version": 4, "resources": [{"instances": [instance]}]})


def test_traces_of_the_standin_in_the_source_are_refused(tmp_path: Path) -> None:
    """Its lock file and its state must not stand where a real run would read them."""
    _folder(tmp_path, main_tf='resource "aws_vpc" "x" {}\n')
    (tmp_path / ".terraform.lock.hcl").write_text(f'hashes = ["{standin_binary.lock_hash()}"]')
    (tmp_path / "terraform.tfstate").write_text(_state(MARKER))
    with pytest.raises(InputInvalid) as caught:
        configuration.read(tmp_path)

    assert "lock file" in str(caught.value)
    assert "a state of the stand-in" in str(caught.value)


def test_other_locks_and_states_are_left_alone(tmp_path: Path) -> None:
    """A real lock and state are no reason to refuse; neither is copied with the stand-in."""
    _folder(tmp_path, root__main_tf='resource "aws_vpc" "x" {}\n')
    root = tmp_path / "root"
    (root / ".terraform.lock.hcl").write_text('hashes = ["h1:something else"]')
    (root / "terraform.tfstate").write_text(_state(b"real"))
    (root / ".terraform").mkdir()
    (root / ".terraform" / "x").write_text("x")
    (root / "text.tpl").write_text("kept")
    copied = source_copy.make(configuration.read(root), tmp_path / "copy", with_lock=False)

    assert sorted(path.name for path in copied.iterdir()) == ["main.tf", "text.tpl"]


def test_the_override_points_everything_at_the_emulator() -> None:
    """Endpoints of every service for every alias, dummy keys, and the state in its own place."""
    document = override.document(
        aliases=["", "us"],
        attributes=["access_key", "profile", "allowed_account_ids", "s3_use_path_style"],
        services=["s3", "ec2"],
        endpoint="http://127.0.0.1:4566",
        state=Path("/state"),
    )

    default, second = document["provider"]["aws"]
    assert default["endpoints"] == [
        {"ec2": "http://127.0.0.1:4566", "s3": "http://127.0.0.1:4566"},
    ]
    assert (second["alias"], default.get("alias")) == ("us", None)
    assert default["profile"] is None
    assert default["allowed_account_ids"] is None
    assert "secret_key" not in default  # this provider's schema has none
    assert document["terraform"] == {"backend": {"local": {"path": "/state"}}}


@pytest.mark.parametrize(
    "url",
    [
        "https://ec2.ap-south-1.amazonaws.com:443",
        "http://192.0.2.1:4566",
        "http://127.0.0.1.example.com:80",
        "127.0.0.1:4566",
        "http://127.0.0.1",
        "ftp://127.0.0.1:21",
        "http://127.0.0.1:port",
        "",
    ],
)
def test_an_endpoint_elsewhere_is_refused(url: str) -> None:
    """Only this machine and the stack's own address are emulators."""
    with pytest.raises(RefusedForSafety):
        refuse_foreign_endpoint(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "http://localhost:1", "http://[::1]:80"])
def test_a_loopback_endpoint_is_accepted(url: str) -> None:
    """A server of this machine is an emulator."""
    refuse_foreign_endpoint(url)
