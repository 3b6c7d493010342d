"""Which series the planned exporters export, with the labels that a selector may name.

A table by exporter, with the names that alert rules use. Sources: the exporters' own
documentation of metrics (kube-state-metrics, node_exporter, cAdvisor in the kubelet,
postgres_exporter, redis_exporter, Prometheus, Alertmanager). A name that is not in the table is
undecided when its prefix is of a known exporter, and missing when nothing exports such names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Exporter:
    """A source of series: its prefixes, known names, and the names that are never kept."""

    name: str
    prefixes: tuple[str, ...]
    # The job of the chart, or the words that a scrape target of one's own carries.
    target: str
    by_chart: bool
    dropped: re.Pattern[str] | None = None


# kube-prometheus-stack values, cAdvisorMetricRelabelings: dropped because kube-state-metrics has
# requests and limits, or because nobody used them.
CADVISOR_DROPPED = re.compile(
    r"container_(spec.*|file_descriptors|tasks_state|threads_max|memory_(mapped_file|swap)"
    r"|cpu_(load_average_10s|system_seconds_total|user_seconds_total))"
)
EXPORTERS: tuple[Exporter, ...] = (
    Exporter("cAdvisor", ("container_", "machine_"), "kubelet", True, CADVISOR_DROPPED),
    Exporter("kube-state-metrics", ("kube_",), "kube-state-metrics", True),
    Exporter("node-exporter", ("node_",), "node-exporter", True),
    Exporter("kubelet", ("kubelet_",), "kubelet", True),
    Exporter("API server", ("apiserver_",), "apiserver", True),
    Exporter("CoreDNS", ("coredns_",), "coredns", True),
    Exporter("Prometheus", ("prometheus_",), "prometheus", True),
    Exporter("Alertmanager", ("alertmanager_",), "alertmanager", True),
    Exporter("postgres_exporter", ("pg_", "postgres_"), "postgres", False),
    Exporter("redis_exporter", ("redis_",), "redis", False),
    Exporter("CloudWatch exporter", ("aws_",), "cloudwatch", False),
    Exporter("blackbox exporter", ("probe_",), "blackbox", False),
)
# Written by Prometheus itself for every target.
BUILT_IN = frozenset(
    "up ALERTS ALERTS_FOR_STATE scrape_duration_seconds scrape_samples_scraped".split()
)
# Several series for each instance, which have to be summed before a threshold means anything.
SPLIT: Mapping[str, str] = MappingProxyType(
    {
        "pg_stat_activity_count": "database, user and state",
        "pg_stat_database_numbackends": "database",
        "kube_pod_status_phase": "phase",
        "redis_db_keys": "database",
    }
)


def exporter_of(name: str) -> Exporter | None:
    """Return the exporter that series of this name come from."""
    return next((e for e in EXPORTERS if name.startswith(e.prefixes)), None)
