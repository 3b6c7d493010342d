"""Histories become timelines: counts, states, gaps and where zero is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.model.history import (
    Fault,
    FinalRead,
    Header,
    History,
    Observation,
    Operation,
    Outcome,
    Phase,
    Record,
)
from harness.report.lanes_model import BarRow, CountRow, StepRow
from harness.report.timeline import BUCKETS_MAX, Timeline, build, nice_step


def history(records: Sequence[Record], spacing: float = 0.1) -> History:
    return History(Header("claim", spacing), tuple(sorted(records, key=lambda r: r.at)))


def done(at: float, outcome: Outcome, number: int, op: str = "insert") -> list[Record]:
    name = f"sql-0-{number:06d}"
    return [
        Operation(at - 0.01, "sql-0", op, name, Outcome.INVOKED),
        Operation(at, "sql-0", op, name, outcome),
    ]


def fault(at: float, phase: Phase, name: str = "pod_kill", **evidence: object) -> Fault:
    return Fault(at, name, phase, evidence)


def row(model: Timeline, title: str, name: str) -> BarRow | CountRow | StepRow:
    lane = next(lane for lane in model.lanes if lane.title.startswith(title))
    return next(row for row in lane.rows if row.name == name)


def spans(found: BarRow | CountRow | StepRow) -> list[tuple[float, float, str]]:
    assert isinstance(found, BarRow)
    return [(round(s.start, 3), round(s.end, 3), s.kind) for s in found.spans]


def test_empty_history() -> None:
    """A history without records gives an empty timeline, not an error."""
    model = build(history([]))

    assert model.empty
    assert model.numbers == (("records", "none"),)


def test_history_without_fault_counts_from_first_record() -> None:
    """Without a fault, times count from the first record and the text says so."""
    model = build(history([*done(100.01, Outcome.OK, 1), *done(101.0, Outcome.OK, 2)]))

    assert not model.fault_known
    assert model.start == 0.0
    assert "none recorded" in dict(model.numbers)["fault"]
    assert model.origins == ()


@pytest.mark.parametrize(
    ("records", "zero"),
    [
        ([fault(50, Phase.INJECTED)], 50),
        ([fault(50, Phase.INJECTED), fault(51, Phase.PROVEN)], 50),
        ([fault(50, Phase.INJECTED), fault(51, Phase.PROVEN, effect_at=50.4)], 50.4),
        ([fault(40, Phase.PROVEN, "plant"), fault(50, Phase.INJECTED)], 50),
        ([fault(50, Phase.INJECTED, "drain"), fault(53, Phase.INJECTED, "drain")], 50),
    ],
    ids=["injected", "proven", "effect stated", "planted defect before", "two drains"],
)
def test_zero_is_when_the_fault_took_effect(records: list[Record], zero: float) -> None:
    """Zero is the stated effect, else the first injection, never a planted defect."""
    model = build(history([Observation(10.0, "ready_backends", 5), *records]))

    assert model.fault_known
    assert 10.0 - zero == pytest.approx(model.start)


def test_operations_are_counted_by_outcome() -> None:
    """Every completion is in exactly one bucket of its outcome's row."""
    records = [fault(0, Phase.INJECTED)]
    for number in range(50):
        outcome = Outcome.FAILED if 20 <= number < 30 else Outcome.OK
        records += done(number / 10, outcome, number)
    model = build(history(records))

    ok, failed = row(model, "Operations: insert", "ok"), row(model, "Operations: insert", "failed")
    assert isinstance(ok, CountRow)
    assert isinstance(failed, CountRow)
    assert (sum(ok.counts), sum(failed.counts)) == (40, 10)


def test_operation_without_answer_is_indeterminate() -> None:
    """An invocation that never completed is counted as indeterminate."""
    records = [*done(1, Outcome.OK, 1), Operation(2, "sql-0", "insert", "x", Outcome.INVOKED)]
    found = row(build(history(records)), "Operations: insert", "indeterminate")

    assert isinstance(found, CountRow)
    assert sum(found.counts) == 1


@pytest.mark.parametrize(
    ("oks", "last", "gap"),
    [
        ([-1.0, 0.0, 20.0, 20.1], 20.1, "20.00 s, from +0.00 s to +20.00 s"),
        ([-9.0, -1.0, 1.0, 1.1], 1.1, "2.00 s, from -1.00 s to +1.00 s"),
        ([-1.0], 30.0, "31.00 s, from -1.00 s to +30.00 s"),
    ],
    ids=["outage", "gaps before the fault do not count", "never back"],
)
def test_longest_time_without_ok(oks: list[float], last: float, gap: str) -> None:
    """The longest time without an ok operation reaches past the fault, up to the last record."""
    records: list[Record] = [fault(0, Phase.INJECTED)]
    for number, at in enumerate(oks):
        records += done(at, Outcome.OK, number)
    records += done(last, Outcome.FAILED, 99)

    numbers = dict(build(history(records)).numbers)
    assert gap == numbers["longest time without an ok insert after the fault"]


def test_two_faults_at_once_are_two_bars_and_an_unhealed_one_lasts() -> None:
    """Injections are paired with heals in order; a missing heal reaches to the end."""
    records: list[Record] = [
        fault(0, Phase.INJECTED, "drain"),
        fault(1, Phase.INJECTED, "drain"),
        fault(5, Phase.HEALED, "drain"),
        Observation(9.0, "ready_backends", 5),
    ]

    model = build(history(records))
    assert spans(row(model, "Faults", "drain")) == [(0, 5, "fault"), (1, 9, "fault")]
    assert "never proven" in dict(model.numbers)["fault drain"]


def test_states_of_nodes_pods_and_roles() -> None:
    """Equal states merge into one span and each change begins a new one."""

    def pod(at: float, phase: str, ready: bool, deleting: bool = False) -> Observation:
        value = {"pod": "b-1", "uid": "u", "node": "n", "phase": phase, "ready": ready}
        return Observation(at, "backend_pod", {**value, "deleting": deleting})

    records: list[Record] = [
        fault(0, Phase.INJECTED),
        Observation(0, "node_ready", {"node": "n", "ready": True}),
        Observation(3, "node_ready", {"node": "n", "ready": False}),
        pod(0, "Pending", False),
        pod(1, "Running", True),
        pod(2, "Running", True),
        pod(4, "Running", False, deleting=True),
        pod(6, "Deleted", False),
        Observation(0, "database", {"primary": "a", "timeline": 1, "synchronous": []}),
        Observation(2, "database", {"primary": None, "timeline": None, "synchronous": []}),
        Observation(8, "database", {"primary": "b", "timeline": 2, "synchronous": []}),
        Observation(10, "ready_backends", 5),
    ]

    model = build(history(records))
    assert spans(row(model, "Nodes", "n")) == [(0, 3, "ready"), (3, 10, "down")]
    assert spans(row(model, "Backend pods", "1")) == [
        (0, 1, "starting"),
        (1, 4, "ready"),
        (4, 6, "deleting"),
    ]
    assert spans(row(model, "Database role", "primary")) == [
        (0, 2, "role0"),
        (2, 8, "down"),
        (8, 10, "role1"),
    ]
    assert dict(model.origins)["not_ready"] == 3.0


def test_evictions_are_split_into_accepted_refused_and_others() -> None:
    """Only 429 is a refusal; what the API could not answer is an error of its own."""
    records: list[Record] = [
        Observation(at, "eviction", {"pod": "p", "node": "n", "status": status, "reason": ""})
        for at, status in enumerate((201, 429, 429, 404, 500))
    ]

    text = dict(build(history(records)).numbers)["evictions"]
    assert text == "1 accepted, 2 refused (429), 2 other error"


def test_unknown_cpu_breaks_the_line() -> None:
    """A cpu value of null is a gap in the line and counted in the text."""
    records: list[Record] = [
        Observation(at, "hpa", {"desired": 5, "ready": 5, "cpu_percent": cpu})
        for at, cpu in enumerate((50, None, 70))
    ]

    model = build(history(records))
    found = row(model, "Autoscaler", "cpu")
    assert isinstance(found, StepRow)
    assert [value for _, value in found.series[0].points] == [50, None, 70]
    assert dict(model.numbers)["cpu metric"] == "unknown in 1 of 3 samples"


@pytest.mark.parametrize(
    ("probe", "value"),
    [
        ("ready_backends", "five"),
        ("hpa", {"desired": "20"}),
        ("node_ready", {"node": "n"}),
        ("database", ["a"]),
        ("eviction", None),
    ],
)
def test_malformed_observation_is_named(probe: str, value: object) -> None:
    """A value of unexpected form is named in the text instead of being dropped silently."""
    numbers = dict(build(history([Observation(0, probe, value)])).numbers)

    assert numbers[f"probe {probe}"] == "1 of 1 values have an unexpected form"


def test_unknown_probe_is_named() -> None:
    """A probe that has no lane is named as recorded but not drawn."""
    numbers = dict(build(history([Observation(0, "moon", 1)])).numbers)

    assert numbers["recorded but not drawn"] == "moon"


def test_final_read_that_failed_is_said() -> None:
    """A failed final read says that the content of the store is unknown."""
    numbers = dict(build(history([FinalRead(0, "read_all", Outcome.FAILED, ())])).numbers)

    assert numbers["final read"] == "failed: what the store holds is unknown"


@pytest.mark.parametrize(
    ("least", "step"), [(0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (3.0, 5.0), (7.0, 10.0), (0.03, 0.05)]
)
def test_nice_step(least: float, step: float) -> None:
    """Bucket and tick lengths are 1, 2 or 5 times a power of ten."""
    assert step == pytest.approx(nice_step(least))


def test_many_operations_are_drawn_as_few_buckets() -> None:
    """However many operations a history holds, a picture has a bounded number of buckets."""
    count = 50_000
    records: list[Record] = [fault(0, Phase.INJECTED)]
    for number in range(count):
        at, name = number / 1000, f"sql-0-{number:07d}"
        records.append(Operation(at, "sql-0", "insert", name, Outcome.INVOKED))
        records.append(Operation(at + 0.0004, "sql-0", "insert", name, Outcome.OK))
    subject = History(Header("claim", 0.001), tuple(records))

    model = build(subject)

    found = row(model, "Operations: insert", "ok")
    assert isinstance(found, CountRow)
    assert count == sum(found.counts)
    assert len(found.counts) <= BUCKETS_MAX + 2
