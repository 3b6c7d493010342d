"""Which inputs an audit has, and all of them read into one inventory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.audit import (
    collector,
    kinds,
    manifests,
    monitoring,
    pipeline,
    terraform_folder,
    terraform_plan,
)
from harness.audit.inventory import Inventory
from harness.audit.resource import Domain
from harness.errors import InputInvalid


@dataclass(frozen=True)
class Sources:
    """Folders and files by domain; ``terraform`` may name folders and one plan as JSON."""

    terraform: tuple[Path, ...] = ()
    kubernetes: tuple[Path, ...] = ()
    monitoring: tuple[Path, ...] = ()
    pipeline: tuple[Path, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """Return every path that is named."""
        return [*self.terraform, *self.kubernetes, *self.monitoring, *self.pipeline]


def defaults(infra: Path) -> Sources:
    """Return the project's own folders, those that exist."""

    def there(name: str) -> tuple[Path, ...]:
        path = infra / name
        return (path,) if path.exists() else ()

    return Sources(there("terraform"), there("kubernetes"), there("monitoring"), there("pipelines"))


def load(sources: Sources, kubectl: Path | None) -> Inventory:
    """Return the inventory of all inputs.

    Raises InputInvalid with every problem of every input, each with file and line, or when there
    is no input at all; EnvironmentUnavailable when a kustomization needs kubectl.
    """
    if not sources.paths:
        raise InputInvalid(
            "audit: expected at least one of --terraform, --kubernetes, --monitoring, --pipeline, "
            "got none and infra/ has none of its own folders. Next step: name a folder"
        )
    with collector.paused():
        return _load(sources, kubectl)


def _load(sources: Sources, kubectl: Path | None) -> Inventory:
    problems: list[str] = []
    found = _terraform(sources.terraform, problems)
    for path in sources.kubernetes:
        found += _kubernetes(path, problems, kubectl)
    for path in sources.monitoring:
        found += monitoring.load(path, problems)
    for path in sources.pipeline:
        found += pipeline.load(path, problems)
    if problems:
        raise InputInvalid(list(dict.fromkeys(problems)))
    return found


def _terraform(paths: tuple[Path, ...], problems: list[str]) -> Inventory:
    plans = [path for path in paths if path.suffix == ".json" or path.is_file()]
    folders = [path for path in paths if path not in plans]
    for path in [path for path in plans if path.suffix in (".tf", ".tfplan", ".tfvars")]:
        plans.remove(path)
        problems.append(
            f"{path}: expected a folder of .tf files, or a plan as JSON, got one file. Next step: "
            "name its folder, or write the plan with terraform show -json"
        )
    if not folders and len(plans) == 1 and any(plans[0].parent.glob("*.tf")):
        # A plan that lies in the folder of its HCL is shown with the lines of that folder.
        folders = [plans[0].parent]
    found = Inventory()
    for folder in folders:
        found += terraform_folder.load(folder, problems)
    if len(plans) > 1:
        problems.append(f"{plans[1]}: expected one plan, got {len(plans)}")
    elif plans and not problems:
        found = terraform_plan.load(plans[0], problems, found if folders else None)
    return replace(found, not_judged=(*found.not_judged, *kinds.not_judged(found.resources)))


def _kubernetes(path: Path, problems: list[str], kubectl: Path | None) -> Inventory:
    found = manifests.load(path, problems, kubectl)
    alerts = monitoring.rules_in(list(found.objects))
    if not alerts:
        return found
    return replace(found, alerts=tuple(alerts), given=found.given | {Domain.MONITORING})
