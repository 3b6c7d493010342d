"""Rules on how a Terraform project is kept: versions, providers, what is declared for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.rule import (
    FINE,
    KUBERNETES,
    PIPELINE,
    TERRAFORM,
    Mark,
    Severity,
    defect,
    rule,
    undecided,
)
from harness.audit.rules.placeholders import NAME, filled_names
from harness.audit.value import as_list, as_switch, dig

_APPLY = ("section 1.5, Terraform modules apply without errors",)
# Current major versions, read 2026-11: a constraint that shuts them out stays on an old one.
PROVIDER_MAJOR = {"hashicorp/aws": 6}
# Terraform changelog: the first version with native locking of the S3 backend.
LOCK_VERSION = (1, 10)
_NUMBER = re.compile(r"(~>|>=|>|<=|<|!=|=)?\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?")


@rule(
    "terraform-version-locks",
    promises=("R-141-02, locking of the state",),
    why="a Terraform before 1.10 reads use_lockfile as an error, or runs without a lock",
    source="Terraform changelog 1.10, S3 native state locking",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def version_locks(inventory: Inventory) -> Iterator[Mark]:
    """With an S3 backend, the required version is one that locks in S3."""
    if not any(b.name == "s3" for b in inventory.of("@backend")):
        return
    for settings in inventory.of("@terraform"):
        wanted = settings.get("required_version")
        if not isinstance(wanted, str):
            continue
        low = [
            (int(found[2]), int(found[3] or 0))
            for found in _NUMBER.finditer(wanted)
            if found[1] in (None, "=", ">=", ">", "~>")
        ]
        if low and max(low) >= LOCK_VERSION:
            yield FINE
        else:
            yield defect(
                settings,
                ("required_version",),
                expected=">= 1.10, the first with use_lockfile",
                got=wanted,
                next_step="raise required_version",
            )


@rule(
    "terraform-provider-current",
    promises=_APPLY,
    why="a constraint that shuts out the current major version gets no fixes and no new engines",
    source="terraform-provider-aws, version 6 upgrade guide",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def provider_current(inventory: Inventory) -> Iterator[Mark]:
    """The constraint of each known provider admits its current major version."""
    for required in inventory.of("@required_providers"):
        for name, value in required.values.items():
            major = PROVIDER_MAJOR.get(str(dig(value, "source")))
            wanted = dig(value, "version")
            if major is None or not isinstance(wanted, str):
                continue
            if admits(wanted, major):
                yield FINE
            else:
                yield defect(
                    required,
                    (name, "version"),
                    expected=f"a constraint that admits {major}.x",
                    got=wanted,
                    next_step=f'move to "~> {major}.0" by the upgrade guide',
                )


def admits(constraint: str, major: int) -> bool:
    """Say whether a version constraint admits some version of a major version."""
    for part in constraint.split(","):
        found = _NUMBER.search(part)
        if found is None:
            continue
        sign, low = found[1] or "=", int(found[2])
        if sign in ("=", "~>") and low != major:
            return False
        if sign in (">=", ">") and low > major:
            return False
        if (sign == "<" and low <= major) or (sign == "<=" and low < major):
            return False
    return True


@rule(
    "terraform-subnet-group-used",
    promises=_APPLY,
    why="a subnet group that no database uses hides which one counts",
    source="derived from what refers to it",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def subnet_group_used(inventory: Inventory) -> Iterator[Mark]:
    """Each database subnet group is used by a database."""
    used = {
        group.address
        for database in inventory.of("aws_db_instance", "aws_rds_cluster", "aws_db_proxy")
        for group in inventory.linked(
            database, "db_subnet_group_name", "aws_db_subnet_group", "name"
        )
    }
    for group in inventory.of("aws_db_subnet_group"):
        if group.address in used:
            yield FINE
        else:
            yield defect(
                group,
                (),
                expected="a database in it",
                got="nothing refers to it",
                next_step="remove it, or put the database in it",
            )


@rule(
    "provider-tags-everywhere",
    promises=("section 1.4, budget (cost allocation)",),
    why="resources of a provider without default tags escape cost allocation",
    source="terraform-provider-aws, default_tags: of one provider configuration only",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def tags_everywhere(inventory: Inventory) -> Iterator[Mark]:
    """If one aws provider has default tags, all have."""
    providers = [p for p in inventory.of("@provider") if p.name == "aws"]
    if not any(as_list(p.get("default_tags")) for p in providers):
        return
    for provider in providers:
        if as_list(provider.get("default_tags")):
            yield FINE
        else:
            yield defect(
                provider,
                (),
                expected="the same default_tags as the other aws provider",
                got="none",
                next_step="repeat the block (a local keeps the map once)",
            )


@rule(
    "destroy-guard-switchable",
    promises=("section 5.1, RDS failover tested",),
    why="prevent_destroy cannot be switched, so not even a rehearsal can be taken down",
    source="Terraform language, lifecycle: arguments take literal values only",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def guard_switchable(inventory: Inventory) -> Iterator[Mark]:
    """Nothing is guarded by prevent_destroy that has deletion protection of its own."""
    for resource in inventory.of("aws_db_instance", "aws_rds_cluster", "aws_lb"):
        guarded = as_switch(dig(resource.get("lifecycle"), 0, "prevent_destroy"))
        if guarded:
            yield defect(
                resource,
                ("lifecycle", 0, "prevent_destroy"),
                expected="deletion_protection by a variable",
                got="prevent_destroy = true",
                next_step="remove it; deletion_protection holds against every caller",
            )
        else:
            yield FINE


@rule(
    "placeholder-filled",
    promises=("section 1.5, CI/CD", "section 5.1, SSL certificate"),
    why="kubectl applies ${...} as it is written: no image has that name, no certificate that ARN",
    source="Kubernetes: no substitution in manifests; InvalidImageName",
    needs=(KUBERNETES,),
)
def placeholders_filled(inventory: Inventory) -> Iterator[Mark]:
    """Each ${NAME} of a manifest is a Terraform output or a variable of the pipeline."""
    filled = filled_names(inventory)
    told = bool(inventory.given & {TERRAFORM, PIPELINE})
    for found in inventory.objects:
        for path, value in _texts(found.values, ()):
            for name in NAME.findall(value):
                if name in filled:
                    yield FINE
                elif not told:
                    yield undecided(
                        found, path, f"${{{name}}}: neither Terraform nor pipeline given"
                    )
                else:
                    yield defect(
                        found,
                        path,
                        expected=f"an output {name.lower()!r} of Terraform, or the pipeline's env",
                        got=f"${{{name}}} that nothing fills",
                        next_step="add the output, and fill it where the manifests are applied",
                    )


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        if "${" in value:
            yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))


RULES = (
    version_locks,
    provider_current,
    subnet_group_used,
    tags_everywhere,
    guard_switchable,
    placeholders_filled,
)
