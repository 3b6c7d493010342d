"""The records of a history, and operations with both their ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple


class HistoryInvalid(ValueError):
    """A history line that cannot be read; the message names line, field, expected and got."""


class Outcome(StrEnum):
    """What a client knows about an operation."""

    INVOKED = "invoked"
    OK = "ok"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


class Phase(StrEnum):
    """Where a fault stands."""

    INJECTED = "injected"
    PROVEN = "proven"
    HEALED = "healed"


@dataclass(frozen=True, slots=True)
class Header:
    """First line: the claim that the history was recorded for and the operation spacing."""

    claim: str
    spacing_seconds: float


class Operation(NamedTuple):
    """One step of a client operation: its invocation, or its completion.

    A named tuple, because histories hold millions of them and it is the cheapest to build.
    """

    at: float
    client: str
    op: str
    id: str
    outcome: Outcome
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was injected, proven to have taken effect, or healed."""

    at: float
    fault: str
    phase: Phase
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """One timed measurement by a probe; the value is any JSON value."""

    at: float
    probe: str
    value: Any


@dataclass(frozen=True, slots=True)
class FinalRead:
    """What the data store holds after recovery: identifiers, with repeats if repeated."""

    at: float
    op: str
    outcome: Outcome
    ids: tuple[str, ...]


Record = Operation | Fault | Observation | FinalRead


class Attempt(NamedTuple):
    """One operation with both its ends (seconds); ``ok`` says it was acknowledged."""

    began: float
    ended: float
    ok: bool
    outcome: Outcome
    client: str
    id: str


def pair(operations: Iterable[Operation]) -> list[Attempt]:
    """Return the operations in the order in which they ended.

    An operation that never ended is indeterminate and ended with the last operation record.
    Raises HistoryInvalid for one that was invoked twice.
    """
    found: list[Attempt] = []
    begun: dict[str, Operation] = {}
    keep, take, invoked, ok = found.append, begun.pop, Outcome.INVOKED, Outcome.OK
    at = 0.0
    for operation in operations:
        at, client, _, name, outcome, _ = operation
        if outcome is not invoked:
            began = take(name, operation)[0]
            keep(_attempt((began, at, outcome is ok, outcome, client, name)))
        elif name in begun:
            raise HistoryInvalid(f"operation {name!r} at {at}: invoked twice")
        else:
            begun[name] = operation
    for began, client, _, name, _, _ in begun.values():
        found.append(Attempt(began, at, False, Outcome.INDETERMINATE, client, name))
    return found


# The tuple's own constructor: a third of the time of Attempt(...), a million times.
_attempt = partial(tuple.__new__, Attempt)
