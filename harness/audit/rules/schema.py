"""The rule that objects are what the API of the cluster's version accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.audit import schemas
from harness.audit.inventory import Inventory
from harness.audit.resource import Path
from harness.audit.rule import FINE, KUBERNETES, Mark, defect, rule
from harness.audit.value import as_list


@rule(
    "object-schema-valid",
    promises=("section 3, day 703 (deployments)", "section 1.5, CI/CD"),
    why="the API server refuses an object with a wrong type, or silently drops an unknown field",
    source="Kubernetes OpenAPI schemas as bundled by kubernetes-validate; strict field validation",
    needs=(KUBERNETES,),
)
def schema_valid(inventory: Inventory) -> Iterator[Mark]:
    """Each object of a built-in kind is valid for the version of the cluster."""
    version = version_of(inventory)
    known: dict[Any, list[tuple[Path, str]] | None] = {}
    for found in inventory.objects:
        form = schemas.shape(found.values)
        if form not in known:
            known[form] = schemas.problems_of(found.values, version)
        wrong = known[form]
        if wrong is None:
            continue
        for path, complaint in wrong:
            yield defect(
                found,
                path,
                expected=f"a valid {found.kind} of Kubernetes {version}",
                got=f"{'.'.join(map(str, path)) or 'object'}: {complaint}",
                next_step=f"kubectl explain {found.kind.lower()}",
            )
        if not wrong:
            yield FINE


def version_of(inventory: Inventory) -> str:
    """Return the bundled version nearest to the cluster's, else the newest."""
    named = [c.get("version") for c in as_list(inventory.of("aws_eks_cluster"))]
    return schemas.nearest(str(named[0]) if named else "")


RULES = (schema_valid,)
