"""Monitoring: Prometheus rules, scrape jobs, Alertmanager's configuration, Helm values.

Reads a folder's YAML by shape: PrometheusRule objects and rule files (``groups``), Alertmanager
configurations (``route`` and ``receivers``), Prometheus configurations (``scrape_configs``), Helm
values of kube-prometheus-stack (what is left without a kind), and any Kubernetes object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.audit import manifests
from harness.audit.inventory import Inventory
from harness.audit.resource import Alertmanager, AlertRule, Domain, Place, Resource, ScrapeJob
from harness.audit.resource import Path as FieldPath
from harness.audit.value import as_list, dig
from harness.documents.lined import Document, read_file

_JOBS_IN_VALUES = ("prometheus", "prometheusSpec", "additionalScrapeConfigs")
_ALERTMANAGER_IN_VALUES = ("alertmanager", "config")
_RULES_IN_VALUES = "additionalPrometheusRulesMap"


@dataclass(frozen=True)
class _Part:
    """A value inside a document, whose fields' lines can be asked for."""

    document: Document
    within: FieldPath = ()

    @property
    def value(self) -> Any:
        return dig(self.document.value, *self.within)

    def part(self, *path: str | int) -> _Part:
        return _Part(self.document, (*self.within, *path))

    def place(self, *path: str | int) -> Place:
        steps: FieldPath = (*self.within, *path)
        while steps:
            line = self.document.locate(steps)
            if line is not None:
                return Place(self.document.file, line)
            steps = steps[:-1]
        return Place(self.document.file, self.document.line)

    @property
    def locate(self) -> Callable[[FieldPath], int | None]:
        return lambda path: self.document.locate((*self.within, *path))


def load(folder: Path, problems: list[str]) -> Inventory:
    """Return what a monitoring folder says; problems are added as sentences with file and line."""
    if not folder.exists():
        problems.append(f"{folder}: expected a folder with monitoring configuration, got none")
        return Inventory()
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.y*ml"))
    found = Inventory(given=frozenset({Domain.MONITORING}))
    before = len(problems)
    for path in files:
        for document in read_file(path, problems):
            found += _of(document, problems)
    anything = found.alerts or found.jobs or found.alertmanagers or found.releases or found.objects
    if not anything and len(problems) == before:
        problems.append(f"{folder}: expected monitoring configuration in .yaml files, got none")
    return found


def _of(document: Document, problems: list[str]) -> Inventory:
    whole, value = _Part(document), document.value
    if not isinstance(value, dict):
        where = f"{document.file}:{document.line}"
        problems.append(f"{where}: expected a mapping, got {type(value).__name__}")
        return Inventory()
    if "kind" in value and "apiVersion" in value:
        objects = manifests.objects_of([document], problems)
        return Inventory(
            objects=tuple(objects),
            alerts=tuple(rules_in(objects)),
            not_judged=tuple(manifests.not_judged(objects)),
        )
    if "groups" in value:
        return Inventory(alerts=tuple(_rules(whole)))
    if "route" in value and "receivers" in value:
        return Inventory(alertmanagers=(Alertmanager(value, whole.place(), whole.locate),))
    if "scrape_configs" in value:
        return Inventory(jobs=tuple(_jobs(whole.part("scrape_configs"))))
    return _values(whole)


def rules_in(objects: list[Resource]) -> list[AlertRule]:
    """Return the rules of the PrometheusRule objects among some objects."""
    return [rule for o in objects if o.kind == "PrometheusRule" for rule in _object_rules(o)]


def _object_rules(found: Resource) -> Iterator[AlertRule]:
    for g, group in enumerate(as_list(found.get("spec", "groups"))):
        for r, rule in enumerate(as_list(dig(group, "rules"))):
            at = ("spec", "groups", g, "rules", r)
            yield _rule(group, rule, found.at(*at), found.at(*at, "expr").line)


def _rules(part: _Part) -> Iterator[AlertRule]:
    for g, group in enumerate(as_list(dig(part.value, "groups"))):
        for r, rule in enumerate(as_list(dig(group, "rules"))):
            at = ("groups", g, "rules", r)
            yield _rule(group, rule, part.place(*at), part.place(*at, "expr").line)


def _rule(group: Any, rule: Any, place: Place, line: int) -> AlertRule:
    labels = dig(rule, "labels")
    return AlertRule(
        group=str(dig(group, "name") or ""),
        name=str(dig(rule, "alert") or dig(rule, "record") or ""),
        expression=str(dig(rule, "expr") or ""),
        labels=labels if isinstance(labels, Mapping) else {},
        pause=str(dig(rule, "for") or ""),
        place=place,
        expression_line=line,
        recording=dig(rule, "record") is not None,
    )


def _jobs(part: _Part) -> Iterator[ScrapeJob]:
    for index, job in enumerate(as_list(part.value)):
        if isinstance(job, Mapping):
            yield ScrapeJob(str(job.get("job_name", "")), job, part.place(index))


def _values(whole: _Part) -> Inventory:
    document = whole.document
    release = Resource(
        domain=Domain.MONITORING,
        kind="@values",
        name=Path(document.file).name,
        address=f"Helm values {Path(document.file).name}",
        values=document.value,
        place=whole.place(),
        locate=document.locate,
    )
    managers = []
    config = whole.part(*_ALERTMANAGER_IN_VALUES)
    if isinstance(config.value, Mapping):
        managers.append(Alertmanager(config.value, config.place(), config.locate))
    rules = [
        rule
        for name, value in (dig(document.value, _RULES_IN_VALUES) or {}).items()
        if isinstance(value, Mapping)
        for rule in _rules(whole.part(_RULES_IN_VALUES, name))
    ]
    return Inventory(
        releases=(release,),
        jobs=tuple(_jobs(whole.part(*_JOBS_IN_VALUES))),
        alertmanagers=tuple(managers),
        alerts=tuple(rules),
    )
