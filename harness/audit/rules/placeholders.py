"""Placeholders ``${NAME}`` of manifests and values, and who fills them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.audit.inventory import Inventory
from harness.audit.value import dig

NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# What a delivery itself makes: the tag of the image that it has just built.
DELIVERY = frozenset({"IMAGE_TAG"})


def filled_names(inventory: Inventory) -> frozenset[str]:
    """Return the names that are filled: Terraform outputs in capitals, and a pipeline's env."""
    outputs = {o.name.upper() for o in inventory.of("@output")}
    env: set[str] = set()
    for workflow in inventory.workflows:
        env |= _keys(workflow.get("env"))
        jobs = workflow.get("jobs")
        for job in jobs.values() if isinstance(jobs, Mapping) else ():
            env |= _keys(dig(job, "env"))
            steps = dig(job, "steps")
            for step in steps if isinstance(steps, list) else ():
                env |= _keys(dig(step, "env"))
    return frozenset(outputs | env | DELIVERY)


def _keys(value: object) -> set[str]:
    return {str(key) for key in value} if isinstance(value, Mapping) else set()
