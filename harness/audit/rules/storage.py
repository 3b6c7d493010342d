"""Rules on buckets, keys, log groups and security groups of stores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.rule import FINE, TERRAFORM, Defect, Mark, Severity, defect, rule, undecided
from harness.audit.rules.field import field_rule, is_on
from harness.audit.value import Unknown, as_list, as_number, as_switch, dig, references

BUCKET, KEY = "aws_s3_bucket", "aws_kms_key"


_REST, _TRANSIT = ("NFR-SEC-03",), ("NFR-SEC-01",)


_BLOCKS = (
    "block_public_acls",
    "block_public_policy",
    "ignore_public_acls",
    "restrict_public_buckets",
)


STORES = re.compile(r"aws_(db_instance|rds_cluster|elasticache_replication_group|vpc_endpoint)$")


def companions(inventory: Inventory, bucket: Resource, kind: str) -> list[Resource]:
    """Return the resources of a kind that configure a bucket."""
    name = bucket.get("bucket")
    return [
        r
        for r in inventory.of(kind)
        if bucket.base in r.refers("bucket") or (isinstance(name, str) and r.get("bucket") == name)
    ]


@rule(
    "bucket-public-access-blocked",
    promises=_REST,
    why="what is not stated is neither kept nor repaired: one ACL makes backups public",
    source="S3 user guide, blocking public access",
    needs=(TERRAFORM,),
    required=True,
)
def public_access_blocked(inventory: Inventory) -> Iterator[Mark]:
    """Each bucket has a complete public access block."""
    for bucket in inventory.of(BUCKET):
        blocks = companions(inventory, bucket, "aws_s3_bucket_public_access_block")
        off = [
            name
            for b in blocks
            for name in _BLOCKS
            if as_switch(b.get(name)) is False or b.get(name) is None
        ]
        if not blocks:
            yield defect(
                bucket,
                (),
                expected="an aws_s3_bucket_public_access_block for this bucket",
                got="none",
                next_step=f"declare one with {', '.join(_BLOCKS)} = true",
            )
        elif off:
            yield defect(
                blocks[0],
                (off[0],),
                expected="all four blocks",
                got=f"without {', '.join(off)}",
                next_step="set them to true",
            )
        else:
            yield FINE


@rule(
    "bucket-encrypted",
    promises=_REST,
    why="data at rest is promised to be encrypted, and what is not stated is not kept",
    source="S3 user guide, default encryption",
    needs=(TERRAFORM,),
    required=True,
)
def bucket_encrypted(inventory: Inventory) -> Iterator[Mark]:
    """Each bucket states its encryption."""
    for bucket in inventory.of(BUCKET):
        if companions(inventory, bucket, "aws_s3_bucket_server_side_encryption_configuration"):
            yield FINE
        else:
            yield defect(
                bucket,
                (),
                expected="an aws_s3_bucket_server_side_encryption_configuration for this bucket",
                got="none",
                next_step="declare one with aws:kms or AES256",
            )


@rule(
    "bucket-versions-expire",
    promises=("section 1.4, budget", "section 3, day 701 (lifecycle policies)"),
    why="in a versioned bucket an expiration only adds a marker: nothing is ever removed",
    source="S3 user guide, lifecycle: noncurrent versions need noncurrent_version_expiration",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def versions_expire(inventory: Inventory) -> Iterator[Mark]:
    """Buckets with versioning remove old versions."""
    for bucket in inventory.of(BUCKET):
        versioned = any(
            dig(v.get("versioning_configuration"), 0, "status") == "Enabled"
            for v in companions(inventory, bucket, "aws_s3_bucket_versioning")
        )
        if not versioned:
            continue
        cycles = companions(inventory, bucket, "aws_s3_bucket_lifecycle_configuration")
        if any(
            dig(r, "noncurrent_version_expiration") for c in cycles for r in as_list(c.get("rule"))
        ):
            yield FINE
            continue
        where = cycles[0] if cycles else bucket
        yield defect(
            where,
            ("rule",),
            expected="noncurrent_version_expiration for the versioned bucket",
            got="none",
            next_step="add it to a lifecycle rule",
        )


@rule(
    "bucket-lifecycle-filter",
    promises=("section 1.5, Terraform modules apply without errors",),
    why="a lifecycle rule without filter or prefix is warned of, and refused by newer providers",
    source="terraform-provider-aws, aws_s3_bucket_lifecycle_configuration: filter",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def lifecycle_filter(inventory: Inventory) -> Iterator[Mark]:
    """Each lifecycle rule says what it is for."""
    for cycle in inventory.of("aws_s3_bucket_lifecycle_configuration"):
        for index, one in enumerate(as_list(cycle.get("rule"))):
            if isinstance(one, dict) and ("filter" in one or "prefix" in one):
                yield FINE
            else:
                yield defect(
                    cycle,
                    ("rule", index),
                    expected="a filter block (empty for the whole bucket)",
                    got="neither filter nor prefix",
                    next_step="add filter {}",
                )


@rule(
    "bucket-tls-only",
    promises=_TRANSIT,
    why="S3 also answers plain HTTP unless a policy denies it",
    source="IAM, condition key aws:SecureTransport",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def bucket_tls_only(inventory: Inventory) -> Iterator[Mark]:
    """Each bucket's policy denies requests without TLS."""
    for bucket in inventory.of(BUCKET):
        policies = companions(inventory, bucket, "aws_s3_bucket_policy")
        if any("aws:SecureTransport" in _policy_text(inventory, p) for p in policies):
            yield FINE
            continue
        where = policies[0] if policies else bucket
        value = where.get("policy")
        if isinstance(value, Unknown) and "Statement" not in value.text:
            yield undecided(where, ("policy",), value)
            continue
        yield defect(
            where,
            ("policy",),
            expected="a statement that denies aws:SecureTransport = false",
            got="none" if policies else "no bucket policy",
            next_step="add the statement to the bucket's policy",
        )


def _policy_text(inventory: Inventory, policy: Resource) -> str:
    value = policy.get("policy")
    text = value.text if isinstance(value, Unknown) else str(value)
    documents = inventory.referred(references(value), "data.aws_iam_policy_document")
    return text + "".join(repr(d.values) for d in documents)


@rule(
    "log-group-retention",
    promises=("section 1.4, budget",),
    why="a log group without retention keeps everything for ever",
    source="CloudWatch Logs user guide: log data is kept indefinitely by default",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def log_retention(inventory: Inventory) -> Iterator[Mark]:
    """Each log group says how long it keeps."""
    for group in inventory.of("aws_cloudwatch_log_group"):
        value = group.get("retention_in_days")
        if isinstance(value, Unknown):
            yield undecided(group, ("retention_in_days",), value)
        elif (as_number(value) or 0) > 0:
            yield FINE
        else:
            yield defect(
                group,
                ("retention_in_days",),
                expected="retention_in_days",
                got="none: for ever",
                next_step="set a retention",
            )


@rule(
    "store-egress-closed",
    promises=_TRANSIT,
    why="databases, caches and endpoints answer; open egress lets a broken one call out",
    source="VPC user guide: security groups are stateful, answers need no rule",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def egress_closed(inventory: Inventory) -> Iterator[Mark]:
    """Security groups of stores and endpoints do not allow everything out."""
    used: set[str] = set()
    for resource in inventory.resources:
        if STORES.search(resource.kind):
            used |= resource.uses
    outside = inventory.of("aws_vpc_security_group_egress_rule", "aws_security_group_rule")
    for group in inventory.of("aws_security_group"):
        if group.base not in used:
            continue
        found = list(_open_egress(group, outside))
        yield from found
        if not found:
            yield FINE


def _open_egress(group: Resource, rules: list[Resource]) -> Iterator[Defect]:
    found: list[tuple[Resource, tuple[str | int, ...], Any]] = [
        (group, ("egress", index), block)
        for index, block in enumerate(as_list(group.get("egress")))
    ]
    for one in rules:
        if group.base in one.refers("security_group_id") and one.get("type") in (None, "egress"):
            found.append((one, (), one.values))
    for where, path, block in found:
        protocol = dig(block, "protocol") or dig(block, "ip_protocol")
        cidrs = [*as_list(dig(block, "cidr_blocks")), dig(block, "cidr_ipv4")]
        if str(protocol) in ("-1", "all") and "0.0.0.0/0" in cidrs:
            yield defect(
                where,
                path,
                expected="no egress, or named ports and networks",
                got="every protocol to 0.0.0.0/0",
                next_step="remove the rule",
            )


RULES = (
    public_access_blocked,
    bucket_encrypted,
    versions_expire,
    lifecycle_filter,
    bucket_tls_only,
    log_retention,
    egress_closed,
    field_rule(
        "store-encrypted",
        ("aws_db_instance", "aws_rds_cluster"),
        ("storage_encrypted",),
        is_on,
        expected="storage_encrypted = true",
        next_step="set it; an existing store has to be restored from an encrypted copy",
        promises=_REST,
        why="data at rest is promised to be encrypted",
        source="RDS user guide, Overview.Encryption",
        required=True,
    ),
    field_rule(
        "key-rotates",
        (KEY,),
        ("enable_key_rotation",),
        is_on,
        expected="enable_key_rotation = true",
        next_step="set it",
        promises=_REST,
        why="a key that never changes protects everything that was ever written",
        source="KMS developer guide, rotating keys",
        severity=Severity.WARNING,
        when=lambda key: key.get("customer_master_key_spec") in (None, "SYMMETRIC_DEFAULT"),
    ),
)
