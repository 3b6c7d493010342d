"""Rules on PostgreSQL's parameters: units, memory, static ones, pools."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.audit import facts
from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.rule import FINE, KUBERNETES, TERRAFORM, Mark, Severity, defect, rule, undecided
from harness.audit.rules.database import DATABASES
from harness.audit.value import Unknown, as_list, as_number, dig

GROUPS = ("aws_db_parameter_group", "aws_rds_cluster_parameter_group")
_FIELDS = ("parameter_group_name", "db_cluster_parameter_group_name")
_COMMENT = re.compile(r"(\d+(?:\.\d+)?)\s*(K|M|G)i?B", re.IGNORECASE)
_SIZES = {"K": 1024, "M": facts.MIB, "G": facts.GIB}
POOL = re.compile(r"(^|_)(POOL_SIZE|DB_MAXCONN|DB_POOL_SIZE|MAX_CONNECTIONS)$")


def parameters(group: Resource) -> Iterator[tuple[int, str, Any, Any]]:
    """Return index, name, value and the whole block of each parameter of a group."""
    for index, block in enumerate(as_list(group.get("parameter"))):
        name = dig(block, "name")
        if isinstance(name, str):
            yield index, name, dig(block, "value"), block


def parameter(group: Resource, name: str) -> Any:
    """Return a parameter's value; None where it is not set."""
    return next((value for _, key, value, _ in parameters(group) if key == name), None)


def groups_of(inventory: Inventory, database: Resource) -> list[Resource]:
    """Return the parameter groups that a database uses."""
    return [g for f in _FIELDS for k in GROUPS for g in inventory.linked(database, f, k, "name")]


def memory_of(inventory: Inventory, group: Resource) -> int | None:
    """Return the smallest memory among the databases that use a group, in bytes."""
    sizes = []
    for database in inventory.of(*DATABASES):
        if any(g.address == group.address for g in groups_of(inventory, database)):
            name = database.text("instance_class") or database.text("db_cluster_instance_class")
            found = facts.machine(name)
            if found is not None:
                sizes.append(found.memory_bytes)
    return min(sizes, default=None)


@rule(
    "parameter-apply-method",
    promises=("section 1.5, Terraform modules apply without errors",),
    why="RDS refuses to change a static parameter at once, and immediate is the default",
    source="terraform-provider-aws, db_parameter_group: apply_method; RDS user guide",
    needs=(TERRAFORM,),
)
def apply_method(inventory: Inventory) -> Iterator[Mark]:
    """Static parameters are set with pending-reboot."""
    for group in inventory.of(*GROUPS):
        for index, name, _, block in parameters(group):
            if (
                name not in facts.STATIC_PARAMETERS
                or dig(block, "apply_method") == "pending-reboot"
            ):
                yield FINE
            else:
                yield defect(
                    group,
                    ("parameter", index, "name"),
                    expected=f'apply_method = "pending-reboot" for {name}',
                    got=dig(block, "apply_method") or "immediate, the default",
                    next_step="set it, and plan the reboot",
                )


@rule(
    "parameter-memory-fits",
    promises=("NFR-AVAIL-01",),
    why="memory that PostgreSQL may ask for and the instance has not ends in a kill and a failover",
    source="PostgreSQL, Resource Consumption: work_mem is for each sort of each connection; units",
    needs=(TERRAFORM,),
)
def memory_fits(inventory: Inventory) -> Iterator[Mark]:
    """Memory parameters fit into the instance, in their own units."""
    for group in inventory.of(*GROUPS):
        memory = memory_of(inventory, group)
        if memory is None:
            if any(name in facts.PARAMETER_UNIT for _, name, _, _ in parameters(group)):
                yield undecided(group, ("parameter",), "memory of the instance class not known")
            continue
        connections = as_number(parameter(group, "max_connections"))
        for index, name, value, _ in parameters(group):
            unit, number = facts.PARAMETER_UNIT.get(name), as_number(value)
            if unit is None or number is None:
                continue
            bytes_used, share, how = number * unit, 1.0, f"{number:g} x {unit} bytes"
            if name == "work_mem" and connections:
                bytes_used *= connections
                how += f" x {connections:g} connections"
            if name == "maintenance_work_mem":
                bytes_used *= 3
                how += " x 3 autovacuum workers"
            if bytes_used <= memory * share:
                yield FINE
                continue
            yield defect(
                group,
                ("parameter", index, "value"),
                expected=f"{name} within the {memory / facts.GIB:g} GiB of the instance",
                got=f"{how} = {bytes_used / facts.GIB:.0f} GiB",
                next_step=f"lower it; the unit of {name} is {unit} bytes",
            )


@rule(
    "parameter-as-commented",
    promises=("NFR-AVAIL-01",),
    why="a value that is not what its comment says was computed with another unit",
    source="PostgreSQL documentation: units of the memory parameters",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def as_commented(inventory: Inventory) -> Iterator[Mark]:
    """A memory parameter's value is the size that its comment names."""
    for group in inventory.of(*GROUPS):
        for index, name, value, _ in parameters(group):
            unit, number = facts.PARAMETER_UNIT.get(name), as_number(value)
            said = _COMMENT.search(group.remark(("parameter", index, "value")))
            if unit is None or number is None or said is None:
                continue
            meant = float(said[1]) * _SIZES[said[2].upper()]
            if abs(number * unit - meant) <= 0.01 * meant:
                yield FINE
                continue
            yield defect(
                group,
                ("parameter", index, "value"),
                expected=f"{meant / unit:.0f} for the {said[0]} of the comment (unit {unit} bytes)",
                got=f"{number:g}, which is {number * unit / facts.MIB:.0f} MiB",
                next_step="correct the number or the comment",
            )


@rule(
    "parameter-tls-forced",
    promises=("NFR-SEC-01",),
    why="without rds.force_ssl a client may talk in clear; its default depends on the version",
    source="RDS user guide, PostgreSQL.Concepts.General.SSL",
    needs=(TERRAFORM,),
    required=True,
)
def tls_forced(inventory: Inventory) -> Iterator[Mark]:
    """Each database's parameters force TLS, and say so."""
    for database in inventory.of(*DATABASES):
        if "postgres" not in (database.text("engine") or "postgres"):
            continue
        groups = groups_of(inventory, database)
        values = [parameter(group, "rds.force_ssl") for group in groups]
        if any(str(value) == "1" for value in values):
            yield FINE
        elif any(isinstance(value, Unknown) for value in values):
            yield undecided(database, ("parameter_group_name",), values[0])
        else:
            where = groups[0] if groups else database
            yield defect(
                where,
                ("parameter",),
                expected="parameter rds.force_ssl = 1",
                got="nothing" if not any(values) else values[0],
                next_step="state it in the parameter group",
            )


@rule(
    "pool-fits-connections",
    promises=("hpa-scale-up", "database-failover-time-*"),
    why="all pods reconnect at once after a failover: pool times pods must be below the limit",
    source="PostgreSQL, max_connections; 15 are kept back for RDS and superusers",
    needs=(TERRAFORM, KUBERNETES),
)
def pool_fits(inventory: Inventory) -> Iterator[Mark]:
    """The pools of all replicas at their maximum fit into max_connections."""
    limits = [
        number
        for group in inventory.of(*GROUPS)
        if (number := as_number(parameter(group, "max_connections"))) is not None
    ]
    for found in inventory.of("ConfigMap"):
        for key, value in (found.get("data") or {}).items():
            size = as_number(value)
            if size is None or not POOL.search(str(key)):
                continue
            pods = sum(
                _pods_max(inventory, workload)
                for workload in inventory.of("Deployment", "StatefulSet")
                if workload.namespace == found.namespace
                and f"'{found.name}'" in repr(workload.values)
            )
            if not limits or not pods:
                yield undecided(found, ("data", key), "max_connections or the pods are not known")
            elif size * pods > min(limits) - 15:
                yield defect(
                    found,
                    ("data", key),
                    expected=f"at most {min(limits) - 15:g} connections in all",
                    got=f"{size:g} x {pods:g} pods = {size * pods:g}",
                    next_step="make the pool smaller, or put a pooler in front",
                )
            else:
                yield FINE


def _pods_max(inventory: Inventory, workload: Resource) -> float:
    scaler = inventory.scaler(workload)
    if scaler is not None:
        return as_number(scaler.get("spec", "maxReplicas")) or 1
    return as_number(workload.get("spec", "replicas")) or 1


RULES = (apply_method, memory_fits, as_commented, tls_forced, pool_fits)
