"""Terraform makes the whole production environment in the emulated AWS of the running stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.provision import provisioning
from harness.provision.provider import Choice
from harness.provision.provisioning import Outcome, Request
from harness.stack import aws, aws_plane, containers, layout
from harness.stack.context import Context
from harness.stack.folders import INFRA, folders

pytestmark = pytest.mark.integration

PRODUCTION = INFRA / "terraform" / "production"


@pytest.fixture(scope="module")
def empty(stack: Context) -> Iterator[Context]:
    """The stack with an empty account, as ``up --empty-account`` leaves it; seeded afterwards."""
    _emptied(stack)
    context = replace(stack, seeded=False)
    aws.up(context)
    aws_plane.up(context)
    yield context
    _emptied(stack)
    aws.up(stack)
    aws_plane.up(stack)


def _emptied(stack: Context) -> None:
    # LocalStack keeps everything in memory.
    container = containers.find(stack, layout.AWS)
    assert container is not None
    container.kill()


def _request(context: Context) -> Request:
    return Request(
        source=PRODUCTION,
        endpoint=aws.endpoint(context),
        choice=Choice.STANDIN,
        variable_files=(PRODUCTION / "rehearsal.tfvars",),
        addresses=context.layout,
    )


@pytest.fixture(scope="module")
def applied(empty: Context) -> Iterator[Outcome]:
    lines: list[str] = []
    yield provisioning.apply(_request(empty), folders(), lines.append)
    destroyed = provisioning.destroy(_request(empty), folders(), lines.append)
    assert sum(row.destroy for row in destroyed.rows) > 0


def test_an_empty_account_holds_nothing_before_terraform_does(empty: Context) -> None:
    """Nothing was seeded, so that nothing is in Terraform's way."""
    assert aws.client(empty, "s3").list_buckets()["Buckets"] == []
    assert aws.client(empty, "rds").describe_db_instances()["DBInstances"] == []


def test_every_resource_of_the_document_is_made(applied: Outcome) -> None:
    """All is added, by Terraform itself, and it is said with which provider."""
    added = sum(row.add for row in applied.rows)

    assert added == sum(row.add + row.change + row.replace + row.destroy for row in applied.rows)
    assert added > 150
    assert "stand-in" in json.dumps(applied.record)


def test_the_second_plan_is_empty(empty: Context, applied: Outcome) -> None:
    """What the emulator answers is what was asked for."""
    lines: list[str] = []
    again = provisioning.plan(_request(empty), folders(), lines.append)

    assert [(row.type, row.add, row.change, row.replace, row.destroy) for row in again.rows] == []


def test_what_terraform_made_is_the_running_stack(empty: Context, applied: Outcome) -> None:
    """The database cluster, the cache and EKS are the real servers, by the names of the stack."""
    rds = aws.client(empty, "rds")
    [database] = rds.describe_db_clusters(DBClusterIdentifier=aws_plane.PRIMARY)["DBClusters"]
    elasticache = aws.client(empty, "elasticache")
    [cache] = elasticache.describe_replication_groups()["ReplicationGroups"]
    cluster = aws.client(empty, "eks").describe_cluster(name=aws_plane.CLUSTER)["cluster"]
    [group] = cache["NodeGroups"]

    assert database["Endpoint"] == layout.DATABASE_PRIMARY_NAME
    assert database["Status"] == "available"
    assert group["PrimaryEndpoint"]["Address"] == layout.CACHE_PRIMARY_NAME
    assert len(group["NodeGroupMembers"]) == len(layout.CACHES)
    assert empty.layout.address(layout.CONTROL_PLANE) in cluster["endpoint"]
