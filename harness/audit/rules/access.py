"""Rules on who may reach and do what: security groups, IAM, instance metadata, secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.rule import (
    FINE,
    KUBERNETES,
    TERRAFORM,
    Mark,
    Severity,
    defect,
    rule,
    undecided,
)
from harness.audit.rules.field import field_rule
from harness.audit.rules.storage import STORES
from harness.audit.value import Unknown, as_list, as_switch, dig, is_known

_WORLD = ("0.0.0.0/0", "::/0")


def _opened(
    inventory: Inventory, group: Resource
) -> Iterator[tuple[Resource, tuple[str | int, ...]]]:
    """Return the ingress rules of a security group that admit the world."""
    for index, block in enumerate(as_list(group.get("ingress"))):
        cidrs = [*as_list(dig(block, "cidr_blocks")), *as_list(dig(block, "ipv6_cidr_blocks"))]
        if any(cidr in _WORLD for cidr in cidrs):
            yield group, ("ingress", index)
    outside = ("aws_vpc_security_group_ingress_rule", "aws_security_group_rule")
    for one in inventory.of(*outside):
        if group.base not in one.refers("security_group_id") or one.get("type") == "egress":
            continue
        cidrs = [*as_list(one.get("cidr_blocks")), one.get("cidr_ipv4"), one.get("cidr_ipv6")]
        if any(cidr in _WORLD for cidr in cidrs):
            yield one, ()


@rule(
    "store-ingress-closed",
    promises=("NFR-SEC-01", "NFR-SEC-03"),
    why="a database or cache that the world may reach is one password away from being read",
    source="RDS and ElastiCache user guides, security groups",
    needs=(TERRAFORM,),
)
def ingress_closed(inventory: Inventory) -> Iterator[Mark]:
    """Security groups of stores and endpoints admit named sources only."""
    used = {n for r in inventory.resources if STORES.search(r.kind) for n in r.uses}
    for group in inventory.of("aws_security_group"):
        if group.base not in used:
            continue
        found = list(_opened(inventory, group))
        for where, path in found:
            yield defect(
                where,
                path,
                expected="a security group or named networks as source",
                got="the whole internet",
                next_step="name the security group of the nodes",
            )
        if not found:
            yield FINE


@rule(
    "store-not-public",
    promises=("NFR-SEC-01",),
    why="a public address makes the database reachable by whatever rule is opened next",
    source="RDS API, PubliclyAccessible",
    needs=(TERRAFORM,),
)
def not_public(inventory: Inventory) -> Iterator[Mark]:
    """No database has a public address."""
    kinds = ("aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance")
    for store in inventory.of(*kinds):
        if as_switch(store.get("publicly_accessible")):
            yield defect(
                store,
                ("publicly_accessible",),
                expected="publicly_accessible = false",
                got="true",
                next_step="remove it",
            )
        else:
            yield FINE


@rule(
    "iam-not-everything",
    promises=("NFR-SEC-01",),
    why="a policy that allows everything everywhere makes every other limit void",
    source="IAM user guide, least privilege",
    needs=(TERRAFORM,),
)
def not_everything(inventory: Inventory) -> Iterator[Mark]:
    """No policy of the project allows every action on every resource."""
    for policy in inventory.of("aws_iam_policy", "aws_iam_role_policy"):
        value = policy.get("policy")
        text = value.text if isinstance(value, Unknown) else str(value)
        try:
            statements = as_list(dig(json.loads(text), "Statement"))
        except ValueError:
            if not is_known(value):
                yield undecided(policy, ("policy",), value)
            continue
        if any(_everything(statement) for statement in statements):
            yield defect(
                policy,
                ("policy",),
                expected="named actions and resources",
                got='Action "*" on Resource "*"',
                next_step="name what the role needs",
            )
        else:
            yield FINE


def _everything(statement: Any) -> bool:
    return (
        dig(statement, "Effect") == "Allow"
        and "*" in as_list(dig(statement, "Action"))
        and "*" in as_list(dig(statement, "Resource"))
    )


@rule(
    "external-secret-source-exists",
    promises=("all", "NFR-SEC-03"),
    why="an ExternalSecret whose source is not there makes no Secret, and no pod starts",
    source="External Secrets Operator documentation, remoteRef; Secrets Manager",
    needs=(TERRAFORM, KUBERNETES),
)
def secret_source(inventory: Inventory) -> Iterator[Mark]:
    """What an ExternalSecret reads from Secrets Manager is declared."""
    secrets = inventory.of("aws_secretsmanager_secret")
    names = [s.get("name") for s in secrets]
    for found in inventory.of("ExternalSecret"):
        for index, entry in enumerate(as_list(found.get("spec", "data"))):
            key = dig(entry, "remoteRef", "key")
            if not isinstance(key, str):
                continue
            if key in names:
                yield FINE
            elif any(not is_known(name) for name in names):
                yield undecided(found, ("spec", "data", index), "names of secrets are not known")
            else:
                yield defect(
                    found,
                    ("spec", "data", index, "remoteRef", "key"),
                    expected=f"an aws_secretsmanager_secret {key!r}",
                    got="none",
                    next_step="declare it; who writes its value is another question",
                )


@rule(
    "node-volumes-encrypted",
    promises=("NFR-SEC-03",),
    why="images, logs and emptyDir volumes of pods lie on the disks of the nodes",
    source="EBS user guide, encryption; EKS managed node groups, launch templates",
    needs=(TERRAFORM,),
)
def volumes_encrypted(inventory: Inventory) -> Iterator[Mark]:
    """The disks that node groups state are encrypted."""
    for found in inventory.of("aws_launch_template", "aws_eks_node_group"):
        devices = found.get("block_device_mappings")
        pairs = devices.items() if isinstance(devices, dict) else enumerate(as_list(devices))
        for key, device in pairs:
            ebs = dig(device, "ebs")
            ebs = dig(ebs, 0) if isinstance(ebs, list) else ebs
            if ebs is None:
                continue
            value = dig(ebs, "encrypted")
            if isinstance(value, Unknown):
                yield undecided(found, ("block_device_mappings", key), value)
            elif as_switch(value):
                yield FINE
            else:
                yield defect(
                    found,
                    ("block_device_mappings", key, "ebs"),
                    expected="encrypted = true",
                    got=value,
                    next_step="set it",
                )


RULES = (
    volumes_encrypted,
    ingress_closed,
    not_public,
    not_everything,
    secret_source,
    field_rule(
        "node-metadata-limited",
        ("aws_launch_template",),
        ("metadata_options", 0, "http_put_response_hop_limit"),
        lambda value: str(value) == "1",
        expected="http_put_response_hop_limit = 1",
        next_step="set it, with http_tokens = required",
        promises=("NFR-SEC-01",),
        why="with two hops every pod can take the role of its node",
        source="EKS best practices, identity: restrict access to instance metadata",
        severity=Severity.WARNING,
    ),
    field_rule(
        "bucket-versioning-on",
        ("aws_s3_bucket_versioning",),
        ("versioning_configuration", 0, "status"),
        lambda value: value == "Enabled",
        expected='status = "Enabled"',
        next_step="enable it",
        promises=("R-141-02, S3 versioning of the state",),
        why="without versions a broken state or a deleted backup is gone",
        source="S3 user guide, versioning",
    ),
)
