"""History -> timeline model: what the picture of one trial shows, without any drawing.

All times of the model are seconds relative to the moment the first fault took effect, as the
checkers see it; without a fault they are relative to the first record and ``fault_known`` is
False.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.checkers.evidence import CannotJudge, fault_window
from harness.model.history import Fault, FinalRead, History, Observation, Operation, Outcome, Phase
from harness.report.lanes import observation_lanes
from harness.report.lanes_model import BarRow, CountRow, Lane, Mark, Span, Window, moment

BUCKETS_MAX = 600
"""Widest picture: more columns than this cannot be told apart on a screen."""

_OUTCOMES = (Outcome.OK, Outcome.INDETERMINATE, Outcome.FAILED)


@dataclass(frozen=True)
class Timeline:
    """Everything that one picture shows. ``numbers`` is its text alternative.

    ``origins`` are moments from which measured intervals may start, by name: ``fault``,
    ``not_ready`` (first node), ``drain`` (start of the longest drain), ``healed`` (first heal).
    """

    start: float
    end: float
    bucket_seconds: float
    fault_known: bool
    fault_names: tuple[str, ...]
    lanes: tuple[Lane, ...]
    origins: tuple[tuple[str, float], ...]
    numbers: tuple[tuple[str, str], ...]

    @property
    def empty(self) -> bool:
        """Say whether the history held no record at all."""
        return not self.lanes


def build(history: History) -> Timeline:
    """Return the timeline of one trial."""
    records = history.records
    if not records:
        return Timeline(0.0, 0.0, 1.0, False, (), (), (), (("records", "none"),))
    faults = [r for r in records if type(r) is Fault]
    zero = effect_at(history)
    known = zero is not None
    if zero is None:
        zero = records[0].at
    window = _window(history, zero)
    operations, operation_numbers = _operation_lanes(history, window)
    observations = [r for r in records if type(r) is Observation]
    observed, observed_numbers = observation_lanes(observations, window)
    lanes = [*operations, *_fault_lanes(faults, window), *observed]
    if not lanes:
        lanes = [Lane("Records", (BarRow("final read", (), ()),))]
    reads = [r for r in records if type(r) is FinalRead]
    numbers = [*_fault_numbers(faults, zero), *operation_numbers, *observed_numbers]
    numbers.extend(_read_numbers(reads))
    return Timeline(
        start=window.start,
        end=window.end,
        bucket_seconds=window.width,
        fault_known=known,
        fault_names=tuple(dict.fromkeys(f.fault for f in faults)),
        lanes=tuple(lanes),
        origins=_origins(faults, observations, zero) if known else (),
        numbers=tuple(numbers),
    )


def effect_at(history: History) -> float | None:
    """Return when the first fault took effect, exactly as the checkers see it.

    None without a fault; a planted defect is a condition of the trial, not its fault.
    """
    try:
        return fault_window(history, proof_needed=False).effect
    except CannotJudge:
        return None


def _window(history: History, zero: float) -> Window:
    first, last = history.records[0].at - zero, history.records[-1].at - zero
    start, end = min(first, 0.0), max(last, 0.0)
    if end - start < 1e-3:
        end = start + 1.0
    # Several operations a bucket, else regular operations look like a comb.
    finest = max((end - start) / BUCKETS_MAX, 3 * history.header.spacing_seconds, 1e-3)
    width = nice_step(finest)
    # One spare bucket: rounding may put the last record just past the last edge.
    buckets = math.floor((end - start) / width) + 2
    return Window(zero=zero, start=start, end=end, width=width, buckets=buckets)


def nice_step(least: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that is at least ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1.0, 2.0, 5.0, 10.0):
        if factor * power >= least * (1 - 1e-9):
            return factor * power
    raise AssertionError("unreachable: 10 times the power of ten exceeds the number")


class _OperationFold:
    """Counts and gaps of one kind of operation, filled in one pass."""

    __slots__ = ("buckets", "first", "gap", "last", "last_ok", "totals")

    def __init__(self, size: int) -> None:
        self.buckets = {outcome: [0] * size for outcome in _OUTCOMES}
        self.totals = dict.fromkeys(_OUTCOMES, 0)
        self.first: float | None = None
        self.last = 0.0
        self.last_ok: float | None = None
        self.gap = (0.0, 0.0)

    def look_at_gap(self, at: float, zero: float) -> None:
        """Keep the longest time without an ok operation that reaches past the fault."""
        begin = self.first if self.last_ok is None else self.last_ok
        if begin is not None and at > zero and at - begin > self.gap[1] - self.gap[0]:
            self.gap = (begin, at)


def _operation_lanes(history: History, window: Window) -> tuple[list[Lane], list[tuple[str, str]]]:
    folds = _fold_operations(history, window)
    lanes, numbers = [], []
    for op, fold in folds.items():
        fold.look_at_gap(fold.last, window.zero)
        rows = tuple(
            CountRow(outcome.value, outcome.value, tuple(fold.buckets[outcome]))
            for outcome in _OUTCOMES
        )
        lanes.append(Lane(f"Operations: {op}", rows, note=f"counted per {window.width:g} s"))
        total = sum(fold.totals.values())
        shares = ", ".join(f"{fold.totals[o]:,} {o.value}" for o in _OUTCOMES)
        numbers.append((f"{op} operations", f"{total:,}: {shares}"))
        length = fold.gap[1] - fold.gap[0]
        if length > 0:
            begin = fold.gap[0] - window.zero
            text = f"{length:.2f} s, from {moment(begin)} to {moment(begin + length)}"
            numbers.append((f"longest time without an ok {op} after the fault", text))
    if not folds:
        numbers.append(("operations", "none recorded"))
    return lanes, numbers


def _fold_operations(history: History, window: Window) -> dict[str, _OperationFold]:
    folds: dict[str, _OperationFold] = {}
    pending: dict[str, Operation] = {}
    first_edge, width, zero = window.zero + window.start, window.width, window.zero
    invoked, ok = Outcome.INVOKED, Outcome.OK
    for record in history.records:
        if type(record) is not Operation:
            continue
        fold = folds.get(record.op)
        if fold is None:
            fold = folds[record.op] = _OperationFold(window.buckets)
        if fold.first is None:
            fold.first = record.at
        fold.last = record.at
        outcome = record.outcome
        if outcome is invoked:
            pending[record.id] = record
            continue
        pending.pop(record.id, None)
        fold.buckets[outcome][int((record.at - first_edge) / width)] += 1
        fold.totals[outcome] += 1
        if outcome is ok:
            fold.look_at_gap(record.at, zero)
            fold.last_ok = record.at
    for record in pending.values():
        # An operation that never came back may have taken effect: the client cannot know.
        fold = folds[record.op]
        index = int((record.at - first_edge) / width)
        fold.buckets[Outcome.INDETERMINATE][index] += 1
        fold.totals[Outcome.INDETERMINATE] += 1
    return folds


def _fault_lanes(faults: Sequence[Fault], window: Window) -> list[Lane]:
    rows = []
    for name in dict.fromkeys(f.fault for f in faults):
        mine = [f for f in faults if f.fault == name]
        rows.append(BarRow(name, _fault_spans(mine, window), _fault_marks(mine, window)))
    return [Lane("Faults", tuple(rows))] if rows else []


def _fault_spans(faults: Sequence[Fault], window: Window) -> tuple[Span, ...]:
    """Pair injections with heals in order, so that two at once become two bars."""
    begun = [f.at for f in faults if f.phase is Phase.INJECTED]
    healed = [f.at for f in faults if f.phase is Phase.HEALED]
    spans = []
    for number, at in enumerate(begun):
        ended = number < len(healed)
        end = healed[number] - window.zero if ended else window.end
        label = "" if ended else "not healed in this history"
        spans.append(Span(at - window.zero, max(end, at - window.zero), "fault", label))
    return tuple(spans)


def _fault_marks(faults: Sequence[Fault], window: Window) -> tuple[Mark, ...]:
    return tuple(Mark(f.at - window.zero, f.phase.value) for f in faults)


def _fault_numbers(faults: Sequence[Fault], zero: float) -> list[tuple[str, str]]:
    if not faults:
        return [("fault", "none recorded; times count from the first record")]
    numbers = []
    for name in dict.fromkeys(f.fault for f in faults):
        phases = [f"{f.phase.value} at {moment(f.at - zero)}" for f in faults if f.fault == name]
        if not any(f.phase is Phase.PROVEN for f in faults if f.fault == name):
            phases.append("never proven")
        numbers.append((f"fault {name}", ", ".join(phases)))
    return numbers


def _read_numbers(reads: Sequence[FinalRead]) -> list[tuple[str, str]]:
    return [
        (
            "final read",
            f"{len(read.ids):,} ids"
            if read.outcome is Outcome.OK
            else f"{read.outcome.value}: what the store holds is unknown",
        )
        for read in reads
    ]


def _origins(
    faults: Sequence[Fault], observations: Sequence[Observation], zero: float
) -> tuple[tuple[str, float], ...]:
    origins: dict[str, float] = {"fault": 0.0}
    healed = [f.at for f in faults if f.phase is Phase.HEALED and f.at > zero]
    if healed:
        origins["healed"] = min(healed) - zero
    started: dict[str, float] = {}
    longest = 0.0
    for seen in observations:
        value = seen.value
        if not isinstance(value, dict):
            continue
        if seen.probe == "node_ready" and value.get("ready") is False and seen.at > zero:
            origins.setdefault("not_ready", seen.at - zero)
        elif seen.probe == "drain":
            begin = started.setdefault(str(value.get("node")), seen.at)
            if seen.at - begin >= longest:
                longest = seen.at - begin
                origins["drain"] = begin - zero
    return tuple(origins.items())
