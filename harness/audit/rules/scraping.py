"""Rules on what Prometheus scrapes and what Grafana shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.rule import FINE, MONITORING, Defect, Mark, Severity, defect, rule
from harness.audit.value import as_list, dig

_ALL = ("section 1.5, Prometheus scraping all targets with 100% uptime",)
# Dashboards of grafana.com by id: the component whose series they show.
DASHBOARDS = {9614: "ingress-nginx", 14314: "ingress-nginx", 12740: "karpenter"}


@rule(
    "scrape-target-exists",
    promises=_ALL,
    why="a target that nothing deploys is down from the first minute",
    source="Prometheus documentation, static_configs",
    needs=(MONITORING,),
)
def target_exists(inventory: Inventory) -> Iterator[Mark]:
    """Each static target inside the cluster is a Service of the inputs."""
    for job in inventory.jobs:
        for config in as_list(job.values.get("static_configs")):
            for target in as_list(dig(config, "targets")):
                found = re.match(r"([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc\S*)?:\d+$", str(target))
                if found is None:
                    continue
                if inventory.object("Service", found[2], found[1]) is not None:
                    yield FINE
                else:
                    yield Defect(
                        job.place,
                        f"scrape job {job.name}",
                        f"a Service {found[1]!r} in namespace {found[2]}",
                        "none",
                        "deploy the exporter with its Service, or drop the job",
                    )


@rule(
    "scrape-port-declared",
    promises=_ALL,
    why="role pod makes a target of every container port at /metrics; annotations are not read",
    source="Prometheus documentation, kubernetes_sd_configs, role pod",
    needs=(MONITORING,),
)
def port_declared(inventory: Inventory) -> Iterator[Mark]:
    """A job of role pod takes its port (and path) from somewhere."""
    for job in inventory.jobs:
        roles = [dig(c, "role") for c in as_list(job.values.get("kubernetes_sd_configs"))]
        if "pod" not in roles:
            continue
        relabelled = [dig(r, "target_label") for r in as_list(job.values.get("relabel_configs"))]
        sources = str(job.values.get("relabel_configs"))
        if "__address__" in relabelled or "container_port" in sources:
            yield FINE
        else:
            yield Defect(
                job.place,
                f"scrape job {job.name}",
                "a relabelling to __address__ from prometheus.io/port, or a filter on the port",
                "every container port is a target",
                "keep one port: action keep on __meta_kubernetes_pod_container_port_number",
            )


@rule(
    "dashboard-has-component",
    promises=("section 5.1, Grafana dashboards: all widgets loading",),
    why="a dashboard of a component that is not there has empty panels only",
    source="grafana.com, the dashboard's own description",
    needs=(MONITORING,),
    severity=Severity.WARNING,
)
def dashboard_component(inventory: Inventory) -> Iterator[Mark]:
    """Each downloaded dashboard is of something that is planned."""
    names = " ".join(
        [o.name for o in inventory.of("Deployment", "DaemonSet")]
        + [str(r.values) for r in inventory.of("helm_release")]
    )
    for release in inventory.releases:
        for folder, boards in _mapping(release.get("grafana", "dashboards")).items():
            for name, board in _mapping(boards).items():
                component = DASHBOARDS.get(dig(board, "gnetId"))
                if component is None or component in names:
                    yield FINE
                else:
                    yield defect(
                        release,
                        ("grafana", "dashboards", folder, name),
                        expected=f"{component} in the inputs",
                        got=f"dashboard {dig(board, 'gnetId')} without it",
                        next_step="take a dashboard of what is there",
                    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


@rule(
    "monitoring-retention-fits",
    promises=("section 3, day 704",),
    why="a Prometheus whose data outgrows its volume stops",
    source="Prometheus documentation, storage: retention size below the volume",
    needs=(MONITORING,),
    severity=Severity.WARNING,
)
def retention_fits(inventory: Inventory) -> Iterator[Mark]:
    """The retention by size is below the volume."""
    for release in inventory.releases:
        spec = release.get("prometheus", "prometheusSpec")
        size = re.match(r"(\d+)GB", str(dig(spec, "retentionSize")))
        asked = dig(spec, "storageSpec", "volumeClaimTemplate", "spec", "resources", "requests")
        volume = re.match(r"(\d+)Gi", str(dig(asked, "storage")))
        if size is None or volume is None:
            continue
        if int(size[1]) * 1e9 < 0.9 * int(volume[1]) * 1024**3:
            yield FINE
        else:
            yield defect(
                release,
                ("prometheus", "prometheusSpec", "retentionSize"),
                expected=f"below 90 % of {volume[0]}",
                got=size[0],
                next_step="lower it, or enlarge the volume",
            )


RULES = (target_exists, port_declared, dashboard_component, retention_fits)
