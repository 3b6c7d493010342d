"""Rules on alerts: loaded, about series that exist, sent to somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit import series
from harness.audit.inventory import Inventory
from harness.audit.promql import Selection, selections
from harness.audit.resource import Alertmanager, AlertRule, Path, Place
from harness.audit.rule import FINE, MONITORING, Defect, Mark, Severity, Undecided, defect, rule
from harness.audit.value import as_list, dig

_ALERTS = ("section 3, day 704 (alert rules)", "NFR-AVAIL-01")
_SENT = ("section 3, day 704 (Alertmanager)",)
_THRESHOLD = re.compile(r"[<>]=?\s*[\d.]+\s*$|==\s*[\d.]+\s*$")


def _parsed(inventory: Inventory) -> Iterator[tuple[AlertRule, list[Selection]]]:
    for found in inventory.alerts:
        try:
            yield found, selections(found.expression)
        except ValueError:
            continue


def _place(found: AlertRule) -> Place:
    return Place(found.place.file, found.expression_line)


def _wrong(found: AlertRule, expected: str, got: str, step: str) -> Defect:
    return Defect(_place(found), f"alert {found.name}", expected, got, step)


@rule(
    "alert-expression-valid",
    promises=_ALERTS,
    why="Prometheus refuses the whole rule file for one expression that is no PromQL",
    source="Prometheus documentation, querying",
    needs=(MONITORING,),
)
def expression_valid(inventory: Inventory) -> Iterator[Mark]:
    """Each expression can be parsed, and the waiting time is a duration."""
    for found in inventory.alerts:
        try:
            selections(found.expression)
        except ValueError as error:
            yield _wrong(found, "a PromQL expression", str(error), "correct the expression")
            continue
        if found.pause and not re.fullmatch(r"(\d+(ms|[smhdwy]))+", found.pause):
            yield _wrong(found, "for: a duration such as 5m", found.pause, "correct it")
        else:
            yield FINE


@rule(
    "alert-rules-selected",
    promises=_ALERTS,
    why="the chart loads only PrometheusRules with the label of its release, unless told otherwise",
    source="kube-prometheus-stack values: ruleSelectorNilUsesHelmValues is true by default",
    needs=(MONITORING,),
    required=True,
)
def rules_selected(inventory: Inventory) -> Iterator[Mark]:
    """PrometheusRule objects carry a label that Prometheus selects."""
    specs = [r.get("prometheus", "prometheusSpec") for r in inventory.releases]
    everything = any(
        dig(s, "ruleSelectorNilUsesHelmValues") is False or dig(s, "ruleSelector") is not None
        for s in specs
    )
    objects = inventory.of("PrometheusRule")
    for found in objects:
        if everything or "release" in found.labels:
            yield FINE
        else:
            yield defect(
                found,
                ("metadata", "name"),
                expected="label release: <name of the Helm release>",
                got=f"labels {dict(found.labels) or 'none'}",
                next_step="add the label, or set ruleSelectorNilUsesHelmValues: false",
            )
    if not objects and inventory.alerts:
        yield FINE


@rule(
    "alert-series-exist",
    promises=_ALERTS,
    why="an expression over a series that nobody exports is empty: the alert never fires",
    source="kube-prometheus-stack, cAdvisorMetricRelabelings; the exporters' own metric lists",
    needs=(MONITORING,),
)
def series_exist(inventory: Inventory) -> Iterator[Mark]:
    """Each series of an alert is exported by something that is planned, with its labels."""
    recorded = {found.name for found in inventory.alerts if found.recording}
    for found, chosen in _parsed(inventory):
        for one in chosen:
            problem = _missing(inventory, one, recorded)
            if problem is None:
                yield FINE
            elif isinstance(problem, Undecided):
                yield Undecided(_place(found), f"alert {found.name}", problem.why)
            else:
                step = "use a series that is exported, or plan its exporter"
                yield _wrong(found, f"an exporter of {one.name}", problem, step)


def _missing(inventory: Inventory, one: Selection, recorded: set[str]) -> str | Undecided | None:
    name = one.name
    if name in recorded or name in series.BUILT_IN or ":" in name or not name:
        return None
    exporter = series.exporter_of(name)
    if exporter is None:
        return "no planned exporter has it"
    if exporter.dropped is not None and exporter.dropped.fullmatch(name):
        return "the chart drops it (metric relabelling of cAdvisor)"
    if exporter.by_chart:
        return None if inventory.releases else Undecided(Place("", 0), name, "no chart is planned")
    planned = any(exporter.target in str(j.values).lower() for j in inventory.jobs)
    planned |= any(
        exporter.target in o.name.lower() for o in inventory.of("ServiceMonitor", "PodMonitor")
    )
    return None if planned else f"no scrape job for {exporter.name}"


@rule(
    "alert-sums-containers",
    promises=_ALERTS,
    why="cAdvisor has a series for each container and one for the pod: their sum counts twice",
    source="cAdvisor labels; Kubernetes mixins filter on container",
    needs=(MONITORING,),
    severity=Severity.WARNING,
)
def sums_containers(inventory: Inventory) -> Iterator[Mark]:
    """Sums over cAdvisor's series leave the pod's own total out."""
    for found, chosen in _parsed(inventory):
        for one in chosen:
            if not re.match(r"container_(cpu|memory)_", one.name) or not one.aggregated:
                continue
            if any(label in ("container", "image") for label, _, _ in one.matchers):
                yield FINE
            else:
                step = 'add container!=""'
                yield _wrong(found, f'{one.name}{{container!=""}}', "no filter", step)


@rule(
    "alert-sums-parts",
    promises=_ALERTS,
    why="a threshold on one part of a total is never reached while the total is far above it",
    source="postgres_exporter: one series for each database, user and state",
    needs=(MONITORING,),
)
def sums_parts(inventory: Inventory) -> Iterator[Mark]:
    """Series that are split by label are summed before they are compared."""
    for found, chosen in _parsed(inventory):
        for one in chosen:
            if one.name not in series.SPLIT or not _THRESHOLD.search(found.expression.strip()):
                continue
            if one.aggregated:
                yield FINE
            else:
                got = f"one series for each {series.SPLIT[one.name]}"
                yield _wrong(found, f"sum({one.name}) before the threshold", got, "sum it")


@rule(
    "alert-ready-of-running",
    promises=_ALERTS,
    why="pods of finished Jobs are not ready for ever: the alert pages for each of them",
    source="kube-state-metrics: kube_pod_status_ready is exported for pods of any phase",
    needs=(MONITORING,),
    severity=Severity.WARNING,
)
def ready_of_running(inventory: Inventory) -> Iterator[Mark]:
    """Alerts on readiness leave finished pods out."""
    for found, chosen in _parsed(inventory):
        names = {one.name for one in chosen}
        if "kube_pod_status_ready" not in names:
            continue
        if names & {"kube_pod_status_phase", "kube_pod_owner", "kube_pod_completion_time"}:
            yield FINE
        else:
            yield _wrong(
                found,
                'finished pods left out (unless on (pod) kube_pod_status_phase{phase="Succeeded"})',
                "every pod",
                "join with kube_pod_status_phase",
            )


def _routes(manager: Alertmanager) -> Iterator[tuple[Path, Any]]:
    stack: list[tuple[Path, Any]] = [(("route",), manager.values.get("route"))]
    while stack:
        path, route = stack.pop()
        yield path, route
        for index, child in enumerate(as_list(dig(route, "routes"))):
            stack.append(((*path, "routes", index), child))


@rule(
    "alert-receiver-exists",
    promises=_SENT,
    why="Alertmanager refuses a configuration whose route names a receiver that is not there",
    source="Alertmanager documentation, configuration",
    needs=(MONITORING,),
)
def receiver_exists(inventory: Inventory) -> Iterator[Mark]:
    """Each route's receiver is declared."""
    for manager in inventory.alertmanagers:
        known = {str(dig(r, "name")) for r in as_list(manager.values.get("receivers"))}
        for path, route in _routes(manager):
            name = dig(route, "receiver")
            if name is None or str(name) in known:
                yield FINE
            else:
                yield Defect(
                    manager.at(*path, "receiver"),
                    "Alertmanager",
                    f"one of {', '.join(sorted(known))}",
                    f"receiver {name!r}",
                    "declare the receiver",
                )


@rule(
    "alert-default-quiet",
    promises=_SENT,
    why="whatever has no severity route, the chart's always-firing Watchdog too, pages as critical",
    source="kube-prometheus-stack, alert Watchdog with severity none",
    needs=(MONITORING,),
    severity=Severity.WARNING,
)
def default_quiet(inventory: Inventory) -> Iterator[Mark]:
    """The receiver of last resort is not the one for critical alerts."""
    for manager in inventory.alertmanagers:
        default = str(dig(manager.values.get("route"), "receiver"))
        critical = {
            str(dig(route, "receiver"))
            for _, route in _routes(manager)
            if "critical" in str(dig(route, "match")) + str(dig(route, "matchers"))
        }
        if default in critical:
            yield Defect(
                manager.at("route", "receiver"),
                "Alertmanager",
                "a default receiver of its own",
                f"{default!r}, which is for critical alerts",
                "name a quiet receiver, and route critical alerts by severity",
            )
        else:
            yield FINE


@rule(
    "alert-matchers-current",
    promises=_SENT,
    why="match and match_re are deprecated and go away with a new Alertmanager",
    source="Alertmanager documentation, configuration: match is deprecated since 0.22",
    needs=(MONITORING,),
    severity=Severity.WARNING,
)
def matchers_current(inventory: Inventory) -> Iterator[Mark]:
    """Routes use matchers."""
    for manager in inventory.alertmanagers:
        for path, route in _routes(manager):
            old = next((f for f in ("match", "match_re") if dig(route, f) is not None), None)
            if old is None:
                yield FINE
            else:
                yield Defect(
                    manager.at(*path, old),
                    "Alertmanager",
                    "matchers",
                    old,
                    'write it as matchers: [severity="critical"]',
                )


@rule(
    "alert-pagerduty-one-api",
    promises=_SENT,
    why="service_key speaks Events v1 to its own address; the v2 address and severity are ignored",
    source="prometheus/alertmanager, notify/pagerduty",
    needs=(MONITORING,),
)
def pagerduty_one(inventory: Inventory) -> Iterator[Mark]:
    """PagerDuty's key and address belong to one version of its API."""
    for manager in inventory.alertmanagers:
        url = str(dig(manager.values, "global", "pagerduty_url") or "")
        for r, receiver in enumerate(as_list(manager.values.get("receivers"))):
            for c, config in enumerate(as_list(dig(receiver, "pagerduty_configs"))):
                newer = "v2" in url or dig(config, "severity") is not None
                if newer and dig(config, "service_key") is not None:
                    yield Defect(
                        manager.at("receivers", r, "pagerduty_configs", c),
                        f"receiver {dig(receiver, 'name')}",
                        "routing_key (or routing_key_file) for Events v2",
                        "service_key, which is of Events v1",
                        "use the integration key of Events API v2 as routing_key",
                    )
                else:
                    yield FINE


def placeholders(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Return place and text of each ``${...}`` in a value."""
    if isinstance(value, str) and re.search(r"\$\{\w+\}", value):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from placeholders(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from placeholders(inner, (*path, index))


@rule(
    "monitoring-placeholder-filled",
    promises=(*_SENT, "NFR-SEC-01"),
    why="neither Helm nor Alertmanager expands ${...}: the address or password is that text",
    source="Alertmanager: no expansion of the environment; amtool check-config refuses the address",
    needs=(MONITORING,),
)
def monitoring_filled(inventory: Inventory) -> Iterator[Mark]:
    """No placeholder is left in values and in Alertmanager's configuration."""
    for release in inventory.releases:
        for path, text in placeholders(release.values):
            yield defect(
                release,
                path,
                expected="a value, or a file or Secret that is mounted (..._file, existingSecret)",
                got=text,
                next_step="mount the Secret and name its file",
            )
        yield FINE
    if not inventory.releases:
        for manager in inventory.alertmanagers:
            for path, text in placeholders(manager.values):
                yield Defect(
                    manager.at(*path), "Alertmanager", "a value or a file", text, "mount a Secret"
                )
            yield FINE


RULES = (
    expression_valid,
    rules_selected,
    series_exist,
    sums_containers,
    sums_parts,
    ready_of_running,
    receiver_exists,
    default_quiet,
    matchers_current,
    pagerduty_one,
    monitoring_filled,
)
