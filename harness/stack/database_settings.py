"""What the emulated database is set to, beside what the document sets, and what that weakens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Of the container: PostgreSQL with 64 MB of shared buffers takes some 150 MiB, Patroni 60 MiB.
MEMORY = "512m"

_SMALL = "three servers share one machine's memory"

_FAULTS = ("postmaster-kill", "container-kill", "hang")
_FAILOVER_CLAIMS = tuple(f"database-failover-time-{fault}" for fault in _FAULTS)
_LOSS_CLAIMS = tuple(f"database-no-acknowledged-loss-{fault}" for fault in _FAULTS)


@dataclass(frozen=True)
class Setting:
    """One server parameter: the document's value, ours, and why they differ."""

    name: str
    production: str
    emulation: str
    why: str = ""
    weakens: tuple[str, ...] = ()


# The document's parameter group (section 3, day 702, rds.tf), then what RDS sets by itself.
PARAMETERS = (
    Setting("log_statement", "ddl", "ddl"),
    Setting("log_min_duration_statement", "1000", "1000"),
    Setting(
        "shared_preload_libraries",
        "pg_stat_statements,auto_explain",
        "pg_stat_statements,auto_explain",
    ),
    Setting("pg_stat_statements.track", "all", "all"),
    Setting("auto_explain.log_min_duration", "5000", "5000"),
    Setting("max_connections", "500", "500"),
    Setting("work_mem", "256000kB", "4MB", _SMALL),
    Setting("maintenance_work_mem", "1024000kB", "64MB", _SMALL),
    # The document's comment says 12 GB, but the parameter counts pages of 8 kB.
    Setting("effective_cache_size", "12582912 pages (96 GB)", "256MB", _SMALL),
    Setting("random_page_cost", "1.1", "1.1"),
    Setting("shared_buffers", "a quarter of 64 GiB (RDS default)", "64MB", _SMALL),
    Setting(
        "max_wal_size",
        "RDS default for the class",
        "512MB",
        "bounds the disk that three copies take",
        _FAILOVER_CLAIMS,
    ),
)

# Ours alone: the server's housekeeping for failover and for small disks.
_HOUSEKEEPING = {
    "wal_keep_size": "128MB",
    "max_slot_wal_keep_size": "1GB",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

# ttl is the shortest that Patroni allows; loop_wait + 2 * retry_timeout stays below it.
# primary_start_timeout 0: a crashed postmaster is failed over from, not restarted in place
# (the default would try for 300 s).
FAILOVER: dict[str, Any] = {
    "ttl": 20,
    "loop_wait": 2,
    "retry_timeout": 5,
    "primary_start_timeout": 0,
    "maximum_lag_on_failover": 1048576,
    "synchronous_mode": True,
}


def parameters() -> dict[str, str]:
    """Return the server's parameters as they are set here."""
    return {setting.name: setting.emulation for setting in PARAMETERS} | _HOUSEKEEPING


def differences() -> list[dict[str, Any]]:
    """Return every parameter that is not production's, then the parts that stand in."""
    scaled = [
        {
            "what": setting.name,
            "production": setting.production,
            "emulation": setting.emulation,
            "why": setting.why,
            "weakens": list(setting.weakens),
        }
        for setting in PARAMETERS
        if setting.production != setting.emulation
    ]
    return [*scaled, *_stand_ins()]


def _stand_ins() -> list[dict[str, Any]]:
    return [
        {
            "what": "database engine",
            "production": "RDS for PostgreSQL 16.1, db.r6i.2xlarge, 500 GB gp3, encrypted",
            "emulation": f"PostgreSQL 16.14, containers of {MEMORY}, the host's disk",
            "why": "RDS cannot be run here; 16.14 is the release there are packages of",
            "weakens": [],
        },
        {
            "what": "failover of the database",
            "production": "Multi-AZ instance: the provider's detection, documented 60 to 120 s",
            "emulation": f"Patroni, lease of {FAILOVER['ttl']} s, checked every "
            f"{FAILOVER['loop_wait']} s",
            "why": "another implementation of the same contract",
            "weakens": list(_FAILOVER_CLAIMS),
        },
        {
            "what": "crash of the postmaster on a healthy host",
            "production": "the provider may restart it in place, which takes its crash recovery",
            "emulation": "failed over from at once (primary_start_timeout 0)",
            "why": "the document promises failover, not restart",
            "weakens": [_FAILOVER_CLAIMS[0]],
        },
        {
            "what": "replication to the standby",
            "production": "synchronous copies of storage blocks, below the engine",
            "emulation": "synchronous streaming of WAL; without a standby commits go on alone",
            "why": "the nearest that PostgreSQL itself has",
            "weakens": list(_LOSS_CLAIMS),
        },
        {
            "what": "backups, Performance Insights, storage encryption",
            "production": "30 days of backups, both on",
            "emulation": "none",
            "why": "no experiment here uses them",
            "weakens": [],
        },
    ]
