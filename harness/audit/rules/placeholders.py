"""Placeholders ``${NAME}`` of manifests and values, and who fills them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.audit.inventory import Inventory
from harness.audit.resource import Resource
from harness.audit.value import Unknown, dig

NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# What a delivery itself makes: the tag of the image that it has just built.
_CAPITALS = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
DELIVERY = frozenset({"IMAGE_TAG"})


def filled_names(inventory: Inventory) -> frozenset[str]:
    """Return the names that Terraform outputs or a pipeline give, in capitals as they are used.

    An output gives the name that it has, the names in capitals that its description says, and, as
    a map ``group_arns`` with the key ``backend``, also ``GROUP_BACKEND_ARN``.
    """
    outputs: set[str] = set()
    for output in inventory.of("@output"):
        outputs |= {output.name.upper(), *_CAPITALS.findall(output.text("description"))}
        outputs |= set(_of_map(output))
    env: set[str] = set()
    for workflow in inventory.workflows:
        env |= _keys(workflow.get("env"))
        jobs = workflow.get("jobs")
        for job in jobs.values() if isinstance(jobs, Mapping) else ():
            env |= _keys(dig(job, "env"))
            for step in dig(job, "steps") or []:
                env |= _keys(dig(step, "env"))
    return frozenset(outputs | env | DELIVERY)


def may_fill(inventory: Inventory, name: str) -> bool:
    """Say whether a map whose keys are not known yet may give a name."""
    for output in inventory.of("@output"):
        before, _, last = output.name.upper().rpartition("_")
        if isinstance(output.get("value"), Unknown) and before and last.endswith("S"):
            found = re.fullmatch(rf"{before}_\w+_{last[:-1]}", name)
            if found is not None:
                return True
    return False


def _of_map(output: Resource) -> Iterator[str]:
    before, _, last = output.name.upper().rpartition("_")
    if not before or not last.endswith("S"):
        return
    for key in _keys(output.get("value")):
        yield f"{before}_{key.upper().replace('-', '_')}_{last[:-1]}"


def _keys(value: object) -> set[str]:
    return {str(key) for key in value} if isinstance(value, Mapping) else set()
