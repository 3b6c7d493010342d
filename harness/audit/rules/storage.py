"""Rules on buckets, keys, log groups and the cache."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.audit import facts
from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.rule import FINE, TERRAFORM, Defect, Mark, Severity, defect, rule, undecided
from harness.audit.rules.field import field_rule, is_on, is_said
from harness.audit.value import Unknown, as_list, as_number, as_switch, dig, references

BUCKET, CACHE, KEY = "aws_s3_bucket", "aws_elasticache_replication_group", "aws_kms_key"
_REST, _TRANSIT = ("NFR-SEC-03",), ("NFR-SEC-01",)
_BLOCKS = (
    "block_public_acls",
    "block_public_policy",
    "ignore_public_acls",
    "restrict_public_buckets",
)


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
    promises=("section 2, budget", "section 3, day 701 (lifecycle policies)"),
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
    "cache-version-current",
    promises=("cache-failover-time", "section 1.2, objective 4 (Redis 7)"),
    why="a new cluster should not start on a release that is past or followed within its major",
    source="ElastiCache user guide, supported engine versions: 7.1 is the last Redis release",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def cache_version(inventory: Inventory) -> Iterator[Mark]:
    """Redis is of the last release of its major version that ElastiCache offers."""
    last = {"7": "7.1", "6": "6.2"}
    for cache in inventory.of(CACHE):
        version = cache.get("engine_version")
        if not isinstance(version, str) or cache.text("engine") == "valkey":
            if isinstance(version, Unknown):
                yield undecided(cache, ("engine_version",), version)
            continue
        major = version.split(".", maxsplit=1)[0]
        ended = facts.REDIS_MAJOR_END.get(major)
        if ended is not None and ended < inventory.today:
            expected = f"a version in support ({major} ended {ended})"
        elif major in last and version != last[major]:
            expected = f"{last[major]}, the last release of {major}"
        else:
            yield FINE
            continue
        step = "raise engine_version"
        yield defect(cache, ("engine_version",), expected=expected, got=version, next_step=step)


@rule(
    "cache-log-delivery-allowed",
    promises=("section 1.5, ELK ingests logs from all services",),
    why="without a resource policy delivery depends on who happens to apply first",
    source="CloudWatch Logs, AWS-logs-infrastructure: the log group must have a resource policy",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def log_delivery(inventory: Inventory) -> Iterator[Mark]:
    """Caches that deliver logs have a log resource policy."""
    for cache in inventory.of(CACHE):
        for index, block in enumerate(as_list(cache.get("log_delivery_configuration"))):
            if dig(block, "destination_type") != "cloudwatch-logs":
                continue
            if inventory.declares("aws_cloudwatch_log_resource_policy"):
                yield FINE
            else:
                yield defect(
                    cache,
                    ("log_delivery_configuration", index),
                    expected="an aws_cloudwatch_log_resource_policy for delivery.logs",
                    got="none",
                    next_step="declare one for the log groups of the cache",
                )


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


STORES = re.compile(r"aws_(db_instance|rds_cluster|elasticache_replication_group|vpc_endpoint)$")


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
            used |= references(dict(resource.values))
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
    cache_version,
    log_delivery,
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
        "cache-encrypted-at-rest",
        (CACHE,),
        ("at_rest_encryption_enabled",),
        is_on,
        expected="at_rest_encryption_enabled = true",
        next_step="set it before the first apply: it cannot be changed later",
        promises=_REST,
        why="snapshots and swap of the cache hold data too",
        source="ElastiCache user guide, at-rest encryption",
    ),
    field_rule(
        "cache-encrypted-in-transit",
        (CACHE,),
        ("transit_encryption_enabled",),
        is_on,
        expected="transit_encryption_enabled = true",
        next_step="set it; AUTH needs it too",
        promises=_TRANSIT,
        why="without it the token and the data travel in clear",
        source="ElastiCache user guide, in-transit encryption",
        required=True,
    ),
    field_rule(
        "cache-authenticated",
        (CACHE,),
        ("auth_token",),
        is_said,
        expected="an auth_token, or user_group_ids",
        next_step="set auth_token from Secrets Manager",
        promises=_TRANSIT,
        why="whoever reaches the port owns the cache",
        source="ElastiCache user guide, AUTH",
        when=lambda cache: not cache.get("user_group_ids"),
    ),
    field_rule(
        "cache-fails-over",
        (CACHE,),
        ("automatic_failover_enabled",),
        is_on,
        expected="automatic_failover_enabled = true",
        next_step="set it, with multi_az_enabled and at least two nodes",
        promises=("cache-failover-time",),
        why="without it the loss of the primary is an outage until somebody acts",
        source="ElastiCache user guide, AutoFailover",
        required=True,
    ),
    field_rule(
        "cache-multi-zone",
        (CACHE,),
        ("multi_az_enabled",),
        is_on,
        expected="multi_az_enabled = true",
        next_step="set it",
        promises=("cache-failover-time", "NFR-AVAIL-01"),
        why="all nodes in one zone fail with it",
        source="ElastiCache user guide, AutoFailover",
    ),
    field_rule(
        "cache-final-snapshot",
        (CACHE,),
        ("final_snapshot_identifier",),
        is_said,
        expected="final_snapshot_identifier",
        next_step="name one",
        promises=("NFR-DR-02",),
        why="destroying or replacing the group loses all data without one",
        source="terraform-provider-aws, elasticache_replication_group",
        severity=Severity.WARNING,
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
