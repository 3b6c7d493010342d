"""Rules on the cache: Redis at ElastiCache."""

from __future__ import annotations

from collections.abc import Iterator

from harness.audit import facts
from harness.audit.inventory import Inventory
from harness.audit.rule import FINE, TERRAFORM, Mark, Severity, defect, rule, undecided
from harness.audit.rules.field import field_rule, is_on, is_said
from harness.audit.value import Unknown, as_list, dig

_REST, _TRANSIT = ("NFR-SEC-03",), ("NFR-SEC-01",)


CACHE = "aws_elasticache_replication_group"


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


RULES = (
    cache_version,
    log_delivery,
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
)
