"""Wiring the emulated AWS services to the running stack, and the resources that stand for it.

Runs once every part serves: only then are there a cluster to point at and a token to read it
with. ``infra/aws/plane.yaml`` says which resources are made; what is there is left as it is.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from harness.awsplane.fields import Fields
from harness.errors import EnvironmentUnavailable, InputInvalid
from harness.polling import wait_until
from harness.stack import aws, cache, cluster, database, layout
from harness.stack.aws_control import Control
from harness.stack.context import Context
from harness.stack.folders import INFRA

RESOURCES = INFRA / "aws" / "plane.yaml"
ACCOUNT = "000000000000"
PRIMARY = "smart-dairy-prod-db-primary"
REPLICA = "smart-dairy-prod-db-replica"
CLUSTER = "smart-dairy-prod-eks"

API_PORT = 6443
# Of infra/kubernetes/cluster/awsplane.yaml; it may only read nodes and EndpointSlices.
SERVICE_ACCOUNT = "awsplane"
TOKEN_DURATION = "8760h"
# AWS abandons a failover that is asked for a short time after another, and does not say how
# short. This is one lease of Patroni (20 s) and the time until the former primary streams again.
COOLDOWN_SECONDS = 30
READY_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Call:
    """One call of a boto3 client: the method's name and its parameters."""

    method: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """One resource: how to read it, the error code that says it is not there, how to make it."""

    name: str
    service: str
    read: Call
    absent: str
    make: Call


def up(context: Context) -> None:
    """Wire the emulator to the stack and make the resources that are missing.

    An account that is left to Terraform is only wired.

    Raises EnvironmentUnavailable naming the resource that cannot be made, and LimitExceeded
    when the real database does not show as available.
    """
    control = Control(aws.endpoint(context))
    control.wire(wiring(context))
    if not context.seeded:
        return
    resources = load(RESOURCES, aws.values(context))
    made = [
        resource.name
        for resource in resources
        if ensure(resource, lambda service: aws.client(context, service))
    ]
    if made:
        context.report(f"aws: {len(made)} resources of the plane made")
    rds = aws.client(context, "rds")
    wait_until(
        lambda: set(_statuses(rds).values()) == {"available"},
        what=f"{PRIMARY} and {REPLICA} to be available",
        limit_seconds=READY_LIMIT_SECONDS,
        ignore=(ClientError, BotoCoreError),
        hint="python -m harness status",
    )


def wiring(context: Context) -> dict[str, Any]:
    """Return what the emulator is told; harness.awsplane.wiring says what each field means."""
    at = context.layout
    secret = context.credentials
    members = (*layout.DATABASES, layout.REPLICA)
    return {
        "account": ACCOUNT,
        "region": layout.REGION,
        "database": {
            "primary": PRIMARY,
            "replica": REPLICA,
            "primary_name": layout.DATABASE_PRIMARY_NAME,
            "replica_name": layout.DATABASE_REPLICA_NAME,
            "port": database.PORT,
            "members": {name: _node(context, name) for name in members},
            "replica_member": layout.REPLICA,
            "rest_port": database.REST_PORT,
            "user": database.REST_USER,
            "password": database.rest_password(context),
            "resolver": at.address(layout.RESOLVER),
            "cooldown_seconds": COOLDOWN_SECONDS,
        },
        "cache": {
            "group": cache.GROUP,
            "sentinel_group": cache.GROUP,
            "primary_name": layout.CACHE_PRIMARY_NAME,
            "port": cache.PORT,
            # Cache cluster ids as ElastiCache numbers them: group-001 and so on.
            "nodes": {
                f"{cache.GROUP}-{number:03d}": _node(context, name)
                for number, name in enumerate(layout.CACHES, start=1)
            },
            "sentinels": [at.address(name) for name in layout.SENTINELS],
            "sentinel_port": cache.SENTINEL_PORT,
            "resolver": at.address(layout.RESOLVER),
            "auth_token": secret.cache_auth_token,
            "ca": secret.ca.read_text(),
        },
        "cluster": {
            "name": CLUSTER,
            "server": f"https://{at.address(layout.CONTROL_PLANE)}:{API_PORT}",
            "ca": cluster_ca(context.folders.kubeconfig),
            "token": _token(context),
        },
    }


def cluster_ca(kubeconfig: Path) -> str:
    """Return the cluster's CA (PEM) out of a kubeconfig. Raises EnvironmentUnavailable."""
    try:
        document = yaml.safe_load(kubeconfig.read_text())
        [entry] = [c for c in document["clusters"] if c["name"] == layout.CONTEXT]
        return base64.b64decode(entry["cluster"]["certificate-authority-data"]).decode()
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise EnvironmentUnavailable(
            f"{kubeconfig}: expected the CA of cluster {layout.CONTEXT}, got "
            f"{type(error).__name__}: {error}. Next step: python -m harness up"
        ) from error


def load(path: Path, values: Mapping[str, str]) -> tuple[Resource, ...]:
    """Return the resources of a file, its placeholders filled from ``values``.

    Raises InputInvalid with every problem found.
    """
    try:
        raw = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputInvalid(f"{path}: expected a readable YAML document, got: {error}") from error
    listed = raw.get("resources") if isinstance(raw, dict) else None
    if not isinstance(listed, list) or not listed:
        raise InputInvalid(f"{path}: resources: expected a list, got {listed!r}")
    problems: list[str] = []
    resources = tuple(
        _resource(entry, f"{path}: resources[{number}]", values, problems)
        for number, entry in enumerate(listed)
    )
    if problems:
        raise InputInvalid(problems)
    return resources


def ensure(resource: Resource, clients: Callable[[str], Any]) -> bool:
    """Make the resource where it is missing; True when it was made.

    Raises EnvironmentUnavailable when the emulator refuses.
    """
    try:
        client = clients(resource.service)
        try:
            getattr(client, resource.read.method)(**resource.read.parameters)
            return False
        except ClientError as error:
            if error.response["Error"]["Code"] != resource.absent:
                raise
        getattr(client, resource.make.method)(**resource.make.parameters)
    except (ClientError, BotoCoreError, ParamValidationError, AttributeError) as error:
        raise EnvironmentUnavailable(
            f"{resource.name} of infra/aws/plane.yaml: expected an answer of the emulated AWS "
            f"API, got: {error}. Next step: docker logs {layout.AWS}"
        ) from error
    return True


def _resource(raw: object, where: str, values: Mapping[str, str], problems: list[str]) -> Resource:
    fields = Fields(raw, where, problems)
    resource = Resource(
        name=fields.text("name"),
        service=fields.text("service"),
        read=_call(fields.inner("read"), values),
        absent=fields.text("absent"),
        make=_call(fields.inner("make"), values),
    )
    fields.finish()
    return resource


def _call(fields: Fields, values: Mapping[str, str]) -> Call:
    method = fields.text("call")
    given = fields.mapping("with")
    try:
        parameters = {name: _filled(value, values) for name, value in given.items()}
    except (KeyError, ValueError) as error:
        fields.problem("with", f"placeholders out of {', '.join(sorted(values))}", str(error))
        parameters = {}
    fields.finish()
    return Call(method, parameters)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return string.Template(value).substitute(values)
    if isinstance(value, dict):
        return {name: _filled(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    return value


def _node(context: Context, name: str) -> dict[str, str]:
    zone = context.layout.zone(name)
    assert zone is not None, f"{name} stands in no zone"
    return {"address": context.layout.address(name), "zone": zone}


def _token(context: Context) -> str:
    arguments = ["-n", "kube-system", "create", "token", SERVICE_ACCOUNT]
    return cluster.kubectl(context, [*arguments, f"--duration={TOKEN_DURATION}"]).strip()


def _statuses(rds: Any) -> dict[str, str]:
    """Return the states of what stands for the real servers, as instances or as a cluster."""
    instances = rds.describe_db_instances()["DBInstances"]
    clusters = rds.describe_db_clusters()["DBClusters"]
    found = {f"instance {i['DBInstanceIdentifier']}": i["DBInstanceStatus"] for i in instances}
    found |= {f"cluster {c['DBClusterIdentifier']}": c["Status"] for c in clusters}
    return {name: state for name, state in found.items() if name.split()[1] in (PRIMARY, REPLICA)}
