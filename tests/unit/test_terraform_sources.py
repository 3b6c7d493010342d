"""The Terraform sources, without a provider: format, variables, outputs, what must not be there."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.command import clean_environment

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "infra" / "terraform"
FOLDERS = [
    *sorted(path for path in (TERRAFORM / "modules").iterdir() if path.is_dir()),
    TERRAFORM / "bootstrap",
    TERRAFORM / "production",
]
EXPECTED_MODULES = {
    "cache",
    "cluster",
    "database",
    "dns_and_certificates",
    "edge",
    "monitoring",
    "network",
    "registry",
    "service_account_role",
    "state",
    "storage",
}
BLOCK = re.compile(r'^(?P<kind>variable|output|module|resource|data) (?P<labels>"[^{]*) \{$')


def blocks(folder: Path, kind: str) -> Iterator[tuple[str, str]]:
    """Yield (labels, body) of the top-level blocks of one kind; relies on `terraform fmt`."""
    for path in sorted(folder.glob("*.tf")):
        labels: str | None = None
        body: list[str] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            match = BLOCK.match(line)
            if match and match["kind"] == kind:
                labels, body = match["labels"].replace('"', ""), []
            elif line == "}" and labels is not None:
                yield f"{path.name}: {labels}", "\n".join(body)
                labels = None
            elif labels is not None:
                body.append(line)


def test_the_modules_of_the_plan_are_there() -> None:
    assert {path.name for path in FOLDERS[:-2]} == EXPECTED_MODULES


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")
def test_sources_are_formatted() -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", str(TERRAFORM)],
        capture_output=True,
        text=True,
        check=False,
        env={**clean_environment(), "TF_CLI_CONFIG_FILE": "/dev/null"},
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_every_variable_has_type_and_description(folder: Path) -> None:
    variables = dict(blocks(folder, "variable"))

    assert variables
    for name, body in variables.items():
        assert re.search(r"^  type += ", body, re.MULTILINE), f"{folder.name}/{name}: no type"
        assert re.search(r'^  description += ".{10,}"$', body, re.MULTILINE), (
            f"{folder.name}/{name}: no description"
        )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_every_folder_has_described_outputs(folder: Path) -> None:
    assert (folder / "outputs.tf").is_file(), f"{folder.name}: no outputs.tf"
    outputs = dict(blocks(folder, "output"))

    assert outputs
    for name, body in outputs.items():
        assert re.search(r'^  description += ".{5,}"$', body, re.MULTILINE), (
            f"{folder.name}/{name}: no description"
        )


@pytest.mark.parametrize("folder", FOLDERS[:-2], ids=lambda p: p.name)
def test_every_module_has_tests_that_refuse_something(folder: Path) -> None:
    """A test file without an expected failure only shows that a plan can be made."""
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("tests/*.tftest.hcl")]

    assert any("mock_provider" in text and "expect_failures" in text for text in texts)


def test_modules_are_local_and_the_provider_is_one() -> None:
    for folder in FOLDERS:
        for name, body in blocks(folder, "module"):
            source = re.search(r'^  source += "(.*)"$', body, re.MULTILINE)
            assert source is not None, f"{folder.name}/{name}: no source"
            assert source[1].startswith("../"), f"{folder.name}/{name}: {source[1]}"
            assert (folder / source[1]).is_dir(), f"{folder.name}/{name}: {source[1]} is nowhere"
        versions = (folder / "versions.tf").read_text(encoding="utf-8")
        assert re.findall(r'source += "(.*)"', versions) == ["hashicorp/aws"]
        assert 'required_version = ">= 1.10.0"' in versions


def test_nothing_of_a_run_is_kept_here() -> None:
    """No state, lock or plan: one of a stand-in provider would mislead a real run."""
    patterns = (".terraform", ".terraform.lock.hcl", "*.tfstate*", "*.tfplan", "*.plan")
    left = [path for pattern in patterns for path in TERRAFORM.rglob(pattern)]

    assert left == []


def test_nothing_comes_from_the_clock() -> None:
    """A value that is new in each plan never settles."""
    for path in TERRAFORM.rglob("*.tf"):
        text = path.read_text(encoding="utf-8")
        for function in ("timestamp()", "plantimestamp()", "uuid()", "bcrypt("):
            assert function not in text, f"{path}: {function}"


def test_the_state_is_locked_beside_itself() -> None:
    text = (TERRAFORM / "production" / "versions.tf").read_text(encoding="utf-8")

    assert re.search(r"^    use_lockfile = true$", text, re.MULTILINE)
    assert "dynamodb" not in text


def test_addresses_are_those_of_the_network_policies() -> None:
    """The policies name the /24 of each tier; the network module computes the same ones."""
    policies = (ROOT / "infra/kubernetes/base/network-policy.yaml").read_text(encoding="utf-8")
    network = (TERRAFORM / "modules/network/main.tf").read_text(encoding="utf-8")
    octets = re.search(
        r"first_octet = \{ private = (\d+), public = (\d+), database = (\d+) \}", network
    )

    assert octets is not None
    expected = {f"10.0.{int(first) + zone}.0/24" for first in octets.groups() for zone in range(3)}
    assert set(re.findall(r"10\.0\.\d+\.0/24", policies)) == expected


def test_pods_join_every_target_group() -> None:
    """Each target group of Terraform has a binding in the production overlay, on its port."""
    folder = ROOT / "infra/kubernetes/overlays/production"
    bindings = {
        item["metadata"]["name"]: item["spec"]
        for item in yaml.safe_load_all((folder / "target-group-bindings.yaml").read_text())
    }
    main = (TERRAFORM / "production/main.tf").read_text(encoding="utf-8")
    targets = re.findall(r"^    (\w+) += \{ port = (\d+), health_path", main, re.MULTILINE)

    assert {name: int(port) for name, port in targets} == {
        name: spec["serviceRef"]["port"] for name, spec in bindings.items()
    }
    assert all(
        spec["targetGroupARN"] == f"${{TARGET_GROUP_{name.upper()}_ARN}}"
        for name, spec in bindings.items()
    )


def test_the_load_balancer_has_the_routes_of_the_ingress() -> None:
    """Hosts, target groups' ports and draining are the same in Terraform and in the Ingress."""
    base = ROOT / "infra/kubernetes/base"
    ingress = yaml.safe_load((base / "ingress.yaml").read_text())
    main = (TERRAFORM / "production/main.tf").read_text(encoding="utf-8")
    hosts = dict(
        re.findall(r'^    (\w+) += "?(?:(\w+)\.)?\$?\{?var\.domain\}?"?$', main, re.MULTILINE)
    )
    named = {
        f"{label}.smartdairy.com.bd" if label else "smartdairy.com.bd" for label in hosts.values()
    }
    attributes = ingress["metadata"]["annotations"][
        "alb.ingress.kubernetes.io/target-group-attributes"
    ]
    edge = (TERRAFORM / "modules/edge/variables.tf").read_text(encoding="utf-8")

    assert {rule["host"] for rule in ingress["spec"]["rules"]} == named
    assert "deregistration_delay.timeout_seconds=45" in attributes
    assert re.search(r'"deregistration_seconds" \{[^}]*?default += 45\n', edge)
    assert ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/ssl-policy"] in (
        TERRAFORM / "modules/edge/load_balancer.tf"
    ).read_text(encoding="utf-8")
