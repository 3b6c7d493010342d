"""Terraform with the stand-in provider against an AWS of its own: no engine, no stack.

One configuration holds a resource of every mapped type. It is applied, planned again, broken
behind Terraform's back, repaired and destroyed once; each type is then judged on its own.
Needs Terraform or OpenTofu and npm (the provider's schemas, fetched once); says so otherwise.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.errors import AlreadyRunning, InputInvalid
from harness.polling import wait_until
from harness.provision import override, program, provisioning, standin_binary
from harness.provision.provider import Choice
from harness.provision.provisioning import Outcome, Request
from harness.provision.standin import tagging
from harness.provision.standin.cloud import Session
from harness.provision.standin.mapping import Call
from harness.provision.standin.mappings import TYPES
from harness.provision.standin_package import StandIn, target
from harness.provision.workspace import Workspace
from harness.stack import lock
from harness.stack.folders import Folders
from tests.integration.emulator import emulator

SOURCE = Path(__file__).parent / "provisioning"
ROOT = Path(__file__).resolve().parents[2]
REGION = "ap-south-1"

# Removed behind Terraform's back; of every other type the tags are changed. (moto neither tags node
# groups nor shows new tags of launch templates.)
REMOVED = frozenset(
    "aws_budgets_budget aws_cloudfront_cache_policy aws_cloudfront_origin_access_control"
    " aws_cloudfront_response_headers_policy aws_cloudwatch_log_resource_policy"
    " aws_cloudwatch_metric_alarm aws_db_event_subscription aws_ecr_lifecycle_policy"
    " aws_eks_access_policy_association aws_eks_node_group aws_eks_pod_identity_association"
    " aws_flow_log aws_launch_template"
    " aws_iam_instance_profile aws_iam_role_policy aws_iam_role_policy_attachment aws_kms_alias"
    " aws_lb_listener_rule aws_rds_cluster_instance aws_route aws_route53_record"
    " aws_route_table_association aws_s3_bucket_cors_configuration"
    " aws_s3_bucket_lifecycle_configuration aws_s3_bucket_ownership_controls"
    " aws_s3_bucket_policy aws_s3_bucket_public_access_block"
    " aws_s3_bucket_server_side_encryption_configuration aws_s3_bucket_versioning"
    " aws_sns_topic_subscription aws_ssm_parameter aws_vpc_endpoint"
    " aws_vpc_security_group_egress_rule aws_vpc_security_group_ingress_rule".split()
)
# Nothing can be changed behind Terraform's back that it would see; why.
STEADY = {
    "aws_acm_certificate_validation": "is a wait, not a thing",
    "aws_secretsmanager_secret_version": "a version never changes; a newer one is another version",
}


@dataclass(frozen=True)
class History:
    """What one life of the configuration showed: types that changed at each step."""

    made: Mapping[str, Outcome]
    addresses: Mapping[str, str]


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with emulator() as url:
        yield url


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


def _request(source: Path, endpoint: str) -> Request:
    return Request(source=source, endpoint=endpoint, choice=Choice.STANDIN)


@pytest.fixture(scope="module")
def history(aws: str, where: Folders, lines: list[str]) -> History:
    """One life: apply, plan, drift, apply, plan, destroy."""
    request = _request(SOURCE, aws)
    workspace = Workspace.of(where, SOURCE, aws)
    steps = {"applied": provisioning.apply(request, where, lines.append)}
    resources = _resources(workspace)
    steps["planned again"] = provisioning.plan(request, where, lines.append)
    for name, attributes in resources.items():
        drift(Session(aws, REGION, {}), name, attributes)
    steps["repaired"] = provisioning.apply(request, where, lines.append)
    steps["planned after repair"] = provisioning.plan(request, where, lines.append)
    steps["destroyed"] = provisioning.destroy(request, where, lines.append)
    assert workspace.is_empty()
    return History(steps, {name: str(values.get("id")) for name, values in resources.items()})


def _resources(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return the attributes of one resource of each type."""
    document = json.loads(workspace.state.read_text())
    found: dict[str, dict[str, Any]] = {}
    for resource in document["resources"]:
        if resource["mode"] == "managed" and resource["name"] != "validation":
            found.setdefault(resource["type"], resource["instances"][-1]["attributes"])
    return found


def drift(session: Session, name: str, attributes: dict[str, Any]) -> None:
    """Change one resource behind Terraform's back."""
    row = TYPES[name]
    if name in STEADY:
        return
    if name == "aws_sns_topic_policy":
        other = {"Version": "2012-10-17", "Statement": []}
        call = Call(
            "set_topic_attributes",
            {"TopicArn": "$arn", "AttributeName": "Policy", "AttributeValue": json.dumps(other)},
        )
        session.act(call, "sns", attributes, None, {})
    elif name in REMOVED:
        assert row.delete is not None
        session.act(row.delete, row.service, attributes, None, row.names)
    else:
        before = attributes["tags_all"] or {}
        tagging.write(session, row.tagging, attributes, before, {**before, "Drift": "yes"})


def _types(outcome: Outcome) -> set[str]:
    return {row.type for row in outcome.rows}


def test_every_mapped_type_is_in_the_configuration(history: History) -> None:
    """No type is mapped without a resource here that proves the mapping."""
    assert set(TYPES) == set(history.addresses)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_type_is_applied_and_the_second_plan_is_empty(history: History, name: str) -> None:
    """A type is created, and nothing of it is left to change afterwards."""
    assert name in _types(history.made["applied"])
    assert name not in _types(history.made["planned again"])


@pytest.mark.parametrize("name", sorted(set(TYPES) - set(STEADY)))
def test_drift_is_seen_and_repaired(history: History, name: str) -> None:
    """What was changed behind Terraform's back is planned, applied and gone."""
    assert name in _types(history.made["repaired"])
    assert name not in _types(history.made["planned after repair"])


def test_everything_is_destroyed(history: History) -> None:
    """Destroy names every type, and the state is empty afterwards."""
    assert set(TYPES) == _types(history.made["destroyed"])


def test_results_say_what_they_were_planned_with(history: History) -> None:
    """Provider, version, program and digest stand in the stored record of every step."""
    for outcome in history.made.values():
        stored = json.loads(outcome.path.with_suffix(".record.json").read_text())
        assert stored["provider"]["kind"] == "stand-in"
        assert stored["provider"]["version"] == standin_binary.SCHEMA_VERSION
        assert stored["program"].startswith(("Terraform", "OpenTofu"))
        assert stored["digest"] == outcome.record["digest"]


def _write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "main.tf").write_text('provider "aws" {\n  region = "ap-south-1"\n}\n' + text)
    return folder


UNMAPPED = """
resource "aws_sns_topic" "first" {
  name = "made-before-the-refusal"
}
resource "aws_sqs_queue" "unmapped" {
  name = "queue"
}
resource "aws_s3_bucket" "lost" {
  bucket = "a-bucket-with-a-website"
  website {
    index_document = "index.html"
  }
}
"""


def test_unmapped_types_and_attributes_are_refused_by_name(
    aws: str, where: Folders, tmp_path: Path
) -> None:
    """All that cannot be applied is named at once, and nothing is created."""
    request = _request(_write(tmp_path / "unmapped", UNMAPPED), aws)
    planned = provisioning.plan(request, where, lambda line: None)
    with pytest.raises(InputInvalid) as caught:
        provisioning.apply(request, where, lambda line: None)

    assert _types(planned) == {"aws_sns_topic", "aws_sqs_queue", "aws_s3_bucket"}
    assert "aws_sqs_queue.unmapped" in str(caught.value)
    assert "website" in str(caught.value)
    topics = Session(aws, REGION, {}).call("sns", "list_topics")["Topics"]
    assert not [t for t in topics if "made-before-the-refusal" in t["TopicArn"]]


INVALID = """
resource "aws_vpc" "typo" {
  cidr_blok = "10.0.0.0/16"
}
resource "aws_vpc" "no_network" {
  cidr_block = "10.0.0.1/16"
}
resource "aws_iam_role" "no_json" {
  name               = "x"
  assume_role_policy = "{"
}
"""


def test_invalid_values_are_refused_with_file_and_line(
    aws: str, where: Folders, tmp_path: Path
) -> None:
    """Terraform's own check of the schema and the provider's of values end a plan."""
    source = _write(tmp_path / "invalid", INVALID)
    with pytest.raises(InputInvalid) as first:
        provisioning.plan(_request(source, aws), where, lambda line: None)
    _write(source, INVALID.replace("cidr_blok ", "cidr_block "))
    with pytest.raises(InputInvalid) as second:
        provisioning.plan(_request(source, aws), where, lambda line: None)

    assert f"{source}/main.tf:6" in str(first.value)
    assert 'An argument named "cidr_blok" is not expected here' in str(first.value)
    assert "10.0.0.0/16" in str(second.value)
    assert "expected a JSON document" in str(second.value)


def test_plan_needs_no_endpoint(where: Folders, tmp_path: Path) -> None:
    """Without an emulator a configuration is planned as for an empty account."""
    text = """
data "aws_caller_identity" "me" {}
data "aws_availability_zones" "all" {}
resource "aws_subnet" "one" {
  vpc_id            = "vpc-1"
  cidr_block        = "10.0.1.0/24"
  availability_zone = data.aws_availability_zones.all.names[2]
  tags              = { Account = data.aws_caller_identity.me.account_id }
}
"""
    source = _write(tmp_path / "offline", text)
    request = Request(source=source, endpoint=None, choice=Choice.STANDIN)
    outcome = provisioning.plan(request, where, lambda line: None)

    after = json.loads(outcome.plan)["resource_changes"][0]["change"]["after"]
    assert after["availability_zone"] == "ap-south-1c"
    assert after["tags"] == {"Account": "000000000000"}


TOPIC = 'resource "aws_sns_topic" "one" {\n  name = "one"\n}\n'


def _provider_script(where: Folders, aws: str, scratch: Path) -> str:
    """Return a provider binary that knows nothing of the harness's own variables."""
    standin = StandIn(where.cache)
    schema = standin.subset(["aws_sns_topic"], (), lambda line: None)
    variables = {
        **standin.environment(schema, aws),
        "HARNESS_STANDIN_JOURNAL": str(scratch / "journal"),
        "HARNESS_STANDIN_STATE": str(scratch / "state"),
        "HARNESS_STANDIN_ALIVE": str(scratch / "alive"),
        "HARNESS_STANDIN_NETWORK": "10.0",
    }
    lines = [f"export {name}='{value}'" for name, value in variables.items()]
    return "\n".join(["#!/bin/sh", *lines, standin_binary.SCRIPT.splitlines()[1], ""])


def test_the_provider_of_a_named_mirror_is_used(aws: str, where: Folders, tmp_path: Path) -> None:
    """It counts as the real one: its own schema says what is pointed at the emulator."""
    mirror = tmp_path / "mirror"
    package = mirror / program.find().provider_host / "hashicorp" / "aws" / "6.99.0" / target()
    package.mkdir(parents=True)
    binary = package / "terraform-provider-aws_v6.99.0"
    binary.write_text(_provider_script(where, aws, tmp_path))
    binary.chmod(0o755)
    source = _write(tmp_path / "mirrored", TOPIC)
    request = Request(source=source, endpoint=aws, mirror=mirror)
    applied = provisioning.apply(request, where, lambda line: None)
    written = Workspace.of(where, source, aws).copy / override.FILE
    endpoints = json.loads(written.read_text())["provider"]["aws"][0]["endpoints"][0]
    with pytest.raises(InputInvalid, match="do not mix"):
        provisioning.plan(_request(source, aws), where, lambda line: None)
    provisioning.destroy(request, where, lambda line: None)

    assert applied.record["provider"]["title"] == "hashicorp/aws 6.99.0"
    assert len(endpoints) > 200
    assert set(endpoints.values()) == {aws}


def test_the_source_folder_is_never_written(aws: str, where: Folders, tmp_path: Path) -> None:
    """No lock file, state or plugin folder of the stand-in reaches the source."""
    source = _write(tmp_path / "clean", TOPIC)
    request = _request(source, aws)
    provisioning.apply(request, where, lambda line: None)
    left = sorted(path.name for path in source.iterdir())
    copied = Workspace.of(where, source, aws)
    (source / ".terraform.lock.hcl").write_text((copied.copy / ".terraform.lock.hcl").read_text())
    (source / "terraform.tfstate").write_text(copied.state.read_text())
    with pytest.raises(InputInvalid) as caught:
        provisioning.plan(request, where, lambda line: None)

    assert left == ["main.tf"]
    assert "is the stand-in provider's lock file" in str(caught.value)
    assert "is a state of the stand-in provider" in str(caught.value)


def test_a_held_configuration_is_refused(aws: str, where: Folders, tmp_path: Path) -> None:
    """The second of two runs says who holds the lock."""
    source = _write(tmp_path / "held", 'resource "aws_sns_topic" "two" {\n  name = "two"\n}\n')
    folder = Workspace.of(where, source, aws).folder
    with lock.held(folder, purpose="apply in another terminal"), pytest.raises(AlreadyRunning) as e:
        provisioning.apply(_request(source, aws), where, lambda line: None)

    assert "apply in another terminal" in str(e.value)


def _cli(where: Folders, *arguments: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments],
        cwd=ROOT,
        env={**environment, "HARNESS_CACHE": str(where.cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _options(source: Path, aws: str) -> list[str]:
    return ["--terraform", str(source), "--endpoint", aws, "--provider", "standin"]


MANY = """
resource "aws_vpc" "main" {
  cidr_block = "10.9.0.0/16"
  tags       = { Name = "interrupted" }
}
resource "aws_subnet" "many" {
  count      = 60
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.9.${count.index}.0/24"
}
"""


def _subnets(aws: str) -> list[str]:
    session = Session(aws, REGION, {})
    filters = [{"Name": "tag:Name", "Values": ["interrupted"]}]
    networks = session.call("ec2", "describe_vpcs", Filters=filters)["Vpcs"]
    listed = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in networks] or ["none"]}]
    subnets = session.call("ec2", "describe_subnets", Filters=listed)["Subnets"]
    return [subnet["CidrBlock"] for subnet in subnets]


def _interrupt(running: subprocess.Popen[str]) -> None:
    running.send_signal(signal.SIGINT)


def _kill(running: subprocess.Popen[str]) -> None:
    """Kill the harness and then Terraform with its provider, which are in another session."""
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(running.pid)], capture_output=True, text=True, check=True
    )
    running.kill()
    for pid in children.stdout.split():
        os.killpg(int(pid), signal.SIGKILL)


@pytest.mark.parametrize("stop", [_interrupt, _kill], ids=["Ctrl-C", "SIGKILL"])
def test_an_interrupted_apply_can_be_applied_again_and_destroyed(
    aws: str, where: Folders, tmp_path: Path, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    """Whatever was made by then is known: nothing is made twice and nothing is left."""
    source = _write(tmp_path / "interrupted", MANY)
    running = _cli(where, "apply", *_options(source, aws))
    wait_until(
        lambda: len(_subnets(aws)) >= 5,
        what="some subnets",
        limit_seconds=60,
        interval_seconds=0.05,
    )
    stop(running)
    code = running.wait(timeout=90)
    made = len(_subnets(aws))
    request = _request(source, aws)
    provisioning.apply(request, where, lambda line: None)
    after = _subnets(aws)
    second = provisioning.plan(request, where, lambda line: None)
    provisioning.destroy(request, where, lambda line: None)

    assert code == (130 if stop is _interrupt else -signal.SIGKILL)
    assert 5 <= made < 60
    assert sorted(after) == sorted(f"10.9.{n}.0/24" for n in range(60))
    assert not second.rows
    assert _subnets(aws) == []


def test_of_two_applies_at_once_one_is_refused(aws: str, where: Folders, tmp_path: Path) -> None:
    """The second apply of a configuration ends with 69 and says which process holds it."""
    source = _write(tmp_path / "twice", MANY.replace("interrupted", "twice"))
    first = _cli(where, "apply", *_options(source, aws))
    held = Workspace.of(where, source, aws).folder / "lock"
    wait_until(lambda: held.exists() and held.read_text(), what="the first apply", limit_seconds=30)
    second = _cli(where, "apply", *_options(source, aws))
    _, refused = second.communicate(timeout=60)
    first.communicate(timeout=120)
    provisioning.destroy(_request(source, aws), where, lambda line: None)

    assert (first.returncode, second.returncode) == (0, 69)
    assert f"process {first.pid}" in refused
