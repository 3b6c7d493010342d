"""What the rules know of AWS, Kubernetes and PostgreSQL: tables with their sources.

Every table names where its figures stand, and the dated ones when they were read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True)
class Support:
    """Last days of a version's standard and extended support."""

    standard: date
    extended: date


# EKS user guide, "Understand the Kubernetes version lifecycle on EKS"; read 2026-11.
EKS_SUPPORT: Mapping[str, Support] = MappingProxyType(
    {
        "1.27": Support(date(2024, 7, 24), date(2025, 7, 24)),
        "1.28": Support(date(2024, 11, 26), date(2025, 11, 26)),
        "1.29": Support(date(2025, 3, 23), date(2026, 3, 23)),
        "1.30": Support(date(2025, 7, 23), date(2026, 7, 23)),
        "1.31": Support(date(2025, 11, 26), date(2026, 11, 26)),
        "1.32": Support(date(2026, 3, 23), date(2027, 3, 23)),
        "1.33": Support(date(2026, 7, 29), date(2027, 7, 29)),
        "1.34": Support(date(2026, 12, 2), date(2027, 12, 2)),
        "1.35": Support(date(2027, 3, 27), date(2028, 3, 27)),
    }
)
EKS_OLDEST = "1.27"
# RDS notice of 2026-05: versions below these minors left standard support on 2026-05-31 and
# cannot be created since 2026-05-01 (16.5 to 16.8 by name; earlier minors ended before).
POSTGRES_MINORS_END = date(2026, 5, 31)
POSTGRES_OLDEST_MINOR: Mapping[str, int] = MappingProxyType({"14": 18, "15": 13, "16": 9, "17": 5})
# RDS release calendar, major versions: end of standard support.
POSTGRES_MAJOR_END: Mapping[str, date] = MappingProxyType(
    {"11": date(2024, 2, 29), "12": date(2025, 2, 28), "13": date(2026, 2, 28)}
)
# ElastiCache, "Redis OSS versions end of life schedule" and Extended Support notice.
REDIS_MAJOR_END: Mapping[str, date] = MappingProxyType(
    {"3": date(2023, 7, 31), "4": date(2026, 1, 31), "5": date(2026, 1, 31)}
)


@dataclass(frozen=True)
class Machine:
    """vCPUs and memory of an instance size; ``pods_max`` is the VPC CNI's limit (0: a database)."""

    cores: int
    memory_bytes: int
    pods_max: int = 0


# EC2 and RDS user guides, instance sizes; pods: EKS user guide, maximum pods per instance type.
_SIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"large": (2, 1), "xlarge": (4, 2), "2xlarge": (8, 4), "4xlarge": (16, 8), "8xlarge": (32, 16)}
)
# Memory of a large, in GiB, by family letter.
_MEMORY_OF_LARGE: Mapping[str, int] = MappingProxyType({"t": 8, "m": 8, "r": 16, "c": 4})
_PODS: Mapping[str, int] = MappingProxyType({"large": 29, "xlarge": 58, "2xlarge": 58})
_SMALL_T = MappingProxyType({"micro": 1, "small": 2, "medium": 4})


def machine(name: str) -> Machine | None:
    """Return what an EC2, RDS or ElastiCache instance class has; None when it is not known."""
    found = re.fullmatch(r"(?:db\.|cache\.)?([a-z])(\d)[a-z]*\.(\w+)", name)
    if found is None or found[1] not in _MEMORY_OF_LARGE:
        return None
    family, size = found[1], found[3]
    if size in _SMALL_T and family == "t":
        return Machine(2, _SMALL_T[size] * GIB, 17)
    if size not in _SIZES:
        return None
    cores, factor = _SIZES[size]
    return Machine(cores, _MEMORY_OF_LARGE[family] * factor * GIB, _PODS.get(size, 110))


def allocatable(node: Machine) -> tuple[float, float]:
    """Return cores and bytes that pods can ask of a node.

    EKS AMI: 6 % of the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of the rest
    are reserved, 255 MiB and 11 MiB for each pod, and 100 MiB below which pods are evicted.
    """
    shares = [0.06, 0.01, 0.005, 0.005]
    reserved = sum(shares[: node.cores]) + 0.0025 * max(node.cores - 4, 0)
    memory = node.memory_bytes - (255 + 11 * node.pods_max + 100) * MIB
    return node.cores - reserved, memory


# PostgreSQL documentation, "Resource Consumption" and "Query Planning": bytes of one unit.
PARAMETER_UNIT: Mapping[str, int] = MappingProxyType(
    {
        "shared_buffers": 8192,
        "effective_cache_size": 8192,
        "work_mem": 1024,
        "maintenance_work_mem": 1024,
        "autovacuum_work_mem": 1024,
        "temp_buffers": 8192,
        "wal_buffers": 8192,
    }
)
# PostgreSQL documentation: "This parameter can only be set at server start"; RDS applies these
# only at a reboot, and refuses apply_method immediate for them.
STATIC_PARAMETERS = frozenset(
    """
    shared_preload_libraries max_connections shared_buffers wal_buffers max_wal_senders
    max_replication_slots max_worker_processes huge_pages autovacuum_max_workers
    max_prepared_transactions max_locks_per_transaction track_activity_query_size
    rds.logical_replication pg_stat_statements.max
    """.split()
)
# RDS user guide: documented times of a failover in seconds.
INSTANCE_FAILOVER_SECONDS = (60, 120)
CLUSTER_FAILOVER_SECONDS = 35
# The document's own bound, sections 1.5 and 5.1.
FAILOVER_BOUND_SECONDS = 60
# Elastic Load Balancing: default deregistration delay of a target group.
DEREGISTRATION_SECONDS = 300
# Kubernetes: DefaultTolerationSeconds admission.
TOLERATION_SECONDS = 300
PROTOCOLS_WEAK = frozenset({"SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016", "TLSv1.2_2018"})

_FACTORS: Mapping[str, float] = MappingProxyType(
    {
        "m": 1e-3,
        "": 1,
        "k": 1e3,
        "M": 1e6,
        "G": 1e9,
        "T": 1e12,
        "Ki": 1024,
        "Mi": MIB,
        "Gi": GIB,
        "Ti": 1024**4,
    }
)


def quantity(value: object) -> float | None:
    """Return a Kubernetes quantity as a number of cores or bytes; None when it is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(value).strip())
    if found is None or found[2] not in _FACTORS:
        return None
    return float(found[1]) * _FACTORS[found[2]]
