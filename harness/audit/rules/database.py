"""Rules on PostgreSQL at RDS: failover, versions, protection, backups."""

from __future__ import annotations

from collections.abc import Iterator

from harness.audit import facts
from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.rule import FINE, TERRAFORM, Mark, Severity, defect, rule, undecided
from harness.audit.rules.field import field_rule, is_on, is_said
from harness.audit.value import Unknown, as_number, as_switch, is_known, texts

INSTANCE, CLUSTER = "aws_db_instance", "aws_rds_cluster"
_FAILOVER = ("database-failover-time-*", "section 1.5 and 5.1, RDS failover < 60 s")
_RECOVERY = ("NFR-DR-01", "NFR-DR-02")


def is_replica(resource: Resource) -> bool:
    """Say whether an instance is a read replica."""
    return resource.get("replicate_source_db") is not None


def is_primary(resource: Resource) -> bool:
    """Say whether a resource holds data of its own."""
    return not is_replica(resource)


@rule(
    "database-failover-in-bound",
    promises=_FAILOVER,
    why="a Multi-AZ instance is documented at 60 to 120 s, only a Multi-AZ cluster at under 35 s",
    source="RDS user guide, Concepts.MultiAZSingleStandby and multi-az-db-clusters-concepts",
    needs=(TERRAFORM,),
    required=True,
)
def failover_in_bound(inventory: Inventory) -> Iterator[Mark]:
    """Every database that is no replica has a documented failover below the promised bound."""
    low, high = facts.INSTANCE_FAILOVER_SECONDS
    bound = facts.FAILOVER_BOUND_SECONDS
    for instance in filter(is_primary, inventory.of(INSTANCE)):
        multi = instance.get("multi_az")
        if isinstance(multi, Unknown):
            yield undecided(instance, ("multi_az",), multi)
            continue
        kind = f"{low} to {high} s (Multi-AZ instance)" if as_switch(multi) else "no standby at all"
        yield defect(
            instance,
            ("multi_az",),
            expected=f"a documented failover below {bound} s",
            got=kind,
            next_step="use aws_rds_cluster with db_cluster_instance_class (under 35 s), or amend "
            "the claim",
        )
    for cluster in inventory.of(CLUSTER):
        engine = cluster.text("engine")
        if cluster.get("db_cluster_instance_class") is not None or engine.startswith("aurora"):
            yield FINE
        else:
            yield defect(
                cluster,
                ("engine",),
                expected="a Multi-AZ cluster (db_cluster_instance_class)",
                got="none",
                next_step="name the instance class of the cluster",
            )


@rule(
    "database-version-supported",
    promises=("section 1.5, Terraform modules apply without errors",),
    why="RDS refuses new databases of a version that it no longer offers",
    source="RDS release calendar and RDS notice on minor versions of 2026-05-31",
    needs=(TERRAFORM,),
)
def version_supported(inventory: Inventory) -> Iterator[Mark]:
    """The PostgreSQL version can be created today."""
    for database in inventory.of(INSTANCE, CLUSTER):
        version = database.get("engine_version")
        if version is None or "postgres" not in database.text("engine"):
            continue
        if not isinstance(version, str):
            yield undecided(database, ("engine_version",), version)
            continue
        major, _, minor = version.partition(".")
        oldest = facts.POSTGRES_OLDEST_MINOR.get(major)
        ended = facts.POSTGRES_MAJOR_END.get(major)
        number = as_number(minor) if minor else None
        if ended is not None and ended < inventory.today:
            expected = f"a major version in support ({major} ended {ended})"
        elif oldest and number is not None and number < oldest <= _due(inventory, oldest):
            expected = f"at least {major}.{oldest} (older ended {facts.POSTGRES_MINORS_END})"
        else:
            yield FINE
            continue
        yield defect(
            database,
            ("engine_version",),
            expected=expected,
            got=version,
            next_step="name a minor version that aws rds describe-db-engine-versions lists",
        )


def _due(inventory: Inventory, oldest: int) -> int:
    # Before that day the older minors could still be created.
    return oldest if inventory.today > facts.POSTGRES_MINORS_END else -1


@rule(
    "database-minor-upgrade-chosen",
    promises=("NFR-AVAIL-01",),
    why="AWS moves a pinned minor by itself, and the next plan asks for a downgrade, which fails",
    source="RDS API, AutoMinorVersionUpgrade: applied automatically by default",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def minor_upgrade_chosen(inventory: Inventory) -> Iterator[Mark]:
    """A database whose minor version is pinned is not upgraded behind Terraform's back."""
    for database in filter(is_primary, inventory.of(INSTANCE, CLUSTER)):
        version = database.get("engine_version")
        if not isinstance(version, str) or "." not in version:
            continue
        value = database.get("auto_minor_version_upgrade")
        members = [
            member
            for member in inventory.of("aws_rds_cluster_instance")
            if database.base in member.refers("cluster_identifier")
        ]
        if as_switch(value) is False or (members and all(map(_stays, members))):
            yield FINE
        else:
            yield defect(
                database,
                ("engine_version",),
                expected=f"auto_minor_version_upgrade = false beside {version!r}",
                got="true, the default" if value is None else value,
                next_step="switch it off and raise the version in a change of its own",
            )


def _stays(member: Resource) -> bool:
    return as_switch(member.get("auto_minor_version_upgrade")) is False


@rule(
    "database-replica-fits",
    promises=("NFR-DR-01", "NFR-AVAIL-01"),
    why="a replica that is smaller than its source cannot take over its load or its parameters",
    source="RDS user guide, working with read replicas",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def replica_fits(inventory: Inventory) -> Iterator[Mark]:
    """A replica has at least the memory of its source."""
    for replica in filter(is_replica, inventory.of(INSTANCE)):
        for source in _source_of(inventory, replica):
            own = facts.machine(replica.text("instance_class"))
            other = facts.machine(source.text("instance_class"))
            if own is None or other is None:
                yield undecided(replica, ("instance_class",), "an instance class not in the table")
            elif own.memory_bytes < other.memory_bytes:
                yield defect(
                    replica,
                    ("instance_class",),
                    expected=f"at least the source's {source.text('instance_class')}",
                    got=replica.text("instance_class"),
                    next_step="give the replica the class of its source",
                )
            else:
                yield FINE


def _source_of(inventory: Inventory, replica: Resource) -> list[Resource]:
    found = inventory.linked(replica, "replicate_source_db", INSTANCE, "identifier", "arn")
    return [r for r in found if r.address != replica.address]


@rule(
    "database-replica-destroyable",
    promises=("section 1.5, Terraform modules apply without errors",),
    why="RDS takes no final snapshot of a replica, so destroying or replacing it fails",
    source="RDS API, DeleteDBInstance: SkipFinalSnapshot has to be set for a read replica",
    needs=(TERRAFORM,),
)
def replica_destroyable(inventory: Inventory) -> Iterator[Mark]:
    """A replica skips its final snapshot."""
    for replica in filter(is_replica, inventory.of(INSTANCE)):
        if as_switch(replica.get("skip_final_snapshot")) is True:
            yield FINE
        else:
            yield defect(
                replica,
                ("skip_final_snapshot",),
                expected="skip_final_snapshot = true on a replica",
                got=replica.get("skip_final_snapshot"),
                next_step="set it; the source keeps its own final snapshot",
            )


@rule(
    "database-log-groups-declared",
    promises=("section 1.5, ELK ingests logs",),
    why="RDS makes missing log groups itself, without an end of retention",
    source="CloudWatch Logs user guide: log data is kept indefinitely by default",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def log_groups_declared(inventory: Inventory) -> Iterator[Mark]:
    """The log groups that exports write to are declared."""
    names = [
        name for group in inventory.of("aws_cloudwatch_log_group") for name in [group.get("name")]
    ]
    known = [name for name in names if isinstance(name, str)]
    for database in inventory.of(INSTANCE, CLUSTER):
        prefix = "cluster" if database.kind == CLUSTER else "instance"
        identifier = database.text("identifier") or database.text("cluster_identifier")
        for export in texts(database.get("enabled_cloudwatch_logs_exports")):
            wanted = f"/aws/rds/{prefix}/{identifier}/{export}"
            if wanted in known:
                yield FINE
            elif not identifier or len(known) < len(names):
                yield undecided(database, ("enabled_cloudwatch_logs_exports",), "names not known")
            else:
                yield defect(
                    database,
                    ("enabled_cloudwatch_logs_exports",),
                    expected=f"aws_cloudwatch_log_group {wanted!r} with a retention",
                    got="none",
                    next_step="declare it before the database, with retention_in_days",
                )


@rule(
    "database-windows-apart",
    promises=_RECOVERY,
    why="a backup and a maintenance that begin together wait for each other or are refused",
    source="RDS and ElastiCache API: the backup window must not overlap the maintenance window",
    needs=(TERRAFORM,),
)
def windows_apart(inventory: Inventory) -> Iterator[Mark]:
    """Backup and maintenance windows do not overlap."""
    fields = {
        INSTANCE: ("backup_window", "maintenance_window"),
        CLUSTER: ("preferred_backup_window", "preferred_maintenance_window"),
        "aws_elasticache_replication_group": ("snapshot_window", "maintenance_window"),
    }
    for kind, (backup, maintenance) in fields.items():
        for store in inventory.of(kind):
            first, second = store.get(backup), store.get(maintenance)
            if not isinstance(first, str) or not isinstance(second, str):
                continue
            if _overlap(first, second):
                yield defect(
                    store,
                    (maintenance,),
                    expected=f"{maintenance} apart from {backup} {first}",
                    got=second,
                    next_step="move one of them",
                )
            else:
                yield FINE


def _minutes(text: str) -> int:
    hours, _, minutes = text.rpartition(":")
    return int(hours.rsplit(":", 1)[-1]) * 60 + int(minutes)


def _overlap(backup: str, maintenance: str) -> bool:
    """Say whether two windows share minutes of a day; the maintenance one names its days."""
    try:
        first, second = backup.split("-"), maintenance.split("-")
        starts, ends = (
            [_minutes(first[0]), _minutes(second[0])],
            [_minutes(first[1]), _minutes(second[1])],
        )
    except (ValueError, IndexError):
        return False
    ends = [end if end > start else end + 1440 for start, end in zip(starts, ends, strict=True)]
    return any(starts[0] < ends[1] + day and starts[1] + day < ends[0] for day in (-1440, 0, 1440))


@rule(
    "database-retention-in-bound",
    promises=_RECOVERY,
    why="without automated backups there is no recovery to a point in time",
    source="RDS user guide, USER_PIT: restores need backup_retention_period above 0",
    needs=(TERRAFORM,),
    required=True,
)
def retention_in_bound(inventory: Inventory) -> Iterator[Mark]:
    """Every database keeps automated backups for at least a week."""
    for database in filter(is_primary, inventory.of(INSTANCE, CLUSTER)):
        value = database.get("backup_retention_period")
        days = as_number(value)
        if not is_known(value):
            yield undecided(database, ("backup_retention_period",), value)
        elif days is None or days < 7:
            yield defect(
                database,
                ("backup_retention_period",),
                expected="at least 7 days",
                got=value,
                next_step="set backup_retention_period",
            )
        else:
            yield FINE


DATABASES = (INSTANCE, CLUSTER)
RULES = (
    failover_in_bound,
    version_supported,
    minor_upgrade_chosen,
    replica_fits,
    replica_destroyable,
    log_groups_declared,
    windows_apart,
    retention_in_bound,
    field_rule(
        "database-deletion-protected",
        DATABASES,
        ("deletion_protection",),
        is_on,
        expected="deletion_protection = true",
        next_step="set it, by a variable where rehearsals have to be taken down",
        promises=_RECOVERY,
        why="one wrong apply or click deletes the database",
        source="RDS API, DeletionProtection",
        severity=Severity.WARNING,
    ),
    field_rule(
        "database-password-managed",
        DATABASES,
        ("manage_master_user_password",),
        is_on,
        expected="manage_master_user_password = true",
        next_step="let RDS keep the password in Secrets Manager",
        promises=("NFR-SEC-03",),
        why="a password that is an argument stands in the state as plain text",
        source="terraform-provider-aws, db_instance: arguments are stored in the raw state",
        when=is_primary,
        severity=Severity.WARNING,
    ),
    field_rule(
        "database-logs-exported",
        DATABASES,
        ("enabled_cloudwatch_logs_exports",),
        is_said,
        expected="enabled_cloudwatch_logs_exports",
        next_step="export the same logs as the source does",
        promises=("section 1.5, ELK ingests logs from all services",),
        why="a reader whose logs stay on its disk is blind after it took over",
        source="RDS user guide, publishing logs to CloudWatch Logs",
        severity=Severity.WARNING,
    ),
)
