"""Recovery time, unavailability, failed ratio and lost acknowledgements."""

from __future__ import annotations

import pytest

from harness.model.claim import Claim
from harness.model.history import History, HistoryInvalid, Operation, Outcome
from harness.model.verdict import Verdict
from tests.unit.histories import (
    LATENCY,
    SPACING,
    check,
    claim,
    fault,
    final_read,
    history,
    ids,
    operations,
)

OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.INDETERMINATE
RECOVERY = claim("recovery_time", "below", 60)


def outage(seconds: float, *, end: float = 200, healed: float | None = None) -> History:
    """Operations fail from the fault for some seconds."""
    return history(
        operations(90, 100),
        fault(healed=healed),
        operations(100, 100 + seconds, FAILED),
        operations(100 + seconds, end),
    )


@pytest.mark.parametrize(
    ("recorded", "expected", "value"),
    [
        pytest.param(outage(20), Verdict.SUPPORTED, 20.01, id="recovers in time"),
        pytest.param(outage(70), Verdict.REFUTED, 70.01, id="recovers late"),
        pytest.param(outage(100), Verdict.REFUTED, 99.91, id="never recovers, watched long"),
        pytest.param(outage(50, end=150), Verdict.INCONCLUSIVE, None, id="never, watched short"),
        pytest.param(outage(0), Verdict.SUPPORTED, 0.0, id="no operation failed"),
        pytest.param(outage(30, healed=128), Verdict.INCONCLUSIVE, None, id="only after the heal"),
        pytest.param(outage(70, healed=168), Verdict.REFUTED, 70.01, id="late and after the heal"),
        pytest.param(
            history(operations(99.5, 100), fault(), operations(100, 200)),
            Verdict.INCONCLUSIVE,
            None,
            id="load too low",
        ),
        pytest.param(
            history(operations(90, 100), fault()), Verdict.INCONCLUSIVE, None, id="clients stopped"
        ),
    ],
)
def test_recovery_time(recorded: History, expected: Verdict, value: float | None) -> None:
    """From the fault's effect to the first of ten consecutive ok operations."""
    finding = check(recorded, RECOVERY)

    assert expected is finding.verdict
    if value is not None:
        assert finding.measured is not None
        assert value == pytest.approx(finding.measured.value)


def test_recovery_counts_from_the_first_of_enough_consecutive_ok_operations() -> None:
    """Nine ok operations between failures are no recovery; the later ten are."""
    recorded = history(
        operations(90, 100),
        fault(),
        operations(100, 110, FAILED),
        operations(110, 110.9),
        operations(111, 112, UNKNOWN),
        operations(112, 130),
    )
    finding = check(recorded, RECOVERY)

    assert finding.measured is not None
    assert finding.measured.value == pytest.approx(12 + LATENCY)


def test_operations_that_were_still_ok_before_the_outage_are_no_recovery() -> None:
    """A fault may bite a second late: the ok operations until then do not count."""
    recorded = history(
        operations(90, 102), fault(), operations(102, 110, FAILED), operations(110, 130)
    )
    finding = check(recorded, RECOVERY)

    assert finding.measured is not None
    assert finding.measured.value == pytest.approx(10 + LATENCY)


def test_a_short_stall_before_the_outage_is_not_the_outage() -> None:
    """A busy host stalls for a second, then the service goes away: the long outage counts."""
    recorded = history(
        operations(90, 101),
        fault(),
        operations(102, 103),
        operations(103, 130, FAILED),
        operations(130, 140),
    )
    finding = check(recorded, RECOVERY)

    assert finding.measured is not None
    assert finding.measured.value == pytest.approx(30 + LATENCY)
    assert dict(finding.details)["outages and stalls seen"] == "2"


def test_a_stall_after_the_heal_is_not_the_outage() -> None:
    """What begins once the fault is being healed is no consequence of the fault."""
    recorded = history(
        operations(90, 100),
        fault(healed=120),
        operations(105, 125),
        operations(140, 150),
    )
    finding = check(recorded, RECOVERY)

    assert finding.measured is not None
    assert finding.measured.value == pytest.approx(5 + LATENCY)


def test_an_operation_that_hung_through_the_outage_ends_it() -> None:
    """No operation fails, but one takes 15 s: that is the recovery, and its error says so."""
    recorded = history(
        operations(90, 100),
        fault(),
        operations(100.1, 100.2, latency=15),
        operations(115.2, 130),
    )
    finding = check(recorded, RECOVERY)

    assert finding.measured is not None
    assert finding.measured.value == pytest.approx(15.1)
    assert finding.measured.error == pytest.approx(15 + SPACING)


def test_the_error_of_a_recovery_is_spacing_plus_the_slowest_operation_at_the_edge() -> None:
    """As design.md section 2 defines it."""
    finding = check(outage(20), RECOVERY)

    assert finding.measured is not None
    assert finding.measured.error == pytest.approx(SPACING + LATENCY)


def test_only_the_named_clients_are_judged() -> None:
    """Parameter ``client`` keeps another workload's failures out."""
    recorded = history(
        operations(90, 130),
        fault(),
        operations(100, 130, FAILED, client="http-0", op="request"),
    )
    judged = claim("recovery_time", "below", 60, client="sql")

    assert check(recorded, judged).verdict is Verdict.SUPPORTED


def test_an_operation_that_is_invoked_twice_makes_the_history_invalid() -> None:
    """Identifiers are unique in a trial; anything else cannot be paired."""
    twice = [Operation(at, "sql-0", "insert", "same", Outcome.INVOKED) for at in (90, 91)]

    with pytest.raises(HistoryInvalid, match=r"'same'.*invoked twice"):
        check(history(twice, fault()), RECOVERY)


UNAVAILABILITY = claim("unavailability", "at_most", 30)


@pytest.mark.parametrize(
    ("recorded", "expected", "value"),
    [
        pytest.param(outage(20), Verdict.SUPPORTED, 20.01, id="one outage"),
        pytest.param(
            history(
                operations(90, 100),
                fault(healed=130),
                operations(120, 140),
                operations(155, 160),
            ),
            Verdict.REFUTED,
            20.01 + 15.1,
            id="the second outage is not lost",
        ),
        pytest.param(outage(0), Verdict.SUPPORTED, 0.0, id="no outage"),
        pytest.param(outage(40, end=140), Verdict.REFUTED, 39.91, id="still open, too long"),
        pytest.param(outage(10, end=110), Verdict.INCONCLUSIVE, None, id="still open, short"),
    ],
)
def test_unavailability(recorded: History, expected: Verdict, value: float | None) -> None:
    """Summed time without an ok operation, from the fault to the last operation."""
    finding = check(recorded, UNAVAILABILITY)

    assert expected is finding.verdict
    if value is not None:
        assert finding.measured is not None
        assert value == pytest.approx(finding.measured.value)


@pytest.mark.parametrize(
    ("failing", "end", "expected"),
    [
        pytest.param(2, 170, Verdict.SUPPORTED, id="few requests failed"),
        pytest.param(10, 170, Verdict.REFUTED, id="many requests failed"),
        pytest.param(2, 140, Verdict.INCONCLUSIVE, id="window not watched to its end"),
    ],
)
def test_failed_ratio(failing: float, end: float, expected: Verdict) -> None:
    """Share of operations in the fault window that were not acknowledged."""
    recorded = history(
        operations(90, 100),
        fault("pod_kill"),
        operations(100, 100 + failing, UNKNOWN),
        operations(100 + failing, end),
    )
    judged = claim("failed_ratio", "at_most", 0.06, "ratio", window_seconds=60)

    assert expected is check(recorded, judged).verdict


def test_a_ratio_of_few_operations_is_not_judged() -> None:
    """Below the minimum of operations in the window the load was too low."""
    recorded = history(operations(90, 100), fault(), operations(100, 170, spacing=5))

    finding = check(recorded, claim("failed_ratio", "at_most", 0.06, "ratio"))

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "load was too low" in finding.reason


BEFORE, DURING, AFTER = operations(90, 100), operations(100, 110, UNKNOWN), operations(110, 130)
NOTHING_LOST = claim("acknowledged_lost", "equal", 0, "operations")
LITTLE_LOST = claim("acknowledged_lost", "at_most", 5, "s")


def store(names: list[str], *, at: float = 140) -> History:
    return history(BEFORE, fault(), DURING, AFTER, final_read(at, names))


ALL = ids(BEFORE) + ids(AFTER)


@pytest.mark.parametrize(
    ("recorded", "judged", "expected", "words"),
    [
        (store(ALL), NOTHING_LOST, Verdict.SUPPORTED, "0 of 300"),
        (store(ALL + ids(DURING, UNKNOWN)[:7]), NOTHING_LOST, Verdict.SUPPORTED, "0 of 300"),
        (store(ALL[:-3]), NOTHING_LOST, Verdict.REFUTED, "3 of 300"),
        (store([*ALL, ALL[0]]), NOTHING_LOST, Verdict.REFUTED, "more than once"),
        (store([*ALL, "nobody"]), NOTHING_LOST, Verdict.REFUTED, "nobody wrote: 1 (nobody)"),
        (store(ALL, at=99), NOTHING_LOST, Verdict.INCONCLUSIVE, "before the fault"),
        (history(BEFORE, fault(), AFTER), NOTHING_LOST, Verdict.INCONCLUSIVE, "no successful"),
        (
            history(operations(99, 100), fault(), AFTER, final_read(140, [])),
            NOTHING_LOST,
            Verdict.INCONCLUSIVE,
            "load was too low",
        ),
        (store(ALL[:80] + ALL[100:]), LITTLE_LOST, Verdict.SUPPORTED, "20 of 300"),
        (store(ALL[:40] + ALL[100:]), LITTLE_LOST, Verdict.REFUTED, "60 of 300"),
        (store(ALL[:-10]), LITTLE_LOST, Verdict.REFUTED, "10 of 300"),
    ],
)
def test_acknowledged_lost(recorded: History, judged: Claim, expected: Verdict, words: str) -> None:
    """Acknowledged and absent, by number or by distance from the fault; impossible ids refute."""
    finding = check(recorded, judged)

    assert expected is finding.verdict, finding.reason
    assert words in finding.reason


def test_a_failed_write_that_is_present_refutes() -> None:
    """The client was told that it did not happen."""
    failed = operations(100, 101, FAILED)
    recorded = history(BEFORE, fault(), failed, AFTER, final_read(140, ALL + ids(failed, FAILED)))

    finding = check(recorded, NOTHING_LOST)

    assert finding.verdict is Verdict.REFUTED
    assert "failed writes that are present: 10" in finding.reason


def test_indeterminate_writes_are_reported_and_break_nothing() -> None:
    """An operation that timed out may be there or not; both are counted for the report."""
    never_ended = operations(110, 111, Outcome.INVOKED, client="sql-1")
    recorded = history(
        BEFORE, fault(), DURING, never_ended, AFTER, final_read(140, ALL + ids(DURING, UNKNOWN)[:7])
    )
    finding = check(recorded, NOTHING_LOST)

    assert finding.verdict is Verdict.SUPPORTED
    assert dict(finding.details)["indeterminate and present"] == "7"
    assert dict(finding.details)["indeterminate and absent"] == str(93 + 10)
