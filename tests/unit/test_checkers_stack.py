"""Failover, disruption, node and autoscaler checkers from hand-made histories."""

from __future__ import annotations

from typing import Any

import pytest

from harness.model.history import History, Record
from harness.model.verdict import Verdict
from tests.unit.histories import check, claim, fault, history, samples, see, unproven

SUPPORTED, REFUTED, INCONCLUSIVE = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE


def database(
    at: float, end: float, timeline: int | None, primary: str | None = "a"
) -> list[Record]:
    value = {"primary": primary, "timeline": timeline, "synchronous": []}
    return samples("database", at, end, value, 0.5)


@pytest.mark.parametrize(
    ("after", "healed", "expected"),
    [
        pytest.param(database(110, 130, 8, "b"), 200, SUPPORTED, id="promoted once"),
        pytest.param(database(110, 130, 9, "b"), 200, REFUTED, id="promoted twice"),
        pytest.param(database(101, 180, None, None), 180, REFUTED, id="nobody took over"),
        pytest.param(database(101, 180, 7), 180, REFUTED, id="the old one went on"),
        pytest.param(database(101, 130, None, None), 130, INCONCLUSIVE, id="watched too short"),
        pytest.param(database(185, 199, 8, "b"), 180, REFUTED, id="promoted only after the heal"),
    ],
)
def test_promotion(after: list[Record], healed: float, expected: Verdict) -> None:
    """The timeline rises by exactly one between the fault and its healing."""
    recorded = history(database(90, 100, 7), fault(healed=healed), after)
    finding = check(recorded, claim("promotion", "equal", 1, "timelines"))

    assert expected is finding.verdict, finding.reason


def test_a_timeline_that_was_not_seen_before_the_fault_is_not_judged() -> None:
    """There is nothing to compare with."""
    recorded = history(fault(healed=200), database(110, 130, 8))

    finding = check(recorded, claim("promotion", "equal", 1, "timelines"))

    assert finding.verdict is INCONCLUSIVE


def write(at: float, refused: bool) -> Record:
    return see("old_primary_write", at, {"server": "a", "refused": refused, "error": "read-only"})


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        ([write(130, True), write(131, True)], SUPPORTED),
        ([write(130, False), write(131, True)], REFUTED),
        ([], INCONCLUSIVE),
        ([write(95, True)], INCONCLUSIVE),
    ],
)
def test_fencing(writes: list[Record], expected: Verdict) -> None:
    """One accepted write on the old primary refutes; none tried tells nothing."""
    finding = check(history(fault(), writes), claim("fencing", "equal", 0, "writes"))

    assert expected is finding.verdict


def ready(*steps: tuple[float, float, int]) -> list[Record]:
    return [
        record
        for begin, end, count in steps
        for record in samples("ready_backends", begin, end, count)
    ]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param(ready((90, 101, 5), (101, 140, 3), (140, 160, 5)), SUPPORTED, id="kept"),
        pytest.param(ready((90, 101, 5), (101, 102, 2), (102, 160, 5)), REFUTED, id="fell"),
        pytest.param(ready((90, 101, 5), (110, 160, 5)), INCONCLUSIVE, id="not sampled for 9 s"),
        pytest.param(ready((90, 160, 2)), INCONCLUSIVE, id="too few before"),
        pytest.param(
            ready((90, 151, 5), (151, 160, 2)), SUPPORTED, id="what falls after the heal is not it"
        ),
        pytest.param(ready((101, 160, 5)), INCONCLUSIVE, id="not counted before"),
    ],
)
def test_ready_minimum(counts: list[Record], expected: Verdict) -> None:
    """The fewest Ready backends between the fault and its healing."""
    recorded = history(fault("drain", healed=150), counts)
    finding = check(recorded, claim("ready_minimum", "at_least", 3, "pods"))

    assert expected is finding.verdict, finding.reason


@pytest.mark.parametrize(
    ("counts", "healed", "expected"),
    [
        pytest.param(
            ready((90, 101, 5), (101, 145, 3), (145, 160, 5)), 300, SUPPORTED, id="in time"
        ),
        pytest.param(
            ready((90, 101, 5), (101, 120, 3), (120, 122, 5), (122, 250, 4), (250, 300, 5)),
            300,
            REFUTED,
            id="all Ready only for a moment",
        ),
        pytest.param(ready((90, 101, 5), (101, 260, 3)), 260, REFUTED, id="never, watched long"),
        pytest.param(ready((90, 101, 5), (101, 150, 3)), 150, INCONCLUSIVE, id="never, short"),
        pytest.param(ready((90, 160, 5)), 160, INCONCLUSIVE, id="no fall seen"),
        pytest.param(
            ready((90, 101, 5), (101, 145, 3), (145, 160, 5)),
            144.9,
            SUPPORTED,
            id="heal that waits",
        ),
    ],
)
def test_full_readiness_time(counts: list[Record], healed: float, expected: Verdict) -> None:
    """From the fault until all are Ready again and stay so."""
    recorded = history(fault("pod_kill", healed=healed), counts)
    finding = check(recorded, claim("full_readiness_time", "at_most", 120))

    assert expected is finding.verdict, finding.reason


def eviction(at: float, status: int) -> Record:
    return see("eviction", at, {"pod": "p", "node": "n", "status": status, "reason": ""})


@pytest.mark.parametrize(
    ("evictions", "expected"),
    [
        ([eviction(101, 201), eviction(101.2, 429)], SUPPORTED),
        ([eviction(101, 201), eviction(101.2, 201)], REFUTED),
        ([eviction(101, 201), eviction(151, 429)], REFUTED),
        ([], INCONCLUSIVE),
    ],
)
def test_evictions_refused(evictions: list[Record], expected: Verdict) -> None:
    """A 429 while the nodes are drained supports; one after the heal does not count."""
    recorded = history(fault("drain", healed=150), evictions)
    finding = check(recorded, claim("evictions_refused", "at_least", 1, "evictions"))

    assert expected is finding.verdict, finding.reason


def drain(at: float, node: str, state: str, seconds: float) -> Record:
    return see("drain", at, {"node": node, "state": state, "seconds": seconds})


STARTED = [drain(100, "n1", "started", 0), drain(100, "n2", "started", 0)]
GAVE_UP = [drain(120, "n1", "completed", 20), drain(280, "n2", "limit_reached", 180)]
REFUSED = [eviction(101 + second, 429) for second in range(1, 178)]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param(
            [*STARTED, drain(120, "n1", "completed", 20), drain(160, "n2", "completed", 60)],
            SUPPORTED,
            id="both completed",
        ),
        pytest.param(
            [*STARTED, drain(120, "n1", "completed", 20), drain(1100, "n2", "completed", 1000)],
            REFUTED,
            id="one took too long",
        ),
        pytest.param(
            [*STARTED, *GAVE_UP, *REFUSED, *ready((90, 101, 5), (101, 281, 3))],
            REFUTED,
            id="gave up without progress",
        ),
        pytest.param(
            [*STARTED, *GAVE_UP, *REFUSED, *ready((90, 101, 5), (101, 240, 3), (240, 281, 4))],
            INCONCLUSIVE,
            id="gave up while a pod recovered",
        ),
        pytest.param(
            [*STARTED, *GAVE_UP, *REFUSED, eviction(270, 201), *ready((90, 101, 5), (101, 281, 3))],
            INCONCLUSIVE,
            id="gave up although an eviction had just been accepted",
        ),
        pytest.param(
            [STARTED[0], drain(120, "n1", "completed", 20)], INCONCLUSIVE, id="one of two drains"
        ),
        pytest.param([], INCONCLUSIVE, id="no drain"),
    ],
)
def test_drain_time(records: list[Record], expected: Verdict) -> None:
    """Both drains complete within the bound; a standstill refutes before the bound."""
    recorded = history(fault("drain", healed=2000), records)
    finding = check(recorded, claim("drain_time", "at_most", 900, drains=2))

    assert expected is finding.verdict, finding.reason


def pod(at: float, uid: str, node: str | None, *, ok: bool = True, gone: bool = False) -> Record:
    value = {
        "pod": uid,
        "uid": uid,
        "node": node,
        "phase": "Running",
        "ready": ok,
        "deleting": gone,
    }
    return see("backend_pod", at, value)


def node_loss(**times: float) -> History:
    """Two of three pods on node n1; ``times`` says what happened when (absent: never)."""
    records: list[Record] = [
        *fault("node_power_loss", healed=300, node="n1"),
        *(pod(90, uid, node) for uid, node in (("p1", "n1"), ("p2", "n1"), ("p3", "n2"))),
        *(see("endpoint", 90, {"pod": p, "node": "n1", "ready": True}) for p in ("p1", "p2")),
        see("node_ready", 90, {"node": "n1", "ready": True}),
    ]
    if "not_ready" in times:
        at = times["not_ready"]
        records.append(see("node_ready", at, {"node": "n1", "ready": False}))
        removed = {"node": "n1", "ready": False, "removed": True}
        records += [see("endpoint", at + i, {"pod": f"p{i}", **removed}) for i in (1, 2)]
    if "created" in times:
        at = times["created"]
        records += [pod(at + i, f"new{i}", "n2", ok=False) for i in (0, 1)]
    if "ready" in times:
        at = times["ready"]
        records += [pod(at + i, f"new{i}", "n2") for i in (0, 1)]
    return history(records)


FULL = {"not_ready": 145.0, "created": 176.0, "ready": 210.0}


@pytest.mark.parametrize(
    ("indicator", "bound", "times", "expected", "value"),
    [
        ("node_not_ready_time", 60, FULL, SUPPORTED, 45),
        ("node_not_ready_time", 40, FULL, REFUTED, 45),
        ("node_not_ready_time", 60, {}, REFUTED, 200),
        ("endpoint_removal_time", 60, FULL, SUPPORTED, 47),
        ("endpoint_removal_time", 60, {}, REFUTED, 200),
        ("replacement_after_not_ready", 60, FULL, SUPPORTED, 32),
        ("replacement_after_not_ready", 30, FULL, REFUTED, 32),
        ("replacement_after_not_ready", 60, {"not_ready": 145}, REFUTED, 155),
        ("replacement_after_not_ready", 60, {"not_ready": 260}, INCONCLUSIVE, None),
        ("replacement_after_not_ready", 60, {}, INCONCLUSIVE, None),
        ("replacement_ready_time", 180, FULL, SUPPORTED, 111),
        ("replacement_ready_time", 180, {"not_ready": 145, "created": 176}, REFUTED, 200),
    ],
)
def test_clocks_of_a_lost_node(
    indicator: str, bound: float, times: dict[str, float], expected: Verdict, value: float | None
) -> None:
    """NotReady, endpoints gone, replacements created and Ready, each on its own clock."""
    finding = check(node_loss(**times), claim(indicator, "at_most", bound))

    assert expected is finding.verdict, finding.reason
    if value is not None:
        assert finding.measured is not None
        assert value == pytest.approx(finding.measured.value)


def test_a_node_without_backend_pods_tells_nothing() -> None:
    """There is nothing to replace."""
    recorded = history(
        fault("node_hang", healed=300, node="n9"),
        pod(90, "p1", "n1"),
        see("node_ready", 140, {"node": "n9", "ready": False}),
    )
    finding = check(recorded, claim("replacement_after_not_ready"))

    assert finding.verdict is INCONCLUSIVE
    assert "No backend pod ran on n9" in finding.reason


def hpa(begin: float, end: float, desired: int, cpu: int | None = 90) -> list[Record]:
    value: dict[str, Any] = {
        "desired": desired,
        "current": desired,
        "ready": desired,
        "cpu_percent": cpu,
        "memory_percent": 40,
        "scaling_active": cpu is not None,
        "reason": "" if cpu is not None else "FailedGetResourceMetric",
    }
    return samples("hpa", begin, end, value, 5)


LOAD = fault("load", healed=500)
DOCUMENTED = [*hpa(80, 165, 5), *hpa(165, 195, 10), *hpa(195, 820, 20)]
JUMP = [*hpa(80, 120, 5), *hpa(120, 500, 20), *hpa(500, 540, 20), *hpa(540, 600, 5)]
BLIND = hpa(80, 500, 5, None)


@pytest.mark.parametrize(
    ("indicator", "bound", "load", "records", "expected"),
    [
        ("metrics_known", ("at_most", 30, "s"), LOAD, DOCUMENTED, SUPPORTED),
        ("metrics_known", ("at_most", 30, "s"), LOAD, BLIND, REFUTED),
        ("metrics_known", ("at_most", 30, "s"), unproven("load", 500), BLIND, REFUTED),
        (
            "metrics_known",
            ("at_most", 30, "s"),
            LOAD,
            [*hpa(80, 200, 5), *hpa(200, 250, 5, None), *hpa(250, 500, 5)],
            REFUTED,
        ),
        (
            "metrics_known",
            ("at_most", 30, "s"),
            LOAD,
            [*hpa(80, 200, 5), *hpa(200, 215, 5, None), *hpa(215, 500, 5)],
            SUPPORTED,
        ),
        ("metrics_known", ("at_most", 30, "s"), LOAD, [], INCONCLUSIVE),
        ("scale_up_time", ("at_most", 300, "s"), LOAD, DOCUMENTED, SUPPORTED),
        ("scale_up_time", ("at_most", 60, "s"), LOAD, DOCUMENTED, REFUTED),
        ("scale_up_time", ("at_most", 300, "s"), LOAD, hpa(80, 500, 10), REFUTED),
        ("scale_up_time", ("at_most", 450, "s"), LOAD, hpa(80, 500, 10), INCONCLUSIVE),
        ("scale_up_time", ("at_most", 300, "s"), unproven("load", 200), BLIND, REFUTED),
        ("scale_up_steps", ("equal", 0, "steps"), LOAD, DOCUMENTED, SUPPORTED),
        ("scale_up_steps", ("equal", 0, "steps"), LOAD, JUMP, REFUTED),
        (
            "scale_up_steps",
            ("equal", 0, "steps"),
            LOAD,
            [*hpa(80, 165, 5), *hpa(165, 175, 10), *hpa(175, 500, 20)],
            REFUTED,
        ),
        ("scale_up_steps", ("equal", 0, "steps"), LOAD, hpa(80, 500, 5), INCONCLUSIVE),
        (
            "scale_down_delay",
            ("at_least", 300, "s"),
            LOAD,
            [*DOCUMENTED, *hpa(820, 900, 15)],
            SUPPORTED,
        ),
        ("scale_down_delay", ("at_least", 300, "s"), LOAD, JUMP, REFUTED),
        ("scale_down_delay", ("at_least", 300, "s"), LOAD, DOCUMENTED, INCONCLUSIVE),
        ("scale_down_delay", ("at_least", 300, "s"), LOAD, hpa(80, 900, 5), INCONCLUSIVE),
        ("scale_down_delay", ("at_least", 300, "s"), fault("load"), JUMP, INCONCLUSIVE),
    ],
)
def test_autoscaler(
    indicator: str,
    bound: tuple[str, float, str],
    load: list[Record],
    records: list[Record],
    expected: Verdict,
) -> None:
    """Unknown metrics are refuted, not skipped; steps and delays follow the algorithm."""
    finding = check(history(load, records), claim(indicator, *bound))

    assert expected is finding.verdict, finding.reason


def test_a_malformed_observation_is_named() -> None:
    """Probe, time, field, expected and got."""
    recorded = history(
        fault("drain", healed=150), see("ready_backends", 99, "five"), ready((101, 110, 5))
    )

    with pytest.raises(ValueError, match=r"'ready_backends' at 99.*a number, got 'five'"):
        check(recorded, claim("full_readiness_time"))
