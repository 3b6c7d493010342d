"""Rules of the simplest form: every resource of a kind has a field with an accepted value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.resource import Domain, Resource
from harness.audit.rule import FINE, TERRAFORM, Mark, Rule, Severity, defect, rule, undecided
from harness.audit.value import Unknown, as_switch

Path = Sequence[str | int]


def is_on(value: Any) -> bool:
    """Accept true."""
    return as_switch(value) is True


def is_not_on(value: Any) -> bool:
    """Accept false and nothing."""
    return as_switch(value) is not True


def is_said(value: Any) -> bool:
    """Accept any value, also one that is computed."""
    return value not in (None, "", [], {})


def is_not_said(value: Any) -> bool:
    """Accept only nothing."""
    return not is_said(value)


def always(resource: Resource) -> bool:
    """Look at every resource."""
    return True


def field_rule(
    id: str,
    kinds: Sequence[str],
    path: Path,
    accept: Callable[[Any], bool],
    *,
    expected: str,
    next_step: str,
    promises: Sequence[str],
    why: str,
    source: str,
    when: Callable[[Resource], bool] = always,
    severity: Severity = Severity.ERROR,
    required: bool = False,
    needs: Sequence[Domain] = (TERRAFORM,),
) -> Rule:
    """Return a rule that looks at one field of every resource of some kinds.

    A value that is not known is left undecided, unless ``accept`` only asks whether it is said.
    """

    def judge(inventory: Inventory) -> Iterator[Mark]:
        for resource in inventory.of(*kinds):
            if not when(resource):
                continue
            value = resource.get(*path)
            if isinstance(value, Unknown) and accept not in (is_said, is_not_said):
                yield undecided(resource, path, value)
            elif accept(value):
                yield FINE
            else:
                got = "nothing" if value is None else value
                yield defect(resource, path, expected=expected, got=got, next_step=next_step)

    return rule(
        id,
        promises=promises,
        why=why,
        source=source,
        needs=needs,
        severity=severity,
        required=required,
    )(judge)
