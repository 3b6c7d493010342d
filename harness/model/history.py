"""A history: everything that clients, faults and probes recorded, in time order.

File form: one JSON object a line, see the record types; ``at`` is seconds on one monotonic
clock. ``parse_line`` and ``to_line`` are inverse to each other.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice, pairwise
from operator import attrgetter, itemgetter
from typing import Any, NoReturn

from harness.model.records import (
    Attempt,
    Fault,
    FinalRead,
    Header,
    HistoryInvalid,
    Observation,
    Operation,
    Outcome,
    Phase,
    Record,
    pair,
)

__all__ = [
    "FORMAT_VERSION",
    "Attempt",
    "Fault",
    "FinalRead",
    "Header",
    "History",
    "HistoryInvalid",
    "Observation",
    "Operation",
    "Outcome",
    "Phase",
    "Record",
    "header_line",
    "parse",
    "parse_line",
    "to_line",
]

FORMAT_VERSION = 1

# Lines decoded by one call: few enough that what they decode to stays in the processor's
# cache (measured: 5000 takes twice the time of 500).
_BATCH_LINES = 500
# Far beyond any uptime in seconds; infinities and NaN do not lie within it.
_AT_LIMIT = 1e12


@dataclass(frozen=True)
class History:
    """A whole history; ``records`` are in time order."""

    header: Header
    records: tuple[Record, ...]

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Return all operation records, invocations included."""
        return tuple(r for r in self.records if isinstance(r, Operation))

    @cached_property
    def attempts(self) -> Sequence[Attempt]:
        """Return all operations with both their ends, in the order in which they ended."""
        with _collector_paused():
            return pair(self.operations)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """Return all fault records."""
        return tuple(r for r in self.records if isinstance(r, Fault))

    @cached_property
    def _observations(self) -> Mapping[str, tuple[Observation, ...]]:
        found: dict[str, list[Observation]] = {}
        for record in self.records:
            if isinstance(record, Observation):
                found.setdefault(record.probe, []).append(record)
        return {probe: tuple(records) for probe, records in found.items()}

    def observations(self, probe: str) -> tuple[Observation, ...]:
        """Return the observations of one probe."""
        return self._observations.get(probe, ())

    @cached_property
    def final_read(self) -> FinalRead | None:
        """Return the last successful final read, if there is one."""
        reads = [r for r in self.records if isinstance(r, FinalRead) and r.outcome is Outcome.OK]
        return reads[-1] if reads else None


def header_line(header: Header) -> str:
    """Return the first line of a history file, without line feed."""
    return json.dumps(
        {
            "history": FORMAT_VERSION,
            "claim": header.claim,
            "spacing_seconds": header.spacing_seconds,
        }
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
    texts: dict[str, str] = {}
    torn: HistoryInvalid | None = None
    with _collector_paused():
        while batch := list(islice(numbered, _BATCH_LINES)):
            if torn is not None:
                raise torn
            torn = _parse_batch(batch, records, texts)
    if any(later.at < earlier.at for earlier, later in pairwise(records)):
        records.sort(key=attrgetter("at"))
    return History(header, tuple(records))


@contextmanager
def _collector_paused() -> Iterator[None]:
    # Records hold no cycles: scanning millions of them again and again doubles the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def parse_line(line: str, number: int) -> Record:
    """Read one record; ``number`` is its line, for the error message."""
    return _record(_load(line, number), number)


def _parse_batch(
    batch: list[tuple[int, str]], records: list[Record], texts: dict[str, str]
) -> HistoryInvalid | None:
    # One call of the decoder for many lines is about twice as fast as a call for each line;
    # a batch that does not decode to one object a line is read again line by line.
    try:
        decoded = _DECODER.decode("[" + ",".join([line for _, line in batch]) + "]")
    except ValueError:
        decoded = []
    if len(decoded) != len(batch):
        return _parse_slowly(batch, records)
    keep, share, forget = records.append, texts.setdefault, texts.pop
    for data, (number, _) in zip(decoded, batch, strict=True):
        try:
            at, client, op, name, word = _operation_fields(data)
            outcome = _OUTCOMES[word]
            # The decoder makes new strings for each line; sharing them halves the memory.
            name = share(name, name) if outcome is _INVOKED else forget(name, name)
            if type(at) is float and -_AT_LIMIT < at < _AT_LIMIT and type(name) is str:
                shared_client, shared_op = share(client, client), share(op, op)
                keep(_operation((at, shared_client, shared_op, name, outcome, data.get("error"))))
                continue
        except (KeyError, TypeError):
            pass
        keep(_record(data, number))
    return None


def _parse_slowly(batch: list[tuple[int, str]], records: list[Record]) -> HistoryInvalid | None:
    for index, (number, line) in enumerate(batch):
        try:
            records.append(parse_line(line, number))
        except HistoryInvalid as error:
            if line.rstrip().endswith("}") or index + 1 < len(batch):
                raise
            return error
    return None


def _nonempty(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    return ((n, line) for n, line in enumerate(lines, start=1) if line and not line.isspace())


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"expected a finite number, got {text}")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _load(line: str, number: int) -> Any:
    try:
        return _DECODER.decode(line.strip())
    except json.JSONDecodeError as error:
        raise HistoryInvalid(f"line {number}: expected a JSON object, got {error.msg}") from error
    except ValueError as error:
        raise HistoryInvalid(f"line {number}: {error}") from error


def _parse_header(number: int, line: str) -> Header:
    data = _load(line, number)
    if not isinstance(data, dict):
        raise HistoryInvalid(f"line {number}: expected a JSON object, got {type(data).__name__}")
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


# The tuple's own constructor: a third of the time of Operation(...), millions of times.
_operation = partial(tuple.__new__, Operation)
_operation_fields = itemgetter("at", "client", "op", "id", "outcome")
_INVOKED = Outcome.INVOKED
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def _record(data: Any, number: int) -> Record:
    try:
        at = data["at"]
        if (type(at) is not float and type(at) is not int) or not -_AT_LIMIT < at < _AT_LIMIT:
            raise HistoryInvalid(f"line {number}: field 'at': expected seconds, got {at!r}")
        if "client" in data:
            client, op, name = data["client"], data["op"], data["id"]
            if type(name) is not str or type(client) is not str or type(op) is not str:
                _refuse_text(data, number, "client", "op", "id")
            return _operation((at, client, op, name, _OUTCOMES[data["outcome"]], data.get("error")))
        return _rare_record(at, data, number)
    except KeyError as error:
        field_name = error.args[0]
        if data.get("outcome") == field_name:
            raise HistoryInvalid(
                f"line {number}: field 'outcome': expected one of {', '.join(_OUTCOMES)}, "
                f"got {field_name!r}"
            ) from error
        raise HistoryInvalid(f"line {number}: field {field_name!r} is missing") from error
    except TypeError as error:
        what = type(data).__name__ if not isinstance(data, dict) else str(error)
        raise HistoryInvalid(f"line {number}: expected a JSON object, got {what}") from error


def _rare_record(at: float, data: dict[str, Any], number: int) -> Record:
    if "fault" in data:
        evidence = data.get("evidence") or {}
        if not isinstance(evidence, dict):
            raise HistoryInvalid(
                f"line {number}: field 'evidence': expected an object, got {evidence!r}"
            )
        _refuse_text(data, number, "fault", "phase")
        if data["phase"] not in tuple(Phase):
            raise HistoryInvalid(
                f"line {number}: field 'phase': expected one of {', '.join(Phase)}, "
                f"got {data['phase']!r}"
            )
        return Fault(at, data["fault"], Phase(data["phase"]), evidence)
    if "probe" in data:
        _refuse_text(data, number, "probe")
        return Observation(at, data["probe"], data["value"])
    if "ids" in data:
        ids = data["ids"]
        if not isinstance(ids, list) or not all(type(item) is str for item in ids):
            raise HistoryInvalid(f"line {number}: field 'ids': expected a list of identifiers")
        return FinalRead(at, data["op"], _OUTCOMES[data["outcome"]], tuple(ids))
    # An operation without a client: says which field it lacks.
    raise KeyError("client")


def _refuse_text(data: dict[str, Any], number: int, *fields: str) -> None:
    for name in fields:
        if not isinstance(data[name], str):
            raise HistoryInvalid(
                f"line {number}: field {name!r}: expected text, got {data[name]!r}"
            )
