"""Bounds, verdicts and how a claim's trials, documentation and sabotage are concluded."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from harness.model.claim import Bound, Comparison, Documented
from harness.model.fidelity import Fidelity
from harness.model.finding import (
    Finding,
    Measurement,
    SabotageResult,
    TrialResult,
    conclude,
)
from harness.model.verdict import Verdict, merge
from tests.unit.histories import claim

SUPPORTED, REFUTED, INCONCLUSIVE = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
PROVEN = SabotageResult("defect planted", REFUTED, "It broke.")


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        (Comparison.AT_MOST, True, True, False),
        (Comparison.AT_LEAST, False, True, True),
        (Comparison.BELOW, True, False, False),
        (Comparison.EQUAL, False, True, False),
    ],
)
def test_bound_holds(comparison: Comparison, below: bool, at: bool, above: bool) -> None:
    """Each comparison under, at and over its value."""
    bound = Bound(comparison, 60, "s")

    assert (below, at, above) == (bound.holds(59), bound.holds(60), bound.holds(61))


@pytest.mark.parametrize(
    ("comparison", "expected"), [("at_most", 9), ("below", 9), ("at_least", 1), ("equal", 9)]
)
def test_bound_knows_the_worst_value(comparison: str, expected: float) -> None:
    """The value farthest on the wrong side."""
    assert expected == Bound(Comparison(comparison), 4, "s").worst([3, 9, 1])


@pytest.mark.parametrize("verdicts", itertools.product(Verdict, repeat=3))
def test_merge_takes_the_worst(verdicts: tuple[Verdict, ...]) -> None:
    """Refuted, then inconclusive, then supported, in any order."""
    expected = next(v for v in (REFUTED, INCONCLUSIVE, SUPPORTED) if v in verdicts)

    assert expected is merge(verdicts)


def test_nothing_to_merge_is_inconclusive() -> None:
    """No data is never a pass."""
    assert merge([]) is INCONCLUSIVE


def trial(name: str, verdict: Verdict, value: float | None) -> TrialResult:
    measured = None if value is None else Measurement(value, "s", 0.1)
    return TrialResult(name, Finding(verdict, f"{name} is {verdict}.", measured))


def test_the_worst_trial_is_judged_and_shown() -> None:
    """One late recovery refutes, however many came in time."""
    trials = [
        trial("trial-1", SUPPORTED, 20),
        trial("trial-2", REFUTED, 70),
        trial("trial-3", SUPPORTED, 30),
    ]
    result = conclude(claim("recovery_time"), trials, PROVEN)

    assert result.verdict is REFUTED
    assert result.reason == "trial-2 is refuted."
    assert result.measured == Measurement(70, "s", 0.1)


@pytest.mark.parametrize("verdict", [None, SUPPORTED, INCONCLUSIVE])
def test_support_needs_a_refuted_sabotage(verdict: Verdict | None) -> None:
    """A check that has not shown that it can fail supports nothing."""
    sabotage = SabotageResult("defect planted", verdict, "It did not break.")
    result = conclude(claim("recovery_time"), [trial("trial-1", SUPPORTED, 20)], sabotage)

    assert result.verdict is INCONCLUSIVE
    assert "has not proven that it can fail" in result.reason


def test_a_refuted_claim_needs_no_sabotage() -> None:
    """What was seen to break is broken."""
    sabotage = SabotageResult("defect planted", None, "Not run.")
    result = conclude(claim("recovery_time"), [trial("trial-1", REFUTED, 70)], sabotage)

    assert result.verdict is REFUTED


@pytest.mark.parametrize(
    ("fidelity", "high", "expected"),
    [
        (Fidelity.STAND_IN, 120, REFUTED),
        (Fidelity.STAND_IN, 50, SUPPORTED),
        (Fidelity.SAME, 120, SUPPORTED),
    ],
)
def test_the_providers_figure_refutes_what_a_stand_in_kept(
    fidelity: Fidelity, high: float, expected: Verdict
) -> None:
    """The worse of measured and documented, unless the very software was measured."""
    documented = Documented(30, high, "s", "user guide")
    judged = dataclasses.replace(
        claim("recovery_time", "below", 60), documented=documented, fidelity=fidelity
    )
    result = conclude(judged, [trial("trial-1", SUPPORTED, 22)], PROVEN)

    assert expected is result.verdict
    assert result.measured == Measurement(22, "s", 0.1)


@pytest.mark.parametrize(("count", "expected"), [(4, INCONCLUSIVE), (5, SUPPORTED)])
def test_too_few_trials_support_nothing(count: int, expected: Verdict) -> None:
    """The lane's number of trials is part of the claim."""
    trials = [trial(f"trial-{number}", SUPPORTED, 20) for number in range(count)]

    assert expected is conclude(claim("x"), trials, PROVEN, trials_minimum=5).verdict


def test_no_trial_is_inconclusive() -> None:
    """No data is never a pass."""
    result = conclude(claim("recovery_time"), [], PROVEN)

    assert result.verdict is INCONCLUSIVE
    assert result.reason == "No trial was run."
