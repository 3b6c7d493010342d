"""A rule: data about one way to break a promise, and the pure function that finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from harness.audit.inventory import Inventory
from harness.audit.resource import Domain, Place, Resource


class Severity(StrEnum):
    """How bad a finding is: a note breaks no promise by itself and refutes nothing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Fine:
    """Something was judged and keeps the rule."""


@dataclass(frozen=True)
class Defect:
    """Something was judged and breaks the rule."""

    place: Place
    subject: str
    expected: str
    got: str
    next_step: str


@dataclass(frozen=True)
class Undecided:
    """Something should be judged, but what it depends on is not known from the input."""

    place: Place
    subject: str
    why: str


Mark = Fine | Defect | Undecided
FINE = Fine()
Judge = Callable[[Inventory], Iterator[Mark]]


@dataclass(frozen=True)
class Rule:
    """What is promised, why the rule exists, where that is written, and how it is judged.

    ``promises`` are ids of ``experiments/claims.yaml`` (a trailing ``*`` stands for a family) or
    requirements of the document (``NFR-...``, ``section n.n``, ``objective n``). ``needs`` are the
    inputs without which it is not judged. ``required``: an input with nothing to judge is
    inconclusive, because the document promises that there is something. ``sees`` are the entries
    of ``infra/CORRECTIONS.md`` that it finds in the document's own code, each with words that its
    finding then has.
    """

    id: str
    promises: tuple[str, ...]
    why: str
    source: str
    severity: Severity
    needs: frozenset[Domain]
    judge: Judge
    required: bool = False
    sees: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def rule(
    id: str,
    *,
    promises: Sequence[str],
    why: str,
    source: str,
    needs: Sequence[Domain],
    severity: Severity = Severity.ERROR,
    required: bool = False,
) -> Callable[[Judge], Rule]:
    """Return a decorator that makes a rule of the function below it."""

    def make(judge: Judge) -> Rule:
        return Rule(
            id=id,
            promises=tuple(promises),
            why=why,
            source=source,
            severity=severity,
            needs=frozenset(needs),
            judge=judge,
            required=required,
        )

    return make


def defect(
    subject: Resource, at: Sequence[str | int], *, expected: str, got: object, next_step: str
) -> Defect:
    """Return a defect of a resource's field."""
    return Defect(subject.at(*at), subject.address, expected, str(got), next_step)


def undecided(subject: Resource, at: Sequence[str | int], why: object) -> Undecided:
    """Return that a resource's field cannot be judged."""
    return Undecided(subject.at(*at), subject.address, str(why))


TERRAFORM, KUBERNETES = Domain.TERRAFORM, Domain.KUBERNETES
MONITORING, PIPELINE = Domain.MONITORING, Domain.PIPELINE
