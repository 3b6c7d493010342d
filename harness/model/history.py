"""A history: everything that clients, faults and probes recorded, in time order.

File form: one JSON object a line, see the record types; ``at`` is seconds on one monotonic
clock. ``parse_line`` and ``to_line`` are inverse to each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FORMAT_VERSION = 1


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


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a client operation: its invocation, or its completion."""

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


@dataclass(frozen=True)
class History:
    """A whole history; ``records`` are in time order."""

    header: Header
    records: tuple[Record, ...]

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Return all operation records, invocations included."""
        return tuple(r for r in self.records if isinstance(r, Operation))

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return all fault records."""
        return tuple(r for r in self.records if isinstance(r, Fault))

    def observations(self, probe: str) -> tuple[Observation, ...]:
        """Return the observations of one probe."""
        return tuple(r for r in self.records if isinstance(r, Observation) and r.probe == probe)

    @property
    def final_read(self) -> FinalRead | None:
        """Return the last successful final read, if there is one."""
        reads = [r for r in self.records if isinstance(r, FinalRead) and r.outcome is Outcome.OK]
        return reads[-1] if reads else None


class HistoryInvalid(ValueError):
    """A history line that cannot be read; the message names line, field, expected and got."""


def header_line(header: Header) -> str:
    """Return the first line of a history file, without line feed."""
    return json.dumps(
        {"history": FORMAT_VERSION, "claim": header.claim, "spacing_seconds": header.spacing_seconds}
    )


def to_line(record: Record) -> str:
    """Return one record as a JSON line, without line feed."""
    match record:
        case Operation():
            data: dict[str, Any] = {
                "at": record.at,
                "client": record.client,
                "op": record.op,
                "id": record.id,
                "outcome": record.outcome.value,
            }
            if record.error is not None:
                data["error"] = record.error
        case Fault():
            data = {
                "at": record.at,
                "fault": record.fault,
                "phase": record.phase.value,
                "evidence": dict(record.evidence),
            }
        case Observation():
            data = {"at": record.at, "probe": record.probe, "value": record.value}
        case FinalRead():
            data = {
                "at": record.at,
                "op": record.op,
                "outcome": record.outcome.value,
                "ids": list(record.ids),
            }
    return json.dumps(data, ensure_ascii=False)


def parse(lines: Iterable[str]) -> History:
    """Read a history from its lines.

    Raises HistoryInvalid naming the first bad line. A last line that was cut off (no closing
    brace: the recorder was killed) is dropped, because a torn tail must not lose the rest.
    """
    numbered = _nonempty(lines)
    try:
        number, first = next(numbered)
    except StopIteration:
        raise HistoryInvalid("line 1: expected a history header, got an empty file") from None
    header = _parse_header(number, first)
    records: list[Record] = []
    pending: HistoryInvalid | None = None
    for number, line in numbered:
        if pending is not None:
            raise pending
        try:
            records.append(parse_line(line, number))
        except HistoryInvalid as error:
            if line.rstrip().endswith("}"):
                raise
            pending = error
    records.sort(key=lambda record: record.at)
    return History(header, tuple(records))


def _nonempty(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    return ((n, line) for n, line in enumerate(lines, start=1) if line.strip())


def _load(line: str, number: int) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise HistoryInvalid(f"line {number}: expected a JSON object, got {error.msg}") from error
    if not isinstance(data, dict):
        raise HistoryInvalid(f"line {number}: expected a JSON object, got {type(data).__name__}")
    return data


def _parse_header(number: int, line: str) -> Header:
    data = _load(line, number)
    if data.get("history") != FORMAT_VERSION:
        raise HistoryInvalid(
            f"line {number}: field 'history': expected {FORMAT_VERSION}, "
            f"got {data.get('history')!r}"
        )
    claim, spacing = data.get("claim"), data.get("spacing_seconds")
    if not isinstance(claim, str) or not claim:
        raise HistoryInvalid(f"line {number}: field 'claim': expected a claim id, got {claim!r}")
    if isinstance(spacing, bool) or not isinstance(spacing, int | float) or spacing < 0:
        raise HistoryInvalid(
            f"line {number}: field 'spacing_seconds': expected a number >= 0, got {spacing!r}"
        )
    return Header(claim, float(spacing))


def parse_line(line: str, number: int) -> Record:
    """Read one record; ``number`` is its line, for the error message."""
    data = _load(line, number)
    try:
        at = data["at"]
        if type(at) is not float and type(at) is not int:
            raise HistoryInvalid(f"line {number}: field 'at': expected seconds, got {at!r}")
        if "fault" in data:
            return Fault(at, data["fault"], Phase(data["phase"]), data.get("evidence") or {})
        if "probe" in data:
            return Observation(at, data["probe"], data["value"])
        if "ids" in data:
            return FinalRead(at, data["op"], Outcome(data["outcome"]), tuple(data["ids"]))
        return Operation(
            at,
            data["client"],
            data["op"],
            data["id"],
            Outcome(data["outcome"]),
            data.get("error"),
        )
    except KeyError as error:
        raise HistoryInvalid(f"line {number}: field {error.args[0]!r} is missing") from error
    except ValueError as error:
        if isinstance(error, HistoryInvalid):
            raise
        raise HistoryInvalid(f"line {number}: {error}") from error
